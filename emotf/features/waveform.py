"""Speech: the samples of the sound themselves, as many channels as a frame has samples."""

from dataclasses import dataclass

import numpy as np

from emotf.errors import UserError
from emotf.features.base import Feature
from emotf.media import read_sound
from emotf.recording import Recording
from emotf.track import Track

USUAL_HZ = range(10, 101)  # frame rates that an error offers


@dataclass
class Waveform(Feature):
    """The sound, cut into frames that neither overlap nor leave gaps: S = sound_hz / rate_hz samples each.

    An extension: none of the publications reproduced here feeds sound as it was recorded. A network first has to make
    features of it (`emotf.models.cer_waveform`).

    - Frame k stands at k / rate_hz, and its own sample is k S, in the middle: channel `s<i>` is sample k S - S//2 + i.
      There is a frame for every k / rate_hz that is not later than the last sample.
    - Before its first and after its last sample the sound counts as silence, 0: so begins frame 0 (its first S//2
      samples), and so the last frame may end. Where the sound goes on after its last frame, that rest, at most half a
      frame, is in none.
    - Values are in units of full scale, -1 to 1. Nothing is clipped: resampling a sound that was recorded at full scale
      can pass it by a little.

    Attributes:
        rate_hz: frames a second.
        sound_hz: samples a second, to which the sound is resampled; a whole number a frame.

    Example:
        >>> Waveform().samples, Waveform(rate_hz=60, sound_hz=24000).samples
        (640, 400)
    """

    rate_hz: float = 25.0
    sound_hz: int = 16000

    medium = "audio"
    kind = "raw"

    @property
    def channels(self) -> tuple[str, ...]:
        return tuple(f"s{i}" for i in range(self.samples))

    @property
    def window(self) -> float:
        return 1 / self.rate_hz

    @property
    def samples(self) -> int:
        """S, the samples of a frame.

        Raises:
            UserError: they are not a whole number, or none.
        """
        exact = self.sound_hz / self.rate_hz if self.rate_hz > 0 else 0.0
        if exact < 1 or abs(exact - round(exact)) > 1e-9 * exact:
            rates = [str(rate) for rate in USUAL_HZ if self.sound_hz > 0 and self.sound_hz % rate == 0]
            fitting = f"{', '.join(rates)} frames a second" if rates else "another sound_hz, for example 16000"
            raise UserError(
                f"waveform: {self.sound_hz} samples a second are {exact:.2f} a frame at {self.rate_hz:g} frames a "
                f"second, expected a whole number; choose {fitting}."
            )
        return round(exact)

    def compute(self, recording: Recording) -> Track:
        """The stream of a recording's audio.

        Raises:
            UserError: settings do not fit, or the audio is missing or damaged.
        """
        size = self.samples
        sound = read_sound(recording.medium(self.medium), self.sound_hz)
        frames, before = 1 + (len(sound) - 1) // size, size // 2
        values = np.zeros((frames, size), np.float32)
        inside = sound[: values.size - before]
        values.reshape(-1)[before : before + len(inside)] = inside
        return Track(values, hop=1 / self.rate_hz, channels=self.channels)

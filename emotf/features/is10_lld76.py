"""Speech: openSMILE's IS10 low-level descriptors in windows of 40 ms, with their deltas, 76 channels a frame."""

import atexit
import re
import tempfile
import warnings
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from emotf.errors import UserError
from emotf.features.base import Feature
from emotf.media import read_sound
from emotf.recording import Recording
from emotf.track import Track, to_frames

SOUND_RATE_HZ = 16000
HOP = 0.04
LEVELS = ("lld", "lld_de")
SMOOTHED_FRAMES, DELTA_REACH = 3, 2  # openSMILE's moving average, and the frames on either side that a delta sees
CONFIGURATION = "core/config/is09-13/IS10_paraling_compat.conf"
# both framers keep the last frames only (each reader takes them at once); as packaged, openSMILE keeps every spectrum
# of the whole recording: 1.7 MB a second of sound, against 0.4
RECENT = "writer.levelconf.growDyn = 0\nwriter.levelconf.isRb = 1\nwriter.levelconf.nT = 100"
PITCH_FRAMER, OTHER_FRAMER = "fr40", "fr25"


def _names(suffix: str) -> tuple[str, ...]:
    """openSMILE's names of one level, in its order."""
    groups = (("mfcc", 15), ("logMelFreqBand", 8), ("lspFreq", 8))
    single = ("F0finEnv", "voicingFinalUnclipped", "F0final", "jitterLocal", "jitterDDP", "shimmerLocal")
    return (
        f"pcm_loudness{suffix}",
        *(f"{name}{suffix}[{i}]" for name, count in groups for i in range(count)),
        *(name + suffix for name in single),
    )


CHANNELS = (*_names("_sma"), *_names("_sma_de"))


@dataclass
class Is10Lld76(Feature):
    """38 low-level descriptors and their deltas, as the short-time audio of the AVEC 2015 paper.

    Needs the extra `opensmile`. openSMILE is free for research and education only: read audEERING's licence before
    any commercial use. Its configuration of IS10 is taken from the installed package at run time, and both of its
    framers are set to windows and steps of 40 ms (packaged: 60 and 25 ms every 10 ms).

    - The paper prints loudness, F0, F0 envelope, voicing, local jitter, jitter DDP, local shimmer, 15 MFCCs and 8 log
      mel bands: 30 descriptors, 60 channels. With the 8 line spectral frequencies of the same set they are the 76
      that it counts (our reading). Channels are named and ordered as openSMILE does, the 38, then `_de`.
    - Sound is resampled to 16 kHz and clipped to full scale of 16 bits. Row k of openSMILE's own time index begins at
      0.04 k s, and so does frame k; it sees 40 ms from there on, smoothed over 3 frames, its delta over 5 of those.
    - Descriptors and deltas are joined by time stamp: openSMILE appends up to two rows to the deltas that carry the
      last time once more; the first row of a time is the delta of the descriptors at that time.

    In windows of 40 ms openSMILE finds hardly any voice, because its cut-off for voicing is meant for 60 ms: of read,
    spoken and acted speech 1 to 10 % of the frames have an F0, jitter and shimmer, against 27 to 39 % with
    `pitch_window=0.06`. The default is what the paper says.

    Attributes:
        pitch_window: seconds under one frame of the pitch descriptors (F0, voicing, jitter, shimmer).

    Example:
        >>> Is10Lld76().extract(recording).values.shape  # doctest: +SKIP
        (7500, 76)

    Reference:
        Chen & Jin (2015), AVEC 2015; Schuller et al. (2010), the INTERSPEECH 2010 paralinguistic challenge.
    """

    pitch_window: float = 0.04

    medium = "audio"

    @property
    def channels(self) -> tuple[str, ...]:
        return CHANNELS

    @property
    def window(self) -> float:
        """Seconds of media behind one frame, with the frames that smoothing and deltas see."""
        return max(HOP, self.pitch_window) + HOP * (SMOOTHED_FRAMES - 1 + 2 * DELTA_REACH)

    def compute(self, recording: Recording) -> Track:
        """The stream of a recording's audio.

        Raises:
            UserError: openSMILE is missing or another version, or the audio is missing, damaged or too short.
        """
        if not 0.02 <= self.pitch_window <= 0.1:
            raise UserError(f"is10_lld76: a pitch_window of {self.pitch_window:g} s; choose 0.02 to 0.1 (seconds).")
        path = recording.medium("audio")
        # openSMILE takes 16 bits, and +1.0 would wrap round to -1.0
        sound = np.clip(read_sound(path, SOUND_RATE_HZ), -1, 32767 / 32768)
        levels, changes = (_level(extractor, sound, path) for extractor in _extractors(self.pitch_window))
        shared, rows, change_rows = np.intersect1d(levels[0], changes[0], assume_unique=True, return_indices=True)
        if (np.diff(shared) != 1).any():
            raise UserError(f"{path}: openSMILE leaves out frames; install the version that emotf[opensmile] asks for.")
        joined = np.hstack([levels[1][rows], changes[1][change_rows]])
        return Track(joined, hop=HOP, start=float(shared[0]) * HOP, channels=self.channels)


def _level(extractor: Any, sound: np.ndarray, path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Frame numbers by openSMILE's time stamps, each once, int64 [frames], and values [frames, 38]."""
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "Segment too short", UserWarning)
        try:
            starts, _, values = extractor.process(sound, SOUND_RATE_HZ)
        except UserWarning:
            raise UserError(
                f"{path} has {len(sound) / SOUND_RATE_HZ:.3f} s of sound, is10_lld76 needs at least two windows; leave "
                "the recording out."
            ) from None
    places = [to_frames(start, HOP, "time stamp of openSMILE") for start in starts.total_seconds()]
    unique, first = np.unique(places, return_index=True)
    return unique, values[first]


@cache
def _extractors(pitch_window: float) -> tuple[Any, ...]:
    """openSMILE on both levels with our windows; configured once a process.

    Raises:
        UserError: openSMILE is missing, or is not the version that is known here.
    """
    try:
        import opensmile
    except ImportError:
        raise UserError(
            'is10_lld76 needs openSMILE (research licence); install it with: pip install "emotf[opensmile]"'
        ) from None
    packaged = Path(opensmile.__file__).parent / CONFIGURATION
    folder = tempfile.TemporaryDirectory(prefix="emotf_opensmile_")
    atexit.register(folder.cleanup)
    ours = Path(folder.name) / packaged.name
    ours.write_text(_configured(packaged, pitch_window), encoding="latin-1")
    extractors = tuple(opensmile.Smile(feature_set=str(ours), feature_level=level) for level in LEVELS)
    if tuple(name for extractor in extractors for name in extractor.feature_names) != CHANNELS:
        raise UserError(f"{packaged} yields other channels; install the version that emotf[opensmile] asks for.")
    return extractors


def _configured(packaged: Path, pitch_window: float) -> str:
    """The packaged configuration with windows and steps of ours."""
    text = packaged.read_text(encoding="latin-1") if packaged.is_file() else ""
    for framer, window in ((PITCH_FRAMER, pitch_window), (OTHER_FRAMER, HOP)):
        for setting, value in (("frameSize", window), ("frameStep", HOP)):
            # from the section's head to the setting, not across the head of another section
            place = rf"(\[{framer}:cFramer\][^\[]*?\n{setting}\s*=)[^\n]*"
            text, found = re.subn(place, rf"\g<1> {value:.6f}", text)
            if found != 1:
                raise UserError(
                    f"{packaged} has no {setting} of {framer}; install the version that emotf[opensmile] asks for."
                )
        text = text.replace(f"[{framer}:cFramer]\n", f"[{framer}:cFramer]\n{RECENT}\n")
    return text

"""EmoDB: real acted German speech, composed into one recording a speaker.

Burkhardt, Paeschke, Rolfes, Sendlmeier & Weiss (2005), "A database of German emotional speech", Interspeech. 535
utterances of a few seconds by ten actors, each in one of seven acted emotions; there are no continuous ratings.

What is composed. Per speaker, the utterances in seeded order, each followed by a pause of silence that reaches the
next whole frame (25 frames/s, 640 samples of 16 kHz). Targets at 25 frames/s, column `gold`: a constant per acted
emotion while the utterance lasts, empty (not rated) in pauses and in trailing digital silence, that is a run of more
than 0.1 s of samples of at most one step (1/32768) at the end of an utterance. In the 535 files cut or padded to 2.0 s
that circulate on GitHub such a run ends 105 of them (the longest lasts 0.77 s).

The constants (`EMOTIONS`) are not measurements. Russell (1980), "A circumplex model of affect", Journal of Personality
and Social Psychology 39(6), gives the quadrant; the numbers within it are our choice. Disgust, which the circumplex
does not hold, is taken as unpleasant and mildly aroused. Dominance is left out: the circumplex says nothing of it.

Sessions 1 to 5 hold one man and one woman each, who occur in no other.
"""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from emotf.corpora._composed import Composed, write_sound
from emotf.errors import UserError
from emotf.tables import write_track
from emotf.track import Track

LAYOUT = 1  # the number of this way of composing; another must not resume a folder of this one
RATE_HZ = 16_000
FRAMES_HZ = 25
FRAME = RATE_HZ // FRAMES_HZ
NEAR_ZERO = 1  # steps of 16 bit
SILENCE = 0.1  # seconds; a shorter run may be a stop consonant

MEN = ("03", "10", "11", "12", "15")
LONGEST = 600.0  # seconds of an utterance
WOMEN = ("08", "09", "13", "14", "16")

# Letter of the acted emotion in a file name (German initials) -> (arousal, valence).
EMOTIONS = {
    "W": (0.8, -0.7),  # Wut, anger: high, unpleasant
    "A": (0.7, -0.6),  # Angst, fear: high, unpleasant
    "E": (0.3, -0.7),  # Ekel, disgust: see the module
    "F": (0.7, 0.8),  # Freude, happiness: high, pleasant
    "N": (0.0, 0.0),  # neutral: the origin
    "L": (-0.7, -0.3),  # Langeweile, boredom: low, unpleasant
    "T": (-0.6, -0.7),  # Trauer, sadness: low, unpleasant
}
_NAME = re.compile(r"(\d\d)[a-z]\d\d([A-Z])[a-z]")
_SUFFIXES = (".flac", ".wav")


@dataclass
class Emodb(Composed):
    """EmoDB with targets by acted emotion (see the module).

    Attributes:
        dir: the folder that `prepare` writes.
        source: the folder of utterances `SSTTTEv.flac` or `.wav`, 16 kHz mono; needed until the corpus is complete.
        seed: 0 or above, decides the order of utterances.
        pause: seconds of silence after every utterance, at least; filled up to a whole frame.
    """

    source: str = ""
    seed: int = 0
    pause: float = 0.3

    licence: ClassVar[str] = (
        "EmoDB, Burkhardt et al. 2005, CC0-1.0: free to download at emodb.bilderbar.info or as package 'emodb' of audb"
    )
    targets_are: ClassVar[str] = "acted-category targets: a constant per acted emotion, not continuous ratings"

    def parameters(self) -> dict[str, Any]:
        """Layout, seed, pause, and a digest of the source's names and sizes while there is a source.

        Raises:
            UserError: seed or pause are out of range, or the source is needed and not as it should be.
        """
        if self.seed < 0:
            raise UserError(f"A seed is 0 or above, received {self.seed}.")
        if not 0 <= self.pause <= 60:
            raise UserError(f"A pause lasts 0 to 60 s, received {self.pause:g}.")
        own = {"layout": LAYOUT, "seed": self.seed, "pause": float(self.pause)}
        complete = (self.path / "recordings.csv").is_file()
        if complete and not (self.source and Path(self.source).expanduser().is_dir()):
            return own  # what is composed stands on its own
        files = [path for paths in self._utterances().values() for path in paths]
        listing = "\n".join(f"{path.name} {path.stat().st_size}" for path in files)
        return {**own, "source_digest": hashlib.sha256(listing.encode()).hexdigest()}

    def composed(self) -> tuple[str, ...]:
        return ("arousal", "valence")

    def plan(self) -> list[dict[str, str]]:
        return [
            {"id": f"speaker{one}", "subject": one, "session": str(session), "audio": f"audio/speaker{one}.wav"}
            for session, pair in enumerate(zip(MEN, WOMEN, strict=True), start=1)
            for one in pair
        ]

    def compose(self, row: dict[str, str]) -> None:
        files = self._utterances()[row["subject"]]
        order = np.random.default_rng([self.seed, int(row["subject"])]).permutation(len(files))
        sound, targets = [], []
        for path in (files[k] for k in order):
            samples = _read(path)
            frames = -(-(len(samples) + round(self.pause * RATE_HZ)) // FRAME)
            sound.append(np.pad(samples, (0, frames * FRAME - len(samples))))
            gold = np.full((frames, 2), np.nan)
            # frame k stands at its first sample, which must belong to speech
            gold[: -(-audible(samples) // FRAME)] = EMOTIONS[path.stem[5]]
            targets.append(gold)
        write_sound(self.path / row["audio"], np.concatenate(sound), RATE_HZ)
        values = np.concatenate(targets)
        for column, target in enumerate(self.composed()):
            track = Track(values[:, column : column + 1], 1 / FRAMES_HZ, channels=("gold",))
            write_track(self.path / "ratings" / target / f"{row['id']}.csv", track, decimals=2)

    def _utterances(self) -> dict[str, list[Path]]:
        """Speaker -> files, sorted by name."""
        folder = Path(self.source).expanduser()
        if not self.source or not folder.is_dir():
            raise UserError(f"Emodb needs its utterances, source {self.source!r} is no folder; obtain them "
                            f"({self.licence}) and set source to the folder of .wav or .flac files.")  # fmt: skip
        speakers: dict[str, list[Path]] = {speaker: [] for speaker in sorted(MEN + WOMEN)}
        seen: dict[str, Path] = {}
        for path in sorted(path for path in folder.iterdir() if path.suffix in _SUFFIXES and path.name[0] != "."):
            match = _NAME.fullmatch(path.stem)
            if not match or match[1] not in speakers or match[2] not in EMOTIONS:
                raise UserError(f"{path} is not named like an utterance of EmoDB (speaker, text, emotion, version: "
                                f"03a01Fa); rename it or take it out.")  # fmt: skip
            if path.stem in seen:
                raise UserError(f"{path} and {seen[path.stem].name} are the same utterance; take one out.")
            seen[path.stem] = path
            speakers[match[1]].append(path)
        if not seen:
            raise UserError(f"{folder} holds no .wav or .flac utterances; obtain them ({self.licence}) and put them "
                            f"there.")  # fmt: skip
        missing = [speaker for speaker, files in speakers.items() if not files]
        if missing:
            raise UserError(f"{folder} has no utterance of speaker {', '.join(missing)}; the five sessions need all "
                            f"ten speakers, obtain the rest ({self.licence}).")  # fmt: skip
        return speakers


def audible(samples: np.ndarray) -> int:
    """Number of int16 samples before the trailing digital silence; all of them where it is `SILENCE` or shorter."""
    loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > NEAR_ZERO)
    last = int(loud[-1]) + 1 if len(loud) else 0
    return last if len(samples) - last > SILENCE * RATE_HZ else len(samples)


def _read(path: Path) -> np.ndarray:
    import soundfile

    try:
        promised = soundfile.info(path)
        if promised.duration > LONGEST:  # before memory is taken for what a header says
            raise UserError(f"{path} lasts {promised.duration:g} s, which no utterance does; restore it.")
        samples, rate = soundfile.read(path, dtype="int16")
    except soundfile.LibsndfileError as error:
        raise UserError(f"{path} cannot be decoded ({error}); restore it.") from None
    if rate != RATE_HZ or samples.ndim != 1:
        channels = 1 if samples.ndim == 1 else samples.shape[1]
        raise UserError(f"{path} has {rate} Hz and {channels} channel(s), expected 16000 Hz and one; convert it.")
    return samples

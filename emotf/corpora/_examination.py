"""What a corpus folder holds against what its layout expects, finding by finding."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emotf.errors import UserError
from emotf.recording import PARTITIONS, Recording, check_subjects
from emotf.tables import read_track
from emotf.track import Track


@dataclass(frozen=True)
class Finding:
    """One line of an examination.

    Attributes:
        what: the folder, file or part that was looked at.
        found: what is there.
        expected: what the layout has there; empty where nothing is expected.
        advice: what to do; empty where all is well.
        needed: whether records can not be made while the advice stands.
    """

    what: str
    found: str
    expected: str = ""
    advice: str = ""
    needed: bool = False

    @property
    def state(self) -> str:
        """`ok`, `note` (something to know) or `wrong` (something needed is missing or damaged)."""
        return "wrong" if self.needed else "note" if self.advice else "ok"


def of_files(home: Path, what: str, files: Sequence[Path], expected: str, needed: bool = False) -> Finding:
    """The finding for a folder: how many files, how many a partition where they are named by one."""
    if files:
        parts = Counter(path.stem.partition("_")[0] for path in files)
        named = {part: parts[part] for part in PARTITIONS if part in parts}
        spread = f" ({', '.join(f'{part} {count}' for part, count in named.items())})" if named else ""
        return Finding(what, f"{len(files)} files{spread}", expected)
    advice = f"put the files into {home / what}" + ("" if needed else ", or do without them")
    return Finding(what, "no files" if (home / what).is_dir() else "no such folder", expected, advice, needed)


def of_signals(what: str, files: Mapping[str, Path], columns: Sequence[str], rate_hz: float) -> Iterator[Finding]:
    """Whether tables of signals can be read, and at which rate; reads all of them."""
    rates = set()
    for path in files.values():
        try:
            rates.add(round(1 / read_track(path, columns).hop, 3))
        except UserError as error:
            yield Finding(f"{what}, {path.name}", "not usable", advice=str(error), needed=True)
    if rates:
        odd = "" if rates == {rate_hz} else "other rates than published; say so where you report"
        found = f"{', '.join(columns)} at {', '.join(f'{rate:g}' for rate in sorted(rates))} a second"
        yield Finding(f"{what}, tables", found, f"{rate_hz:g} a second", odd)


def of_recordings(
    recordings: Sequence[Recording], targets: Sequence[str], ratings: Callable[[Recording, str], Track | None]
) -> Iterator[Finding]:
    """Recordings and their places, media and who lacks them, ratings and their clocks and ranges."""
    try:
        check_subjects(recordings)
    except UserError as error:
        yield Finding("subjects", "a subject or id out of place", advice=str(error), needed=True)
    places = Counter(f"{r.partition}" or f"session {r.session}" for r in recordings)
    yield Finding(
        "recordings",
        f"{len(recordings)} of {len({r.subject for r in recordings})} subjects in "
        f"{', '.join(f'{place} ({count})' for place, count in places.items())}",
    )
    for medium in sorted({name for recording in recordings for name in recording.media}):
        yield _of_medium(medium, recordings)
    for target in targets:
        yield from _of_target(target, recordings, ratings)


def _of_medium(medium: str, recordings: Sequence[Recording]) -> Finding:
    lacking = [recording.id for recording in recordings if medium not in recording.media]
    gone = [str(r.media[medium]) for r in recordings if medium in r.media and not Path(r.media[medium]).exists()]
    found = f"{len(recordings) - len(lacking) - len(gone)} of {len(recordings)} recordings"
    if gone:
        return Finding(f"medium {medium}", found, advice=f"{gone[0]} is missing; restore it", needed=True)
    advice = f"{', '.join(lacking)} cannot be used with streams of {medium}; add the files" if lacking else ""
    return Finding(f"medium {medium}", found, advice=advice)


def _of_target(
    target: str, recordings: Iterable[Recording], ratings: Callable[[Recording, str], Track | None]
) -> Iterator[Finding]:
    tracks, unrated = {}, []
    for recording in recordings:
        try:
            track = ratings(recording, target)
        except UserError as error:
            yield Finding(f"ratings of {target}, {recording.id}", "not usable", advice=str(error), needed=True)
            continue
        if track is None:
            unrated.append(recording.id)
        else:
            tracks[recording.id] = track
    if tracks:
        advice = f"without ratings: {', '.join(unrated)}" if unrated else ""
        yield Finding(f"ratings of {target}", _in_words(tracks), advice=advice)
    elif unrated:
        yield Finding(f"ratings of {target}", "none", advice="no recording is rated; add ratings", needed=True)


def _in_words(tracks: Mapping[str, Track]) -> str:
    """Number, raters, rate, rows, range and share of missing values of the tracks of one target."""

    def span(values: Iterable[float]) -> str:
        different = sorted(set(values))
        return f"{different[0]:g}" if len(different) == 1 else f"{different[0]:g} to {different[-1]:g}"

    cells = np.concatenate([track.values.ravel() for track in tracks.values()])
    known = cells[np.isfinite(cells)]
    reach = f"{known.min():.3g} to {known.max():.3g}" if known.size else "no value"
    every = tracks.values()
    return (
        f"{len(tracks)} recordings; raters {span(len(t.channels) for t in every)}; "
        f"rows {span(t.frames for t in every)}; {span(round(1 / t.hop, 3) for t in every)} a second; values {reach}; "
        f"{100 * np.isnan(cells).mean():.1f} % missing"
    )

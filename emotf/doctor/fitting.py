"""Guards of what is fitted before training and in it: features and normalisers, on train only."""

from emotf.config import TRANSDUCTIVE
from emotf.doctor.case import Case
from emotf.doctor.finding import Finding
from emotf.errors import UserError
from emotf.features.precomputed import Precomputed
from emotf.pipeline import Standardisation
from emotf.records import check_unseen
from emotf.records.learning import FITTED_ON


def features(case: Case) -> Finding:
    """No stream was fitted on a recording of development or test; of precomputed ones that is not known."""
    streams = case.experiment.streams
    fitted = [name for name in streams if FITTED_ON in case.store.stream(name).schema.made_by]
    elsewhere = [name for name, feature in streams.items() if isinstance(feature, Precomputed)]
    looked_at = f"{len(streams)} streams, {len(fitted)} of them fitted"
    if elsewhere:
        looked_at += f"; made elsewhere: {', '.join(elsewhere)}"
    try:
        check_unseen(case.store, streams, case.selection.golds)
    except UserError as error:
        return Finding("features", looked_at, (str(error),))
    return Finding("features", looked_at)


def standardisation(case: Case) -> Finding:
    """The normaliser saw the recordings of train and no others: by their names, and by the number of their frames."""
    by, train = case.experiment.data.standardisation, len(case.selection.golds["train"])
    if by in TRANSDUCTIVE:
        line = f"each {by} of dev and test is standardised by all of its own frames, those to come included"
        return Finding("standardisation", f"streams, by {by}", (line,), f"data.standardisation={by}")
    if case.standardised_by is None:
        unknown = "by whose frames the run is standardised; it has no standardisation.json." if case.run else ""
        when = "of a run" if case.run else "not fitted yet"
        return Finding("standardisation", f"{when}, by {by} ({train} recordings)", unknown=unknown)
    found = tuple(line for name, part in case.standardised_by.items() for line in _outside(case, name, part))
    nameless = [name for name, part in case.standardised_by.items() if not part.recordings]
    unknown = f"whose frames {nameless[0]} is standardised by, only how many (an older run)." if nameless else ""
    frames = sum(part.frames for part in case.standardised_by.values())
    looked_at = f"{len(case.standardised_by)} streams, {frames} frames of {train} recordings of train"
    return Finding("standardisation", looked_at, found, unknown=unknown)


def _outside(case: Case, stream: str, part: Standardisation) -> list[str]:
    """The recordings outside train that a stream is standardised by; where they are not named, their frames."""
    advice = "train the run anew."
    found = [
        f"stream {stream!r} is standardised by recording {name}, which is in {case.place.get(name, 'no partition')}, "
        f"not in train; {advice}"
        for name in part.recordings
        if case.place.get(name) != "train"
    ]
    if found:
        return found
    entries = case.store.stream(stream).completed
    frames = sum(entries[name].frames for name in part.recordings or case.selection.golds["train"])
    if part.frames == frames or (part.gaps and part.frames < frames):
        return []
    return [
        f"stream {stream!r} is standardised by {part.frames} frames, its recordings of train have {frames}; {advice}"
    ]

"""Guards of who is where: subjects, and the media of their recordings."""

from collections import defaultdict
from collections.abc import Iterable

from emotf.doctor.case import Case
from emotf.doctor.finding import Finding
from emotf.errors import UserError
from emotf.recording import check_subjects
from emotf.records import Store

# Digits of a SHA-256 that are shown.
SHOWN = 12


def crossing(store: Store) -> Finding:
    """The subjects of all records, before there are partitions: each stays in one session, and in one partition."""
    recordings = store.recordings
    looked_at = f"{_count({r.subject for r in recordings}, 'subject')} of {_count(recordings, 'recording')}"
    try:
        check_subjects(recordings)
    except UserError as error:
        return Finding("subjects", looked_at, (str(error),))
    return Finding("subjects", looked_at)


def subjects(case: Case) -> Finding:
    """No subject in two partitions of the experiment, those that its run was trained on included."""
    then = case.run.about.get("partitions", {}) if case.run else {}
    places: dict[str, dict[str, str]] = defaultdict(dict)
    for name, partition in case.place.items():
        places[case.subject[name]].setdefault(partition, f"recording {name}")
    for partition, names in then.items():
        for name in names:
            # of a recording that left the records nobody knows the subject; it then stands for itself
            who = places[case.subject.get(name, name)]
            who.setdefault(partition, f"recording {name}, when the run was trained")
    found = tuple(
        f"subject {subject!r} is in {' and in '.join(f'{where} ({which})' for where, which in of.items())}; give all "
        "recordings of a subject one partition, or scores measure memory."
        for subject, of in sorted(places.items())
        if len(of) > 1
    )
    return Finding("subjects", f"{_count(places, 'subject')} of {case.sizes}", found)


def media(case: Case) -> Finding:
    """No file, by its content, in two partitions; two recordings of one partition may share it."""
    known = case.store.media
    owners: dict[str, dict[str, str]] = defaultdict(dict)
    for name in case.place:
        for medium, digest in known.get(name, {}).items():
            owners[digest].setdefault(name, medium)
    shared = {digest: of for digest, of in owners.items() if len(of) > 1}
    found = tuple(
        line for digest, of in shared.items() if (line := _apart(digest, {name: case.place[name] for name in of}, of))
    )
    looked_at = f"{_count(owners, 'file')} of {_count(case.place, 'recording')}"
    if within := len(shared) - len(found):
        looked_at += f"; {within} shared within a partition"
    allowed_by = "data.shared_media" if found and case.experiment.data.shared_media else ""
    return Finding("media", looked_at, found, allowed_by, _not_known(case, known))


def _apart(digest: str, place: dict[str, str], medium: dict[str, str]) -> str:
    """What is said of a file of several recordings; nothing where all are in one partition."""
    first, *others = place
    other = next((name for name in others if place[name] != place[first]), "")
    if not other:
        return ""
    return (
        f"{medium[first]} of recording {first} ({place[first]}) and {medium[other]} of recording {other} "
        f"({place[other]}) are one and the same file (SHA-256 {digest[:SHOWN]}...); leave one of them out, or allow it "
        "by --config.data.shared_media=True."
    )


def _not_known(case: Case, known: dict[str, dict[str, str]]) -> str:
    """Of which recordings the content of the media is not known."""
    read = {medium for feature in case.experiment.streams.values() for medium in feature.media}
    lacking = [name for name in case.place if not read <= set(known.get(name, {}))]
    if not lacking:
        return ""
    return f"what the media of {_count(lacking, 'recording')} hold ({lacking[0]}); extract again to know."


def _count(things: Iterable[object], what: str) -> str:
    count = len(list(things))
    return f"{count} {what}{'' if count == 1 else 's'}"

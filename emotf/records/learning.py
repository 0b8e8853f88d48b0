"""Features that are fitted on recordings of train: what they learned, from which recordings, and who must not see it.

Layout
    <records>/<corpus>/<stream>/learned.npz     arrays, and `about`: settings, recording -> SHA-256 of its file
    <records>/<corpus>/<stream>/schema.json     made_by: the settings, `fitted_on`: recordings, `learned`: SHA-256 of
                                                learned.npz
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from emotf.arrays import read_arrays
from emotf.content import names_of
from emotf.errors import UserError
from emotf.features.base import FittedFeature
from emotf.files import sha256, written_aside
from emotf.places import Place
from emotf.recording import Recording, partitions
from emotf.records.store import Store
from emotf.records.stream import Stream

LEARNED = "learned.npz"
ANEW = "restore it, or delete the stream's folder and extract anew."

# what `made_by` of a fitted feature holds beside its settings
FITTED_ON, DIGEST = "fitted_on", "learned"


def fitted(
    stream: Stream, feature: FittedFeature, settings: dict[str, Any], recordings: Sequence[Recording]
) -> tuple[FittedFeature, dict[str, Any]]:
    """The feature with what it learned from train: as it lies in the stream's folder, or learned now and kept there.

    Args:
        stream: the place of its records.
        feature: not fitted yet.
        settings: of the feature, as JSON holds them.
        recordings: all of the corpus; those of train are chosen here.

    Returns:
        The fitted feature, and what `made_by` of its schema says.

    Raises:
        UserError: the corpus has no such fold, the folder holds what was learned otherwise, or nothing can be learned.
    """
    fold = None if feature.fold < 0 else feature.fold
    train = sorted(partitions(recordings, fold)["train"], key=lambda recording: recording.id)
    about = {"settings": settings, FITTED_ON: {r.id: sha256(r.medium(feature.medium)) for r in train}}
    path = stream.folder / LEARNED
    written = stream.schema.made_by if (stream.folder / "schema.json").is_file() else None
    if written is not None:
        _check_same(path, about, written)
    elif not path.is_file() or _about(path) != about:  # else an extraction was interrupted before its first record
        arrays = feature.learn(train)
        with written_aside(path) as aside:
            np.savez(aside, about=np.array(json.dumps(about)), **arrays)
    made_by = {**settings, FITTED_ON: [r.id for r in train], DIGEST: sha256(path)}
    return feature.knowing(read_learned(path, made_by)), made_by


def settings_of(made_by: Mapping[str, Any]) -> dict[str, Any]:
    """What `made_by` says of the feature itself, fitted or not."""
    return {name: value for name, value in made_by.items() if name not in (FITTED_ON, DIGEST)}


def read_learned(path: Place, made_by: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """What the feature that made a stream had learned.

    Raises:
        UserError: the file is missing, or not the one that made the stream.
    """
    if not path.is_file():
        raise UserError(f"{path} is missing, which the feature had learned; restore it, or extract the stream anew.")
    if sha256(path) != made_by.get(DIGEST):
        raise UserError(f"{path} is not what made the stream (damaged or exchanged); restore it, or extract anew.")
    return {name: array for name, array in read_arrays(path, ANEW).items() if name != "about"}


def check_unseen(store: Store, streams: Iterable[str], divided: Mapping[str, Iterable[str]]) -> None:
    """Refuses streams that were fitted on a recording which an experiment chooses or tests on.

    Args:
        store: the records.
        streams: names.
        divided: partition -> recordings.

    Raises:
        UserError: dev or test holds a recording that a stream was fitted on, or a stream was never extracted.
    """
    for name in streams:
        made_by = store.stream(name).schema.made_by
        seen = set(made_by.get(FITTED_ON, ()))
        for partition in ("dev", "test"):
            for recording in divided.get(partition, ()):
                if recording in seen:
                    raise UserError(
                        f"Stream {name!r} was fitted on recording {recording}, which is in {partition} here; extract a "
                        f"stream whose fold is that of the experiment (this one: fold={made_by.get('fold')})."
                    )


def _check_same(path: Place, about: dict[str, Any], made_by: dict[str, Any]) -> None:
    """Refuses a stream that was begun with other settings, recordings or files than these."""
    advice = "name the new stream differently or delete that folder."
    if field := _difference(settings_of(made_by), about["settings"]):
        raise UserError(
            f"{path.parent} was made with another {field} ({made_by.get(field)}, asked for "
            f"{about['settings'].get(field)}); {advice}"
        )
    read_learned(path, made_by)
    if recording := _difference(_about(path)[FITTED_ON], about[FITTED_ON]):
        raise UserError(
            f"{path.parent} was fitted on other recordings or files (recording {recording} differs); {advice}"
        )


def _difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """The first name under which two mappings differ; empty where they are equal."""
    return next((name for name in (*new, *old) if old.get(name) != new.get(name)), "")


def _about(path: Place) -> dict[str, Any]:
    """Settings and recordings, as they stand in the file."""
    try:
        found = names_of(json.loads(str(read_arrays(path, ANEW).get("about"))), f"{path}, about")
        return {"settings": names_of(found["settings"], str(path)), FITTED_ON: names_of(found[FITTED_ON], str(path))}
    except (ValueError, KeyError, RecursionError):
        raise UserError(f"{path} does not say how it was learned; {ANEW}") from None

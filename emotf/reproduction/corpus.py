"""The corpus that a table is run on: a twin where the real one is not at hand, its split, and the records of it."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

from emotf.config import Experiment, from_json, to_json
from emotf.corpora.base import Corpus
from emotf.corpora.planted import Planted
from emotf.corpora.synthetic import Synthetic
from emotf.errors import UserError
from emotf.files import read_json, write_json
from emotf.progress import say
from emotf.records import Store


def take_twin(experiment: Experiment) -> None:
    """A tiny synthetic corpus in the layout of one that is not at hand; what it was read with is kept beside it.

    Raises:
        UserError: the corpus has no twin.
    """
    if type(experiment.corpus).write_twin is Corpus.write_twin:
        raise UserError(f"Corpus {experiment.corpus.name!r} has no twin that could stand in; name its folder, "
                        "--set=corpus.dir=...")  # fmt: skip
    folder = Path("work/corpora") / f"{experiment.corpus.name}_reproduced"
    made = folder.with_suffix(".json")
    if made.is_file():
        experiment.corpus = from_json(read_json(made))
    else:
        aside = folder.with_name(f"{folder.name}_{os.getpid()}")
        twin = experiment.corpus.write_twin(aside)
        shutil.rmtree(folder, ignore_errors=True)  # of a process that was killed here
        aside.rename(folder)
        experiment.corpus = replace(twin, dir=str(folder))
        write_json(made, to_json(experiment.corpus))
    experiment.data.records += "/twins"
    say(f"{folder}, a SYNTHETIC twin, stands in for {experiment.corpus.name}; yours: --set=corpus.dir=...")


def shorten(experiment: Experiment, duration: float) -> None:
    """Recordings of so many seconds in the tiny synthetic corpus, which is then one of its own; 0 leaves it alone."""
    if duration and isinstance(experiment.corpus, Planted | Synthetic):
        experiment.corpus.duration = duration
        experiment.corpus.dir += f"_{duration:g}s"
        experiment.data.records += f"_{duration:g}s"


def split_of(experiment: Experiment) -> str:
    """The split of a corpus that is dealt by video, as part of a path."""
    shares: str = experiment.corpus.split  # type: ignore[attr-defined]
    return f"split_{shares.replace(':', '-')}"


def check_records(experiment: Experiment, strict: bool) -> None:
    """Refuses what cannot be reported.

    Raises:
        UserError: the records are of the corpus as it was read with other settings, and would be reported as its own;
            or a fixed test part is asked for that is not there.
    """
    store = Store(experiment.store)
    held, wanted = store.read_as, to_json(experiment.corpus)
    wanted["dir"] = str(experiment.corpus.path.resolve())
    for name, value in wanted.items():
        if name in held and name != "part" and held[name] != value:
            raise UserError(f"{experiment.store} was extracted with corpus.{name}={held[name]}, not {value}; choose "
                            "other records, --set=data.records=...")  # fmt: skip
    parts = {recording.partition for recording in store.recordings} - {""}
    if strict and parts and "test" not in parts:
        dealt = hasattr(experiment.corpus, "split")
        advice = ", or deal one: --set=corpus.split=80:10:10" if dealt else ""
        raise UserError(f"--strict reports on test, which {experiment.store} lacks; leave out --strict{advice}.")

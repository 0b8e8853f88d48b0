"""Whether the records hold what the experiment asks for: training sees what was extracted, whatever a recipe says."""

from collections.abc import Mapping
from typing import Any

from emotf.config import Experiment, to_json
from emotf.errors import UserError
from emotf.features.precomputed import Precomputed
from emotf.records import Store, settings_of

# Where things lie decides nothing of what they hold; a store belongs to one folder anyway.
PLACES = ("dir", "source")


def check_extracted(store: Store, experiment: Experiment) -> None:
    """Refuses records of other settings of the corpus or of a stream than the experiment has.

    Left open are texts and tuples that the experiment leaves empty, which extraction may have filled, and settings
    that a store of an older version does not know.

    Raises:
        UserError: a setting differs.
    """
    _check_same(f"{store.folder} was extracted with corpus", store.read_as, to_json(experiment.corpus), PLACES)
    for name, feature in experiment.streams.items():
        made_by = settings_of(store.stream(name).schema.made_by)
        kind = type(feature).__module__.rpartition(".")[2]
        if made_by["part"] != kind:
            raise UserError(f"Stream {name!r} of {store.folder} was made by {made_by['part']}, asked for is {kind}; "
                            f"{_ADVICE}.")  # fmt: skip
        # of a precomputed stream, its own stream.json may have said that it is raw
        open_ = ("raw",) if isinstance(feature, Precomputed) and not feature.raw else ()
        _check_same(f"Stream {name!r} of {store.folder} was made with {kind}", made_by, to_json(feature), open_)


_ADVICE = "extract it again, into other records (--config.data.records=...), or ask for what is there"


def _check_same(what: str, made: Mapping[str, Any], asked: Mapping[str, Any], open_: tuple[str, ...]) -> None:
    for field, value in asked.items():
        left_open = field == "part" or field in open_ or value in ("", [], None)
        if not left_open and field in made and made[field] != value:
            raise UserError(f"{what}.{field}={made[field]}, asked for is {value}; {_ADVICE}.")

"""Several systems on equal footing: the same pictures, the same seeds, one field or more that differs."""

import copy
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from emotf.classification.config import Classification
from emotf.classification.run import PictureRun
from emotf.classifiers.base import named
from emotf.errors import UserError
from emotf.recipes import assign, field_type, typed

# The axis that takes names of networks, as `emotf.classifiers.base.named` does.
NETWORK = "network"


@dataclass(frozen=True)
class SystemRun:
    """One run of a system.

    Attributes:
        system: the values that set it apart.
        fields: what they are values of.
        config: of the run.
        run: its folder.
    """

    system: str
    fields: tuple[str, ...]
    config: Classification
    run: PictureRun

    @property
    def name(self) -> str:
        return f"{self.system}, seed {self.config.training.seed}"


def runs(
    config: Classification, axes: Mapping[str, Sequence[str]], seeds: Sequence[int], folder: Path
) -> tuple[SystemRun, ...]:
    """Every combination of values, for all seeds; a run lies in `<folder>/<system>/seed<n>`.

    Args:
        config: what does not differ.
        axes: field -> its values; `network` takes names of networks.
        seeds: of weights, order, crops and flips.
        folder: of all runs.

    Raises:
        UserError: no such field or value, or settings that cannot work.
    """
    if Path(folder).is_file():
        raise UserError(f"--out={folder} is a file; name a folder.")
    found: list[SystemRun] = []
    for values in itertools.product(*axes.values()):
        system = "_".join(values) or config.network.name
        if "/" in system:
            raise UserError(f"--vary has the value {system!r}, which names a folder; vary something else.")
        if system in {one.system for one in found}:
            raise UserError(f"Two systems are called {system!r}; vary their fields one after the other.")
        changed = _applied(config, dict(zip(axes, values, strict=True)))
        for seed in seeds:
            training = replace(changed.training, seed=seed)
            found.append(SystemRun(system, tuple(axes), replace(changed, training=training),
                                   PictureRun(Path(folder) / system / f"seed{seed}")))  # fmt: skip
    return tuple(found)


def _applied(config: Classification, settings: Mapping[str, str]) -> Classification:
    """A copy with each field at its value."""
    changed = copy.deepcopy(config)
    for path, text in settings.items():
        if path == NETWORK:
            kept = changed.network
            changed.network = named(text, weights=kept.weights, dropout=kept.dropout, frozen=kept.frozen)
        elif path == "training.seed":
            raise UserError("training.seed is no axis; name the seeds with --seeds.")
        elif path.partition(".")[0] in ("corpus", "pictures", "dev_share"):
            raise UserError(f"{path} decides which pictures there are, which systems share; take another --out for it.")
        else:
            assign(changed, path, typed(path, text, field_type(changed, path)))
    return changed.check().check_classes()

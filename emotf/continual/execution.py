"""Runs of an experiment, a body and a seed each: done once, kept, taken up again where they were interrupted.

A run's folder holds config.json; body.keras, the whole network that the body was trained as; learned.npz, the
classifiers, the features of dev and test and what standardises features; and facts.json, which is written last.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from emotf.arrays import read_arrays
from emotf.classifiers.base import CLASSIFIER, save
from emotf.config import to_json
from emotf.continual.config import ALL_CLASSES, Continual
from emotf.continual.learning import Features, accuracies_alone, accuracy, alone, learn, with_unknown
from emotf.continual.linear import LinearClassifier
from emotf.continual.rules import Learned
from emotf.errors import UserError
from emotf.files import read_json, write_sealed, written_aside
from emotf.progress import progress
from emotf.weights import loaded

if TYPE_CHECKING:
    import keras

    from emotf.continual.pictures import Material, Pictures

# What a run does not depend on: it is computed anew from what is kept.
LATER = ("rules", "alphas", "margin")


@dataclass(frozen=True)
class Run:
    """One body and one seed of an experiment.

    Attributes:
        folder: of the run.
        config: of the experiment.
        knows: what the body was trained on.
        seed: of weights, order and pool.
    """

    folder: Path
    config: Continual
    knows: str
    seed: int

    @property
    def name(self) -> str:
        return f"{self.knows}, seed {self.seed}"

    @property
    def done(self) -> bool:
        return (self.folder / "facts.json").is_file()

    @cached_property
    def facts(self) -> dict[str, Any]:
        """Parameters of the body, accuracies of its own classifier and of those of single tasks."""
        found: dict[str, Any] = read_json(self.folder / "facts.json")
        return found

    @cached_property
    def _kept(self) -> dict[str, np.ndarray]:
        return read_arrays(self.folder / "learned.npz", f"remove {self.folder} and run again.")

    @property
    def learned(self) -> Learned:
        """The classifiers."""

        def kept(kind: str) -> tuple[LinearClassifier, ...]:
            return tuple(
                LinearClassifier(self._kept[f"{kind}_{task}_weights"], self._kept[f"{kind}_{task}_bias"], kind == "own")
                for task in range(self.config.tasks.count)
            )

        return Learned(kept("own"), kept("plain"), kept("joint"), kept("finetuned"))

    def features(self, partition: str) -> Features:
        """Standardised features of dev or test, with labels."""
        return Features(self._kept[f"{partition}_values"], self._kept[f"{partition}_labels"])


def runs(config: Continual, seeds: Sequence[int], folder: Path) -> tuple[Run, ...]:
    """All runs of an experiment, bodies one after the other.

    Raises:
        UserError: settings cannot work, a seed occurs twice, or a run lies in the folder that was made with others.
    """
    config.check().check_classes(len(config.corpus.classes))
    config.body.network.check(config.corpus.shape, config.tasks.classes)
    if len(set(seeds)) != len(seeds) or not seeds or min(seeds) < 0:
        raise UserError(f"--seeds are {', '.join(map(str, seeds)) or 'empty'}; name each once, from 0.")
    found = tuple(
        Run(Path(folder) / knows / f"seed{seed}", config, knows, seed)
        for knows in config.body.variants
        for seed in seeds
    )
    for run in found:
        path = run.folder / "config.json"
        if path.is_file() and read_json(path) != _settings(run):
            raise UserError(f"{run.folder} was made with other settings ({_differing(read_json(path), _settings(run))}"
                            "); choose another --out, or remove it.")  # fmt: skip
    return found


def execute(todo: Sequence[Run]) -> None:
    """Does the runs that are not done."""
    missing = [run for run in todo if not run.done]
    for run in progress(missing, "bodies and their classifiers") if missing else ():
        _execute(run)


def _execute(run: Run) -> None:
    from emotf.continual import body
    from emotf.continual.pictures import material

    found = material(run.config, run.seed)
    write_sealed(run.folder / "config.json", _settings(run))
    network = _body(run, found)
    seen = _seen(run, found.train)
    standardised = body.Standardisation.of(body.features(network, seen.values))

    def features(of: "Pictures") -> Features:
        return Features(standardised(body.features(network, of.values)), of.labels)

    train, dev, test, pool = (features(of) for of in (found.train, found.dev, found.test, found.pool))
    tasks, learned = run.config.tasks, learn(train, pool, run.config, run.seed)
    kept = {"mean": standardised.mean, "spread": standardised.spread}
    kept |= {f"{name}_{key}": value for name, of in (("dev", dev), ("test", test)) for key, value in vars(of).items()}
    for kind, classifiers in vars(learned).items():
        for task, one in enumerate(classifiers):
            kept |= {f"{kind}_{task}_weights": one.weights, f"{kind}_{task}_bias": one.bias}
    with written_aside(run.folder / "learned.npz") as aside:
        np.savez(aside, **kept)
    write_sealed(run.folder / "facts.json", {
        "body_parameters": network.count_params() - network.get_layer(CLASSIFIER).count_params(),
        "network_parameters": network.count_params(),
        "network_training_accuracy": body.accuracy(network, seen),
        "network_test_accuracy": body.accuracy(network, _seen(run, found.test)),
        "pool": len(pool.labels),
        "training_accuracy": [
            accuracy(one, *with_unknown(task, train, pool, tasks)) for task, one in enumerate(learned.own)
        ],
        "alone": {name: accuracies_alone(learned.plain, of, tasks) for name, of in (("dev", dev), ("test", test))},
        "untrained": _untrained(run, found),
    })  # fmt: skip


def _body(run: Run, found: "Material") -> "keras.Model":
    """The trained network, which is kept."""
    from emotf.continual import body

    path = run.folder / "body.keras"
    if path.is_file():
        return loaded(path)
    network = body.network(run.config.body.network, run.config.corpus.shape, _outputs(run), run.seed)
    body.train(network, _seen(run, found.train), _seen(run, found.dev), run.config.body, f"body {run.name}")
    save(network, path)
    return network


def _untrained(run: Run, found: "Material") -> dict[str, list[float]]:
    """How well single tasks are told apart on a body at random weights: dev and test."""
    from emotf.continual import body

    network = body.network(run.config.body.network, run.config.corpus.shape, _outputs(run), run.seed)
    standardised = body.Standardisation.of(body.features(network, found.train.values))

    def features(of: "Pictures") -> Features:
        return Features(standardised(body.features(network, of.values)), of.labels)

    plain = alone(features(found.train), run.config, run.seed)
    return {
        name: accuracies_alone(plain, features(of), run.config.tasks)
        for name, of in (("dev", found.dev), ("test", found.test))
    }


def _outputs(run: Run) -> int:
    return len(run.config.corpus.classes) if run.knows == ALL_CLASSES else run.config.tasks.classes


def _seen(run: Run, of: "Pictures") -> "Pictures":
    """Those of classes that the body was trained on; their labels are its outputs."""
    return of.of(range(_outputs(run)))


def _settings(run: Run) -> dict[str, Any]:
    """Everything that the run depends on."""
    content: dict[str, Any] = {key: value for key, value in to_json(run.config).items() if key not in LATER}
    return content | {"body": content["body"] | {"knows": run.knows}, "seed": run.seed}


def _differing(one: dict[str, Any], other: dict[str, Any]) -> str:
    """The names of settings that differ."""
    names = []
    for key in dict.fromkeys((*one, *other)):
        a, b = one.get(key), other.get(key)
        if isinstance(a, dict) and isinstance(b, dict):
            names += [f"{key}.{name}" for name in dict.fromkeys((*a, *b)) if a.get(name) != b.get(name)]
        elif a != b:
            names.append(key)
    return ", ".join(names)

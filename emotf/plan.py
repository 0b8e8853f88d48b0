"""The plan of a whole system: what is tried on development, and how what is chosen is joined."""

from dataclasses import dataclass
from typing import Self

from emotf.config import Experiment, apart
from emotf.errors import UserError
from emotf.fusion import METHODS
from emotf.models.lstm import Lstm


@dataclass
class Plan:
    """Late fusion of the best single-stream runs, and of those with early fusion, target by target.

    Attributes:
        experiment: corpus, all streams, training; its model, loss and targets are what is varied.
        sizes: of the layers of single streams, tried with `size_loss`: `u80x60,u160x120`.
        size_loss: the loss with which sizes, and streams of one kind, are chosen.
        losses: tried on every stream, at its size.
        kinds: streams of one kind, joined by `+`; only the best of them goes on, the others keep the run that lost.
        layers: streams of each layer of the layered early fusion, joined by `+`; those that were dropped are left out.
        concatenated: units of the early fusion that lays all streams side by side.
        layered_units: of every layer of the layered one.
        best_losses: how many runs of each stream the late fusion joins.
        threshold: streams whose best development CCC is below it are dropped, and so are runs in the late fusion.
        method: of the late fusion.
        held_out: the last recordings of development, by name, that check the weights of the late fusion.
        smoothing: the step of post-processing, as tools/postprocess.py takes it; empty for none.

    Reference:
        Chen & Jin 2015.
    """

    experiment: Experiment
    sizes: tuple[str, ...] = ("u80x60", "u160x120", "u200x160")
    size_loss: str = "mse"
    losses: tuple[str, ...] = ("mse", "mae", "tube", "ccc", "mse_cov", "mse_over_cc")
    kinds: tuple[str, ...] = ()
    layers: tuple[str, ...] = ()
    concatenated: str = "u160x120"
    layered_units: int = 200
    best_losses: int = 2
    threshold: float = 0.1
    method: str = "least_squares"
    held_out: int = 1
    smoothing: str = "smoothing"

    def check(self) -> Self:
        """Returns itself; lists on the command line (`a,b`) are taken apart.

        Raises:
            UserError: a value cannot work.
        """
        self.experiment.check()
        for name in ("sizes", "losses", "kinds", "layers"):
            setattr(self, name, apart(getattr(self, name)))
        model = self.experiment.model
        if type(model) is not Lstm:
            raise UserError(
                f"A system varies a model lstm, the experiment has {type(model).__module__.rpartition('.')[2]}; the "
                "plan makes both early fusions itself."
            )
        streams = set(self.experiment.streams)
        for name in ("kinds", "layers"):
            found = [stream for group in getattr(self, name) for stream in group.split("+")]
            if unknown := [stream for stream in found if stream not in streams]:
                raise UserError(
                    f"{name} names the stream {unknown[0]}; the experiment has {', '.join(sorted(streams))}."
                )
            if len(set(found)) != len(found):
                raise UserError(f"{name} names a stream twice: {', '.join(getattr(self, name))}.")
        if not self.sizes:
            raise UserError("sizes is empty; write the units of each layer, u80x60,u160x120.")
        for size in (*self.sizes, self.concatenated):
            self.units(size)
        if not self.losses:
            raise UserError("losses is empty; name those to try, mse,ccc.")
        if self.size_loss not in self.losses:
            raise UserError(f"size_loss is {self.size_loss}, none of the losses {', '.join(self.losses)}.")
        for name in ("best_losses", "layered_units", "held_out"):
            if getattr(self, name) < 1:
                raise UserError(f"{name} must be at least 1, received {getattr(self, name)}.")
        if self.method not in METHODS:
            raise UserError(f"method is {self.method!r}, expected one of {', '.join(METHODS)}.")
        return self

    @staticmethod
    def units(size: str) -> tuple[int, ...]:
        """(160, 120) of `u160x120`. Raises UserError for anything else."""
        parts = size.removeprefix("u").split("x")
        if size[:1] != "u" or not all(part.isdecimal() and int(part) for part in parts):
            raise UserError(f"A size is {size!r}; write the units of each layer, u160x120.")
        return tuple(map(int, parts))

"""From the predictions of a finished run to better ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from emotf.config import from_json, to_json
from emotf.content import built, names_of, valued
from emotf.doctor import examine_run, refuse
from emotf.errors import UserError
from emotf.evaluation import refuse_seen, score, subjects_of
from emotf.pipeline import Lazy
from emotf.postprocessing import Fitted, fit_chain, transform_chain
from emotf.postprocessing.base import Step
from emotf.prediction import traces
from emotf.runs import Run
from emotf.track import Track

FITTED_ON = "dev"

# target -> its steps
Chains = dict[str, list[Fitted]]


@dataclass(frozen=True)
class Refined:
    """What post-processing did.

    Attributes:
        chains: target -> steps with what they learned, and whether they are kept.
        before, after: scores of the reported partition.
    """

    chains: Chains
    before: pd.DataFrame
    after: pd.DataFrame


def postprocess(
    run: Run, steps: Sequence[Step], partition: str = "test", allow_seen: bool = False, variance: str = "population"
) -> Refined:
    """Fits steps on development, target by target, and applies those that help there to another partition.

    Args:
        run: finished.
        steps: in their order; each is kept only where it raises the pooled CCC on development.
        partition: what is reported.
        allow_seen: reports also on what fitted or chose something.
        variance: one of `measures.VARIANCES`, of the scores.

    Raises:
        UserError: the run is not finished, the partition is no fair report, or `emotf.doctor` finds a leak.
    """
    refuse_seen(partition, allow_seen)
    refuse(examine_run(run))
    golds, predictions = traces(run, FITTED_ON)
    fitted_on, first = list(golds), next(iter(golds.values()))
    chains = {
        target: fit_chain(steps, column(golds, target), column(predictions, target), first.hop)
        for target in first.channels
    }
    golds, predictions = traces(run, partition)
    refined = Lazy(predictions, lambda name: refine(chains, predictions[name]))
    before, after = (score(golds, found, partition, variance, subjects_of(run)) for found in (predictions, refined))
    learned = {name: _content(chain) for name, chain in chains.items()}
    run.write_postprocessing({"fitted_on": FITTED_ON, "recordings": fitted_on, "targets": learned})
    run.write_predictions(partition, refined, postprocessed=True)
    run.write_scores(after, postprocessed=True)
    return Refined(chains, before, after)


def refine(chains: Chains, prediction: Track) -> Track:
    """A trace after the kept steps, target by target."""
    columns = [
        transform_chain(chains[target], prediction.values[:, i].astype(np.float64), prediction.hop)
        for i, target in enumerate(prediction.channels)
    ]
    return replace(prediction, values=np.stack(columns, axis=1).astype(np.float32))


def chains_of(run: Run) -> Chains:
    """The steps that a run was post-processed by. Raises UserError where it has none."""
    where = str(run.folder / "postprocessing.json")
    return {
        target: [_fitted(item, where) for item in valued(chain, tuple[Any, ...], f"{where}, {target}", built)]
        for target, chain in names_of(run.postprocessing.get("targets"), f"{where}, targets").items()
    }


def _fitted(item: Any, where: str) -> Fitted:
    kept = built(_Kept, item, where)
    step = from_json(kept.step)
    if not isinstance(step, Step):
        raise UserError(f"{where} has a step {type(step).__name__}, which is none of post-processing; fit it again.")
    return Fitted(step.restore(kept.learned), kept.before, kept.after)


@dataclass(frozen=True)
class _Kept:
    """A step as postprocessing.json holds it."""

    step: dict[str, Any]
    learned: dict[str, Any]
    before: float
    after: float


def column(tracks: Mapping[str, Track], target: str) -> dict[str, np.ndarray]:
    """recording -> [frames] of one target, float64."""
    return {name: track.select([target]).values[:, 0].astype(np.float64) for name, track in tracks.items()}


def _content(chain: Sequence[Fitted]) -> list[dict[str, Any]]:
    return [
        {"step": to_json(item.step), "learned": item.step.learned, "before": item.before, "after": item.after}
        for item in chain
    ]

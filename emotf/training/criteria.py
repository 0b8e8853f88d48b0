"""What may choose an epoch: measures of development, computed after every epoch whatever loss is trained.

    ccc                  mean over targets of the CCC of all rated frames in one series
    ccc_mean             mean over targets of the mean over recordings of the CCC of each
    mse                  mean over targets of the squared error of all rated frames
    mse_mean             mean over targets of the mean over recordings of the squared error of each
    non_inertial_mean    mean over recordings of the Non-Inertial loss (`losses.non_inertial`, its defaults) of each in
                         one piece; over all targets at once, only where there are two or more

The CCC is better the higher, the others the lower (`config.CRITERIA`). The Non-Inertial loss has no value over pooled
frames: it joins neighbours in time, which frames of two recordings are not.

Undefined values: a recording that defines none (no rated frame; for `non_inertial_mean` no frame with all targets
rated; for the CCC also gold and prediction that are one and the same constant) is left out of the mean over recordings.
A constant prediction of a gold standard that moves has a CCC of 0, a value like any other. A target whose CCC is
nowhere defined counts as 0; a target without a rated frame is left out of the squared errors.

Orgil et al. (2021) computed MSE, CCC and the Non-Inertial loss in each video of their validation, which are the `_mean`
of these. Their tables may hold sums over the two targets, where these are means.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from emotf.config import COUPLED
from emotf.errors import UserError
from emotf.evaluation import value
from emotf.measures import MEAN, POOLED
from emotf.track import Track


def criteria(golds: Mapping[str, Track], predictions: Mapping[str, Track], scores: pd.DataFrame) -> dict[str, float]:
    """criterion -> its value; NaN where nothing defines it.

    Args:
        golds: recording -> [frames, targets], NaN where unrated.
        predictions: recording -> [frames, targets] on the same clocks.
        scores: of these by `emotf.evaluation.score`, with the measures `ccc` and `mse`.
    """
    return criteria_of(scores, [non_inertial(gold, predictions[name]) for name, gold in golds.items()])


def criteria_of(scores: pd.DataFrame, non_inertials: Sequence[float]) -> dict[str, float]:
    """As `criteria`, of what is known of each recording.

    Args:
        scores: as of `criteria`.
        non_inertials: what `non_inertial` gave of each.
    """
    targets = list(dict.fromkeys(scores["target"]))
    found = {}
    for pooling, suffix in ((POOLED, ""), (MEAN, "_mean")):
        cccs = [value(scores, target, "ccc", pooling) for target in targets]
        found[f"ccc{suffix}"] = float(np.mean(np.nan_to_num(cccs)))
        found[f"mse{suffix}"] = _mean([value(scores, target, "mse", pooling) for target in targets])
    if len(targets) > 1:
        found["non_inertial_mean"] = _mean(non_inertials)
    return found


def non_inertial(gold: Track, prediction: Track) -> float:
    """The Non-Inertial loss of a recording in one piece; NaN where no frame has two targets or more, and all rated."""
    from emotf.losses.non_inertial import NonInertial

    if len(gold.channels) < 2 or not _rated_together(gold):
        return float("nan")
    return float(NonInertial()(gold.values[None], prediction.select(gold.channels).values[None]))


def check_defined(chosen_by: tuple[str, ...], golds: Mapping[str, Track]) -> None:
    """Raises UserError where the gold standards of development leave a criterion undefined that is to choose."""
    if all(np.isnan(gold.values).all() for gold in golds.values()):
        raise UserError("Not one frame of development is rated, so no epoch can be chosen on it; choose another fold.")
    coupled = [name for name in chosen_by if name in COUPLED]
    if coupled and not any(_rated_together(gold) for gold in golds.values()):
        raise UserError(f"{coupled[0]} needs frames in which all targets are rated, development has none; choose "
                        "another criterion.")  # fmt: skip


def _rated_together(gold: Track) -> bool:
    return bool((~np.isnan(gold.values)).all(axis=1).any())


def _mean(values: Sequence[float]) -> float:
    """Of the values that are defined."""
    defined = [number for number in values if not np.isnan(number)]
    return float(np.mean(defined)) if defined else float("nan")

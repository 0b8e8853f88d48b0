"""How far raters agree: with each other, with the mean of the others, all of them together.

Conventions
    Ratings are recording -> [frames, raters] of one target, NaN where a rater gave nothing; a rater is known by the
    name of the channel. A rater who is constant over a whole recording says nothing there that could agree: such a
    trace is counted, and left out of every measure of that recording and of the pool. A measure that the data do not
    define is NaN, and left out of means.
"""

import itertools
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from emotf.annotation.fusion import FUSIONS, constant, mean_of_rated, shared_moments
from emotf.errors import UserError
from emotf.measures import MEAN, POOLED, Moments
from emotf.track import Track

if TYPE_CHECKING:
    import pandas as pd

Pair = tuple[str, str]
Key = TypeVar("Key")

# What `agreement` measures of each recording.
MEASURED = ("ccc", "ccc_min", "ccc_max", "pcc", "pcc_min", "pcc_max", "others_ccc", "alpha")


def cronbach_alpha(values: np.ndarray) -> float:
    """Cronbach's alpha, at most 1; raters are the items of the test, frames its cases.

    α = K / (K - 1) · (1 - Σ_r var y_r / var Σ_r y_r)

    Args:
        values: [frames, K raters]; a frame that not all of them rated is left out.

    Returns:
        1 for raters who differ by constants, about 0 for raters who have nothing in common, less where they contradict
        each other; NaN for fewer than two raters, or where their sum does not vary.

    Example:
        >>> round(cronbach_alpha(np.array([[0.0, 0.1], [0.5, 0.6], [0.25, 0.35]])), 6)
        1.0

    Reference:
        Cronbach 1951, "Coefficient alpha and the internal structure of tests", Psychometrika 16.
    """
    values = np.asarray(values, np.float64)
    values = values[~np.isnan(values).any(axis=1)]
    raters, total = values.shape[1], values.sum(axis=1)
    if raters < 2 or not len(values) or np.ptp(total) == 0:
        return float("nan")
    return float(raters / (raters - 1) * (1 - values.var(axis=0).sum() / total.var()))


def raters_of(ratings: Mapping[str, Track]) -> tuple[str, ...]:
    """The names of all raters, in the order in which recordings bring them."""
    return tuple(dict.fromkeys(name for track in ratings.values() for name in track.channels))


def rated_by_two(ratings: Mapping[str, Track]) -> bool:
    """Whether any recording was rated by two or more, so that there is something to agree on."""
    return any((~np.isnan(track.values)).any(axis=0).sum() > 1 for track in ratings.values())


def pairwise(ratings: Mapping[str, Track]) -> dict[Pair, Moments]:
    """Two raters -> moments over all frames of all recordings that both rated; each pair once, its names sorted."""
    return _pooled(_pairs(_moving(track)) for track in ratings.values())


def agreement(ratings: Mapping[str, Track]) -> "pd.DataFrame":
    """One row a recording, then `pooled` and `mean over recordings`.

    Returns:
        recording; raters (who rated); constant (traces of theirs that are left out); frames; rated (share of the cells
        [frames, raters]); ccc, ccc_min, ccc_max and pcc, pcc_min, pcc_max (mean, least and greatest over pairs of
        raters); others_ccc (of a rater with the mean of the others, averaged over raters); alpha and alpha_frames
        (those that all raters rated); undefined (pairs without a CCC). `pooled`: each pair, and all raters together,
        over the frames of all recordings. `mean over recordings`: the measures of the rows above averaged; undefined
        counts the recordings without a CCC.

    Raises:
        UserError: no recording has two raters.
    """
    import pandas as pd

    if not rated_by_two(ratings):
        raise UserError("Agreement needs a recording with two raters; these have one at most.")
    singles = pd.DataFrame([_row(name, [track]) for name, track in ratings.items()])
    pool = _row(POOLED, ratings.values())
    mean = pool | singles[list(MEASURED)].mean().to_dict()
    mean |= {"recording": MEAN, "alpha_frames": singles["alpha_frames"].sum(), "undefined": singles["ccc"].isna().sum()}
    return pd.concat([singles, pd.DataFrame([pool, mean])], ignore_index=True)


def agreement_of_raters(ratings: Mapping[str, Track]) -> "pd.DataFrame":
    """One row a rater, over all recordings.

    Returns:
        rater; recordings (rated); constant (of them, left out of what follows `sd`); rated (share of all frames); mean
        and sd of the ratings; ccc and pcc (mean over the others); others_ccc and others_pcc (with the mean of the
        others).
    """
    import pandas as pd

    moving = [_moving(track) for track in ratings.values()]
    pairs, others = _pooled(map(_pairs, moving)), _pooled(map(_with_others, moving))
    frames = sum(track.frames for track in ratings.values())
    rows = []
    for rater in raters_of(ratings):
        traces = [track.select([rater]).values for track in ratings.values() if rater in track.channels]
        rated = [trace[~np.isnan(trace)] for trace in traces if not np.isnan(trace).all()]
        own = sum((Moments.of(trace, trace) for trace in rated), Moments())
        shared = [moments for pair, moments in pairs.items() if rater in pair]
        with_mean = others.get(rater, Moments())
        rows.append({
            "rater": rater, "recordings": len(rated), "constant": sum(np.ptp(trace) == 0 for trace in rated),
            "rated": own.count / frames, "mean": own.gold_mean if rated else np.nan,
            "sd": np.sqrt(own.gold_power / own.count) if rated else np.nan,
            "ccc": _mean(m.ccc for m in shared), "pcc": _mean(m.pcc for m in shared),
            "others_ccc": with_mean.ccc, "others_pcc": with_mean.pcc,
        })  # fmt: skip
    return pd.DataFrame(rows)


def compare_fusions(ratings: Mapping[str, Track]) -> "pd.DataFrame":
    """One row a fusion of `FUSIONS`, over all recordings.

    Returns:
        fusion; mean and sd of its gold standard; `ccc_<fusion>` for each: the pooled CCC of the two gold standards.
    """
    import pandas as pd

    golds = {name: [fuse(track).values for track in ratings.values()] for name, fuse in FUSIONS.items()}
    rows: list[dict[str, Any]] = []
    for name, mine in golds.items():
        against = {
            other: sum((shared_moments(a[:, 0], b[:, 0]) for a, b in zip(mine, theirs, strict=True)), Moments())
            for other, theirs in golds.items()
        }
        own = against[name]
        known = {"mean": own.gold_mean, "sd": np.sqrt(own.gold_power / own.count)} if own.count else {}
        cccs = {f"ccc_{other}": moments.ccc for other, moments in against.items()}
        rows.append({"fusion": name, "mean": np.nan, "sd": np.nan, **known, **cccs})
    return pd.DataFrame(rows)


def _row(name: str, tracks: Iterable[Track]) -> dict[str, Any]:
    """The agreement over some recordings, each pair and all raters together over all of their frames."""
    tracks = list(tracks)
    cells = [~np.isnan(track.values) for track in tracks]
    rated = [np.array(track.channels)[there.any(axis=0)] for track, there in zip(tracks, cells, strict=True)]
    moving = [_moving(track) for track in tracks]
    pairs, others = _pooled(map(_pairs, moving)), _pooled(map(_with_others, moving))
    together = _together(moving)
    cccs = np.array([m.ccc for m in pairs.values()])
    pccs = np.array([m.pcc for m in pairs.values()])
    return {
        "recording": name, "raters": len({rater for of in rated for rater in of}),
        "constant": sum(len(all_) - len(of) for all_, of in zip(rated, moving, strict=True)),
        "frames": sum(track.frames for track in tracks),
        "rated": sum(there.sum() for there in cells) / max(sum(there.size for there in cells), 1),
        "ccc": _mean(cccs), "ccc_min": _least(cccs), "ccc_max": -_least(-cccs),
        "pcc": _mean(pccs), "pcc_min": _least(pccs), "pcc_max": -_least(-pccs),
        "others_ccc": _mean(m.ccc for m in others.values()),
        "alpha": cronbach_alpha(together), "alpha_frames": int((~np.isnan(together)).all(axis=1).sum()),
        "undefined": int(np.isnan(cccs).sum()),
    }  # fmt: skip


def _moving(track: Track) -> dict[str, np.ndarray]:
    """The traces of those who rated and are not constant, float64 [frames]."""
    values = track.values.astype(np.float64)
    return {name: values[:, i] for i, name in enumerate(track.channels) if not constant(values)[i]}


def _pairs(traces: Mapping[str, np.ndarray]) -> dict[Pair, Moments]:
    return {(a, b): shared_moments(traces[a], traces[b]) for a, b in itertools.combinations(sorted(traces), 2)}


def _with_others(traces: Mapping[str, np.ndarray]) -> dict[str, Moments]:
    """Rater -> moments with the mean of the other raters."""
    if len(traces) < 2:
        return {}
    means = {one: mean_of_rated(np.stack([traces[name] for name in traces if name != one], axis=1)) for one in traces}
    return {one: shared_moments(traces[one], mean) for one, mean in means.items()}


def _together(moving: Iterable[Mapping[str, np.ndarray]]) -> np.ndarray:
    """All recordings one after the other, [frames, raters who move in any of them]; NaN where they do not."""
    recordings = [traces for traces in moving if traces]
    names = sorted({name for traces in recordings for name in traces})
    parts = []
    for traces in recordings:
        empty = np.full(len(next(iter(traces.values()))), np.nan)
        parts.append(np.stack([traces.get(name, empty) for name in names], axis=1))
    return np.concatenate(parts) if parts else np.zeros((0, 0))


def _pooled(parts: Iterable[Mapping[Key, Moments]]) -> dict[Key, Moments]:
    """Merges what several recordings say of the same pair or rater."""
    found: dict[Key, Moments] = {}
    for part in parts:
        for key, moments in part.items():
            found[key] = found.get(key, Moments()) + moments
    return found


def _mean(values: Iterable[float]) -> float:
    defined = [value for value in values if not np.isnan(value)]
    return float(np.mean(defined)) if defined else float("nan")


def _least(values: np.ndarray) -> float:
    return float(np.nanmin(values)) if (~np.isnan(values)).any() else float("nan")

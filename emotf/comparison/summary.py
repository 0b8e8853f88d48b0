"""The table a comparison ends in."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from emotf.comparison.grid import Trial
from emotf.errors import UserError
from emotf.measures import MEAN, MEASURES, POOLED, Moments
from emotf.records import Store
from emotf.statistics import holm, overall, paired_bootstrap, permutation_test

# What is drawn and swapped as a whole: a person with all recordings, or each recording by itself.
UNITS = ("subject", "recording")

# Shown beside the measures: how wide predictions are, and whether a scale has to be restored.
SCALE = "scale"


def reference_of(trials: Sequence[Trial], asked: str = "") -> str:
    """The system that the others are measured against: the first, or the one that is asked for.

    Raises:
        UserError: there is no such system.
    """
    systems = list(dict.fromkeys(trial.system for trial in trials))
    if asked and asked not in systems:
        raise UserError(f"There is no system {asked!r} to compare with; choose from {', '.join(systems)}.")
    return asked or systems[0]


def whole(trials: Sequence[Trial]) -> tuple[list[Trial], tuple[str, ...]]:
    """The trials of the systems whose runs are all done, and the names of the other systems."""
    lacking = tuple(dict.fromkeys(trial.system for trial in trials if not trial.done))
    return [trial for trial in trials if trial.system not in lacking], lacking


def units_of(trials: Sequence[Trial], unit: str) -> dict[str, str]:
    """recording -> what is independent: its subject, or itself (`unit`, one of `UNITS`)."""
    subjects = subjects_of(trials)
    return subjects if unit == "subject" else {name: name for name in subjects}


def subjects_of(trials: Sequence[Trial]) -> dict[str, str]:
    """recording -> subject, of all that the trials' records hold."""
    stores = {trial.experiment.store for trial in trials}
    return {recording.id: recording.subject for store in stores for recording in Store(store).recordings}


def summarise(
    trials: Sequence[Trial], reference: str, variance: str = "population", unit: str = "subject"
) -> pd.DataFrame:
    """One row a target, pooling and system.

    A loss may leave the scale of predictions open. `restored_` columns are of predictions moved, target by target, to
    the mean and standard deviation that the gold standard has on development, by the one scale and shift that do so
    there; they are NaN where development itself is reported.

    Args:
        trials: all done, the reference among them.
        reference: the system that the others are measured against.
        variance: one of `measures.VARIANCES`.
        unit: of independence, one of `UNITS`.

    Returns:
        A column an axis; target, pooling, system, reference; `ccc` and `ccc_sd`, mean and standard deviation over folds
        x seeds of the CCC in each fold, over `runs` of them, `undefined` left out; `all_<measure>` and `all_scale`
        (sd of predictions / sd of gold) over all `recordings` that were scored in any fold (`frames` rated), averaged
        over seeds; `difference` of CCC to the reference on those, with its 95 % interval `low`, `high`
        (`emotf.statistics.paired_bootstrap` over `units` of the kind `unit`), the `p` of a permutation test that swaps
        units between the two systems, and `p_holm`, corrected for all differences of the table with this pooling;
        `restored_ccc` and its `restored_difference`, `_low`, `_high`; parameters and training seconds of the run that
        predicts this target, and of all runs of the system together (`_all`).
    """
    found = [(trial, trial.moments(trial.partition)) for trial in trials]
    moved = [restored(trial, parts) for trial, parts in found]
    systems: dict[str, list[int]] = {}
    for i, trial in enumerate(trials):
        systems.setdefault(trial.system, []).append(i)
    units = units_of(trials, unit)
    rows = []
    for target in dict.fromkeys(target for trial in trials for target in trial.targets):
        of = {name: [i for i in members if target in trials[i].targets] for name, members in systems.items()}
        raw = {name: by_recording([found[i][1][target] for i in members]) for name, members in of.items()}
        rescaled = {name: by_recording([moved[i][target] for i in members]) for name, members in of.items()}
        for pooling in (POOLED, MEAN):
            for name, members in systems.items():
                row: dict[str, Any] = {**trials[members[0]].settings, "target": target, "pooling": pooling}
                row |= {"system": name, "reference": reference}
                row |= _spread([found[i][1][target] for i in of[name]], pooling, variance)
                for measure in (*MEASURES, SCALE):
                    row[f"all_{measure}"] = overall(raw[name], pooling, measure, variance)
                row["restored_ccc"] = overall(rescaled[name], pooling, "ccc", variance)
                for prefix, scored in (("", raw), ("restored_", rescaled)):
                    interval = paired_bootstrap(scored[name], scored[reference], pooling, "ccc", variance, units)
                    row |= dict(zip((f"{prefix}difference", f"{prefix}low", f"{prefix}high"), interval, strict=True))
                against = raw[name], raw[reference]
                p = np.nan if name == reference else permutation_test(*against, pooling, "ccc", variance, units)
                row |= {"p": p, "unit": unit, "units": len({units[recording] for recording in raw[name]})}
                row |= {"recordings": len(raw[name]), "frames": sum(part[0].count for part in raw[name].values())}
                rows.append(row | _cost([trials[i] for i in members], target))
    table = pd.DataFrame(rows)
    table["p_holm"] = table.groupby("pooling")["p"].transform(lambda p: holm(p.to_numpy()))
    return table


def restored(trial: Trial, parts: Mapping[str, Mapping[str, Moments]]) -> dict[str, dict[str, Moments]]:
    """target -> recording -> moments, at the scale that was fitted on development."""
    if trial.partition == "dev":
        return {target: {name: part.moved(np.nan, 0.0) for name, part in of.items()} for target, of in parts.items()}
    moved = {}
    for target, of in trial.moments("dev").items():
        dev = sum(of.values(), Moments())
        scale = 1 / dev.scale
        shift = dev.gold_mean - scale * dev.prediction_mean
        moved[target] = {name: part.moved(scale, shift) for name, part in parts[target].items()}
    return moved


def learning(trials: Sequence[Trial]) -> pd.DataFrame:
    """How training went, a row a system and target: mean over the runs of what their histories hold.

    Returns:
        A column an axis; system, target, epochs; loss of the first and of the last epoch, and by what share of its size
        it fell; development CCC and PCC of the epoch whose weights were kept, and the lowest PCC of any run.
    """
    rows = []
    for trial in trials:
        history = trial.run.epochs
        first, last = history["loss"].iloc[0], history["loss"].iloc[-1]
        kept = history.iloc[trial.run.chosen_epoch(history)]
        for target in trial.targets:
            rows.append({
                **trial.settings, "system": trial.system, "target": target, "epochs": len(history), "first_loss": first,
                "last_loss": last, "fall": (first - last) / abs(first), "dev_ccc": kept[f"dev_{target}_ccc"],
                "dev_pcc": kept[f"dev_{target}_pcc"], "lowest_dev_pcc": kept[f"dev_{target}_pcc"],
            })  # fmt: skip
    found = pd.DataFrame(rows)
    keys = [*trials[0].settings, "system", "target"]
    means = dict.fromkeys(found.columns.drop(keys), "mean") | {"lowest_dev_pcc": "min"}
    return found.groupby(keys, sort=False, as_index=False).agg(means)


def by_recording(parts: Sequence[Mapping[str, Moments]]) -> dict[str, list[Moments]]:
    """recording -> its moments in every repetition; recordings without a rated frame are left out."""
    found: dict[str, list[Moments]] = {}
    for part in parts:
        for recording, scored in part.items():
            if scored.count:
                found.setdefault(recording, []).append(scored)
    return found


def score_of_run(
    parts: Mapping[str, Moments], pooling: str, measure: str = "ccc", variance: str = "population"
) -> float:
    """The `overall` score of a single run; recordings without a rated frame are left out."""
    return overall(by_recording([parts]), pooling, measure, variance)


def _spread(parts: Sequence[Mapping[str, Moments]], pooling: str, variance: str) -> dict[str, Any]:
    """Mean and standard deviation of the CCCs of single runs."""
    values = [score_of_run(part, pooling, "ccc", variance) for part in parts]
    single = [found.under(variance).ccc for part in parts for found in part.values() if found.count]
    undefined = int(np.isnan(values if pooling == POOLED else single).sum())
    return {"ccc": np.nanmean(values), "ccc_sd": np.nanstd(values), "runs": len(values), "undefined": undefined}


def _cost(members: Sequence[Trial], target: str) -> dict[str, Any]:
    """Parameters and seconds of the run of this target, and of all runs that the system needs."""
    found: dict[str, Any] = {}
    for name, fact in (("parameters", "parameters"), ("seconds", "training_seconds")):
        a_run = {
            targets: float(np.mean([trial.run.about[fact] for trial in members if trial.targets == targets]))
            for targets in {trial.targets for trial in members}
        }
        (found[name],) = [value for targets, value in a_run.items() if target in targets]
        found[f"{name}_all"] = sum(a_run.values())
    return found

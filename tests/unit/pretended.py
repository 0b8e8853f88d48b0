"""Records and finished runs that were never trained: gold standards are noise, predictions are that and more noise."""

import numpy as np
import pandas as pd

from emotf.evaluation import score
from emotf.recording import Recording
from emotf.records import GOLD, Schema, Store
from emotf.track import Track

TARGETS = ("arousal", "valence")


def store_of(experiment, targets=TARGETS):
    """A store of six recordings in three sessions, one person each; returns their gold standards."""
    store, rng = Store(experiment.store), np.random.default_rng(0)
    names = [f"r{k}" for k in range(6)]
    people = [Recording(name, f"p{k}", {}, session=str(k % 3)) for k, name in enumerate(names)]
    store.describe({"part": "synthetic", "dir": "nowhere"}, "made up", people)
    found = {name: Track(rng.normal(size=(60, len(targets))), hop=0.1, channels=targets) for name in names}
    stream = store.stream(GOLD)
    stream.start(Schema(targets, 0.1, 0.0, GOLD, {}))
    stream.complete({name: stream.write(name, gold) for name, gold in found.items()})
    return found


def pretend(trial, golds, noise, scale=1.0):
    """A finished run whose predictions are the gold standard, noise added, at another scale and offset."""
    rng = np.random.default_rng([trial.seed, trial.fold])
    run = trial.run
    run.begin(trial.experiment)
    dev = trial.fold if trial.partition == "dev" else (trial.fold + 1) % 3
    for partition, session in (("test", trial.fold), ("dev", dev)):
        kept = {name: gold.select(trial.targets) for name, gold in golds.items() if int(name[1:]) % 3 == session}
        made = {
            name: Track(scale * (gold.values + noise * rng.normal(size=gold.values.shape)) + scale - 1, hop=0.1,
                        channels=trial.targets)
            for name, gold in kept.items()
        }  # fmt: skip
        run.write_predictions(partition, made)
        run.write_scores(score(kept, made, partition))
    rows = {"epoch": [0, 1, 2], "loss": [2.0, 1.0, 0.5], "dev_ccc": [0.1, 0.3, 0.2]}
    rows |= {
        f"dev_{target}_{m}": [0.1, 0.3 + 0.1 * trial.seed, 0.2] for target in trial.targets for m in ("ccc", "pcc")
    }
    pd.DataFrame(rows).to_csv(run.history, index=False)
    terms = {name: {"loss": "ccc", "settings": {"pool": "batch"}, "weight": 0.5} for name in trial.targets}
    run.note(parameters=100 * len(trial.targets), training_seconds=3.0, objective=terms)
    run.finish()

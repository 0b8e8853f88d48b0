"""How steady training is: spread over repetitions in one unit, ratios with intervals, the published figures."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from emotf.comparison import check_repetitions, grid, parse, report_stability, steadiness
from emotf.comparison.stability import MEAN_TARGET, own_units, repetitions, spreads
from emotf.config import Data, Experiment
from emotf.corpora.synthetic import Synthetic
from emotf.errors import UserError
from emotf.features.body_euler24 import BodyEuler24
from emotf.losses.ccc import Ccc
from emotf.losses.mse import Mse
from emotf.measures import MEAN, POOLED, ccc
from emotf.models.lstm import Lstm
from emotf.recording import Recording
from emotf.records import GOLD, Schema, Store
from emotf.report.stability import stability_table
from emotf.statistics import pooled_sd, sd_ratio, sd_ratio_normal, squared_deviations
from emotf.track import Track
from emotf.windows.sequences import Sequences

TARGETS = ("arousal", "valence")

# Orgil, Karungaru, Terada, Shagdar 2021, table 4: CCC of five trainings each, network -> training loss -> CCC.
PUBLISHED = {
    "Full": {
        "MSE": [0.331, 0.346, 0.366, 0.337, 0.333],
        "CCC": [0.309, 0.282, 0.321, 0.319, 0.348],
        "Non-Inertial": [0.411, 0.355, 0.414, 0.415, 0.376],
    },
    "Without mel": {
        "MSE": [0.328, 0.354, 0.304, 0.326, 0.304],
        "CCC": [0.342, 0.310, 0.353, 0.339, 0.330],
        "Non-Inertial": [0.398, 0.370, 0.402, 0.379, 0.375],
    },
    "Audio": {
        "MSE": [0.180, 0.250, 0.193, 0.172, 0.211],
        "CCC": [0.300, 0.288, 0.314, 0.321, 0.319],
        "Non-Inertial": [0.221, 0.175, 0.209, 0.187, 0.182],
    },
    "Pose": {
        "MSE": [0.097, 0.075, 0.071, 0.071, 0.077],
        "CCC": [0.210, 0.205, 0.143, 0.173, 0.176],
        "Non-Inertial": [0.069, 0.084, 0.075, 0.091, 0.085],
    },
}

# The same paper, table 2 (Full network): each training loss in its own column, and the sum it prints.
OWN_COLUMN = {
    "MSE": ([0.209, 0.211, 0.207, 0.225, 0.199], 0.000375),
    "CCC": ([0.309, 0.282, 0.321, 0.319, 0.348], 0.002265),
    "Non-Inertial": ([0.102, 0.104, 0.103, 0.102, 0.105], 0.000009),
}


# ---- the arithmetic --------------------------------------------------------------------------------------------------


def test_the_published_sums_come_out():
    for values, printed in OWN_COLUMN.values():
        # the figures have three decimals: each deviation is off by 0.0005 at most, on either side of the mean
        slack = 2 * 0.0005 * np.abs(np.array(values) - np.mean(values)).sum() + 5 * 0.0005**2
        assert abs(squared_deviations(values) - printed) < slack
    sums = {loss: float(squared_deviations(values)) for loss, values in PUBLISHED["Full"].items()}
    assert sums == pytest.approx({"MSE": 0.000817, "CCC": 0.002263, "Non-Inertial": 0.002975}, abs=5e-7)


def published():
    """The published CCCs as repetitions; the four networks are cells."""
    rows = [
        {"loss": loss, "model": network, "fold": "fixed", "seed": k, "partition": "dev", "target": "mean over targets",
         "pooling": MEAN, "ccc": value, "undefined": 0, "constant": 0}
        for network, losses in PUBLISHED.items() for loss, values in losses.items() for k, value in enumerate(values)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_the_published_trainings_do_not_tell_losses_apart():
    rows = spreads(published(), "loss", "CCC", ["model"])
    full = rows[(rows["model"] == "Full") & (rows["loss"] == "Non-Inertial")].iloc[0]
    assert (full["repetitions"], full["min"], full["max"]) == (5, 0.355, 0.415)
    assert full["mean"] == pytest.approx(0.3942) and full["sd"] == pytest.approx(np.sqrt(0.0029748 / 4))
    assert full["spread"] == pytest.approx(0.060) and full["sum_of_squares"] == pytest.approx(0.0029748)
    totals = rows[rows["fold"] == "all"].set_index("loss")
    assert totals["sd"].to_dict() == pytest.approx({"MSE": 0.02069, "CCC": 0.02098, "Non-Inertial": 0.01871}, abs=5e-6)
    assert (totals["repetitions"] == 20).all() and (totals["model"] == "all").all() and len(rows) == 15
    assert np.isnan(totals.loc["CCC", "ratio"]) and set(totals["reference"]) == {"CCC"}
    # the Full network alone: Non-Inertial looks less steady; all four: steadier; neither is decided
    alone = spreads(published().query("model == 'Full'"), "loss", "CCC", ["model"]).set_index(["loss", "fold"])
    for row, ratio in ((totals.loc["Non-Inertial"], 0.892), (alone.loc["Non-Inertial", "all"], 1.147)):
        assert row["ratio"] == pytest.approx(ratio, abs=5e-4)
        assert row["low"] < row["normal_low"] + 0.35 < 1 < row["high"] and row["normal_low"] < 1 < row["normal_high"]


def test_the_table_says_what_the_interval_does():
    found = published().assign(pooling=POOLED)
    middle = found.groupby(["loss", "model"])["ccc"].transform("mean")
    by = found["loss"].map({"MSE": 0.1, "CCC": 1.0, "Non-Inertial": 10.0})
    rows = spreads(found.assign(ccc=middle + by * (found["ccc"] - middle)), "loss", "CCC", ["model"])
    table = stability_table(rows.assign(own_measure=np.nan), "loss", ["model"], "ten times")
    said = {line.split("|")[4].strip(): line for line in table.splitlines() if line.startswith("| dev ")}
    assert "| steadier " in said["MSE"] and "| less steady " in said["Non-Inertial"] and "| reference " in said["CCC"]
    undecided = stability_table(
        spreads(found, "loss", "CCC", ["model"]).assign(own_measure=np.nan), "loss", ["model"], ""
    )
    assert undecided.count("| undecided ") == 2 and " Full fixed partitions " in undecided


def test_a_pooled_sd_weighs_cells_by_their_freedom():
    cells = [[0.1, 0.4, 0.2], [0.9, 0.7], [0.5]]
    by_hand = (2 * np.var(cells[0], ddof=1) + np.var(cells[1], ddof=1)) / 3
    assert pooled_sd(cells) == pytest.approx(np.sqrt(by_hand))
    assert np.isnan(pooled_sd([[0.5], []])) and pooled_sd([[0.1] * 3]) == 0


def test_the_interval_of_normal_values_is_that_of_the_f_distribution():
    one, other = [[0.0, 3.0, 1.0], [5.0, 9.0]], [[0.0, 1.0, 0.5, 0.2]]
    low, high = sd_ratio_normal(one, other)
    f = (pooled_sd(one) / pooled_sd(other)) ** 2
    assert low == pytest.approx(np.sqrt(f / stats.f(3, 3).ppf(0.975)))
    assert high == pytest.approx(np.sqrt(f * stats.f(3, 3).ppf(0.975)))  # of equal freedom, turned round
    back = sd_ratio_normal(other, one)
    assert back == pytest.approx((1 / high, 1 / low))


def test_a_draw_takes_repetitions_of_every_cell_anew(monkeypatch):
    """The percentiles are those of a literal loop over the same draws."""
    one, other = [np.array([0.1, 0.4, 0.2]), np.array([0.9, 0.7, 0.6, 0.1])], [np.array([0.3, 0.1, 0.25])]
    rng, draws = np.random.default_rng(0), 400
    sides = []
    for cells in (one, other):
        total = np.zeros(draws)
        for cell in cells:
            taken = rng.integers(0, len(cell), (draws, len(cell)))
            total += [np.var(cell[row]) * len(cell) ** 2 / (len(cell) - 1) for row in taken]
        sides.append(total / sum(len(cell) - 1 for cell in cells))
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.sqrt(sides[0] / sides[1])
    found[sides[1] < 1e-15] = np.inf
    expected = np.sort(found)[[round(0.025 * (draws - 1)), round(0.975 * (draws - 1))]]
    ratio, low, high = sd_ratio(one, other, draws)
    assert ratio == pytest.approx(pooled_sd(one) / pooled_sd(other)) and low == pytest.approx(expected[0])
    assert high == expected[1] == np.inf  # a ninth of the draws of three values have no spread
    assert sd_ratio(one, other, draws) == (ratio, low, high)


def test_what_does_not_vary_at_all_has_no_interval():
    steady, moving = [[0.1, 0.1, 0.1]], [[0.1, 0.2, 0.4]]
    for one, other, ratio in ((steady, moving, 0.0), (moving, steady, np.inf), (steady, steady, np.nan)):
        np.testing.assert_equal(sd_ratio(one, other), (ratio, np.nan, np.nan))
        assert np.isnan(sd_ratio_normal(one, other)).all()


@pytest.mark.parametrize(
    ("repetitions", "unlike", "bootstrap", "normal"),
    [(3, 1, (0.93, 1.0), (0.91, 0.98)), (5, 3, (0.90, 0.98), (0.83, 0.94))],
)
def test_intervals_hold_the_true_ratio_as_often_as_said(repetitions, unlike, bootstrap, normal):
    """400 simulations: bounds are the documented shares and about three standard errors."""
    rng, spread, held = np.random.default_rng(1), np.geomspace(1, unlike, 5)[:, None], []
    for _ in range(400):
        one, other = (
            list(2 * spread * rng.normal(size=(5, repetitions))),
            list(spread * rng.normal(size=(5, repetitions))),
        )
        _, low, high = sd_ratio(one, other, 300)
        f_low, f_high = sd_ratio_normal(one, other)
        held.append([low <= 2 <= high, f_low <= 2 <= f_high])
    shares = np.mean(held, axis=0)
    assert bootstrap[0] < shares[0] <= bootstrap[1] and normal[0] < shares[1] < normal[1]


# ---- of runs ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("stability")


def tiny(folder):
    data = Data(records=str(folder / "records"), targets=TARGETS)
    return Experiment(Synthetic(), {"body": BodyEuler24()}, Lstm(), Ccc(), data, Sequences())


@pytest.fixture
def experiment(folder):
    return tiny(folder)


@pytest.fixture(scope="module")
def golds(folder):
    """A store of six recordings in three sessions; the valence of r4 is constant."""
    rng = np.random.default_rng(0)
    found = {f"r{k}": Track(rng.normal(size=(40, 2)), hop=0.1, channels=TARGETS) for k in range(6)}
    found["r4"] = Track(np.where([True, False], found["r4"].values, 0.5), hop=0.1, channels=TARGETS)
    store = Store(tiny(folder).store)
    people = [Recording(f"r{k}", f"p{k}", {}, session=str(k % 3)) for k in range(6)]
    store.describe({"part": "synthetic", "dir": "nowhere"}, "made up", people)
    stream = store.stream(GOLD)
    stream.start(Schema(TARGETS, 0.1, 0.0, GOLD, {}))
    stream.complete({name: stream.write(name, gold) for name, gold in found.items()})
    return found


def pretend(trial, golds, noise, own=()):
    """A run whose predictions are the gold standard and noise; its history has the columns of `own`, 1 + seed."""
    rng = np.random.default_rng([trial.seed, trial.fold, round(noise * 10)])
    trial.run.begin(trial.experiment)
    for partition, session in (("test", trial.fold), ("dev", (trial.fold + 1) % 3)):
        noisy = {
            name: Track(gold.values + noise * rng.normal(size=(40, 2)), hop=0.1, channels=TARGETS)
            for name, gold in golds.items()
            if int(name[1:]) % 3 == session
        }
        made = {name: track.select(trial.targets) for name, track in noisy.items()}
        trial.run.write_predictions(partition, made)
    rows = {"epoch": [0, 1, 2], "dev_ccc": [0.1, 0.3, 0.2]} | {name: [9.0, 1.0 + trial.seed, 9.0] for name in own}
    pd.DataFrame(rows).to_csv(trial.run.history, index=False)


def two_losses(experiment, golds, folds, seeds, folder):
    """Trials as if they had run; those of ccc are three times as noisy."""
    trials = grid(experiment, parse(["loss=mse,ccc:pool=sequence"]), folds, seeds, folder)
    for trial in trials:
        mse = trial.settings["loss"] == "mse"
        pretend(trial, golds, 0.5 if mse else 1.5, ("dev_mse_mean", "dev_ccc_mean") if mse else ("dev_ccc_mean",))
    return trials


@pytest.fixture(scope="module")
def made(folder, golds):
    """Two losses, two folds, three seeds; nothing changes them."""
    return two_losses(tiny(folder), golds, [0, 1], [0, 1, 2], folder / "out")


def test_every_repetition_is_scored_as_its_traces_are(made, golds):
    found = repetitions(made)
    assert len(found) == len(made) * 2 * 3 * 2
    found = found.set_index(["loss", "fold", "seed", "partition", "target", "pooling"])
    for trial in made[:4]:
        at = (trial.settings["loss"], str(trial.fold), trial.seed, "test")
        names = [name for name in golds if int(name[1:]) % 3 == trial.fold]
        traces = {name: pd.read_csv(trial.run.prediction("test", name)) for name in names}
        for k, target in enumerate(TARGETS):
            y, p = [golds[n].values[:, k] for n in names], [traces[n][target].to_numpy() for n in names]
            whole = ccc(np.concatenate(y), np.concatenate(p))
            assert found.loc[(*at, target, POOLED), "ccc"] == pytest.approx(whole, abs=1e-6)
            singles = np.mean([ccc(*pair) for pair in zip(y, p, strict=True)])
            assert found.loc[(*at, target, MEAN), "ccc"] == pytest.approx(singles, abs=1e-6)
        for pooling in (POOLED, MEAN):
            both = np.mean([found.loc[(*at, target, pooling), "ccc"] for target in TARGETS])
            assert found.loc[(*at, MEAN_TARGET, pooling), "ccc"] == pytest.approx(both)
    assert repetitions(made, "avec")["ccc"].mean() < found["ccc"].mean()


def test_the_spread_is_over_seeds_in_each_fold(made):
    found, rows = steadiness(made, "loss", "mse")
    place = {"partition": "test", "target": "arousal", "pooling": POOLED}

    def at(frame, **where):
        return frame[np.logical_and.reduce([frame[name] == value for name, value in (place | where).items()])]

    squares = {}
    for loss in ("mse", "ccc:pool=sequence"):
        for fold in "01":
            values = at(found, loss=loss, fold=fold)["ccc"].to_numpy()
            (row,) = at(rows, loss=loss, fold=fold).to_dict("records")
            squares[loss, fold] = sum((value - sum(values) / 3) ** 2 for value in values)
            assert row["sum_of_squares"] == pytest.approx(squares[loss, fold]) and row["repetitions"] == 3
            assert row["sd"] == pytest.approx(np.sqrt(squares[loss, fold] / 2))
            assert (row["min"], row["max"], row["mean"]) == pytest.approx((min(values), max(values), np.mean(values)))
    (total,) = at(rows, loss="ccc:pool=sequence", fold="all").to_dict("records")
    assert total["ratio"] == pytest.approx(
        np.sqrt(sum(squares["ccc:pool=sequence", fold] for fold in "01") / sum(squares["mse", fold] for fold in "01"))
    )
    assert (total["cells"], total["repetitions"]) == (2, 6) and total["low"] < total["ratio"] < total["high"]
    turned = steadiness(made, "loss", "ccc:pool=sequence")[1]
    (back,) = at(turned, loss="mse", fold="all").to_dict("records")
    assert back["ratio"] == pytest.approx(1 / total["ratio"])


def test_what_a_loss_measures_itself_stands_beside_it(made):
    own = own_units(made)
    assert own.groupby("loss")["own_measure"].first().to_dict() == {
        "mse": "dev_mse_mean",
        "ccc:pool=sequence": "dev_ccc_mean",
    }
    rows = steadiness(made, "loss", "mse")[1]
    held = rows[rows["own_measure"].notna()]
    assert len(held) == 4 and set(zip(held["partition"], held["target"], held["pooling"], strict=True)) == {
        ("dev", MEAN_TARGET, MEAN)
    }
    # 1, 2, 3 in the kept epoch: squared deviations 1 + 0 + 1
    assert (held["own_mean"] == 2).all() and (held["own_sum_of_squares"] == 2).all()


def test_a_loss_without_a_measure_of_its_own_has_none(experiment, golds, tmp_path):
    trials = two_losses(experiment, golds, [1], [0, 1], tmp_path)
    pd.DataFrame({"epoch": [0], "dev_ccc": [0.1]}).to_csv(trials[0].run.history, index=False)
    assert len(own_units(trials)) == len(trials) - 1
    experiment.loss = {"arousal": Ccc(), "valence": Mse()}
    several = grid(experiment, {"training.batch": ("4", "8")}, [0], [0, 1], tmp_path / "several")
    for trial in several:
        pretend(trial, golds, 0.5, ("dev_mse_mean", "dev_ccc_mean"))
    assert own_units(several).empty
    table, _ = report_stability(several, "training.batch", "4", "population", "batches", tmp_path)
    assert "DIFFERENT UNITS" not in table and "sd / sd of 4" in table


def test_single_task_runs_are_one_repetition(experiment, golds, tmp_path):
    trials = grid(experiment, {"targets": ("stl", "mtl")}, [0], [0, 1], tmp_path / "out")
    for trial in trials:
        pretend(trial, golds, 0.5 + len(trial.targets), ("dev_ccc_mean",))
    found = repetitions(trials)
    assert len(found) == 2 * 2 * 2 * 3 * 2 and found["ccc"].notna().all()
    rows = steadiness(trials, "targets", "stl")[1]
    assert set(rows[rows["fold"] == "all"]["repetitions"]) == {2} and set(rows["fold"]) == {"0", "all"}


def test_what_is_undefined_or_does_not_move_is_counted(experiment, golds, tmp_path):
    """r4 has a constant valence of 0.5, which one run predicts exactly; another is constant everywhere."""
    trials = two_losses(experiment, golds, [1], [0, 1], tmp_path)
    exact, stuck = (trial for trial in trials if trial.settings["loss"] == "mse")
    traces = {name: golds[name] for name in ("r1", "r4")}
    exact.run.write_predictions("test", traces)
    still = {name: Track(np.full((40, 2), 0.25), hop=0.1, channels=TARGETS) for name in traces}
    stuck.run.write_predictions("test", still)
    found = repetitions(trials).query("loss == 'mse' and partition == 'test' and target == 'valence'")
    found = found.set_index(["pooling", "seed"])
    assert found.loc[(MEAN, 0), ["ccc", "undefined", "constant"]].tolist() == [1.0, 1, 1]
    assert found.loc[(POOLED, 0), ["ccc", "undefined"]].tolist() == [1.0, 0]
    assert found.loc[(POOLED, 1), ["ccc", "undefined", "constant"]].tolist() == [0.0, 0, 2]
    rows = steadiness(trials, "loss", "mse")[1]
    cell = rows[(rows["loss"] == "mse") & (rows["fold"] == "1") & (rows["partition"] == "test")]
    assert cell.set_index(["target", "pooling"]).loc[("valence", MEAN), ["undefined", "constant"]].tolist() == [1, 3]
    assert cell.set_index(["target", "pooling"]).loc[(MEAN_TARGET, POOLED), "constant"] == 5


def test_an_undefined_repetition_leaves_its_cell_smaller():
    found = published()
    found.loc[(found["model"] == "Pose") & (found["loss"] == "MSE") & (found["seed"] > 0), ["ccc", "undefined"]] = (
        np.nan,
        1,
    )
    found.loc[(found["model"] == "Full") & (found["loss"] == "MSE") & (found["seed"] == 4), ["ccc", "undefined"]] = (
        np.nan,
        1,
    )
    rows = spreads(found, "loss", "CCC", ["model"]).set_index(["loss", "model"])
    assert rows.loc[("MSE", "Pose"), ["repetitions", "undefined"]].tolist() == [1, 4]
    assert np.isnan(rows.loc[("MSE", "Pose"), "sd"]) and rows.loc[("MSE", "Full"), "repetitions"] == 4
    total = rows.loc[("MSE", "all")]
    assert (total["repetitions"], total["undefined"], total["cells"]) == (15, 5, 3)
    # the Pose network has no part in the ratio, on either side
    others = [network for network in PUBLISHED if network != "Pose"]
    one = [PUBLISHED[network]["MSE"][: 4 if network == "Full" else 5] for network in others]
    other = [PUBLISHED[network]["CCC"] for network in others]
    assert total["ratio"] == pytest.approx(pooled_sd(one) / pooled_sd(other))
    back = spreads(found, "loss", "MSE", ["model"]).set_index(["loss", "model"]).loc[("CCC", "all")]
    assert (back["ratio"], back["cells"]) == (pytest.approx(1 / total["ratio"]), 3)


def test_a_report_is_three_files(made, tmp_path):
    table, paths = report_stability(made, "loss", "mse", "sample", "losses on nothing", tmp_path / "report")
    assert [path.name for path in paths] == ["stability.md", "stability.csv", "stability.png"]
    assert paths[0].read_text() == table and paths[2].read_bytes().startswith(b"\x89PNG")
    assert table.startswith("loss, repeated; losses on nothing; sample variances (n - 1)\n")
    assert "sd / sd of mse" in table and "| reference " in table and "DIFFERENT UNITS" in table
    kept = pd.read_csv(paths[1])
    # 2 losses x (2 folds and all) x 2 partitions x 3 targets x 2 poolings
    assert len(kept) == 2 * 3 * 12 and set(kept["fold"]) == {"0", "1", "all"}
    line = next(line for line in table.splitlines() if line.startswith("| test ") and " fold 0 " in line)
    row = kept.query("partition == 'test' and fold == '0' and loss == 'mse' and pooling == 'pooled'").iloc[-1]
    assert row["target"] == MEAN_TARGET and f"| {row['mean']:.3f} | {row['sd']:.4f} | {row['min']:.3f} |" in line


def test_what_has_no_spread_is_refused_before_it_runs(experiment, golds, tmp_path):
    axes = parse(["loss=mse,ccc", "window.frames=4,8"])
    check_repetitions(grid(experiment, axes, None, [0, 1], tmp_path), "window.frames")
    with pytest.raises(UserError, match=r"--stability=los is no axis .* loss, window\.frames\. Did you mean 'loss'\?"):
        check_repetitions(grid(experiment, axes, None, [0, 1], tmp_path), "los")
    for seeds in ([0], [1, 1], [0, 1, 1]):
        with pytest.raises(
            UserError, match=f"two seeds or more, each once; received --seeds={','.join(map(str, seeds))}"
        ):
            check_repetitions(grid(experiment, axes, None, seeds, tmp_path), "loss")

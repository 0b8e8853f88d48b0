"""Which loss stands for which targets, how they are weighed, and what a learner trains by them."""

import json

import numpy as np
import pytest

from emotf.config import Experiment, Training, from_json, replaced, to_json
from emotf.corpora.synthetic import Synthetic
from emotf.errors import UserError
from emotf.features.mfcc39 import Mfcc39
from emotf.losses.ccc import Ccc
from emotf.losses.mse import Mse
from emotf.losses.mse_cov import MseCov
from emotf.losses.non_inertial import NonInertial
from emotf.models.lstm import Lstm
from emotf.training.learner import Learner, Objective, name_of
from emotf.windows.feature_images import FeatureImages
from emotf.windows.sequences import Sequences

BOTH = ("arousal", "valence")


def experiment(loss, window=None):
    streams = {"mfcc39": Mfcc39()}
    return Experiment(Synthetic(), streams, Lstm(), loss, window=window or Sequences())


# ---- which loss stands for which targets -----------------------------------------------------------------------------


def test_one_loss_is_that_of_every_target_and_a_joint_one_of_all():
    each, joint = Ccc(), NonInertial()
    assert experiment(each).losses(BOTH) == {"arousal": each, "valence": each}
    assert experiment(joint).losses(BOTH) == {BOTH: joint}
    mixed = {"valence": each, "joint": joint}
    assert experiment(mixed).losses(BOTH) == {"valence": each, BOTH: joint}


@pytest.mark.parametrize(
    ("loss", "targets", "window", "message"),
    [
        (NonInertial(), ("arousal",), None, "couples targets and needs two, the experiment has only arousal"),
        (NonInertial(), BOTH, FeatureImages(), "non_inertial as configured needs sequences"),
        (Ccc(pool="sequence"), BOTH, FeatureImages(), "ccc as configured needs sequences"),
        ({"arousal": Ccc()}, BOTH, None, "There is no loss for valence"),
        ({"arousal": Ccc(), "valens": Ccc()}, BOTH, None, "a loss for 'valens', which is not among arousal, valence"),
        ({"arousal": NonInertial(), "valence": Ccc()}, BOTH, None, "couples targets; it cannot be the loss of arousal"),
        ({"joint": Ccc()}, BOTH, None, "ccc is a loss of one target; it cannot be the loss of joint"),
    ],
)  # fmt: skip
def test_losses_that_do_not_suit_are_refused(loss, targets, window, message):
    with pytest.raises(UserError, match=message):
        experiment(loss, window).losses(targets)


def test_an_override_that_a_loss_does_not_take_is_refused_by_the_check():
    made = experiment(Ccc())
    made.loss.pool = "corpus"
    with pytest.raises(UserError, match="ccc: pool is 'corpus', expected batch or sequence"):
        made.check()


def test_a_mapping_of_losses_survives_json_and_a_single_target_keeps_its_own():
    made = experiment({"arousal": Mse(), "valence": Ccc(pool="sequence")})
    again = from_json(json.loads(json.dumps(to_json(made))))
    assert to_json(again) == to_json(made) and again.loss["valence"].pool == "sequence"
    alone = replaced(again, targets=("valence",), fold=0, seed=1)
    assert list(alone.losses(("valence",))) == ["valence"]


@pytest.mark.parametrize(("weighting", "does"), [("uncertainty", "learns them"), ("sum", "takes 1 for each")])
def test_weights_are_fixed_or_chosen_otherwise_not_both(weighting, does):
    made = experiment(Ccc())
    made.training = Training(weights="arousal:1,valence:2", weighting=weighting)
    with pytest.raises(UserError, match=rf"weights are fixed, training\.weighting={weighting} {does}; choose one"):
        made.check()


# ---- the objective ---------------------------------------------------------------------------------------------------


@pytest.fixture
def batch():
    rng = np.random.default_rng(0)
    gold = {name: rng.normal(size=(4, 9)).astype("float32") for name in BOTH}
    prediction = {name: rng.normal(size=(4, 9)).astype("float32") for name in BOTH}
    gold["valence"][1, 3:] = np.nan
    return gold, prediction


def stacked(values):
    return np.stack([values[name] for name in BOTH], axis=-1)


def test_terms_are_weighed_and_a_joint_one_sees_its_targets_stacked_in_order(batch):
    gold, prediction = batch
    joint = NonInertial(distance_weight=2.0)
    objective = Objective({"valence": Ccc(), BOTH: joint}, {"valence": 0.3, "joint": 0.7})
    ccc = float(Ccc()(gold["valence"], prediction["valence"]))
    coupled = float(joint(stacked(gold), stacked(prediction)))
    assert float(objective(gold, prediction)) == pytest.approx(0.3 * ccc + 0.7 * coupled, rel=1e-6)
    assert {m.name: float(m.result()) for m in objective.terms.values()} == pytest.approx(
        {"valence_loss": ccc, "joint_loss": coupled}
    )
    assert [name_of(term) for term in ("valence", BOTH)] == ["valence", "joint"]


def test_uncertainty_weighs_by_the_equation_of_kendall(batch):
    gold, prediction = batch
    objective = Objective({"arousal": Mse(), "valence": Ccc()}, uncertainty=True)
    s = np.array([0.4, -1.2], "float32")
    objective.log_variances.assign(s)
    values = [float(loss(gold[name], prediction[name])) for name, loss in (("arousal", Mse()), ("valence", Ccc()))]
    expected = sum(0.5 * np.exp(-s[i]) * values[i] + 0.5 * s[i] for i in range(2))
    assert float(objective(gold, prediction)) == pytest.approx(expected, rel=1e-6)
    learnt = {m.name: float(m.result()) for m in objective.learnt.values()}
    assert learnt == pytest.approx({"arousal_weight": 0.5 * np.exp(-0.4), "valence_weight": 0.5 * np.exp(1.2)})


def test_a_loss_below_zero_cannot_be_weighed_by_uncertainty():
    with pytest.raises(UserError, match="mse_cov may fall below 0, so uncertainty cannot weigh arousal; fix"):
        Objective({"arousal": MseCov(), "valence": Mse()}, uncertainty=True)


# ---- training --------------------------------------------------------------------------------------------------------


def learner(losses, **more):
    import keras

    keras.utils.set_random_seed(0)
    network = Lstm(units=(6,)).build({"speech": 5}, BOTH, None)
    made = Learner(network, Objective(losses, **more))
    made.compile(keras.optimizers.Adam(1e-2), jit_compile=False)
    return made


def examples():
    x = np.random.default_rng(0).normal(size=(24, 12, 5)).astype("float32")
    gold = {name: x[:, :, i].copy() for i, name in enumerate(BOTH)}
    gold["valence"][::3] = np.nan
    return {"speech": x}, gold


@pytest.mark.parametrize("losses", [{BOTH: NonInertial()}, {"arousal": Ccc(), "valence": Mse(), BOTH: NonInertial()}])
def test_a_joint_loss_trains_both_targets_and_the_network_has_no_more_outputs(losses):
    made = learner(losses)
    x, gold = examples()
    before = [made.network(x)[name].numpy() for name in BOTH]
    logs = [made.train_on_batch(x, gold, return_dict=True) for _ in range(20)]
    assert set(logs[0]) == {"loss", *(f"{name_of(term)}_loss" for term in losses)}
    assert logs[-1]["loss"] < logs[0]["loss"]
    assert not any(np.allclose(made.network(x)[name], old) for name, old in zip(BOTH, before, strict=True))
    assert made.network.output_names == list(BOTH)


def test_learnt_weights_move_are_logged_and_come_back_with_the_weights():
    made = learner({"arousal": Mse(), "valence": Ccc()}, uncertainty=True)
    x, gold = examples()
    logs = [made.train_on_batch(x, gold, return_dict=True) for _ in range(20)]
    assert set(logs[0]) == {"loss", "arousal_loss", "valence_loss", "arousal_weight", "valence_weight"}
    assert logs[0]["arousal_weight"] == pytest.approx(0.5) and made.objective.log_variances.numpy().all()
    again = learner({"arousal": Mse(), "valence": Ccc()}, uncertainty=True)
    again.set_weights(made.get_weights())
    np.testing.assert_array_equal(again.objective.log_variances, made.objective.log_variances)
    assert made.objective.log_variances.path in {v.path for v in made.trainable_variables}

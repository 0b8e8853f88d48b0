"""Parts found by name, the experiment's checks and its JSON form, and the recipe."""

import dataclasses
import importlib.util
import json
from pathlib import Path

import pytest

from emotf import catalog
from emotf.config import Data, Experiment, Training, from_json, replaced, to_json, unknown_field
from emotf.corpora.folder import Folder
from emotf.corpora.synthetic import Synthetic
from emotf.errors import UserError
from emotf.features.mfcc39 import Mfcc39
from emotf.features.precomputed import Precomputed
from emotf.models.base import Model
from emotf.models.cer import Cer
from emotf.models.pure_cnn import PureCnn
from emotf.recipes import assign, choose, setting

RECIPES = sorted((Path(__file__).resolve().parents[2] / "configs").glob("*.py"))
# Options that name what a recipe has anyway.
DEFAULTS = {
    "avec2015_lstm": ("mtl", "mse", "u160x120", "forward", "peephole", "whole"),
    "cer_mtl": ("mtl", "n20", "ccc"),
    "losses": ("mtl", "ccc", "s128"),
    "non_inertial": ("full", "mesh70", "non_inertial", "s128", "mtl"),
    "affect_transformer": ("mesh", "face_mesh", "non_inertial", "s128", "mtl"),
}
PARTS = [(kind, name) for kind in catalog.KINDS for name in catalog.names(kind)]


def recipe(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def cer_mtl():
    return recipe(next(path for path in RECIPES if path.stem == "cer_mtl"))


@pytest.fixture
def experiment():
    from emotf.losses.ccc import Ccc

    return Experiment(corpus=Synthetic(), streams={"mfcc39": Mfcc39()}, model=Cer(), loss=Ccc())


# ---- catalog ---------------------------------------------------------------------------------------------------------


def test_the_parts_of_this_version_are_there():
    assert {"cer", "lstm", "non_inertial_net", "pure_cnn", "transformer"} <= set(catalog.names("models"))
    assert {"adam", "nesterov_rmsprop", "sgd"} <= set(catalog.names("optimizers"))
    assert set(catalog.names("losses")) >= {
        "mse", "mae", "tube", "ccc", "pcc", "mse_cov", "mse_over_cc", "non_inertial", "non_inertial_extended",
    }  # fmt: skip
    assert {"body_euler24", "mfcc39", "precomputed"} <= set(catalog.names("features"))
    assert {"emodb", "folder", "synthetic"} <= set(catalog.names("corpora"))
    assert {"feature_images", "sequences"} <= set(catalog.names("windows"))
    for kind in catalog.KINDS:
        assert not [name for name in catalog.names(kind) if name == "base" or name.startswith("_")]


@pytest.mark.parametrize(("kind", "name"), PARTS)
def test_every_part_is_found_and_made_without_arguments(kind, name):
    part = catalog.find(kind, name)()
    assert dataclasses.is_dataclass(part) and catalog.kind_of(part) == (kind, name)
    assert type(part).__doc__


@pytest.mark.parametrize(("kind", "name"), PARTS)
def test_every_part_survives_json(kind, name):
    part = catalog.find(kind, name)()
    content = json.loads(json.dumps(to_json(part)))
    assert content["part"] == f"{kind}/{name}"
    again = from_json(content)
    assert type(again) is type(part) and to_json(again) == content
    for field in dataclasses.fields(part):
        assert getattr(again, field.name) == getattr(part, field.name)
        assert type(getattr(again, field.name)) is type(getattr(part, field.name))


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        ("models", "cerr", r"No 'cerr' among models: cer, .* Did you mean 'cer'\?"),
        ("losses", "cccc", r"Did you mean 'ccc'\?"),
        ("features", "xyzzy", r"No 'xyzzy' among features: .*precomputed"),
        ("models", "base", "No 'base' among models"),
        ("corpora", "_speech", "No '_speech' among corpora"),
    ],
)
def test_an_unknown_part_is_refused_with_the_nearest_name(kind, name, message):
    with pytest.raises(UserError, match=message):
        catalog.find(kind, name)


def test_what_is_no_part_has_no_kind():
    for thing in (Data(), Training(), "cer", Path("."), 3):
        assert catalog.kind_of(thing) is None
        content = to_json(thing)
        assert not isinstance(content, dict) or "part" not in content


# ---- JSON ------------------------------------------------------------------------------------------------------------


def test_a_whole_experiment_survives_json(experiment):
    experiment.data = Data(targets=("arousal", "valence"), fold=None, delay=0.65)
    experiment.streams["gaze"] = Precomputed("gaze", names=("yaw", "pitch"))
    experiment.model = PureCnn(kernels=(3, 2))
    experiment.training = Training(weights="arousal:0.7,valence:0.3", learning_rate=1e-4, keep=("mse", "ccc"))
    again = from_json(json.loads(json.dumps(to_json(experiment))))
    assert to_json(again) == to_json(experiment)
    for name in ("corpus", "streams", "data", "window", "model", "training"):
        assert getattr(again, name) == getattr(experiment, name)
    assert list(again.streams) == ["mfcc39", "gaze"]
    assert again.data.targets == ("arousal", "valence") and again.model.kernels == (3, 2)
    assert again.streams["gaze"].rate_hz is None


def test_fields_that_are_left_out_take_their_defaults(experiment):
    content = to_json(experiment)
    for name in ("order", "select", "keep"):  # as runs of older versions
        del content["training"][name]
    assert from_json(content).training == Training()
    del content["training"], content["model"]["filters"]
    assert from_json(content).training == Training() and from_json(content).model == Cer()


@pytest.mark.parametrize(
    ("place", "name", "message"),
    [
        ("model", "gru_unit", r"Cer has no field 'gru_unit'\. Did you mean 'gru_units'\?"),
        ("training", "learning_rat", r"Training has no field 'learning_rat'\. Did you mean 'learning_rate'\?"),
        ("data", "xyzzy", r"Data has no field 'xyzzy'\.$"),
        ("window", "frame", r"FeatureImages has no field 'frame'\. Did you mean 'frames'\?"),
    ],
)
def test_an_unknown_field_is_refused_with_the_nearest_name(experiment, place, name, message):
    content = to_json(experiment)
    content[place][name] = 1
    with pytest.raises(UserError, match=message):
        from_json(content)


def test_a_part_that_is_gone_is_refused(experiment):
    content = to_json(experiment)
    content["model"]["part"] = "models/ser"
    with pytest.raises(UserError, match=r"No 'ser' among models: .* Did you mean 'cer'\?"):
        from_json(content)


# ---- overrides of the command line -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [("gru_unit", "gru_units"), ("batchs", "batch"), ("frame_rate", "frame_rate_hz"), ("protocl", "protocol")],
)
def test_an_override_of_an_unknown_field_is_answered_with_the_nearest(name, suggestion):
    line = unknown_field(KeyError(f"Field {name} not found on dataclass <class 'x'>"))
    assert line == f"--config has no field {name!r}. Did you mean {suggestion!r}?"


def test_an_unknown_stream_is_named_with_the_nearest():
    assert unknown_field(KeyError("mfcc3")) == "--config has no field 'mfcc3'. Did you mean 'mfcc39'?"


# ---- checks ----------------------------------------------------------------------------------------------------------


def test_lists_of_targets_are_taken_apart(experiment):
    experiment.data.targets = ("arousal,valence", "dominance", "")
    assert experiment.check() is experiment
    assert experiment.data.targets == ("arousal", "valence", "dominance")


def change(place, **fields):
    def apply(experiment):
        part = getattr(experiment, place) if place else experiment
        for name, value in fields.items():
            setattr(part, name, value)

    return apply


@pytest.mark.parametrize(
    ("apply", "message"),
    [
        (change("", streams={}), "has no streams; choose a recipe argument"),
        (change("data", targets=("arousal", "valence,arousal")), "A target occurs twice: arousal, valence, arousal"),
        (
            change("data", missing_targets="drop"),
            r"data\.missing_targets is 'drop', expected one of mask, drop_recording",
        ),
        (change("data", protocol="random"), r"data\.protocol is 'random', expected one of rotation, koprue2020"),
        (change("training", precision="float16"), r"training\.precision is 'float16', expected one of float32"),
        (change("training", learning_rate=0.0), r"training\.learning_rate must be above 0, received 0\.0"),
        (change("training", batch=0), r"training\.batch must be above 0"),
        (change("training", epochs=-1), r"training\.epochs must be above 0, received -1"),
        (change("training", patience=0), r"training\.patience must be above 0"),
        (change("training", figure_every=0), r"training\.figure_every must be above 0"),
        (change("training", order="random"), r"training\.order is 'random', expected one of shuffled, by_recording"),
        (change("training", weighting="mean"), r"training\.weighting is 'mean', expected one of fixed, sum, uncertain"),
        (
            change("training", select="dev_ccc"),
            r"training\.select is 'dev_ccc', expected one of ccc, ccc_mean, mse, mse_mean, non_inertial_mean",
        ),
        (change("training", keep=("mse", "rmse,ccc")), r"training\.keep is 'rmse', expected one of ccc, ccc_mean, mse"),
        (change("training", keep=("mse,ccc", "mse")), r"occurs twice in training\.keep: mse, ccc, mse"),
        (change("window", frames=21), "an even number of frames, at least 2; received 21"),
        (change("window", frames=0), "received 0"),
    ],
)
def test_values_that_cannot_work_are_refused(experiment, apply, message):
    experiment.check()
    apply(experiment)
    with pytest.raises(UserError, match=message):
        experiment.check()


def test_criteria_to_keep_are_taken_apart(experiment):
    experiment.training.keep = ("mse_mean,ccc_mean", "ccc")
    assert experiment.check().training.keep == ("mse_mean", "ccc_mean", "ccc")


@pytest.mark.parametrize(("field", "value"), [("select", "non_inertial_mean"), ("keep", ("mse", "non_inertial_mean"))])
def test_a_criterion_that_couples_targets_needs_two(experiment, field, value):
    setattr(experiment.training, field, value)
    experiment.check()  # all targets that the corpus rates
    experiment.data.targets = ("arousal", "valence")
    experiment.check()
    experiment.data.targets = ("valence",)
    message = f"non_inertial_mean couples targets .* has only valence; choose another training.{field}"
    with pytest.raises(UserError, match=message):
        experiment.check()


def test_a_single_target_keeps_no_weights_by_what_couples_targets(experiment):
    experiment.training.keep = ("non_inertial_mean", "mse_mean")
    both, one = (replaced(experiment, targets, 0, 1) for targets in (("arousal", "valence"), ("arousal",)))
    assert both.training.keep == experiment.training.keep and one.check().training.keep == ("mse_mean",)
    experiment.training.select = "non_inertial_mean"
    with pytest.raises(UserError, match=r"choose another training\.select"):
        replaced(experiment, ("arousal",), 0, 1).check()


def test_a_sum_weighs_every_term_by_1():
    for terms in (("arousal",), ("joint",), ("arousal", "valence", "joint")):
        assert Training(weighting="sum").alphas(terms) == dict.fromkeys(terms, 1.0)
        assert Training().alphas(terms) == dict.fromkeys(terms, 1 / len(terms))


def test_weights_name_every_target_once():
    targets = ("arousal", "valence")
    assert Training().alphas(targets) == {"arousal": 0.5, "valence": 0.5}
    assert Training(weights="valence:0.3, arousal:0.7").alphas(targets) == {"arousal": 0.7, "valence": 0.3}
    for weights in ("arousal:1", "arousal:1,valence:1,dominance:1", "arousal:1,arousal:1"):
        with pytest.raises(UserError, match="name each target once: arousal, valence"):
            Training(weights=weights).alphas(targets)
    for weights in ("arousal", "arousal:much,valence:1"):
        with pytest.raises(UserError, match=r"expected e\.g\. arousal:0\.7"):
            Training(weights=weights).alphas(targets)


# ---- recipes ---------------------------------------------------------------------------------------------------------


def test_options_are_applied_in_order(experiment):
    log = []
    options = {
        "a": lambda e: log.append("a"),
        "b-": lambda e, value: log.append(f"b {value}"),
        "b-c": lambda e: log.append("exactly b-c"),
    }
    assert choose("b-x,a,b-y-z,,b-c", options, experiment) is experiment
    assert log == ["b x", "a", "b y-z", "exactly b-c"]
    for nothing in (None, ""):
        assert choose(nothing, options, experiment) is experiment
    assert len(log) == 4


def test_a_setting_is_copied_to_its_field(experiment):
    weights = Training(epochs=7)
    setting("training", weights)(experiment)
    assign(experiment, "training.seed", 3)
    assert (experiment.training.epochs, experiment.training.seed, weights.seed) == (7, 3, 0)
    with pytest.raises(UserError, match=r"no field 'training\.sed'\. Did you mean 'seed'\?"):
        assign(experiment, "training.sed", 3)
    with pytest.raises(UserError, match=r"no field 'training\.seed\.more'"):
        assign(experiment, "training.seed.more", 3)


@pytest.mark.parametrize(
    ("arg", "message"),
    [
        ("speach", r"No option 'speach'; choose from .*speech.*\. Did you mean 'speech'\?"),
        ("mtl,xyzzy", r"No option 'xyzzy'; choose from "),
        ("stl", "Option 'stl' needs a value: stl-<value>"),
        ("stl-", "Option 'stl' needs a value: stl-<value>"),
        ("stll-valence", "No option 'stll-valence'"),
        ("n20-5", "No option 'n20-5'"),
    ],
)
def test_an_unknown_option_is_refused_with_the_nearest(cer_mtl, arg, message):
    with pytest.raises(UserError, match=message):
        cer_mtl.get_config(f"synthetic,{arg}")


def test_an_unknown_corpus_is_refused(cer_mtl):
    with pytest.raises(
        UserError, match="No corpus 'avec' in this recipe; choose from synthetic, emodb, recola, folder"
    ):
        cer_mtl.get_config("avec")


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_and_option_checks_and_survives_json(path):
    module = recipe(path)
    values = {"stl-": "stl-valence", "streams-": "streams-mfcc39+gaze", "layered-": "layered-mfcc39:gaze",
              "norm-": "norm-train", "masks": "mel,masks", "split-": "split-90:10", "rate-": "rate-20",
              "by_batch": "ccc,by_batch", "tasks-": "tasks-2x3", "body-": "body-first_task", "alpha-": "alpha-0.4",
              "network-": "network-densenet121", "sampling-": "sampling-none",
              "unknown-": "unknown-noise"}  # fmt: skip
    seen = {}
    for corpus in module.CORPORA:
        for option in ["", *module.OPTIONS]:
            try:
                made = module.get_config(",".join(filter(None, [corpus, values.get(option, option)]))).check()
            except UserError:  # what one corpus cannot, another can
                seen[corpus, option] = seen[corpus, ""]
                continue
            content = json.loads(json.dumps(to_json(made)))
            assert to_json(from_json(content, type(made))) == content
            seen[corpus, option] = content
    assert to_json(module.get_config()) == seen[next(iter(module.CORPORA)), ""]
    assert module.get_config("smoke").training.epochs == 2
    # every option has an effect somewhere, unless it names the default
    for option in module.OPTIONS:
        changed = [corpus for corpus in module.CORPORA if seen[corpus, option] != seen[corpus, ""]]
        assert changed or option in DEFAULTS[path.stem]


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_option_is_in_the_docstring_of_its_recipe(path):
    module = recipe(path)
    for option in (*module.OPTIONS, *module.CORPORA):
        assert option in module.__doc__


def test_the_recipe_is_the_papers(cer_mtl):
    made = cer_mtl.get_config("folder")
    assert (made.training.learning_rate, made.training.batch, made.training.epochs) == (5e-5, 256, 100)
    assert (made.training.patience, made.window.frames, made.window.stride) == (20, 20, 1 / 6)
    assert made.data.targets == () and made.training.weights == ""


def test_options_do_what_they_say(cer_mtl):
    made = cer_mtl.get_config("synthetic,stl-valence,speech,n40,filters,mse,koprue2020,smoke")
    assert made.data.targets == ("valence",) and list(made.streams) == ["mfcc39"] and made.window.frames == 40
    assert (made.model.recurrence_over, made.model.batch_norm) == ("filters", True)
    assert type(made.loss).__name__ == "Mse" and made.data.protocol == "koprue2020"
    assert made.corpus.count == 10 and made.data.records != cer_mtl.get_config().data.records
    streams = cer_mtl.get_config("emodb,streams-gaze+mfcc39").streams
    assert streams == {"gaze": Precomputed("gaze"), "mfcc39": Mfcc39(frame_rate_hz=25, window_ms=160)}
    assert list(cer_mtl.get_config("synthetic,stl-valence,mtl").data.targets) == []


def test_two_experiments_of_a_recipe_share_nothing(cer_mtl):
    one, other = cer_mtl.get_config("folder"), cer_mtl.get_config("folder")
    one.training.weights = "x:1"
    one.model.filters = 1
    one.window.frames = 40
    assert other.training.weights == "" and other.model == Cer() and other.window.frames == 20


# ---- copies ----------------------------------------------------------------------------------------------------------


def test_replaced_changes_a_copy_of_data_and_training(experiment):
    experiment.data.fold = 0
    before = to_json(experiment)
    other = replaced(experiment, targets=("arousal",), fold=3, seed=7)
    assert (other.data.targets, other.data.fold, other.training.seed) == (("arousal",), 3, 7)
    assert to_json(experiment) == before
    changed = to_json(other)
    changed["data"] |= {"targets": [], "fold": 0}
    changed["training"]["seed"] = 0
    assert changed == before
    assert other.corpus is experiment.corpus and other.loss is experiment.loss


def test_the_store_is_the_folder_of_the_corpus(experiment):
    assert experiment.store == "work/records/synthetic"
    experiment.corpus, experiment.data.records = Folder(), "/elsewhere"
    assert experiment.store == "/elsewhere/folder"


def test_every_model_is_a_model():
    for name in catalog.names("models"):
        assert issubclass(catalog.find("models", name), Model)

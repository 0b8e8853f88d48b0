"""The plan of a whole system, its refusals, and the recipe of the AVEC 2015 system that makes one."""

import importlib.util
import json
from dataclasses import replace
from pathlib import Path

import pytest

from emotf.config import Data, Experiment, Training, from_json, to_json
from emotf.corpora.avec import Avec
from emotf.corpora.recola import Recola
from emotf.corpora.synthetic import Synthetic
from emotf.errors import UserError
from emotf.features.is10_lld76 import Is10Lld76
from emotf.features.mfcc39 import Mfcc39
from emotf.features.precomputed import Precomputed
from emotf.losses.mse import Mse
from emotf.models.cer import Cer
from emotf.models.layered_fusion import LayeredFusion
from emotf.models.lstm import Lstm
from emotf.optimizers.adam import Adam
from emotf.optimizers.nesterov_rmsprop import NesterovRmsprop
from emotf.plan import Plan
from emotf.windows.sequences import Sequences

PATH = Path(__file__).resolve().parents[2] / "configs" / "avec2015_lstm.py"
STREAMS = ("audio_short", "audio_long", "video_app", "video_geo", "ecg", "eda")


@pytest.fixture(scope="module")
def recipe():
    spec = importlib.util.spec_from_file_location(PATH.stem, PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def plan():
    streams = {name: Precomputed(name) for name in ("audio", "face", "heart")}
    return Plan(Experiment(Synthetic(), streams, Lstm(), Mse(), window=Sequences(frames=0)))


# ---- the plan --------------------------------------------------------------------------------------------------------


def test_a_plan_is_the_papers_where_nothing_else_is_said(plan):
    assert plan.check() is plan
    assert plan.sizes == ("u80x60", "u160x120", "u200x160") and plan.size_loss == "mse"
    assert plan.losses == ("mse", "mae", "tube", "ccc", "mse_cov", "mse_over_cc")
    assert (plan.concatenated, plan.layered_units, plan.best_losses) == ("u160x120", 200, 2)
    assert (plan.threshold, plan.method, plan.held_out, plan.smoothing) == (0.1, "least_squares", 1, "smoothing")


def test_lists_of_the_command_line_are_taken_apart(plan):
    plan.sizes, plan.losses = ("u4,u6x4", "u8"), ("mse,ccc",)
    plan.kinds, plan.layers = ("audio+face,heart",), ("audio,face", "heart")
    plan.experiment.data.targets = ("arousal,valence",)
    plan.check()
    assert (plan.sizes, plan.losses) == (("u4", "u6x4", "u8"), ("mse", "ccc"))
    assert (plan.kinds, plan.layers) == (("audio+face", "heart"), ("audio", "face", "heart"))
    assert plan.experiment.data.targets == ("arousal", "valence")
    assert replace(plan).check() == plan  # nothing is left to take apart


@pytest.mark.parametrize(("size", "units"), [("u8", (8,)), ("u80x60", (80, 60)), ("u3x20x100", (3, 20, 100))])
def test_units_are_those_of_each_layer(size, units):
    assert Plan.units(size) == units


BAD_SIZES = ("", "u", "160", "160x120", "x160", "ux8", "u8x", "u8x0", "u0", "u-8", "uu8", "U8", "u8,u9", "u8.5", "u 8",
             "u8²")  # fmt: skip


@pytest.mark.parametrize("size", BAD_SIZES)
def test_a_size_that_is_none_is_refused(plan, size):
    with pytest.raises(UserError, match=r"write the units of each layer, u160x120\.") as caught:
        Plan.units(size)
    assert f"A size is {size!r};" in str(caught.value)
    plan.concatenated = size
    with pytest.raises(UserError, match="A size is"):
        plan.check()


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"kinds": ("audio+voice",)}, "kinds names the stream voice; the experiment has audio, face, heart."),
        ({"layers": ("audio", "face+hart")}, "layers names the stream hart; the experiment has audio, face, heart."),
        ({"kinds": ("audio+",)}, "kinds names the stream ; the experiment has audio, face, heart."),
        ({"kinds": ("audio+face", "heart+audio")}, "kinds names a stream twice: audio+face, heart+audio."),
        ({"layers": ("audio+face+audio",)}, "layers names a stream twice: audio+face+audio."),
        ({"sizes": ()}, "sizes is empty; write the units of each layer, u80x60,u160x120."),
        ({"sizes": ("",)}, "sizes is empty; write the units of each layer, u80x60,u160x120."),
        ({"sizes": ("u8,160x120",)}, "A size is '160x120'; write the units of each layer, u160x120."),
        ({"size_loss": "mae", "losses": ("mse,ccc",)}, "size_loss is mae, none of the losses mse, ccc."),
        ({"best_losses": 0}, "best_losses must be at least 1, received 0."),
        ({"layered_units": -200}, "layered_units must be at least 1, received -200."),
        ({"held_out": 0}, "held_out must be at least 1, received 0."),
        ({"method": "mean"}, "method is 'mean', expected one of least_squares, ridge, non_negative."),
    ],
)
def test_what_cannot_work_is_refused_in_one_line(plan, fields, line):
    for name, value in fields.items():
        setattr(plan, name, value)
    with pytest.raises(UserError) as caught:
        plan.check()
    assert str(caught.value) == line


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"streams": {}}, "The experiment has no streams"),
        ({"training": Training(epochs=0)}, r"training\.epochs must be above 0"),
        ({"data": Data(targets=("arousal,arousal",))}, "A target occurs twice"),
        ({"model": LayeredFusion(layers=("audio", "face+heart"))}, "varies a model lstm, the experiment has layered_f"),
        ({"model": Cer()}, "varies a model lstm, the experiment has cer"),
    ],
)
def test_an_experiment_that_cannot_work_is_refused_too(plan, change, message):
    plan.experiment = replace(plan.experiment, **change)
    with pytest.raises(UserError, match=message):
        plan.check()


# ---- the recipe: corpora ---------------------------------------------------------------------------------------------


def test_the_recipe_is_the_papers(recipe):
    made = recipe.get_config().check()
    assert made.model == Lstm((160, 120), "forward", "peephole", "current", 2.0) and type(made.loss) is Mse
    assert made.window == Sequences(frames=0) and made.data == Data(standardisation="subject")
    assert made.training == Training(
        learning_rate=1e-4, optimizer=NesterovRmsprop(momentum=0.9, clip_norm=1.0), batch=3, epochs=500, patience=50,
        jit_compile=True,
    )  # fmt: skip


def test_streams_of_the_package_are_as_packaged_but_short_audio(recipe):
    made = recipe.get_config("avec")
    assert made.corpus == Avec() and tuple(made.streams) == STREAMS
    assert made.streams.pop("audio_short") == Is10Lld76()
    assert {name: (part.stream, part.gaps) for name, part in made.streams.items()} == {
        "audio_long": ("features_audio", False),
        "video_app": ("features_video_appearance", True),
        "video_geo": ("features_video_geometric", True),
        "ecg": ("features_ecg", False),
        "eda": ("features_eda", False),
    }


def test_streams_of_the_raw_release_are_computed(recipe):
    made = recipe.get_config("recola")
    assert made.corpus == Recola()
    assert [(name, to_json(part)["part"]) for name, part in made.streams.items()] == [
        ("audio_short", "features/is10_lld76"),
        ("audio_long", "features/functionals"),
        ("video_app", "features/lgbp_top84"),
        ("video_geo", "features/geometric316"),
        ("ecg", "features/ecg54"),
        ("eda", "features/eda62"),
    ]


def test_other_corpora_have_their_streams(recipe):
    speech = recipe.get_config("emodb").streams
    assert speech == {"audio_short": Is10Lld76(), "mfcc39": Mfcc39(frame_rate_hz=25, window_ms=160)}
    made = recipe.get_config("synthetic")
    assert list(made.streams) == ["mfcc39_20"] and made.data.delay == 0.65
    assert recipe.get_config("folder").streams == {"mfcc39": Mfcc39()}


# ---- the recipe: options ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "path", "value"),
    [
        ("stl-valence", "data.targets", ("valence",)),
        ("stl-valence,mtl", "data.targets", ()),
        *[(f"mae,{name}", "loss.name", name) for name in ("mse", "mae", "tube", "ccc", "mse_cov", "mse_over_cc")],
        ("u80x60", "model.units", (80, 60)),
        ("u80x60,u160x120", "model.units", (160, 120)),
        ("u200x160", "model.units", (200, 160)),
        *[(f"both,{name}", "model.direction", name) for name in ("forward", "backward", "both")],
        *[(f"plain,{name}", "model.cell", name) for name in ("peephole", "plain", "keras")],
        ("both,plain,layered-ecg:eda", "model", LayeredFusion(layers=("ecg", "eda"))),
        ("layered-ecg+eda:audio_long:video_app", "model.layers", ("ecg+eda", "audio_long", "video_app")),
        ("layered-ecg:eda,backward,plain", "model",
         LayeredFusion(layers=("ecg", "eda"), direction="backward", cell="plain")),
        ("s128", "window", Sequences(frames=128, predict_whole=True)),
        ("s128", "training.batch", 16),
        ("s128,whole", "window", Sequences(frames=0)),
        *[(f"norm-{by}", "data.standardisation", by) for by in ("train", "subject", "partition")],
        ("adam", "training.optimizer", Adam(clip_norm=1.0)),
        ("adam", "training.learning_rate", 1e-3),
        ("smoke", "training.epochs", 2),
    ],
)  # fmt: skip
def test_every_option_sets_what_the_docstring_says(recipe, option, path, value):
    made = recipe.get_config(f"avec,{option}").check()
    for name in path.split("."):
        made = getattr(made, name)
    assert made == value


def test_streams_are_the_corpuss_own_or_precomputed(recipe):
    streams = recipe.get_config("recola,streams-eda+gaze+mfcc39+ecg").streams
    own = recipe.get_config("recola").streams
    assert list(streams) == ["eda", "gaze", "mfcc39", "ecg"]
    assert streams == {"eda": own["eda"], "gaze": Precomputed("gaze"), "mfcc39": Mfcc39(), "ecg": own["ecg"]}


def test_sequences_overlap_by_half(recipe):
    window = recipe.get_config("avec,s128").window
    assert window.anchors([[0.0]] * 320).tolist() == [0, 64, 128, 192, 256]


@pytest.mark.parametrize(
    ("arg", "message"),
    [
        ("avce", r"No corpus 'avce' in this recipe; choose from avec, recola, .*Did you mean 'avec'\?"),
        ("system,avce", r"No corpus 'avce' in this recipe"),
        ("avec,system", r"No option 'system'"),
        ("avec,u80x80", r"No option 'u80x80'.*Did you mean 'u80x60'\?"),
        ("system,avec,pepphole", r"Did you mean 'peephole'\?"),
        ("avec,layered-", "Option 'layered' needs a value"),
        ("avec,norm", "Option 'norm' needs a value"),
    ],
)
def test_an_argument_that_is_none_is_refused(recipe, arg, message):
    with pytest.raises(UserError, match=message):
        recipe.get_config(arg)


# ---- the recipe: the system ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arg", "streams", "kinds", "layers"),
    [
        ("avec", STREAMS, ("audio_short+audio_long",),
         ("audio_short+audio_long", "video_app+video_geo", "ecg+eda")),
        ("recola", STREAMS, ("audio_short+audio_long",),
         ("audio_short+audio_long", "video_app+video_geo", "ecg+eda")),
        ("emodb", ("audio_short", "mfcc39"), (), ("audio_short+mfcc39",)),
        ("synthetic", ("mfcc39_20",), (), ()),
        ("avec,streams-audio_long+ecg", ("audio_long", "ecg"), (), ("audio_long", "ecg")),
        ("avec,streams-audio_long+video_geo+ecg", ("audio_long", "video_geo", "ecg"), (),
         ("audio_long", "video_geo", "ecg")),
        ("recola,streams-gaze+eda+video_app", ("gaze", "eda", "video_app"), (), ("video_app", "eda")),
    ],
)  # fmt: skip
def test_a_system_names_the_streams_that_the_experiment_has(recipe, arg, streams, kinds, layers):
    made = recipe.get_config(f"system,{arg}")
    assert isinstance(made, Plan) and made.check() is made
    assert tuple(made.experiment.streams) == streams
    assert (made.kinds, made.layers) == (kinds, layers)
    assert to_json(made.experiment) == to_json(recipe.get_config(arg).check())


def test_a_system_without_a_corpus_is_that_of_avec(recipe):
    made = recipe.get_config("system")
    assert to_json(made.experiment) == to_json(recipe.get_config("avec")) and made.kinds
    made = recipe.get_config("system,avec,both,adam,norm-train,s128,stl-arousal").experiment
    assert made.model.direction == "both" and made.data == Data(standardisation="train", targets=("arousal",))
    assert made.training.optimizer == Adam(clip_norm=1.0) and made.window.frames == 128


@pytest.mark.parametrize(
    "arg", ["avec", "recola,both,plain", "avec,streams-audio_long+ecg,adam,s128", "synthetic,smoke"]
)
def test_the_experiment_of_a_system_survives_json(recipe, arg):
    made = recipe.get_config(f"system,{arg}").check().experiment
    content = json.loads(json.dumps(to_json(made)))
    again = from_json(content)
    assert to_json(again) == content
    for name in ("corpus", "streams", "data", "window", "model", "training"):
        assert getattr(again, name) == getattr(made, name)
    assert list(again.streams) == list(made.streams) and type(again.loss) is type(made.loss)


def test_two_systems_share_nothing(recipe):
    one, other = recipe.get_config("system"), recipe.get_config("system")
    one.experiment.model.units = (1,)
    one.experiment.streams["ecg"].names = ("a",)
    one.experiment.training.optimizer.clip_norm = 0.0
    assert to_json(other.experiment) == to_json(recipe.get_config("avec"))

"""What can be searched, and how it is written."""

import importlib.util
from dataclasses import replace
from pathlib import Path

import pytest

from emotf.config import Data, Experiment, Training, to_json
from emotf.corpora.synthetic import Synthetic
from emotf.errors import UserError
from emotf.features.body_euler24 import BodyEuler24
from emotf.features.mfcc39 import Mfcc39
from emotf.losses.ccc import Ccc
from emotf.losses.mse import Mse
from emotf.models.cer import Cer
from emotf.models.lstm import Lstm
from emotf.search.source import WIDTH, recipe
from emotf.search.space import Choice, Range, parse, settings_of

CONFIGS = Path(__file__).resolve().parents[2] / "configs"


@pytest.fixture
def experiment():
    streams = {"mfcc39": Mfcc39(), "body": BodyEuler24()}
    return Experiment(Synthetic(), streams, Cer(), Ccc(), Data(targets=("arousal",)), training=Training(1e-3))


def test_ranges_and_choices_are_read_from_the_command_line(experiment):
    given = [
        "training.learning_rate = 1e-5..1e-2:log", "model.gru_units=3..20", "loss=ccc, pcc,mse",
        "training.batch=64,128", "window.frames/window.stride=20/0.1,40/0.2", "streams=mfcc39,mfcc39+body",
        "data.delay=0..2",
    ]  # fmt: skip
    axes = parse(given, experiment)
    assert axes == (
        Range("training.learning_rate", 1e-5, 1e-2, log=True),
        Range("model.gru_units", 3, 20),
        Choice("loss", ("ccc", "pcc", "mse")),
        Choice("training.batch", ("64", "128")),
        Choice("window.frames/window.stride", ("20/0.1", "40/0.2")),
        Choice("streams", ("mfcc39", "mfcc39+body")),
        Range("data.delay", 0.0, 2.0),
    )
    assert [type(axis.low) for axis in axes if isinstance(axis, Range)] == [float, int, float]
    assert parse([str(axis) for axis in axes], experiment) == axes


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ("training.learning_rate", r"takes <field>=<low>\.\.<high>"),
        ("=1..2", r"takes <field>=<low>\.\.<high>"),
        ("training.learning_rat=1e-5..1e-2", r"no field 'training\.learning_rat'\. Did you mean 'learning_rate'\?"),
        ("training.learning_rate=1e-2..1e-5", r"goes from 0\.01 to 1e-05; the first must be below the second"),
        ("training.learning_rate=1e-2..1e-2", "the first must be below the second"),
        ("training.learning_rate=1e-5:log..1", r"is .1e-5:log..1.; write <low>..<high>"),
        ("training.learning_rate=1e-2..inf", "the first must be below the second"),
        ("training.learning_rate=nan..1", "the first must be below the second"),
        ("data.delay=0..2:log", r"begins at 0\.0; a logarithmic range must begin above 0"),
        ("training.learning_rate=1e-5..1e-2:lin", r"has a scale 'lin'; write <low>\.\.<high>, or"),
        ("training.learning_rate=-1..1", r"training\.learning_rate must be above 0, received -1\.0"),
        ("training.batch=1.5..20", r"training\.batch cannot be '1\.5'; it is of type int"),
        ("training.batch=16", "needs two values or more, each once, or a range"),
        ("training.batch=16,16", "needs two values or more, each once"),
        ("training.batch=16,many", r"training\.batch cannot be 'many'; it is of type int"),
        ("loss=ccc..mse", "needs two values or more"),
        ("loss=ccc,msee", r"No 'msee' among losses: .* Did you mean 'mse'\?"),
        ("streams=mfcc39,gaze", r"The recipe has no stream 'gaze', only mfcc39, body"),
        ("window.frames/training.batch=32/64,64", "needs 2 values joined by '/', received '64'"),
        ("targets=mtl,stl", "targets must be the same in all trials"),
        ("data.targets=arousal,valence", r"data\.targets must be the same in all trials"),
        ("data.fold=0..4", r"data\.fold must be the same in all trials"),
        ("training.seed=0..9", r"training\.seed must be the same in all trials"),
        ("training.epochs=10..100", r"training\.epochs must be the same in all trials"),
        ("loss/training.select=ccc/ccc,mse/mse", r"training\.select must be the same in all trials"),
        ("corpus.coupling=0..1", r"corpus\.coupling must be the same in all trials"),
    ],
)
def test_what_cannot_be_searched_is_refused_at_once(experiment, item, message):
    with pytest.raises(UserError, match=message):
        parse([item], experiment)


def test_a_field_is_named_once(experiment):
    with pytest.raises(UserError, match=r"--space names 'training\.batch' twice"):
        parse(["training.batch=16..32", "window.frames/training.batch=32/64,64/32"], experiment)


def test_where_no_space_is_named_it_lies_around_the_recipe(experiment):
    rate, batch = parse([], experiment)
    assert (rate.axis, rate.low, rate.high, rate.log) == ("training.learning_rate", 1e-5, pytest.approx(0.1), True)
    assert batch == Choice("training.batch", ("128", "256", "512"))
    assert (rate.own(experiment), batch.own(experiment)) == (1e-3, "256")
    experiment.training.batch = 1
    assert parse([], experiment)[1].values == ("1", "2")


def test_the_recipes_own_value_is_found_whatever_way_it_is_written(experiment):
    assert Range("model.gru_units", 3, 20).own(experiment) == experiment.model.gru_units
    assert Range("model.gru_units", 30, 40).own(experiment) is None
    assert Choice("loss", ("mse", "ccc:pool=batch")).own(experiment) == "ccc:pool=batch"
    assert Choice("loss", ("mse", "pcc")).own(experiment) is None
    assert Choice("streams", ("mfcc39", "mfcc39+body")).own(experiment) == "mfcc39+body"
    assert Choice("window.frames/training.batch", ("20/64", "20/256")).own(experiment) == "20/256"


def test_parts_are_set_before_what_stands_inside_them():
    found = settings_of({"model.gru_units": 8, "training.batch": "64", "model": "cer", "loss": "mse"})
    assert found == {"model": "cer", "loss": "mse", "model.gru_units": "8", "training.batch": "64"}
    assert list(found)[:2] == ["model", "loss"]


# ---- a recipe written by the tool ------------------------------------------------------------------------------------


def loaded(path):
    """get_config of a recipe, as --config=<path> finds it."""
    spec = importlib.util.spec_from_file_location(f"recipe_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.get_config


def recipes():
    for path in sorted(CONFIGS.glob("*.py")):
        get_config = loaded(path)
        for corpus in get_config.__globals__["CORPORA"]:
            found = get_config(corpus)
            if isinstance(found, Experiment):
                yield pytest.param(found, id=f"{path.stem}:{corpus}")


@pytest.mark.parametrize("found", list(recipes()))
def test_every_recipe_comes_back_from_its_source(found, tmp_path):
    if found.streams:
        path = tmp_path / "best.py"
        path.write_text(recipe(found, '"""A docstring."""'))
        assert to_json(loaded(path)()) == to_json(found)
        assert max(map(len, path.read_text().splitlines())) <= WIDTH


def test_values_of_all_kinds_come_back_from_the_source(experiment, tmp_path):
    from emotf.pipeline import Masking

    changed = replace(
        experiment,
        corpus=Synthetic(dir='a "quoted" \\ path'),
        loss={"arousal": Mse(), "valence": Ccc(pool="sequence")},
        model=Lstm(units=(80,)),
        augmentation={"mfcc39": Masking(frames=4)},
        data=Data(targets=("arousal", "valence"), fold=3),
        training=Training(float("inf"), keep=("ccc", "mse"), jit_compile=True),
    )
    path = tmp_path / "best.py"
    path.write_text(recipe(changed, '"""A docstring."""'))
    assert to_json(loaded(path)()) == to_json(changed)
    with pytest.raises(UserError, match="This recipe has no options, received 'emodb'"):
        loaded(path)("emodb")

"""Training takes records for what the experiment asks for, and for nothing else."""

from dataclasses import replace

import numpy as np
import pytest

from emotf.config import Data, Experiment, Training
from emotf.corpora.affwild import Affwild
from emotf.corpora.planted import Planted
from emotf.errors import UserError
from emotf.features.precomputed import Precomputed
from emotf.losses.mse import Mse
from emotf.models.lstm import Lstm
from emotf.models.non_inertial_net import NonInertialNet
from emotf.models.transformer import Transformer
from emotf.optimizers.sgd import Sgd
from emotf.records import Store, extract
from emotf.runs import Run, best_epoch
from emotf.training import train
from emotf.training.extracted import check_extracted
from emotf.windows.sequences import Sequences


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    home = tmp_path_factory.mktemp("planted")
    corpus = Planted(dir=str(home / "corpus"), count=5, duration=4.0, extracted=("pose36", "mel128"))
    corpus.prepare()
    streams = {"pose36": Precomputed("pose36", gaps=True), "mel128": Precomputed("mel128")}
    made = Experiment(
        corpus,
        streams,
        Lstm(units=(2,), cell="keras"),
        Mse(),
        Data(records=str(home / "records"), targets=("arousal", "valence")),
        Sequences(frames=20),
        Training(epochs=1, batch=4),
    )
    extract(corpus, streams, Store(made.store).folder)
    return made


def test_records_of_the_same_settings_are_taken(experiment):
    check_extracted(Store(experiment.store), experiment)
    # what is left open, extraction has filled
    assert Store(experiment.store).stream("mel128").schema.made_by["rate_hz"] == 25


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda e: replace(e, corpus=replace(e.corpus, seed=7)), r"extracted with corpus\.seed=0, asked for is 7; "),
        (lambda e: replace(e, corpus=replace(e.corpus, frozen="mouth")), r"corpus\.frozen=, asked for is mouth; "),
        (
            lambda e: replace(e, streams={"mel128": Precomputed("mel128", gaps=True)}),
            r"Stream 'mel128' .* was made with precomputed\.gaps=False, asked for is True; extract it again",
        ),
        (
            lambda e: replace(e, streams={"mel128": Precomputed("pose36")}),
            r"precomputed\.stream=mel128, asked for is pose36",
        ),
        (
            lambda e: replace(e, streams={"mel128": Precomputed("mel128", rate_hz=30.0)}),
            r"rate_hz=25, asked for is 30",
        ),
    ],
)
def test_records_of_other_settings_are_refused(experiment, tmp_path, change, said):
    other = change(experiment)
    with pytest.raises(UserError, match=said) as error:
        train(other, Run(tmp_path / "run"))
    assert "--config.data.records" in str(error.value) and not (tmp_path / "run").exists()


def test_a_stream_of_another_feature_is_refused(experiment):
    from emotf.features.mel128 import Mel128

    other = replace(experiment, streams={"mel128": Mel128()})
    with pytest.raises(UserError, match="made by precomputed, asked for is mel128"):
        check_extracted(Store(experiment.store), other)


def test_another_split_of_the_videos_is_refused(tmp_path):
    corpus = Affwild().write_twin(tmp_path / "twin", videos=5, duration=1.0)
    streams = {}
    extract(corpus, streams, tmp_path / "records" / "affwild")
    made = Experiment(corpus, streams, Lstm(), Mse(), Data(records=str(tmp_path / "records")))
    check_extracted(Store(made.store), made)
    made.corpus.split = "1:1"
    with pytest.raises(UserError, match=r"corpus\.split=70:30, asked for is 1:1"):
        check_extracted(Store(made.store), made)


def test_an_optimiser_that_cannot_be_leaves_no_run_behind(experiment, tmp_path):
    settings = replace(experiment.training, optimizer=Sgd(momentum=1.5))
    with pytest.raises(UserError, match="momentum"):
        train(replace(experiment, training=settings), Run(tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_sequences_that_leave_frames_out_are_refused():
    with pytest.raises(UserError, match=r"Sequences of 32 frames every 128 leave frames out; set .*together"):
        Sequences(frames=32, stride_frames=128).check()
    Sequences(frames=128, stride_frames=128).check()


@pytest.mark.parametrize("criterion", ["ccc", "mse"])
def test_an_epoch_without_a_value_is_never_the_best(criterion):
    assert best_epoch([np.nan, 0.3, np.nan, 0.3], criterion) == 1


@pytest.mark.parametrize(("model", "stream"), [(NonInertialNet, "mel128"), (Transformer, "face_mesh")])
def test_what_is_alone_cannot_be_dropped(model, stream):
    with pytest.raises(UserError, match="would take all that a network of one"):
        model(modality_dropout=0.3).build({stream: 4}, ["arousal"], frames=None)


def test_layers_of_an_lstm_are_named_as_they_are():
    with pytest.raises(UserError, match=r"model\.lstm_units is \(0,\)"):
        NonInertialNet(lstm_units=(0,)).build({"mel128": 4}, ["arousal"], frames=None)

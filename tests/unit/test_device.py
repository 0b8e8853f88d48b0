"""What a training sets before it builds its network, in the order in which Keras forgets nothing of it."""

import keras
import pytest

from emotf.config import Experiment, Training
from emotf.corpora.synthetic import Synthetic
from emotf.errors import UserError
from emotf.features.mfcc39 import Mfcc39
from emotf.losses.ccc import Ccc
from emotf.models.cer import Cer
from emotf.runs import Run
from emotf.training import loop


class Records:
    """Those of nobody."""

    def __init__(self, folder):
        pass

    def fingerprint(self, streams):
        return "none"


def builds(*_):
    raise UserError(keras.config.dtype_policy().name)


@pytest.fixture(autouse=True)
def afterwards():
    yield
    keras.config.set_dtype_policy("float32")


def test_a_network_is_built_in_the_precision_that_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "Store", Records)
    monkeypatch.setattr(loop, "check_extracted", builds)
    for precision in ("mixed_float16", "float32"):
        training = Training(precision=precision)
        experiment = Experiment(Synthetic(), {"mfcc39": Mfcc39()}, Cer(), Ccc(), training=training)
        with pytest.raises(UserError, match=f"^{precision}$"):
            loop.train(experiment, Run(tmp_path))


def test_a_batch_that_devices_cannot_share_is_refused():
    training = Training(batch=256, devices=3)
    experiment = Experiment(Synthetic(), {"mfcc39": Mfcc39()}, Cer(), Ccc(), training=training)
    with pytest.raises(UserError, match=r"batch is 256, which 3 devices cannot share equally; choose a multiple"):
        experiment.check()

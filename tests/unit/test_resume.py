"""A training that goes on after a stop ends as one that was not stopped: weights, learning rate, history."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from emotf.runs import Run
from emotf.training.state import Resume

SCORES = [0.1, 0.3, 0.2, 0.25, 0.28, 0.31, 0.3, 0.29, 0.2, 0.1]


class Scripted(keras.callbacks.Callback):
    """Development scores as they stand above."""

    def on_epoch_end(self, epoch, logs=None):
        logs["dev_ccc"] = SCORES[epoch]


def train(folder, epochs):
    """Goes on to an epoch; the history, the weights and the learning rate at its end."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9), "mse")
    model.optimizer.build(model.trainable_variables)
    x = np.random.default_rng(0).normal(size=(32, 3)).astype("float32")
    data = tf.data.Dataset.from_tensor_slices((x, x[:, :1])).batch(8)
    watch = {"monitor": "dev_ccc", "mode": "max"}
    stopping = keras.callbacks.EarlyStopping(**watch, patience=9, restore_best_weights=False)
    plateau = keras.callbacks.ReduceLROnPlateau(**watch, patience=2, factor=0.5, min_delta=0.0)
    resume = Resume(Run(folder), stopping, tf.Variable(0, dtype=tf.int64), plateau)
    model.fit(
        data, initial_epoch=resume.done, epochs=epochs, verbose=0, shuffle=False,
        callbacks=[Scripted(), stopping, plateau, resume],
    )  # fmt: skip
    return resume.rows, [np.array(weight) for weight in model.weights], float(model.optimizer.learning_rate)


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
@pytest.mark.parametrize("stop", [1, 3, 4, 7])
def test_a_stopped_training_lowers_its_learning_rate_as_one_that_was_not(tmp_path, stop):
    rows, weights, rate = train(tmp_path / "whole", 10)
    train(tmp_path / "stopped", stop)
    again, same, other = train(tmp_path / "stopped", 10)
    # nothing better in epochs 3 and 4 (of .3): halved; 5 is not better either, 6 is; 7 and 8, 9 and 10 are not
    assert [row["learning_rate"] for row in rows] == pytest.approx([0.1] * 4 + [0.05] * 4 + [0.025] * 2)
    assert rate == pytest.approx(0.0125)
    assert other == rate and again == rows
    for one, two in zip(weights, same, strict=True):
        np.testing.assert_array_equal(one, two)

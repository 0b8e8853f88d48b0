"""Masks over spectrograms: where they lie, what they leave, and that they repeat."""

import numpy as np
import pytest
import tensorflow as tf

from emotf.errors import UserError
from emotf.pipeline import Epochs, Masking, masked

FRAMES, BANDS, EXAMPLES = 20, 16, 400


def epochs_of(x: np.ndarray) -> Epochs:
    """Two batches, each x."""
    dataset = tf.data.Dataset.from_tensors(({"mel": x, "other": x[..., :2]}, {"arousal": x[:, 0, 0]})).repeat(2)
    return Epochs(dataset, tf.Variable(0, dtype=tf.int64, trainable=False), 2 * len(x), 2, 1)


def batches(epochs: Epochs, epoch: int = 0) -> list[np.ndarray]:
    epochs.epoch.assign(epoch)
    return [inputs["mel"] for inputs, _ in epochs.dataset.as_numpy_iterator()]


def ones() -> np.ndarray:
    return np.ones((EXAMPLES, FRAMES, BANDS), np.float32)


def widths(hidden: np.ndarray) -> np.ndarray:
    """The width of the one run of True in each row; fails where there are two."""
    edges = np.diff(np.pad(hidden, ((0, 0), (1, 1))).astype(int), axis=1)
    assert ((edges == 1).sum(axis=1) <= 1).all()
    return hidden.sum(axis=1)


def test_masks_of_time_are_stretches_of_every_width_at_every_place():
    found = masked(epochs_of(ones()), {"mel": Masking(frames=5)}, {"mel": np.zeros(BANDS)}, seed=1)
    hidden = batches(found)[0] == 0
    assert (hidden.all(axis=2) == hidden.any(axis=2)).all()  # whole frames
    counts = np.bincount(widths(hidden.any(axis=2)), minlength=6)
    assert len(counts) == 6 and (counts > EXAMPLES / 12).all()  # uniform: a sixth each
    assert hidden.any(axis=2).any(axis=0).all()


def test_masks_of_bands_and_time_together_and_several():
    found = masked(epochs_of(ones()), {"mel": Masking(3, 4, count=2)}, {"mel": np.zeros(BANDS)}, seed=1)
    hidden = batches(found)[0] == 0
    time, band = hidden.all(axis=2), hidden.all(axis=1)
    np.testing.assert_array_equal(hidden, time[:, :, None] | band[:, None, :])
    assert time.sum(axis=1).max() == 6 and band.sum(axis=1).max() == 8


def test_masks_depend_on_seed_epoch_and_batch_only():
    def of(seed: int) -> Epochs:
        return masked(epochs_of(ones()), {"mel": Masking(5)}, {"mel": np.zeros(BANDS)}, seed)

    first = batches(of(1))
    np.testing.assert_array_equal(first, batches(of(1)))
    for other in (batches(of(2))[0], batches(of(1), epoch=1)[0], first[1]):
        assert (first[0] != other).any()


def test_a_masked_value_is_the_fill_and_padding_stays():
    x = ones()
    x[:, 15:] = np.nan
    fill = np.arange(BANDS, dtype=np.float32) + 5
    found = masked(epochs_of(x), {"mel": Masking(20, 16)}, {"mel": fill}, seed=0)
    inputs, gold = next(found.dataset.as_numpy_iterator())
    assert np.isnan(inputs["mel"][:, 15:]).all() and not np.isnan(inputs["mel"][:, :15]).any()
    assert ((inputs["mel"] == 1) | (inputs["mel"] == fill) | np.isnan(x)).all()
    np.testing.assert_array_equal(inputs["other"], x[..., :2])
    np.testing.assert_array_equal(gold["arousal"], x[:, 0, 0])
    assert len(found.dataset) == 2


@pytest.mark.parametrize("masks", [Masking(), Masking(frames=-1, channels=3), Masking(frames=2, count=0)])
def test_masks_of_nothing_are_refused(masks):
    with pytest.raises(UserError, match=r"augmentation of mel: .* masks nothing"):
        masks.check("mel")

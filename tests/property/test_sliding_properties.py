"""What holds for every layout of rows, and for a network that slides over them, searched by hypothesis."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from emotf.models.cer import Cer
from emotf.models.pure_cnn import PureCnn
from emotf.pipeline.sliding import Rows


@st.composite
def recordings(draw, length=None, most=60):
    """Centres, offsets and lengths of one to three streams; the centres go on as clocks do, or anyhow."""
    images = draw(st.integers(1, most))
    length = length or draw(st.integers(2, 12))
    centres, offsets, frames = {}, {}, {}
    for k in range(draw(st.integers(1, 3))):
        stride, frames[k] = draw(st.integers(1, 7)), draw(st.integers(1, 80))
        offsets[k] = stride * np.arange(length) + draw(st.integers(-20, 20))
        if draw(st.booleans()):
            ratio, phase = draw(st.sampled_from([0.3, 0.5, 1.0, 1.2, 2.4, 4.0])), draw(st.floats(-5, 5))
            at = np.floor(ratio * np.arange(images) + phase)
        else:
            at = draw(st.lists(st.integers(0, 79), min_size=images, max_size=images))
        centres[k] = np.clip(np.array(at, np.int64), 0, frames[k] - 1)
    return centres, offsets, frames


def shown(recording, k):
    """The frames of stream k in each image, literally."""
    centres, offsets, frames = recording
    return np.array([[min(max(c + o, 0), frames[k] - 1) for o in offsets[k]] for c in centres[k]])


@settings(max_examples=300, deadline=None)
@given(recordings(), st.integers(1, 40))
def test_every_image_is_rows_in_a_line(recording, most):
    rows = Rows.of(*recording)
    images, length = len(recording[0][0]), rows.length
    for parts in ([rows], list(rows.blocks(most))):
        assert sorted(np.concatenate([part.images for part in parts]).tolist()) == list(range(images))
        for part in parts:
            assert part.starts[0] == 0 and part.starts[-1] + length == len(part.frames[0])
            for k in recording[0]:
                lines = part.frames[k][part.starts[:, None] + np.arange(length)]
                np.testing.assert_array_equal(lines, shown(recording, k)[part.images])
            assert part is rows or len(part.frames[0]) <= max(most, length)
    assert len(rows.frames[0]) <= images * length


@settings(max_examples=15, deadline=None)
@given(st.data())
def test_every_setting_slides_to_what_it_says_image_by_image(data):
    kernel, pool = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 4))
    length = kernel + pool - 1 + data.draw(st.integers(0, 8))
    length = max(2, length + length % 2)
    if data.draw(st.booleans()):
        over = data.draw(st.sampled_from(["frames", "filters"]))
        sizes = [data.draw(st.integers(1, 4)) for _ in range(3)]
        model = Cer(sizes[0], kernel, pool, sizes[1], sizes[2], over, data.draw(st.booleans()))
    else:
        model = PureCnn(3, (kernel, pool))
    centres, offsets, frames = recording = data.draw(recordings(length, most=20))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    values = {f"s{k}": rng.normal(size=(count, k + 1)).astype(np.float32) for k, count in frames.items()}
    targets = ["arousal", "valence"][: data.draw(st.integers(1, 2))]
    network = model.build({name: x.shape[1] for name, x in values.items()}, targets, length)
    for weight in network.trainable_weights:
        weight.assign(weight + rng.normal(scale=0.3, size=weight.shape))
    rows = Rows.of(centres, offsets, frames)
    said = model.sliding(network)(
        {f"s{k}": values[f"s{k}"][rows.frames[k]] for k in frames}, rows.starts.astype(np.int32)
    )
    expected = network({f"s{k}": values[f"s{k}"][shown(recording, k)][rows.images] for k in frames})
    for target in targets:
        np.testing.assert_allclose(said[target], expected[target], atol=1e-5, rtol=0)

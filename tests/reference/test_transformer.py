"""The Transformer against its equations in NumPy and against Keras' attention; what it sees and what it does not."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from emotf.errors import UserError
from emotf.models._transformer import Attention, Positions
from emotf.models.transformer import Transformer

STREAMS = {"mesh": 6, "feature": 5}
TARGETS = ("arousal", "valence")
BATCH, FRAMES, WIDTH, HEADS, HIDDEN = 3, 8, 12, 3, 10
LENGTHS = (8, 3, 6)
VARIANTS = [(decoder, causal) for decoder in ("embedding", "none") for causal in (False, True)]


def small(streams=STREAMS, **fields):
    sizes = {"width": WIDTH, "heads": HEADS, "depth": 2, "feed_forward": HIDDEN}
    return randomised(Transformer(**sizes | fields).build(streams, TARGETS, None))


def randomised(network):
    rng = np.random.default_rng(1)
    for weight in network.weights:
        weight.assign(rng.normal(size=weight.shape) * 0.4)
    return network


def sequences(frames=FRAMES):
    rng = np.random.default_rng(0)
    x = {name: rng.normal(size=(BATCH, FRAMES, p)).astype("float32") for name, p in STREAMS.items()}
    x = {name: np.pad(v, ((0, 0), (0, frames - FRAMES), (0, 0)), constant_values=np.nan) for name, v in x.items()}
    present = np.arange(frames) < np.array(LENGTHS)[:, None]
    for value in x.values():
        value[~present] = np.nan
    return x, present


# ---- in NumPy --------------------------------------------------------------------------------------------------------


def softmax(x):
    return np.exp(x) / np.exp(x).sum()


def attention(x, memory, weights, heads, length, causal):
    """One sequence: x [frames, width], frame by frame and head by head; memory has `length` frames that count."""
    w_q, b_q, w_k, b_k, w_v, b_v, w_o, b_o = weights
    d = x.shape[1] // heads
    out = np.zeros((len(x), w_o.shape[1]))
    for t in range(len(x)):
        sees = [s for s in range(length) if s <= t or not causal]
        joined = []
        for head in range(heads):
            part = slice(head * d, (head + 1) * d)
            q = x[t] @ w_q[:, part] + b_q[part]
            scores = [q @ (memory[s] @ w_k[:, part] + b_k[part]) / np.sqrt(d) for s in sees]
            values = [memory[s] @ w_v[:, part] + b_v[part] for s in sees]
            joined.append(sum(a * v for a, v in zip(softmax(np.array(scores)), values, strict=True)))
        out[t] = np.concatenate(joined) @ w_o + b_o
    return out


def positions(frames, width):
    p = np.zeros((frames, width))
    for t in range(frames):
        for i in range(width // 2):
            p[t, 2 * i] = np.sin(t / 10000 ** (2 * i / width))
            p[t, 2 * i + 1] = np.cos(t / 10000 ** (2 * i / width))
    return p


def equations(network, x, length, decoder, causal):
    """Outputs [frames, targets] of one sequence."""
    weights = {layer.name: [np.asarray(w, np.float64) for w in layer.weights] for layer in network.layers}

    def normalised(name, h):
        gamma, beta = weights[f"{name}_norm"]
        mean, variance = h.mean(axis=1, keepdims=True), h.var(axis=1, keepdims=True)
        return gamma * (h - mean) / np.sqrt(variance + 1e-3) + beta

    def attended(name, h, memory):
        return normalised(name, h + attention(h, memory, weights[name], HEADS, length, causal))

    def fed_forward(name, h):
        (w1, b1), (w2, b2) = weights[f"{name}_hidden"], weights[f"{name}_feed_forward"]
        return normalised(f"{name}_feed_forward", h + np.maximum(h @ w1 + b1, 0) @ w2 + b2)

    x = {name: np.nan_to_num(value.astype(np.float64)) for name, value in x.items()}
    embedded = sum(x[name] @ weights[f"{name}_embedding"][0] + weights[f"{name}_embedding"][1] for name in STREAMS)
    embedded = embedded + positions(len(embedded), WIDTH)
    h = embedded
    for k in (1, 2):
        h = fed_forward(f"encoder{k}", attended(f"encoder{k}_attention", h, h))
    if decoder == "embedding":
        memory, h = h, embedded
        for k in (1, 2):
            h = attended(f"decoder{k}_attention", h, h)
            h = fed_forward(f"decoder{k}", attended(f"decoder{k}_cross", h, memory))
    return np.concatenate([h @ weights[f"{t}_linear"][0] + weights[f"{t}_linear"][1] for t in TARGETS], axis=1)


@pytest.mark.parametrize(("decoder", "causal"), VARIANTS)
def test_it_is_its_equations(decoder, causal):
    network = small(decoder=decoder, causal=causal)
    x, _ = sequences()
    found = network(x)
    for n, length in enumerate(LENGTHS):
        wanted = equations(network, {name: value[n] for name, value in x.items()}, length, decoder, causal)
        for i, target in enumerate(TARGETS):
            np.testing.assert_allclose(found[target][n, :length], wanted[:length, i], atol=2e-5)
        assert wanted[:length].std() > 0.03


@pytest.mark.parametrize("causal", [False, True])
def test_attention_is_that_of_keras(causal):
    rng = np.random.default_rng(0)
    x, memory = (rng.normal(size=(BATCH, FRAMES, WIDTH)).astype("float32") for _ in range(2))
    _, present = sequences()
    ours, stock = Attention(HEADS, causal), keras.layers.MultiHeadAttention(HEADS, WIDTH // HEADS)
    ours(x, memory, present), stock(x, memory)
    randomised(ours)
    # theirs lie by head: [width, heads, d], and [heads, d, width] of the last
    stock.set_weights([np.reshape(w, s.shape) for w, s in zip(ours.get_weights(), stock.weights, strict=True)])
    with tf.GradientTape(persistent=True) as tape:
        one = ours(x, memory, present)
        other = stock(x, memory, attention_mask=present[:, None, :], use_causal_mask=causal)
        ends = [tf.reduce_sum(tf.sin(value)) for value in (one, other)]
    np.testing.assert_allclose(one, other, atol=1e-5)
    gradients = [
        tape.gradient(end, [w.value for w in layer.weights]) for end, layer in zip(ends, (ours, stock), strict=True)
    ]
    for mine, theirs in zip(*gradients, strict=True):
        np.testing.assert_allclose(mine, np.reshape(theirs, mine.shape), atol=2e-5)


def test_positions_are_sines_and_cosines():
    found = Positions()(np.zeros((1, 500, 16), "float32"))[0]
    np.testing.assert_allclose(found, positions(500, 16), atol=1e-4)
    half = Positions(dtype="float16")(np.zeros((1, 3000, 4), "float16"))[0]
    np.testing.assert_allclose(half, positions(3000, 4), atol=2e-3)


# ---- what a frame sees -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("decoder", "causal"), VARIANTS)
def test_padding_never_changes_a_frame(decoder, causal):
    """Neither its output nor the gradient, however much of it there is."""
    seen = []
    for frames in (FRAMES, FRAMES + 30):
        network = small(decoder=decoder, causal=causal, dropout=0.0)
        x, present = sequences(frames)
        with tf.GradientTape() as tape:
            out = network(x, training=True)
            end = sum(tf.reduce_sum(tf.sin(value[present])) for value in out.values())
        gradients = tape.gradient(end, [weight.value for weight in network.weights])
        assert all(np.isfinite(value).all() for value in out.values())
        seen.append(([value[present].numpy() for value in out.values()], gradients))
    for one, other in zip(seen[0][0], seen[1][0], strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    for one, other in zip(seen[0][1], seen[1][1], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("decoder", "causal"), VARIANTS)
def test_only_the_causal_one_does_not_see_the_future(decoder, causal):
    network = small(decoder=decoder, causal=causal)
    x = {name: tf.constant(np.nan_to_num(value)) for name, value in sequences()[0].items()}
    for t in range(FRAMES):
        with tf.GradientTape() as tape:
            tape.watch(x)
            end = sum(tf.reduce_sum(value[:, t]) for value in network(x).values())
        for gradient in tape.gradient(end, x).values():
            per_frame = np.abs(gradient).max(axis=(0, 2))
            assert (per_frame[: t + 1] > 1e-6).all()
            assert (per_frame[t + 1 :] == 0).all() if causal else (per_frame[t + 1 :] > 1e-6).all()


@pytest.mark.parametrize(("decoder", "causal"), VARIANTS)
def test_recordings_of_a_batch_do_not_know_of_each_other(decoder, causal):
    network = small(decoder=decoder, causal=causal)
    x, _ = sequences()
    order = [2, 0, 1]
    straight, permuted = network(x), network({name: value[order] for name, value in x.items()})
    for target in TARGETS:
        np.testing.assert_allclose(permuted[target], straight[target].numpy()[order], atol=1e-6)


def test_a_sequence_of_nothing_but_padding_harms_no_other():
    network = small(dropout=0.0)
    x, _ = sequences()
    for value in x.values():
        value[1] = np.nan
    found, alone = network(x), network({name: value[[0, 2]] for name, value in x.items()})
    for target in TARGETS:
        assert np.isfinite(found[target]).all()
        np.testing.assert_allclose(found[target].numpy()[[0, 2]], alone[target], atol=1e-6)


# ---- training, sizes, fields -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("jit_compile", [False, True])
def test_training_in_a_graph_is_training_step_by_step(jit_compile):
    x, present = sequences()
    gold = {name: np.where(present, x["mesh"][..., i], 0) for i, name in enumerate(TARGETS)}
    ends = []
    for eager in (True, False):
        network = small(dropout=0.0, causal=True)
        network.compile(keras.optimizers.SGD(0.01), "mse", run_eagerly=eager, jit_compile=jit_compile and not eager)
        network.fit(x, gold, epochs=3, batch_size=BATCH, shuffle=False, verbose=0)
        ends.append(network.get_weights())
    for one, other in zip(*ends, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-5)


def test_half_precision_hides_padding_too():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        network = small(dropout=0.0)
    finally:
        keras.config.set_dtype_policy(before)
    (x, present), (longer, _) = sequences(), sequences(FRAMES + 5)
    found, padded = network(x)["arousal"], network(longer)["arousal"]
    assert found.dtype == "float32" and np.isfinite(padded).all()
    np.testing.assert_allclose(padded[:, :FRAMES][present], found[present], atol=5e-3)


@pytest.mark.parametrize("decoder", ["embedding", "none"])
def test_its_weights_are_counted(decoder):
    w, f, depth = 256, 1024, 2
    attention, norm, fed = 4 * (w * w + w), 2 * w, w * f + f + f * w + w
    encoder = depth * (attention + fed + 2 * norm)
    behind = depth * (2 * attention + fed + 3 * norm) if decoder == "embedding" else 0
    for streams in ({"face_mesh": 1404}, {"face_mesh": 1404, "resnet50": 2048, "evm_color": 2048}):
        embeddings = sum(channels * w + w for channels in streams.values())
        network = Transformer(decoder=decoder).build(streams, TARGETS, None)
        assert network.count_params() == embeddings + encoder + behind + 2 * (w + 1)
        assert len(network.trainable_weights) == len(network.weights)


def test_every_stream_starts_at_the_same_scale():
    streams = {"few": 3, "many": 2000}
    network = Transformer().build(streams, TARGETS, None)
    rng = np.random.default_rng(0)
    for name, channels in streams.items():
        made = network.get_layer(f"{name}_embedding")(rng.normal(size=(500, channels)).astype("float32"))
        assert np.var(made) == pytest.approx(1, abs=0.25)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"width": 10, "heads": 4}, "model.width is 10, expected an even multiple of model.heads, 4"),
        ({"width": 9, "heads": 3}, "model.width is 9, expected an even multiple"),
        ({"decoder": "query"}, "model.decoder is 'query', expected one of embedding, none"),
        ({"dropout": 1.0}, "model.dropout is 1.0; expected at least 0 and below 1"),
        ({"modality_dropout": 2.0}, "model.modality_dropout is 2.0"),
        ({"depth": 0}, "model.depth must be at least 1"),
    ],
)
def test_settings_that_do_not_fit_are_refused(fields, message):
    with pytest.raises(UserError, match=message):
        small(**fields)

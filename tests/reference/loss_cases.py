"""The losses that are tried, each with its fields at least once off their defaults, and the data they are tried on."""

import numpy as np

from emotf import catalog

NAN = np.nan

# Beside the default of every loss in the catalog, and pool='sequence' of every loss that has it.
OPTIONS = {
    "mse_over_cc": [{"floor": 0.5, "pool": "sequence"}],
    "tube": [{"epsilon": 0.3}],
    "non_inertial": [
        {
            "distance": "squared", "direction": "angle", "t": 0.5, "distance_weight": 0.7, "velocity_weight": 1.2,
            "direction_weight": 0.4,
        }
    ],
    "non_inertial_extended": [
        {
            "absolute": "outside", "t": 0.5, "distance_weight": 0.7, "velocity_weight": 1.2, "angle_weight": 0.4,
            "acceleration_weight": 1.5,
        }
    ],
}  # fmt: skip


def losses():
    """(label, name, fields) of all that is tried; new losses are found by themselves."""
    for name in catalog.names("losses"):
        yield name, name, {}
        options = OPTIONS.get(name, [])
        if "pool" in catalog.find("losses", name)().get_config() and not options:
            options = [{"pool": "sequence"}]
        for fields in options:
            yield f"{name} {fields.get('pool', 'with options')}", name, fields


LOSSES = {label: (name, fields) for label, name, fields in losses()}


def make(label):
    name, fields = LOSSES[label]
    return catalog.find("losses", name)(**fields)


def shape_of(loss, small=False):
    """[batch] for a plain loss, [batch, frames] for one over sequences, [batch, frames, 2] for a joint one."""
    if loss.joint:
        return (2, 9, 2) if small else (4, 30, 2)
    if loss.sequential:
        return (3, 10) if small else (4, 64)
    return (31,) if small else (257,)


REGULAR = (
    "random", "tiny scale", "large offset", "gold far off", "tiny scale at an offset", "masked",
    "masked, the first too", "opposite", "two frames",
)  # fmt: skip
FLAT = (
    "constant gold", "constant prediction", "two constants", "one constant", "constants at an offset", "one frame",
    "one rated frame", "nothing rated",
)  # fmt: skip
MASKED = ("masked", "masked, the first too")


def pair(case, shape, seed=3):
    """Gold and prediction in float32, of a shape of `shape_of`."""
    rng = np.random.default_rng(seed)
    y = rng.normal(size=shape)
    p = 0.6 * y + 0.5 * rng.normal(size=shape) + 0.3
    targets = shape[2] if len(shape) == 3 else 1
    frames_first = y.reshape(-1, targets)
    if case == "tiny scale":
        y, p = 1e-4 * y, 1e-4 * p
    elif case == "large offset":
        y, p = 1e3 + y, 1e3 + p
    elif case == "gold far off":
        y = 1e3 + y
    elif case == "tiny scale at an offset":
        y, p = 1 + 1e-3 * y, 1 + 1e-3 * p
    elif case == "masked":
        y[rng.random(shape) < 0.2] = NAN
    elif case == "masked, the first too":
        frames_first[: max(len(frames_first) // 5, 3)] = NAN
    elif case == "opposite":
        p = -p
    elif case == "constant gold":
        y[:] = 0.1
    elif case == "constant prediction":
        p[:] = 0.1
    elif case == "two constants":
        y[:], p[:] = 0.1, 0.3
    elif case == "one constant":
        y[:] = p[:] = 0.1
    elif case == "constants at an offset":
        y[:], p[:] = 1000.1, 1000.1
    elif case == "one rated frame" or (case == "one frame" and len(shape) == 2):
        frames_first[1:] = NAN  # a loss over sequences refuses those of one frame
    elif case == "nothing rated":
        y[:] = NAN
    elif case in ("one frame", "two frames"):
        count = ("one frame", "two frames").index(case) + 1
        y, p = (x[:count] if len(shape) == 1 else x[:1, :count] for x in (y, p))
    elif case != "random":
        raise ValueError(case)
    return y.astype(np.float32), p.astype(np.float32)


def rated_runs(y):
    """(start, stop) of the runs of frames of [frames, targets] in which all targets are rated."""
    rated = np.concatenate([[False], ~np.isnan(y).any(axis=-1), [False]])
    return list(np.flatnonzero(rated[1:] != rated[:-1]).reshape(-1, 2))


def value_and_gradient(loss, y, p):
    import tensorflow as tf

    p = tf.convert_to_tensor(p)
    with tf.GradientTape() as tape:
        tape.watch(p)
        value = loss(tf.convert_to_tensor(y), p)
    return float(value), tape.gradient(value, p).numpy()


def slope(function, p, step):
    """The gradient of a function of `p` by central differences, in float64."""
    p = np.asarray(p, np.float64)
    found = np.zeros_like(p)
    for i in np.ndindex(p.shape):
        shift = np.zeros_like(p)
        shift[i] = step
        found[i] = (function(p + shift) - function(p - shift)) / (2 * step)
    return found

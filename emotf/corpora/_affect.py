"""Latent affect, motion and raters of the synthetic corpus (equations in `synthetic`)."""

from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

from emotf.corpora._speech import CONTROL_HZ, smooth_noise

MOTION_HZ = 60
RATING_HZ = 20
RATERS = 6
JOINTS = ("spine", "head", "left_arm", "right_arm")
ANGLES = tuple(f"{joint}_{axis}" for joint in JOINTS for axis in "xyz")


def affect(rng: np.random.Generator, frames: int, coupling: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Latent arousal, dominance and valence, each [frames] at `CONTROL_HZ`, in (-1, 1)."""
    own = [smooth_noise(rng, frames, CONTROL_HZ, seconds)[:, 0] for seconds in (2.5, 3.0, 3.5)]
    a = own[0]
    d = 0.5 * a + np.sqrt(0.75) * own[1]
    # a + d has variance 3, so that v has variance 1 whatever the coupling
    v = coupling * (a + d) / np.sqrt(3) + np.sqrt(1 - coupling**2) * own[2]
    return np.tanh(0.42 * a), np.tanh(0.42 * d), np.tanh(0.42 * v)


@dataclass(frozen=True)
class Body:
    """A subject's own way of moving.

    Attributes:
        posture: [12] degrees, the resting angles.
        mobility: factor on the size of all movement.
        tempo_hz: gestures a second when calm.
        share: [12] how much each angle takes part in a gesture.
    """

    posture: np.ndarray
    mobility: float
    tempo_hz: float
    share: np.ndarray


def draw_body(rng: np.random.Generator) -> Body:
    reach = np.repeat([0.4, 0.6, 1.2, 1.2], 3)
    return Body(
        posture=rng.normal(0, 15, len(ANGLES)),
        mobility=2 ** (0.4 * rng.normal()),
        tempo_hz=0.6 * 2 ** (0.2 * rng.normal()),
        share=reach * rng.uniform(0.5, 1.5, len(ANGLES)),
    )


def move(rng: np.random.Generator, body: Body, arousal: np.ndarray) -> np.ndarray:
    """Euler angles in degrees, float64 [frames, 12] at `MOTION_HZ`; arousal is [frames] at `CONTROL_HZ`."""
    frames = round(len(arousal) / CONTROL_HZ * MOTION_HZ)
    a = np.interp(np.arange(frames) / MOTION_HZ, np.arange(len(arousal)) / CONTROL_HZ, arousal)
    wander = smooth_noise(rng, frames, MOTION_HZ, 1.0)[:, 0]
    burst = 1 / (1 + np.exp(-2.5 * smooth_noise(rng, frames, MOTION_HZ, 1.0)[:, 0]))  # gestures come and go
    phase = 2 * np.pi * np.cumsum(body.tempo_hz * np.exp2(0.6 * a + 0.3 * wander)) / MOTION_HZ
    shift = rng.uniform(0, 2 * np.pi, len(ANGLES))
    size = 8 * body.mobility * body.share * (np.exp2(1.2 * a) * burst)[:, None]
    sway = 4 * smooth_noise(rng, frames, MOTION_HZ, 2.0, len(ANGLES))
    return body.posture + sway + size * np.sin(phase[:, None] + shift) + rng.normal(0, 0.2, (frames, len(ANGLES)))


@dataclass(frozen=True)
class Rater:
    """A rater's habits: y(t) = scale * (lowpass x)(t - delay) + offset + smooth noise.

    Attributes:
        delay: seconds of pure delay.
        sluggishness: seconds, time constant of a first-order low-pass.
        scale, offset: of the rater's use of the range.
        noise: standard deviation of the smooth noise (time constant 1 s).
        absence: share of the time in which nothing is rated.
    """

    delay: float
    sluggishness: float
    scale: float
    offset: float
    noise: float
    absence: float


def draw_rater(rng: np.random.Generator) -> Rater:
    return Rater(
        delay=rng.uniform(0.1, 0.7),
        sluggishness=rng.uniform(0.15, 0.35),
        scale=rng.uniform(0.7, 1.2),
        offset=rng.normal(0, 0.06),
        noise=rng.uniform(0.08, 0.16),
        absence=rng.uniform(0.0, 0.1),
    )


def rate(rng: np.random.Generator, rater: Rater, trace: np.ndarray) -> np.ndarray:
    """A rater's trace, [frames] at `RATING_HZ` in [-1, 1], NaN where absent; `trace` is [frames] at `CONTROL_HZ`."""
    frames = round(len(trace) / CONTROL_HZ * RATING_HZ)
    p = np.exp(-1 / (rater.sluggishness * CONTROL_HZ))
    # the filter starts from the first value at rest, or every trace would begin at zero
    felt = lfilter([1 - p], [1, -p], trace - trace[0]) + trace[0]
    seen = np.interp(np.arange(frames) / RATING_HZ - rater.delay, np.arange(len(trace)) / CONTROL_HZ, felt)
    rating = rater.scale * seen + rater.offset + rater.noise * smooth_noise(rng, frames, RATING_HZ, 1.0)[:, 0]
    rating = np.clip(rating, -1, 1)
    # about ten stretches share the absence of a long recording; none is shorter than 2 s
    length = max(round(rater.absence * frames / 10), 2 * RATING_HZ)
    for _ in range(rng.poisson(rater.absence * frames / length)):
        begin = rng.integers(0, max(frames - length, 1))
        rating[begin : begin + length] = np.nan
    return rating

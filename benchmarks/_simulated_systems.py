"""Systems whose true scores are known: recordings of subjects, traces that wander, predictions that err alike.

Gold standards are AR(1) traces around a mean of their recording and of their subject. A prediction is gain · gold +
offset + AR(1) noise; gains and offsets differ from subject to subject, and half of that and of the noise is the same
for all systems. Subjects are independent, nothing else is.
"""

from dataclasses import dataclass, fields
from functools import cache

import numpy as np

from emotf.measures import POOLED, Moments

FRAMES = 100
GOLD_MEMORY, NOISE_MEMORY = 0.95, 0.9
RECORDING_SD = 0.3
SHARED = 0.5

# sd over subjects of the mean of gold, of the offset, and of the gain by its mean
UNLIKE = {"not": (0.0, 0.0, 0.0), "somewhat": (0.5, 0.3, 0.25), "strongly": (1.0, 0.8, 0.5)}


@dataclass(frozen=True)
class Simulation:
    """Subjects so unlike, each with 1 recording, or with 1 to 5; systems of these mean gains and sds of noise."""

    unlike: str = "not"
    several: bool = False
    gains: tuple[float, ...] = (0.6, 0.45, 0.3)
    noises: tuple[float, ...] = (0.6, 0.7, 0.8)

    def subjects(self, units):
        """The subject of each recording [recordings]."""
        return np.repeat(np.arange(units), 1 + np.arange(units) % 5 if self.several else 1)

    def systems(self, rng, runs, units):
        """Recording -> moments whose fields are [runs], for every system; and recording -> subject."""
        subject = self.subjects(units)
        gold_sd, offset_sd, gain_sd = UNLIKE[self.unlike]

        def of_subjects():
            return rng.standard_normal((runs, units, 1))[:, subject]

        def partly(shared, own):
            return np.sqrt(SHARED) * shared + np.sqrt(1 - SHARED) * own

        size = (runs, len(subject))
        gold = autoregressive(rng, size, GOLD_MEMORY) + gold_sd * of_subjects()
        gold += RECORDING_SD * rng.standard_normal((*size, 1))
        gain, offset, noise = of_subjects(), of_subjects(), autoregressive(rng, size, NOISE_MEMORY)
        found = []
        for mean_gain, noise_sd in zip(self.gains, self.noises, strict=True):
            own = mean_gain * (1 + gain_sd * partly(gain, of_subjects())) * gold
            own += offset_sd * partly(offset, of_subjects())
            own += noise_sd * partly(noise, autoregressive(rng, size, NOISE_MEMORY))
            found.append({f"{k:03}": [part] for k, part in enumerate(moments(gold, own))})
        return found, {f"{k:03}": f"{of:03}" for k, of in enumerate(subject)}

    def truth(self, pooling, measure):
        """The score of each system on all subjects there could be: exact where pooled, else that of 100,000 of them."""
        if pooling == POOLED:
            return np.array([getattr(part, measure) for part in self.population()])
        return _expected(Simulation(self.unlike, False, self.gains, self.noises), measure)

    def population(self):
        """Expected moments of a frame, around means of 0."""
        gold_sd, offset_sd, gain_sd = UNLIKE[self.unlike]
        gold = 1 + RECORDING_SD**2 + gold_sd**2
        for gain, noise in zip(self.gains, self.noises, strict=True):
            own = gain**2 * (1 + gain_sd**2) * gold + offset_sd**2 + noise**2
            yield Moments(1, 0.0, 0.0, gold, own, gain * gold, gold + own - 2 * gain * gold)


def autoregressive(rng, size, memory):
    """Traces of variance 1, [*size, FRAMES]."""
    from scipy.signal import lfilter

    steps = rng.standard_normal((*size, FRAMES))
    steps[..., 1:] *= np.sqrt(1 - memory**2)
    return lfilter([1.0], [1.0, -memory], steps, axis=-1)


def moments(gold, prediction):
    """Moments of every recording, fields [runs]; of traces [runs, recordings, frames]."""
    y_mean, p_mean = gold.mean(axis=-1), prediction.mean(axis=-1)
    y, p = gold - y_mean[..., None], prediction - p_mean[..., None]
    error = gold - prediction
    powers = [np.einsum("rkt,rkt->rk", *pair) for pair in ((y, y), (p, p), (y, p), (error, error))]
    unknown = np.full_like(y_mean, np.nan)  # mae and sagr
    columns = [np.full_like(y_mean, FRAMES), y_mean, p_mean, *powers, unknown, unknown]
    return [Moments(*(column[:, k] for column in columns)) for k in range(y_mean.shape[1])]


def of_run(system, run):
    """The system of one run, as a toolkit's user has it."""
    names = [field.name for field in fields(Moments)]
    return {
        name: [Moments(*(getattr(part, of)[run] for of in names)) for part in parts] for name, parts in system.items()
    }


@cache
def _expected(simulation, measure):
    """The mean score of a recording under each system, of 100,000 recordings of as many subjects."""
    rng = np.random.default_rng(1)
    parts = [simulation.systems(rng, 250, 100)[0] for _ in range(4)]
    values = [[[getattr(part, measure) for (part,) in system.values()] for system in systems] for systems in parts]
    return np.mean(values, axis=(0, 2, 3))

"""Points of the valence-arousal plane in words: the nearest emotion word of a published circumplex.

Words and places are those of Scherer (2005), figure 1: valence to the right, arousal upwards, the unit circle around
them. The figure prints no numbers; several public programs that draw it carry lists that somebody measured off it, and
name no source. A word stands here where at least two of five such lists agree within 0.03 in both directions, at the
median of those that agree: 87 words, good to about 0.02 as far as such lists are independent. Lexica of thousands of
rated words (Warriner et al. 2013, NRC VAD) may not be passed on here.

Most words lie far from the middle. A weak prediction takes its name from the few near it (`impatient`, `suspicious`,
`worried`, `apathetic`), and the distance says how little the name fits.

Reference:
    Scherer (2005), What are emotions? And how can they be measured? Social Science Information 44(4), figure 1.
    Paltoglou & Thelwall (2013) put the same figure to the same use.
"""

import numpy as np

from emotf.errors import UserError

PLANE = ("valence", "arousal")

# word -> its place in the plane, both -1 to 1
WORDS: dict[str, tuple[float, float]] = {
    "adventurous": (0.48, 0.92), "afraid": (-0.12, 0.79), "alarmed": (-0.08, 0.89), "ambitious": (0.44, 0.65),
    "amorous": (0.84, -0.15), "amused": (0.55, 0.20), "angry": (-0.40, 0.79), "annoyed": (-0.44, 0.66),
    "anxious": (-0.72, -0.80), "apathetic": (-0.20, -0.12), "aroused": (0.36, 0.92), "ashamed": (-0.45, -0.50),
    "at ease": (0.76, -0.60), "attentive": (0.48, -0.47), "bitter": (-0.80, 0.26), "bored": (-0.34, -0.78),
    "compassionate": (0.38, -0.92), "conceited": (0.18, 0.66), "confident": (0.51, -0.20),
    "conscientious": (0.32, -0.80), "contemplative": (0.58, -0.60), "contemptuous": (-0.57, 0.66),
    "content": (0.81, -0.56), "convinced": (0.42, 0.42), "defiant": (-0.61, 0.72), "dejected": (-0.51, -0.86),
    "delighted": (0.88, 0.36), "depressed": (-0.81, -0.46), "desperate": (-0.80, -0.50), "despondent": (-0.57, -0.43),
    "determined": (0.73, 0.26), "disappointed": (-0.80, -0.03), "discontented": (-0.67, 0.33),
    "disgusted": (-0.67, 0.49), "dissatisfied": (-0.60, -0.17), "distressed": (-0.70, 0.56),
    "distrustful": (-0.48, 0.10), "doubtful": (-0.28, -0.96), "droopy": (-0.32, -0.92), "embarrassed": (-0.32, -0.60),
    "enraged": (-0.18, 0.72), "enthusiastic": (0.50, 0.32), "envious": (-0.27, 0.82), "excited": (0.70, 0.72),
    "expectant": (0.32, 0.06), "feeling superior": (0.32, 0.56), "friendly": (0.75, -0.60),
    "frustrated": (-0.60, 0.39), "glad": (0.94, -0.16), "gloomy": (-0.86, -0.47), "guilty": (-0.40, -0.43),
    "happy": (0.89, 0.17), "hateful": (-0.58, 0.86), "hesitant": (-0.31, -0.72), "hopeful": (0.61, -0.30),
    "impatient": (-0.05, 0.30), "impressed": (0.38, -0.07), "indignant": (-0.24, 0.46), "insulted": (-0.74, 0.20),
    "jealous": (-0.08, 0.56), "languid": (-0.22, -0.50), "light-hearted": (0.41, 0.30), "loathing": (-0.80, 0.43),
    "longing": (0.22, -0.42), "lusting": (0.22, 0.85), "miserable": (-0.92, -0.14), "passionate": (0.32, 0.12),
    "peaceful": (0.55, -0.80), "pensive": (0.03, -0.60), "pleased": (0.89, -0.10), "polite": (0.38, -0.67),
    "relaxed": (0.71, -0.65), "sad": (-0.82, -0.40), "satisfied": (0.77, -0.63), "self-confident": (0.81, 0.66),
    "serene": (0.84, -0.48), "serious": (0.22, -0.67), "sleepy": (0.02, -1.00), "solemn": (0.81, -0.47),
    "startled": (-0.92, 0.04), "suspicious": (-0.32, 0.26), "taken aback": (-0.40, -0.23), "tense": (-0.02, 0.85),
    "tired": (-0.02, -0.99), "uncomfortable": (-0.68, -0.37), "wavering": (-0.58, -0.70), "worried": (-0.08, -0.33),
}  # fmt: skip

# Farther out than this, values are no valence and arousal of -1 to 1, however far a network overshoots.
FARTHEST = 2.0


def words(valence: np.ndarray, arousal: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The nearest emotion word of every frame and how far off it is.

    Args:
        valence: [frames], -1 (unpleasant) to 1.
        arousal: [frames], -1 (calm) to 1.

    Returns:
        The words, str [frames], and the Euclidean distances, float64 [frames]; "" and NaN where a value is NaN. Of two
        words as near, the first in the alphabet.

    Raises:
        UserError: shapes differ, or values lie on another scale.

    Example:
        >>> named, distance = words(np.array([0.8, -0.2]), np.array([0.1, 0.3]))
        >>> named.tolist(), distance.round(2).tolist()
        (['happy', 'suspicious'], [0.11, 0.13])
    """
    points = np.stack(_checked(valence, arousal), axis=-1)
    nearest = np.full(len(points), -1)
    distance = np.full(len(points), np.inf)
    for place, word in enumerate(WORDS.values()):  # one word at a time: hours of frames by all words would fill memory
        away = np.linalg.norm(points - word, axis=-1)
        nearer = away < distance
        nearest[nearer], distance[nearer] = place, away[nearer]
    return np.array([*WORDS, ""])[nearest], np.where(nearest < 0, np.nan, distance)


def _checked(valence: np.ndarray, arousal: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    valence, arousal = np.asarray(valence, np.float64), np.asarray(arousal, np.float64)
    if valence.ndim != 1 or valence.shape != arousal.shape:
        raise UserError(
            f"Words need valence and arousal of the same frames, received shapes {list(valence.shape)} and "
            f"{list(arousal.shape)}."
        )
    for name, values in (("valence", valence), ("arousal", arousal)):
        farthest = np.nanmax(np.abs(values), initial=0.0)
        if farthest > FARTHEST:
            raise UserError(f"Words need {name} from -1 to 1, but it reaches {farthest:.3g}; rescale the ratings.")
    return valence, arousal

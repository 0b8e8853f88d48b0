"""What the synthetic twins of published pictures are made of: faces that are drawn with an expression, and votes."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np

from emotf.corpora import _twin
from emotf.corpora._drawn_face import DrawnFace

# smile, opening of the mouth and lift of the brows
EXPRESSIONS = {
    "angry": (-0.4, 0.0, -7.0),
    "disgust": (-1.3, 0.6, -4.0),
    "fear": (-0.9, 1.1, 6.0),
    "happy": (1.6, 0.5, 0.0),
    "sad": (-1.5, 0.0, 3.0),
    "surprise": (0.2, 1.9, 8.0),
    "neutral": (0.0, 0.0, 0.0),
    "contempt": (1.0, 0.0, -5.0),
}
# what the corpora call them
_ALSO = {"happiness": "happy", "sadness": "sad", "anger": "angry"}


def begin(folder: Path, corpus: str, about: str) -> Path:
    """Makes the folder and its TWIN.txt. Raises UserError where the folder holds something."""
    return _twin.begin(folder, corpus, about, "its file names and formats, but pictures that were drawn")


def draw(rng: np.random.Generator, expression: str, size: int = 48) -> np.ndarray:
    """A grey face with an expression, uint8 [size, size, 1]; `rng` varies the face, its place and the light."""
    smile, opening, lift = EXPRESSIONS[_ALSO.get(expression, expression)]
    face = DrawnFace(
        smile + 0.15 * rng.normal(),
        max(0.0, opening + 0.1 * rng.normal()),
        lift + 0.5 * rng.normal(),
        rng.uniform(-0.25, 0.25),
    )
    margin = size // 8  # what is cut away around the face, a little to the side
    whole = face.picture(size + margin) @ np.array([0.299, 0.587, 0.114])
    down, across = rng.integers(0, margin + 1, 2)
    light, noise = rng.uniform(0.7, 1.15), 4 * rng.normal(size=(size, size))
    picture = light * whole[down : down + size, across : across + size] + rng.uniform(-10, 10) + noise
    return picture.round().clip(0, 255).astype(np.uint8)[..., None]


def dealt_faces(
    seed: int, classes: tuple[str, ...], counts: Mapping[str, int], rare: str
) -> Iterator[tuple[int, str, np.ndarray]]:
    """(label, usage, picture), in mixed order; `counts` is usage -> faces a class, half as many of the rare class."""
    for part, (usage, count) in enumerate(counts.items()):
        labels = [label for label, name in enumerate(classes) for _ in range(-(-count // 2) if name == rare else count)]
        rng = np.random.default_rng([seed, part])
        for label in rng.permutation(labels).tolist():
            yield label, usage, draw(rng, classes[label])


def voted_faces(
    seed: int, classes: tuple[str, ...], others: int, counts: Mapping[str, int]
) -> Iterator[tuple[str, list[int] | None, np.ndarray]]:
    """(usage, votes of ten taggers, picture); None for the votes where the picture shows nobody.

    Of every ten votes a face gets between four and ten for what it shows, the others at random; now and then a face is
    taken for no class, or the picture shows nobody.
    """
    for number, (label, usage, picture) in enumerate(dealt_faces(seed, classes, counts, rare="contempt")):
        rng = np.random.default_rng([seed, 1, number])
        votes, sure = np.zeros(len(classes) + others, int), int(rng.integers(4, 11))
        odd = rng.uniform()
        votes[len(classes) + int(rng.integers(others)) if odd < 0.06 else label] += sure
        for place in rng.integers(0, len(votes), 10 - sure):
            votes[place] += 1
        yield usage, None if odd > 0.96 else votes.tolist(), picture


def pixels(picture: np.ndarray) -> str:
    """The numbers of a picture, row by row, separated by blanks."""
    return " ".join(map(str, picture.ravel().tolist()))


def glyph(rng: np.random.Generator, letter: str, size: int = 28) -> np.ndarray:
    """A light letter on black, upright, uint8 [size, size]; `rng` varies its place, size, slant and stroke."""
    import cv2

    canvas = np.zeros((4 * size, 4 * size), np.uint8)
    scale, stroke = float(rng.uniform(2.6, 3.2)), int(rng.integers(8, 13))
    (width, height), _ = cv2.getTextSize(letter, cv2.FONT_HERSHEY_SIMPLEX, scale, stroke)
    across, down = (4 * size - width) // 2, (4 * size + height) // 2
    cv2.putText(canvas, letter, (across, down), cv2.FONT_HERSHEY_SIMPLEX, scale, (255,), stroke, cv2.LINE_AA)
    slant, (right, below) = rng.uniform(-0.25, 0.25), rng.uniform(-8, 8, 2)
    move = np.array([[1, slant, right - slant * 2 * size], [0, 1, below]])
    canvas = np.asarray(cv2.warpAffine(canvas, move, canvas.shape[::-1]))
    return np.asarray(cv2.resize(canvas, (size, size), interpolation=cv2.INTER_AREA))


def patterns(rng: np.random.Generator, labels: Iterable[int], size: int = 32) -> np.ndarray:
    """Coloured waves, uint8 rgb [pictures, size, size, 3]: the class decides colour and direction, `rng` the rest."""
    y, x = np.mgrid[:size, :size] / size
    found = []
    for label in labels:
        own = np.random.default_rng([label])  # the same for all pictures of the class
        base, swing = own.uniform(60, 195, 3), own.uniform(-55, 55, 3)
        fx, fy = own.integers(-4, 5, 2)
        wave = np.sin(2 * np.pi * (fx * x + fy * y + rng.uniform()))
        found.append(base + swing * wave[..., None] + 8 * rng.normal(size=(size, size, 3)))
    return np.stack(found).round().clip(0, 255).astype(np.uint8)

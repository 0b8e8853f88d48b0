"""Local Gabor binary patterns on three orthogonal planes, of an aligned face over a few pictures."""

from collections import deque
from collections.abc import Iterable, Iterator

import numpy as np

from emotf.features._points49 import similarity

PATTERNS = 59  # 58 uniform patterns of 8 neighbours, and one for all others
PLANES = 3  # picture (x, y), and through time (x, t) and (y, t)

# The part of the mean shape that a crop shows: from x = -0.85 and y = -0.80 on, 1.7 wide and high.
LEFT, TOP, WIDTH = -0.85, -0.80, 1.7
# Pixels round the crop that the filters see, of the picture itself.
MARGIN = 8

# First wavelength in pixels of the crop; each scale's is √2 times the one before.
SHORTEST = 4.0
OCTAVE = 0.56  # standard deviation of a filter's envelope in wavelengths: a bandwidth of one octave

# (a, b) of the 8 neighbours in a plane, in the order in which they go round.
CIRCLE = ((-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1))


def crop(picture: np.ndarray, points: np.ndarray, size: int) -> np.ndarray:
    """The face, brought onto the mean shape, in grey.

    Args:
        picture: uint8 rgb [height, width, 3].
        points: the 49, in pixels [49, 2].
        size: pixels of the crop's side, without the margin.

    Returns:
        uint8 [size + 2 MARGIN, size + 2 MARGIN]; beyond its edges the picture's last pixels go on.
    """
    import cv2

    a, b = similarity(points[None])[0]
    scale = size / WIDTH  # pixels of the crop in 1 of the mean shape
    a, b = a * scale, (b - (LEFT + 1j * TOP)) * scale + MARGIN * (1 + 1j)
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    shrink = abs(a)
    if shrink < 1:  # averaged before it is sampled more coarsely, or fine stripes become broad ones
        height, width = (max(1, round(side * shrink)) for side in grey.shape)
        x, y = grey.shape[1] / width, grey.shape[0] / height
        grey = cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA)
    else:
        x = y = 1.0
    # pixel centres: u of the small picture shows x (u + 1/2) - 1/2 of the large one
    b += a * ((x - 1) / 2 + 1j * (y - 1) / 2)
    matrix = np.array([[a.real * x, -a.imag * y, b.real], [a.imag * x, a.real * y, b.imag]])
    side = size + 2 * MARGIN
    return np.asarray(
        cv2.warpAffine(grey, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8
    )


def gabor_bank(side: int, scales: int, orientations: int) -> np.ndarray:
    """Gabor filters in the frequency domain, float32 [scales x orientations, side, side].

    A wave of wavelength λ and direction θ under a round Gaussian envelope of σ = 0.56 λ is, in the frequency domain, a
    Gaussian round 1/λ in direction θ: exp(-2 π² σ² |f - f_0|²). Its value at frequency 0 is set to 0, so that even
    light has no answer. λ = 4, 5.7, 8 … pixels; θ = 0, π / orientations, …
    """
    y, x = np.meshgrid(np.fft.fftfreq(side), np.fft.fftfreq(side), indexing="ij")
    bank = []
    for wavelength in SHORTEST * np.sqrt(2) ** np.arange(scales):
        for angle in np.pi * np.arange(orientations) / orientations:
            away = (x - np.cos(angle) / wavelength) ** 2 + (y - np.sin(angle) / wavelength) ** 2
            bank.append(np.exp(-2 * np.pi**2 * (OCTAVE * wavelength) ** 2 * away))
    filters = np.array(bank, np.float32)
    filters[:, 0, 0] = 0
    return filters


def magnitudes(face: np.ndarray, bank: np.ndarray) -> np.ndarray:
    """Gabor magnitude pictures of a crop, its margin cut off: float32 [filters, size, size]."""
    import scipy.fft

    spectrum = scipy.fft.fft2(face.astype(np.float32))
    answers = scipy.fft.ifft2(spectrum * bank, overwrite_x=True)
    return np.abs(answers[:, MARGIN:-MARGIN, MARGIN:-MARGIN])


def uniform_patterns() -> np.ndarray:
    """Code of 8 bits -> pattern, int64 [256].

    The 58 codes that change between 0 and 1 at most twice on their way round have a pattern of their own, in the order
    of the codes; all others share the last, 58.
    """
    bits = (np.arange(256)[:, None] >> np.arange(8)) & 1
    uniform = (bits != np.roll(bits, 1, axis=1)).sum(axis=1) <= 2
    return np.where(uniform, np.cumsum(uniform) - 1, PATTERNS - 1)


UNIFORM = uniform_patterns()


def codes(before: np.ndarray, now: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Local binary patterns of every inner pixel of `now` on the three planes.

    Bit p of a code says whether neighbour p, of the 8 round a pixel in the plane, is at least as large as the pixel.

    Args:
        before, now, after: pictures one after the other in time, [filters, height, width].

    Returns:
        uint8 [planes, filters, height - 2, width - 2], the planes being (y, x), (t, x) and (t, y).
    """
    volume = (before, now, after)
    height, width = now.shape[1:]
    centre = now[:, 1:-1, 1:-1]
    found = np.zeros((PLANES, *centre.shape), np.uint8)
    for bit, (a, b) in enumerate(CIRCLE):
        for plane, (t, y, x) in enumerate(((0, a, b), (a, 0, b), (a, b, 0))):
            neighbour = volume[1 + t][:, 1 + y : height - 1 + y, 1 + x : width - 1 + x]
            found[plane] |= (neighbour >= centre).astype(np.uint8) << bit
    return found


def histograms(found: np.ndarray, blocks: int) -> np.ndarray:
    """How often each pattern occurs in each block, as a share of the block's pixels.

    Args:
        found: codes [planes, filters, height, width].
        blocks: along either side; each takes a height-th and width-th as even as whole pixels allow.

    Returns:
        float32 [planes x filters x blocks x blocks x 59]; each 59 add up to 1.
    """
    planes, filters, height, width = found.shape
    rows, columns = (np.arange(side) * blocks // side for side in (height, width))
    block = rows[:, None] * blocks + columns
    part = np.arange(planes * filters).reshape(planes, filters, 1, 1) * blocks**2 + block
    bins = planes * filters * blocks**2
    counts = np.bincount((part * PATTERNS + UNIFORM[found]).ravel(), minlength=bins * PATTERNS)
    pixels = np.bincount(block.ravel(), minlength=blocks**2)
    shares = counts.reshape(planes * filters, blocks**2, PATTERNS) / pixels[:, None]
    return shares.ravel().astype(np.float32)


def described(
    crops: Iterable[np.ndarray | None], size: int, scales: int, orientations: int, blocks: int, frames: int
) -> Iterator[np.ndarray | None]:
    """LGBP-TOP of every face of a recording, in bounded memory.

    Args:
        crops: of `crop`, or None where there is no face.
        size: of the crops.
        scales, orientations: of the Gabor filters.
        blocks: along either side of the face.
        frames: of the volume behind a frame, odd and at least 3: patterns of its frames - 2 inner pictures are
            counted together. At either end of a run of faces, its first or last one is repeated.

    Yields:
        For every crop, float32 [planes x filters x blocks² x 59], or None where there is none.
    """
    bank = gabor_bank(size + 2 * MARGIN, scales, orientations)
    pictures = (None if face is None else magnitudes(face, bank) for face in crops)
    layers = (None if three is None else histograms(codes(*three), blocks) for three in _windows(pictures, 3))
    for volume in _windows(layers, frames - 2):
        yield None if volume is None else np.mean(volume, axis=0, dtype=np.float32)


def _windows(items: Iterable[np.ndarray | None], length: int) -> Iterator[tuple[np.ndarray, ...] | None]:
    """The `length` (odd) items round each item, the first and last of each run between Nones repeated."""
    window: deque[np.ndarray] = deque(maxlen=length)
    owed = 0  # items of this run whose windows are still to come

    def rest() -> Iterator[tuple[np.ndarray, ...]]:
        nonlocal owed
        while owed:
            window.append(window[-1])
            if len(window) == length:
                yield tuple(window)
                owed -= 1
        window.clear()

    for item in items:
        if item is None:
            yield from rest()
            yield None
            continue
        window.extend([item] * (1 if window else length // 2 + 1))
        owed += 1
        if len(window) == length:
            yield tuple(window)
            owed -= 1
    yield from rest()

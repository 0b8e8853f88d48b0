"""Eulerian video magnification of a row of pictures."""

import math
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice, repeat
from typing import Literal

import numpy as np

from emotf.errors import UserError
from emotf.magnification.spatial import Pyramid, chroma_attenuation, color_weights, motion_weights
from emotf.magnification.temporal import STEPS, Bandpass, ideal_band
from emotf.media import check_opencv

Mode = Literal["color", "motion"]
MODES = ("color", "motion")
FILTERS = ("streaming", "ideal")
# Upper edge and spatial cut-off by mode: the bands of Orgil (2022), and level 4 of the pyramid and λc = 16 of Wu et al.
HIGH_HZ = {"color": 3.0, "motion": 5.0}
CUTOFF_PX = {"color": 64.0, "motion": 16.0}
# What a filter may hold of a clip: for the ideal one, 60 s of 224 x 224 pixels at 50/s are 1.8 GB.
LARGEST_BYTES = 2 << 30
FLOAT_BYTES = 4
# What the streaming filter may look ahead; at 30 pictures a second this serves 0.05 Hz.
LONGEST_REACH = 900


@dataclass(frozen=True)
class Magnifier:
    """Makes changes in a band of frequencies visible: Î(x, t) = I(x, t) + α B(x, t).

    B is the picture's change over time between `low_hz` and `high_hz`, taken from a level of the Gaussian pyramid
    (`color`: blood under the skin) or from all of the Laplacian pyramid (`motion`: breath, tremor). It has both signs
    and is added as it is: what lies in the band grows by 1 + α, in phase, and all else stays.

    Two filters over time, both of zero phase:

    - `streaming`: recursive, in bounded memory. It holds the pictures of 1.25 periods of `low_hz` (1.6 s at 0.8 Hz) and
      34 pictures of float32 of the finest level that is magnified, and gives its first picture once it has seen those
      of 1.25 periods. Between 1.2 low_hz and 0.9 high_hz, B is right to 3 % where that is an octave; 0.8 of it passes
      at the edges, half at 0.8 low_hz and 1.1 high_hz, at most 0.03 below 0.4 low_hz and above 1.4 high_hz.
    - `ideal`: sharp edges, by Fourier transform of the whole clip. The pictures are read twice, and the finest
      magnified level of all of them is held, up to 2 GiB.

    Both take a clip to stand still before its first and behind its last picture. Large motion, a cut or a change of
    light has a share in every band and is magnified with the rest. So is noise: with b the band's share of the
    frequencies up to half of the rate, the variance of white noise grows by b ((1 + α)² - 1) (`streaming`: by 1.1 times
    that) where there is no spatial cut-off, and at α = 5 by this share of it with one:

        cut-off    8 px     16 px    32 px    64 px
        color      4.9 %    1.0 %    0.2 %    0.06 %
        motion     -        28 %     5.7 %    0.7 %

    Attributes:
        mode: `color` or `motion`.
        alpha: α, above 0.
        low_hz: lower edge of the band.
        high_hz: upper edge, below half of the rate of the pictures; None: 3 for colour, 5 for motion.
        cutoff_px: spatial cut-off. Of colour: shorter waves are not magnified (the level of the pyramid follows from
            it); of motion: the shortest waves that are magnified by the whole α, see `spatial.motion_weights`. 0: none.
            None: 64 for colour, 16 for motion.
        chroma: factor of α for the chroma I and Q of YIQ, 0 to 1; luminance always has the whole α.
        filter: `streaming` or `ideal`.

    Raises:
        UserError: a setting is out of its range.

    Example:
        >>> seconds = np.arange(90) / 30
        >>> pulse = [np.full((32, 32, 3), 128 + 0.5 * np.sin(2 * np.pi * t), np.float32) for t in seconds]
        >>> magnified = list(Magnifier("color", alpha=5, cutoff_px=16).magnify(pulse, rate_hz=30))
        >>> len(magnified), magnified[0].shape, bool(2.9 < max(p.max() for p in magnified) - 128 < 3.1)
        (90, (32, 32, 3), True)

    Reference:
        Wu, Rubinstein, Shih, Guttag, Durand & Freeman (2012), Eulerian video magnification for revealing subtle changes
        in the world. The settings are those of Orgil (2022).
    """

    mode: Mode = "color"
    alpha: float = 5.0
    low_hz: float = 0.8
    high_hz: float | None = None
    cutoff_px: float | None = None
    chroma: float = 1.0
    filter: Literal["streaming", "ideal"] = "streaming"

    def __post_init__(self) -> None:
        for what, known in (("mode", MODES), ("filter", FILTERS)):
            if getattr(self, what) not in known:
                raise UserError(f"Magnification has {what} {' or '.join(known)}, received {getattr(self, what)!r}.")
        if not 0 < self.alpha < np.inf:
            raise UserError(f"Magnification needs an alpha above 0, received {self.alpha:g}.")
        low_hz, high_hz = self.band_hz
        if not 0 < low_hz < high_hz < np.inf:
            raise UserError(
                f"A band of {low_hz:g} to {high_hz:g} Hz holds nothing; choose 0 < low_hz < high_hz, for example 0.8 "
                "and 3."
            )
        if not 0 <= self.spatial_cutoff_px < np.inf:
            raise UserError(f"A spatial cut-off of {self.cutoff_px:g} px is none; choose 0 or more.")
        if not 0 <= self.chroma <= 1:
            raise UserError(f"The factor of chroma lies in 0 to 1, received {self.chroma:g}.")

    @property
    def band_hz(self) -> tuple[float, float]:
        """Both edges of the band."""
        return self.low_hz, HIGH_HZ[self.mode] if self.high_hz is None else self.high_hz

    @property
    def spatial_cutoff_px(self) -> float:
        """The spatial cut-off in pixels."""
        return CUTOFF_PX[self.mode] if self.cutoff_px is None else self.cutoff_px

    def magnify(self, pictures: Iterable[np.ndarray], rate_hz: float) -> Iterator[np.ndarray]:
        """Magnifies pictures one after the other.

        Args:
            pictures: rgb [height, width, 3] in levels of 0 to 255, uint8 or float, all of one size; each an array of
                its own, since some are held for a while. `ideal` runs through them twice, so it takes no iterator.
            rate_hz: pictures a second, evenly spaced.

        Yields:
            float32 [height, width, 3], as many as came in; neither rounded nor clipped, see `to_picture`.

        Raises:
            UserError: the band reaches half of the rate, the clip is shorter than 1.25 periods of `low_hz` or, for
                `ideal`, too large; the cut-off leaves nothing of pictures as small as these; or they differ in size.
        """
        low_hz, high_hz = self.band_hz
        if not high_hz < rate_hz / 2:
            raise UserError(
                f"A band up to {high_hz:g} Hz does not show in {rate_hz:g} pictures a second; choose high_hz below "
                f"{rate_hz / 2:g}."
            )
        check_opencv()
        bandpass = Bandpass(rate_hz, low_hz, high_hz)
        if self.filter == "streaming":
            if bandpass.reach > LONGEST_REACH:
                raise UserError(
                    f"The streaming filter would look {bandpass.reach} pictures ahead for {low_hz:g} Hz at "
                    f"{rate_hz:g}/s, and its limit is {LONGEST_REACH}; choose a higher low_hz or filter ideal."
                )
            return self._streaming(pictures, bandpass)
        if iter(pictures) is pictures:
            raise UserError("The ideal filter reads the pictures twice; give a list, or take filter streaming.")
        return self._whole(pictures, bandpass)

    def check_clip(self, frames: int, rate_hz: float, shape: tuple[int, ...]) -> None:
        """Whether a clip can be magnified, before it is; `magnify` finds out on its way.

        Args:
            frames: number of pictures.
            rate_hz: pictures a second.
            shape: height and width of the pictures, and whatever follows.

        Raises:
            UserError: it is too short, its pictures are too small or, for `ideal`, it is too large.
        """
        bandpass = Bandpass(rate_hz, *self.band_hz)
        if frames < bandpass.reach:
            raise UserError(
                f"A clip of {frames} pictures ({frames / rate_hz:.2f} s) is too short for {self.low_hz:g} Hz, which "
                f"takes {bandpass.reach} of them; take a longer clip or a higher low_hz."
            )
        self._check_memory(frames, bandpass, shape)
        if self.filter == "ideal" and not bandpass.kept(frames).any():
            raise UserError(
                f"A clip of {frames} pictures has no frequency from {bandpass.low_hz:g} to {bandpass.high_hz:g} Hz "
                "of its own; choose a wider band or filter streaming."
            )

    def _pyramid(self, shape: tuple[int, ...]) -> Pyramid:
        """The weights of levels for pictures of a size."""
        cutoff = self.spatial_cutoff_px
        if self.mode == "color":
            weights = color_weights(self.alpha, cutoff)
            fits = 2 ** (len(weights) - 1) <= min(shape[:2])
        else:
            weights = motion_weights(self.alpha, cutoff, shape)
            fits = any(weights)
        if not fits:
            raise UserError(
                f"Pictures of {shape[1]} x {shape[0]} have no waves of {cutoff:g} px to magnify; choose a smaller "
                "spatial cut-off."
            )
        return Pyramid(weights, shape)

    def _check_memory(self, frames: int, bandpass: Bandpass, shape: tuple[int, ...]) -> None:
        held, remedy = frames * FLOAT_BYTES * math.prod(self._pyramid(shape).shape), "take filter streaming"
        if self.filter == "streaming":
            held, remedy = bandpass.reach * math.prod(shape), "choose a higher low_hz"
        if held > LARGEST_BYTES:
            raise UserError(
                f"The {self.filter} filter would hold {held / 2**30:.1f} GiB of pictures of {shape[1]} x {shape[0]}, "
                f"and its limit is {LARGEST_BYTES / 2**30:g}; {remedy}."
            )

    def _added(self, picture: np.ndarray, band: np.ndarray, pyramid: Pyramid) -> np.ndarray:
        """Î = I + α B."""
        if self.chroma < 1:
            import cv2

            band = cv2.transform(band, chroma_attenuation(self.chroma))
        total = pyramid.sum(band)
        total += picture
        return total

    def _streaming(self, pictures: Iterable[np.ndarray], bandpass: Bandpass) -> Iterator[np.ndarray]:
        below, upto, reach = bandpass.below(), bandpass.upto(), bandpass.reach
        late = reach - bandpass.high_reach if upto else reach  # so far is `upto` behind for both to be in step
        held: deque[np.ndarray] = deque(maxlen=reach + STEPS)
        stream, waiting = self._ended(pictures, bandpass), reach
        while chunk := list(islice(stream, STEPS)):
            pyramid = self._pyramid(chunk[0].shape)
            held.extend(chunk + chunk[-1:] * (STEPS - len(chunk)))
            places = range(len(held) - STEPS, len(held))
            low = below(pyramid.finest(held[i]) for i in places)
            both = (pyramid.finest(held[max(0, i - late)]) for i in places)
            bands = upto(both) if upto else np.stack(list(both))
            bands -= low
            for i, band in zip(places, bands[: len(chunk)], strict=False):
                waiting -= 1
                if waiting < 0:
                    yield self._added(held[i - reach], band, pyramid)

    def _ended(self, pictures: Iterable[np.ndarray], bandpass: Bandpass) -> Iterator[np.ndarray]:
        """The pictures, and the last one as often as the filter looks ahead."""
        frames = 0
        for frames, picture in enumerate(_alike(pictures), 1):
            if frames == 1:
                self._check_memory(frames, bandpass, picture.shape)
            yield picture
        if frames:
            self.check_clip(frames, bandpass.rate_hz, picture.shape)
            yield from repeat(picture, bandpass.reach)

    def _whole(self, pictures: Iterable[np.ndarray], bandpass: Bandpass) -> Iterator[np.ndarray]:
        clip: list[np.ndarray] = []
        for picture in _alike(pictures):
            pyramid = self._pyramid(picture.shape)
            self._check_memory(len(clip) + 1, bandpass, picture.shape)
            clip.append(pyramid.finest(picture).copy())
        if clip:
            self.check_clip(len(clip), bandpass.rate_hz, picture.shape)
            ideal_band(clip, bandpass)
        for picture, band in zip(pictures, clip, strict=True):
            yield self._added(picture, band, pyramid)


def _alike(pictures: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """The pictures, each of which must have the shape of the first, [height, width, 3]."""
    shape = None
    for number, picture in enumerate(pictures, 1):
        shape = picture.shape if shape is None else shape
        if picture.ndim != 3 or picture.shape[2] != 3 or picture.shape != shape:
            raise UserError(
                f"Picture {number} has shape {list(picture.shape)}, expected "
                f"{'[height, width, 3]' if number == 1 else list(shape)}; bring all to one size and three colours."
            )
        yield picture


def to_picture(magnified: np.ndarray) -> np.ndarray:
    """Rounds and clips to uint8.

    Example:
        >>> to_picture(np.array([-3.0, 1.6, 300.0])).tolist()
        [0, 2, 255]
    """
    return np.clip(np.rint(magnified), 0, 255).astype(np.uint8)

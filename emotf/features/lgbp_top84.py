"""Face: texture over space and time, local Gabor binary patterns reduced to 84 channels by a basis fitted on train."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emotf.errors import UserError
from emotf.features import _lgbp
from emotf.features._points49 import MESH
from emotf.features.base import FittedFeature
from emotf.media import check_opencv, faces, picture_clock
from emotf.progress import progress
from emotf.recording import Recording
from emotf.track import Track

CHANNELS = 84


@dataclass
class LgbpTop84(FittedFeature):
    """LGBP-TOP of the face, and the first 84 principal components of it.

    The face (of several, `emotf.media.faces` follows one) is brought onto the mean shape (`emotf.features._points49`),
    cut out in grey and passed through Gabor filters. On the magnitude pictures, local binary patterns of 8 neighbours
    at a distance of 1 pixel are taken in the picture and through time (three orthogonal planes), and their 59 uniform
    patterns are counted block by block. With the defaults 18 filters x 3 planes x 4 x 4 blocks x 59 patterns give
    50,976 shares a frame. Principal component analysis of frames of train, without whitening, reduces them to 84.
    Filters, sizes and the length of the volume are not stated by Chen & Jin: those of the defaults are ours.

    The basis is fitted on at most `fit_frames` frames with a face, drawn evenly from all frames of train by a fixed
    seed, so that memory stays bounded (4 bytes x 50,976 x 1000 = 204 MB); each component's largest weight is positive.

    Frames without a face are 0 in all channels (a gap).

    Attributes:
        fold: see `FittedFeature`.
        size: pixels of the face's side.
        scales, orientations: of the Gabor filters: wavelengths of 4, 5.7, 8 … pixels, angles between 0 and π.
        blocks: along either side of the face.
        frames: pictures of the volume, odd and at least 3.
        fit_frames: frames that the basis is fitted on, at most.
        rate_hz: frames a second, each taking the nearest picture; 0: as filmed, which takes a steady rate. The volume
            is always of pictures as filmed.

    Example:
        >>> LgbpTop84().fit(train).extract(recording).values.shape  # doctest: +SKIP
        (7500, 84)

    Reference:
        Almaev & Valstar (2013), Local Gabor binary patterns from three orthogonal planes for automatic facial
        expression recognition; Chen & Jin (2015) for the reduction to 84.
    """

    size: int = 64
    scales: int = 3
    orientations: int = 6
    blocks: int = 4
    frames: int = 5
    fit_frames: int = 1000
    rate_hz: float = 0.0

    medium = "video"
    kind = "extracted"
    gaps = True

    @property
    def channels(self) -> tuple[str, ...]:
        return tuple(f"pc{k}" for k in range(1, CHANNELS + 1))

    @property
    def window(self) -> float:
        """0: how long the volume's pictures last depends on the video; they lie on either side of the frame."""
        return 0.0

    @property
    def described(self) -> int:
        """Shares a frame, before the reduction."""
        return self.scales * self.orientations * _lgbp.PLANES * self.blocks**2 * _lgbp.PATTERNS

    def learn(self, recordings: Sequence[Recording]) -> dict[str, np.ndarray]:
        """Mean [shares] and basis [84, shares] of frames of the recordings.

        Raises:
            UserError: settings do not fit, a video is missing or damaged, or too few frames hold a face.
        """
        self._check()
        rng = np.random.default_rng(0)
        drawn = np.empty((self.fit_frames, self.described), np.float32)
        seen = 0
        for recording in progress(recordings, "lgbp_top84, fitting its basis"):
            for _, row in self._rows(recording.medium("video")):
                if row is None:
                    continue
                # every frame seen so far has the same chance to be among the drawn (Vitter 1985, algorithm R)
                place = seen if seen < self.fit_frames else rng.integers(seen + 1)
                if place < self.fit_frames:
                    drawn[place] = row
                seen += 1
        if seen <= CHANNELS:
            raise UserError(
                f"lgbp_top84: {seen} frames of train hold a face, its basis of {CHANNELS} components needs more; name "
                "more recordings, or leave the stream out."
            )
        mean, basis = principal(drawn[:seen], CHANNELS)
        return {"mean": mean, "basis": basis}

    def compute(self, recording: Recording) -> Track:
        """The stream of a recording's video.

        Raises:
            UserError: settings do not fit, nothing was fitted, the video is missing or damaged, or its pictures come
                at uneven times.
        """
        self._check()
        mean, basis = self.learned["mean"], self.learned["basis"]
        path = recording.medium("video")
        nothing = np.zeros(CHANNELS, np.float32)
        times, rows = [], []
        for time, row in self._rows(path):
            times.append(time)
            rows.append(nothing if row is None else basis @ (row - mean))
        hop, nearest = picture_clock(path, np.array(times), self.rate_hz)
        return Track(np.stack(rows)[nearest], hop=hop, channels=self.channels)

    def _rows(self, path: Path) -> Iterator[tuple[float, np.ndarray | None]]:
        """Time and shares, float32 [shares], of every picture; None where there is no face."""
        times = []

        def crops() -> Iterator[np.ndarray | None]:
            for time, picture, face in faces(path):
                times.append(time)
                yield None if face is None else _lgbp.crop(picture, face.landmarks[list(MESH), :2], self.size)

        rows = _lgbp.described(crops(), self.size, self.scales, self.orientations, self.blocks, self.frames)
        for number, row in enumerate(rows):  # they come a few pictures after their crop
            yield times[number], row

    def _check(self) -> None:
        check_opencv()
        for name, least in (("size", 16), ("scales", 1), ("orientations", 1), ("blocks", 1), ("fit_frames", 100)):
            if getattr(self, name) < least:
                raise UserError(f"lgbp_top84: {name} is {getattr(self, name)}, expected at least {least}.")
        if self.frames < 3 or self.frames % 2 == 0:
            raise UserError(f"lgbp_top84: a volume of {self.frames} pictures; choose an odd number from 3 on.")
        if self.blocks > self.size - 2:
            raise UserError(
                f"lgbp_top84: {self.size} pixels cannot be divided into {self.blocks} blocks; choose fewer."
            )


def principal(rows: np.ndarray, components: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean and principal components of rows [n, d] with n far below d, centred in place; float32 [d], [components, d].

    With X the centred rows, the components are X^T u / |X^T u| for the eigenvectors u of X X^T [n, n] with the largest
    eigenvalues. Their signs make the weight of the largest size positive.

    Raises:
        UserError: the rows vary in fewer directions than that.
    """
    mean = rows.mean(axis=0, dtype=np.float64).astype(np.float32)
    rows -= mean
    gram = np.zeros((len(rows), len(rows)))
    for first in range(0, rows.shape[1], 4096):  # in float64, a piece at a time
        piece = rows[:, first : first + 4096].astype(np.float64)
        gram += piece @ piece.T
    values, vectors = np.linalg.eigh(gram)
    values, vectors = values[::-1][:components], vectors[:, ::-1][:, :components]
    if len(values) < components or values[-1] <= 1e-9 * values[0]:
        raise UserError(f"{len(rows)} frames vary in fewer than {components} directions; fit on more recordings.")
    basis = vectors.T.astype(np.float32) @ rows
    basis /= np.linalg.norm(basis, axis=1, keepdims=True)
    largest = np.abs(basis).argmax(axis=1)
    return mean, basis * np.sign(basis[np.arange(components), largest])[:, None]

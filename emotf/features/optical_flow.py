"""Face: how it moves in the picture, optical flow in its box, and two channels that say whether there is a face."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emotf.features._flow import CHANNELS, flow_rows
from emotf.features._mesh import FromMesh
from emotf.media import FaceMesh


@dataclass
class OpticalFlow(FromMesh):
    """Optical flow between each picture and the one before, inside the square around the face mesh.

    In widths of that square a second, so that neither the face's size in the picture nor the rate of the pictures
    counts, and over its pixels (96 x 96; see `emotf.features._flow`):

    - `flow_mean`, `flow_sd`: mean and standard deviation of the length of the flow, 0 and up.
    - `flow_x`, `flow_y`: mean of the flow to the right and down, with sign: the head moves as a whole.

    0 in the first picture, and in the first with a face after a gap, where there is nothing to compare with. Flow is
    between pictures as filmed, whatever `rate_hz`.

    The last channels are `confidence`, the landmark model's own (`emotf.media.detectors.face_detector`), 0.5 to 1, and
    `found`, 1 or 0. Frames without a face are 0 in all channels (a gap).

    Attributes:
        flags: whether the last two channels are there.
        rate_hz: frames a second, each taking the nearest picture; 0: as filmed, which takes a steady rate.

    Example:
        >>> OpticalFlow(flags=False).extract(recording).channels  # doctest: +SKIP
        ('flow_mean', 'flow_sd', 'flow_x', 'flow_y')

    Reference:
        Kroeger, Timofte, Dai, Van Gool (2016), Fast optical flow using dense inverse search. Köprü & Erzin (2020) take
        mean and standard deviation of a flow.
    """

    flags: bool = True
    rate_hz: float = 0.0

    @property
    def names(self) -> tuple[str, ...]:
        return CHANNELS

    def _rows(self, path: Path, mesh: FaceMesh) -> np.ndarray:
        return flow_rows(path, mesh.landmarks[..., :2], mesh.found)

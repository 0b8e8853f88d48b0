"""Face: pictures of it, cut from the video, and where they lie."""

from dataclasses import dataclass

from emotf.features._crops import CROP_CHANNELS, Crops
from emotf.features.base import PictureFeature


@dataclass
class FaceCrop(Crops, PictureFeature):
    """Crops of the largest face, uint8 rgb [size, size, 3], as a stream of pictures.

    What is cut, the fields and the numbers beside each picture are described in `emotf.features._crops.Crops`: channels
    `left`, `top`, `side` (pixels of the upright picture), `roll` (degrees), `face_id`, `confidence` and `found`. Frames
    without a face have no picture and 0 in all channels (a gap).

    Example:
        >>> film = FaceCrop(upright=True).film(recording)  # doctest: +SKIP
        >>> FaceCrop().channels[-2:]
        ('confidence', 'found')

    Reference:
        Orgil, Karungaru, Terada, Shagdar (2021): landmark box enlarged by 5 px, 224 x 224.
    """

    @property
    def channels(self) -> tuple[str, ...]:
        return CROP_CHANNELS

"""Face: pictures of it that another tool cut, from a folder, as the stream of `face_crop`."""

from dataclasses import dataclass

from emotf.errors import UserError
from emotf.features._crops import CROP_CHANNELS, Crops
from emotf.features.base import Film, PictureFeature
from emotf.recording import Recording


@dataclass
class AlignedCrops(Crops, PictureFeature):
    """Crops that lie ready in a folder, the medium `crops`, such as OpenFace and Aff-Wild2 leave.

    They are joined to the pictures of the medium `clock` (the video) by the number in their names, or, without one, put
    on a clock of `rate_hz`; see `emotf.features._crops.Crops`, also for the channels, those of `face_crop`.

    Example:
        >>> film = AlignedCrops(clock="", rate_hz=30).film(recording)  # doctest: +SKIP
        >>> AlignedCrops().media
        ('crops', 'video')
    """

    crops: str = "crops"

    @property
    def channels(self) -> tuple[str, ...]:
        return CROP_CHANNELS

    def film(self, recording: Recording) -> Film:
        """The crops of a recording; see `Crops.film`.

        Raises:
            UserError: settings do not fit, or a file is missing or damaged, or pictures come at uneven times.
        """
        if not self.crops:
            raise UserError("aligned_crops: name the medium that holds the folder with crops=; face_crop cuts its own.")
        return super().film(recording)

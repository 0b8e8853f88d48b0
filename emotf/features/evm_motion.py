"""Face: what a ResNet50 sees in its picture once small motions are magnified, 2048 features a frame."""

from dataclasses import dataclass

from emotf.features._magnified import Magnified
from emotf.magnification import Magnifier
from emotf.recording import Recording
from emotf.track import Track


@dataclass
class EvmMotion(Magnified):
    """Features of `resnet50` from crops whose small motions are magnified.

    The fields, what is done in frames without a face, and what a moving crop does to magnification are described in
    `emotf.features._magnified.Magnified`; channels as of `resnet50`.

    Example:
        >>> EvmMotion(weights="ferplus.keras").extract(recording).values.shape  # doctest: +SKIP
        (75, 2050)

    Reference:
        Orgil (2022): motion, 0.8 to 5 Hz, α = 5, features of a ResNet50. Wu et al. (2012): the magnification.
    """

    high_hz: float = 5.0
    cutoff_px: float = 16.0

    def compute(self, recording: Recording) -> Track:
        """The stream of a recording's crops.

        Raises:
            UserError: see `Magnified.magnified`.
        """
        magnifier = Magnifier("motion", self.alpha, self.low_hz, self.high_hz, self.cutoff_px, self.chroma)
        return self.magnified(recording, magnifier)

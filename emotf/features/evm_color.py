"""Face: what a ResNet50 sees in its picture once small changes of colour are magnified, 2048 features a frame."""

from dataclasses import dataclass

from emotf.features._magnified import Magnified
from emotf.magnification import Magnifier
from emotf.recording import Recording
from emotf.track import Track


@dataclass
class EvmColor(Magnified):
    """Features of `resnet50` from crops whose changes of colour, the pulse above all, are magnified.

    The fields, what is done in frames without a face, and what a moving crop does to magnification are described in
    `emotf.features._magnified.Magnified`; channels as of `resnet50`.

    Example:
        >>> EvmColor(weights="ferplus.keras").extract(recording).values.shape  # doctest: +SKIP
        (75, 2050)

    Reference:
        Orgil (2022): colour, 0.8 to 3 Hz, α = 5, features of a ResNet50. Wu et al. (2012): the magnification.
    """

    def compute(self, recording: Recording) -> Track:
        """The stream of a recording's crops.

        Raises:
            UserError: see `Magnified.magnified`.
        """
        magnifier = Magnifier("color", self.alpha, self.low_hz, self.high_hz, self.cutoff_px, self.chroma)
        return self.magnified(recording, magnifier)

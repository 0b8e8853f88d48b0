"""Face: what a ResNet50, or a network of the user's, sees in its picture, 2048 features a frame or its own."""

from dataclasses import dataclass

from emotf.features._resnet50 import Described
from emotf.recording import Recording
from emotf.track import Track


@dataclass
class Resnet50(Described):
    """Average-pooled features of the face's picture, `f0` to `f2047`, with `confidence` and `found`.

    A network of yours gives as many as it has: a ResNet18 `f0` to `f511`.

    The pictures are those of `face_crop`, or of `aligned_crops` where `crops` names the medium
    (`emotf.features._crops.Crops` describes its fields); the network is chosen by `weights`
    (`emotf.features._resnet50.Described`): `imagenet`, the .keras file of a classifier of yours, or, for trials and
    never by itself, `random`. Frames without a face are 0 in all channels (a gap).

    Example:
        >>> Resnet50(weights="ferplus.keras").extract(recording).values.shape  # doctest: +SKIP
        (75, 2050)
        >>> Resnet50(weights="densenet121.keras").extract(recording).values.shape  # doctest: +SKIP
        (75, 1026)
        >>> len(Resnet50(flags=False).channels)
        2048

    Reference:
        He, Zhang, Ren, Sun (2016), deep residual learning; Orgil, Karungaru, Terada, Shagdar (2021) take the pooled
        features of one that was trained on facial emotion.
    """

    def compute(self, recording: Recording) -> Track:
        """The stream of a recording's crops.

        Raises:
            UserError: settings do not fit, media are missing or damaged, or there is no such network.
        """
        return self.resolved(recording).described(self.film(recording))

"""Features computed in the TensorFlow graph, one a file, so that a model can take sound itself."""

from typing import TYPE_CHECKING

from emotf import catalog
from emotf.errors import UserError
from emotf.features.base import Feature

if TYPE_CHECKING:
    from emotf.frontends.base import FrontEnd


def of(feature: Feature) -> "FrontEnd":
    """The layer that computes a feature in the graph.

    Raises:
        UserError: the feature has none, or its settings need more than sound.

    Example:
        >>> from emotf.features.mfcc39 import Mfcc39
        >>> of(Mfcc39(frame_rate_hz=25)).sound_rate_hz
        16000.0
    """
    known = catalog.names("frontends")
    if feature.part not in known:
        raise UserError(
            f"{feature.part} cannot be computed in the graph; features that can: {', '.join(known)}. Feed the model "
            "with extracted features instead."
        )
    layer: FrontEnd = catalog.find("frontends", feature.part)(feature)
    return layer

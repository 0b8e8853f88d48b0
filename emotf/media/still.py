"""Picture files, decoded only where their headers promise what memory can hold."""

import warnings
from pathlib import Path

import numpy as np

from emotf.errors import UserError

# A picture of 8000 x 8000: no frame of a film is larger, and a damaged header may say anything.
MOST_PIXELS = 64_000_000


def read_still(path: Path, mode: str, advice: str = "restore it.") -> np.ndarray:
    """A picture file as uint8, [height, width] in mode `L`, [height, width, 3] in mode `RGB`.

    Args:
        path: of the file.
        mode: `L`, grey, or `RGB`.
        advice: the end of the message: what to do.

    Raises:
        UserError: the file is no picture, is damaged, or is larger than 64 million pixels.
    """
    from PIL import Image  # says when a file is cut short; OpenCV fills such a picture with grey

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                if image.width * image.height > MOST_PIXELS:
                    raise ValueError(f"{image.width} x {image.height} pixels")
                return np.asarray(image.convert(mode))
    except Exception as error:  # whatever the bytes of a damaged file lead to
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(f"{path} cannot be read as a picture ({reason}); {advice}") from None

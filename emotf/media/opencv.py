"""Is there one OpenCV, and does it load?"""

import importlib
import importlib.metadata
import warnings

from emotf.errors import UserError

# All four put their files into the same folder `cv2`, so the one installed last overwrites part of the others.
DISTRIBUTIONS = (
    "opencv-python",
    "opencv-python-headless",
    "opencv-contrib-python",
    "opencv-contrib-python-headless",
)
# substrings of the loader's message -> what is missing
SYSTEM_LIBRARIES = ("libGL", "libglib", "libgthread")


def opencv_distributions() -> list[str]:
    """The OpenCV distributions that are installed, as `name version`.

    Example:
        >>> opencv_distributions()  # doctest: +SKIP
        ['opencv-contrib-python 4.11.0.86']
    """
    found = []
    for name in DISTRIBUTIONS:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def check_opencv() -> None:
    """Imports OpenCV, says plainly why that fails, and warns of several distributions in one folder.

    Raises:
        UserError: `cv2` is not installed, or a system library that it needs is missing.
    """
    try:
        importlib.import_module("cv2")
    except ImportError as error:
        reason = (str(error).splitlines() or ["no reason given"])[0]
        if any(library in reason for library in SYSTEM_LIBRARIES):
            raise UserError(
                f"OpenCV cannot load a system library ({reason}); install it: apt-get install libgl1 libglib2.0-0."
            ) from None
        raise UserError(
            f"OpenCV cannot be imported ({reason}); install it: pip install opencv-contrib-python==4.11.0.86."
        ) from None
    found = opencv_distributions()
    if len(found) > 1:
        warnings.warn(
            f"{len(found)} OpenCV distributions share the folder cv2 ({', '.join(found)}); uninstall all of them, then "
            "install opencv-contrib-python alone.",
            stacklevel=2,
        )

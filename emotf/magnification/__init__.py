"""Eulerian video magnification: small changes of colour and small motions made visible."""

from emotf.magnification.magnifier import Magnifier, to_picture
from emotf.magnification.video import magnify_video

__all__ = ["Magnifier", "magnify_video", "to_picture"]

"""MediaPipe's detectors, imported light, kept quiet, and closed."""

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from emotf.errors import UserError

CLASSES = {"face_mesh": "FaceMesh", "pose": "Pose"}


@contextlib.contextmanager
def detector(solution: str, found: str, **settings: Any) -> Iterator[Callable[[np.ndarray], Any]]:
    """A fresh graph of one of MediaPipe's solutions; closed at the end, or it would keep its memory (24 to 120 MB).

    A graph follows what it found from picture to picture, so each recording needs its own, and the pictures in order.

    Args:
        solution: `face_mesh` or `pose`.
        found: the field of its answers that is None where nothing was found.
        settings: of the solution's class.

    Yields:
        picture (uint8 rgb [height, width, 3]) -> the answer, None where nothing was found.

    Raises:
        UserError: mediapipe cannot be imported.
    """
    graph_of = getattr(getattr(_solutions(), solution), CLASSES[solution])
    with _quiet():
        graph = graph_of(**settings)
        graph.process(np.zeros((64, 64, 3), np.uint8))  # black: waits for the threads that speak up as they start
    loud = True  # others speak up when something is first found

    def process(picture: np.ndarray) -> Any:
        nonlocal loud
        with _quiet() if loud else contextlib.nullcontext():
            answer = getattr(graph.process(picture), found)
        loud = loud and answer is None
        return answer

    with graph:
        yield process


def _solutions() -> Any:
    """`mediapipe.solutions`, without TensorFlow, of which MediaPipe wants a decorator for its documentation only.

    That import would take two seconds and 600 MB; an entry None in `sys.modules` makes it fail, and MediaPipe does
    without. Where TensorFlow is loaded already nothing is done.
    """
    hidden = "tensorflow" not in sys.modules
    if hidden:
        sys.modules["tensorflow"] = None  # type: ignore[assignment]
    try:
        import mediapipe
    except ImportError as error:
        reason = (str(error).splitlines() or ["no reason given"])[0]
        raise UserError(
            f"MediaPipe cannot be imported ({reason}); install it: pip install mediapipe==0.10.21."
        ) from None
    finally:
        if hidden:
            del sys.modules["tensorflow"]
    return mediapipe.solutions


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keeps what C++ writes to standard error from the terminal: no setting of MediaPipe reaches those lines."""
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)

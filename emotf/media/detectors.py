"""MediaPipe's detectors, imported light, kept quiet, and closed."""

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from emotf.errors import UserError

CLASSES = {"face_mesh": "FaceMesh", "pose": "Pose"}

# A landmark of a face as Protocol Buffers write it: field 1 of 15 bytes, in it the float32 fields 1, 2 and 3.
SIGNS = {"field": 0x0A, "bytes": 15, "x_field": 0x0D, "y_field": 0x15, "z_field": 0x1D}
LANDMARK = np.dtype([
    ("field", "u1"), ("bytes", "u1"), ("x_field", "u1"), ("x", "<f4"), ("y_field", "u1"), ("y", "<f4"),
    ("z_field", "u1"), ("z", "<f4"),
])  # fmt: skip


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
    with _running(lambda: graph_of(**settings)) as answer_to:
        yield lambda picture: getattr(answer_to(picture), found)


@contextlib.contextmanager
def face_detector(most: int) -> Iterator[Callable[[np.ndarray], list[tuple[np.ndarray, float]]]]:
    """MediaPipe's face mesh with the score that its own Python class keeps to itself.

    The score is `face_presence_score` of the landmark model: its estimate, a sigmoid in 0 to 1, that the region that it
    was given holds a well placed face. It is computed for every face of every picture, followed or detected anew.
    Faces that score 0.5 or less are dropped, as MediaPipe's own class does. It tells a face from none, and little of
    how well a face can be seen: half hidden ones score 0.99, and most others above 0.9999.

    Args:
        most: faces to look for. While fewer are followed, every picture is searched for more.

    Yields:
        picture (uint8 rgb [height, width, 3]) -> the faces, in no order that means anything: landmarks as shares of
        width, height and (depth) width, float32 [468, 3], and the score.

    Raises:
        UserError: mediapipe cannot be imported.
    """
    with _running(lambda: _face_graph(most)) as answer_to:

        def process(picture: np.ndarray) -> list[tuple[np.ndarray, float]]:
            answer = answer_to(picture)
            if answer.multi_face_landmarks is None:
                return []
            shares = map(_shares, answer.multi_face_landmarks)
            return list(zip(shares, answer.face_scores, strict=True))

        yield process


def _shares(face: Any) -> np.ndarray:
    """x, y and z of all landmarks, float32 [points, 3].

    They are taken out of the serialised message, where each landmark is the same 17 bytes long: asking for them one by
    one costs a tenth of what detecting them does.
    """
    packed = np.frombuffer(face.SerializeToString(), np.uint8)
    if len(packed) == LANDMARK.itemsize * len(face.landmark):
        points = packed.view(LANDMARK)
        if all((points[name] == sign).all() for name, sign in SIGNS.items()):
            return np.stack([points["x"], points["y"], points["z"]], axis=1)
    return np.array([(point.x, point.y, point.z) for point in face.landmark], np.float32)


def _face_graph(most: int) -> Any:
    """The graph of `FaceMesh` with one more output, `face_scores`.

    Scores live inside the graph's loop over faces. The gate lets those of the faces through that are kept, as another
    one does with their landmarks, and the end of the loop makes a list of them.
    """
    _solutions()
    from mediapipe.framework import calculator_pb2
    from mediapipe.python import solution_base
    from mediapipe.python._framework_bindings import resource_util, validated_graph_config
    from mediapipe.python.solutions import face_mesh

    home = Path(solution_base.__file__).parents[2]  # what MediaPipe's own paths start from
    resource_util.set_resource_dir(str(home))
    whole = validated_graph_config.ValidatedGraphConfig()
    whole.initialize(binary_graph_path=str(home / face_mesh._BINARYPB_FILE_PATH))
    graph = calculator_pb2.CalculatorGraphConfig()
    graph.ParseFromString(whole.binary_config)  # with all subgraphs written out
    graph.node.add(
        calculator="GateCalculator",
        input_stream=["facelandmarkcpu__face_presence_score", "ALLOW:facelandmarkcpu__face_presence"],
        output_stream=["face_score"],
    )
    graph.node.add(
        calculator="EndLoopFloatCalculator",
        input_stream=["ITEM:face_score", "BATCH_END:landmarks_loop_end_timestamp"],
        output_stream=["ITERABLE:face_scores"],
    )
    return solution_base.SolutionBase(
        graph_config=graph,
        side_inputs={"num_faces": most, "with_attention": False, "use_prev_landmarks": True},
        outputs=["multi_face_landmarks", "face_scores"],
    )


@contextlib.contextmanager
def _running(build: Callable[[], Any]) -> Iterator[Callable[[np.ndarray], Any]]:
    """picture -> the graph's answer, in silence; closes the graph."""
    with _quiet():
        graph = build()
        graph.process(np.zeros((64, 64, 3), np.uint8))  # black: waits for the threads that speak up as they start
    loud = True  # others speak up when something is first found

    def process(picture: np.ndarray) -> Any:
        nonlocal loud
        with _quiet() if loud else contextlib.nullcontext():
            answer = graph.process(picture)
        loud = loud and all(getattr(answer, name) is None for name in answer._fields)
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

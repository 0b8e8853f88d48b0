"""What extraction costs beside the bare library calls under it, what a second process brings, and real-time factors.

    python benchmarks/extract.py --clips=../shared/data/grid_av

Overhead: the same work, once written with nothing but PyAV, MediaPipe, librosa and Keras, and once by our features, in
turns in one process, clip after clip; ratios are formed turn by turn (goal: at most 1.10). The bare face mesh looks for
as many faces as ours. ResNet50 has random weights; both read ready crops from JPEG files. mel128 is also timed on the
sound of all clips joined, because opening a file of three seconds takes as long as its spectrogram. Then
tools/extract.py extracts copies of all clips with one and with two workers, in turns, all starts included (goal: 1.7
times as fast). Takes about ten minutes.
"""

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from absl import flags

from emotf.command import run
from emotf.errors import UserError
from emotf.features.base import Feature
from emotf.features.face_crop import FaceCrop
from emotf.features.face_mesh import FaceMesh
from emotf.features.mel128 import Mel128
from emotf.features.pose36 import Pose36
from emotf.features.resnet50 import Resnet50
from emotf.media import media_files, read_sound, video_info, video_writer
from emotf.media.face_mesh import MOST
from emotf.progress import progress
from emotf.recording import Recording
from emotf.report.tables import markdown

CLIPS = flags.DEFINE_multi_string("clips", ["../shared/data/grid_av"], "Videos with sound: paths, patterns or folders.")
ROUNDS = flags.DEFINE_integer("rounds", 5, "Turns; the first, for warming up, is left out.", lower_bound=2)
STREAMS = flags.DEFINE_string("streams", "mel128,face_mesh,pose36", "What one and two workers extract.")
COPIES = flags.DEFINE_integer("copies", 4, "Copies of the clips that they extract.", lower_bound=1)

BATCH = 32


def main(_):
    clips = media_files(CLIPS.value)
    if len(clips) < 2:
        raise UserError("Two clips are needed: the mesh of the last one is kept.")
    frames = sum(video_info(clip).frames for clip in clips)
    seconds = sum(video_info(clip).duration for clip in clips)
    with tempfile.TemporaryDirectory() as folder:
        crops = write_crops(clips, Path(folder) / "crops")
        taken = turns(pairs(crops, join_sound(clips, Path(folder) / "joined.mp4")), clips)
        rows = []
        for name, (bare, ours) in taken.items():
            ratio = ours / bare
            rows.append([
                name, f"{frames / np.median(bare):.0f}", f"{frames / np.median(ours):.0f}", f"{np.median(ratio):.2f}",
                f"{ratio.min():.2f} to {ratio.max():.2f}", f"{seconds / np.median(ours):.1f}",
            ])  # fmt: skip
        print(markdown(["stream", "bare, frames/s", "ours", "ratio of time", "turn by turn", "x real time"], rows))
        print(f"\n{two_processes(clips, Path(folder))}")


def pairs(crops: Path, joined: Path) -> dict[str, tuple[Callable[[Path], Any], Callable[[Path], Any]]]:
    """stream -> what does the same with bare calls, and ours; both take a clip."""
    import keras

    network = keras.applications.ResNet50(weights=None, include_top=False, pooling="avg")
    ready = Resnet50(weights="random", crops="crops", clock="", rate_hz=25)

    def ours(feature: Feature) -> Callable[[Path], Any]:
        return lambda clip: feature.extract(Recording("r", "s", {"video": clip, "crops": crops / clip.stem}))

    return {
        "mel128": (bare_mel, ours(Mel128())),
        "mel128, clips joined": (lambda _: bare_mel(joined), lambda _: ours(Mel128())(joined)),
        "face_mesh": (bare_face_mesh, ours(FaceMesh())),
        "pose36": (bare_pose, ours(Pose36())),
        "resnet50": (lambda clip: bare_resnet(network, crops / clip.stem), ours(ready)),
    }


def bare_mel(clip: Path) -> None:
    import av
    import librosa

    with av.open(str(clip)) as container:
        pieces = [frame.to_ndarray() for frame in container.decode(audio=0)]
        rate_hz = container.streams.audio[0].rate
    sound = np.concatenate(pieces, axis=1).astype(np.float32).mean(axis=0)
    sound = librosa.resample(sound, orig_sr=rate_hz, target_sr=22050)
    librosa.feature.melspectrogram(y=sound, sr=22050, n_fft=2048, hop_length=512, power=1, n_mels=128, htk=True)


def bare_face_mesh(clip: Path) -> None:
    import mediapipe

    with mediapipe.solutions.face_mesh.FaceMesh(max_num_faces=MOST) as graph:
        for picture in decoded(clip):
            graph.process(picture)


def bare_pose(clip: Path) -> None:
    import mediapipe

    with mediapipe.solutions.pose.Pose(model_complexity=1) as graph:
        for picture in decoded(clip):
            graph.process(picture)


def bare_resnet(network: Any, folder: Path) -> None:
    import cv2
    import keras

    pictures = [cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB) for path in sorted(folder.iterdir())]
    prepared = keras.applications.resnet50.preprocess_input(np.stack(pictures).astype(np.float32))
    network.predict(prepared, batch_size=BATCH, verbose=0)


def decoded(clip: Path) -> Iterator[np.ndarray]:
    import av

    with av.open(str(clip)) as container:
        for frame in container.decode(video=0):
            yield frame.to_ndarray(format="rgb24")


def join_sound(clips: list[Path], path: Path) -> Path:
    """A video of one picture a second with the sound of all clips."""
    import soundfile

    sound = np.concatenate([read_sound(clip, 44100) for clip in clips])
    soundfile.write(path.with_suffix(".wav"), sound, 44100)
    with video_writer(path, 1, sound_from=path.with_suffix(".wav")) as write:
        for _ in range(int(len(sound) / 44100)):
            write(np.zeros((64, 64, 3), np.uint8))
    return path


def write_crops(clips: list[Path], folder: Path) -> Path:
    """folder/<clip>/00001.jpg ...: the crops of every clip's face."""
    import cv2

    for clip in progress(clips, "crops"):
        (folder / clip.stem).mkdir(parents=True)
        for place, (picture, _) in enumerate(FaceCrop().film(Recording("r", "s", {"video": clip})).shots, start=1):
            if picture is not None:
                cv2.imwrite(str(folder / clip.stem / f"{place:05}.jpg"), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    return folder


def turns(jobs: dict[str, tuple[Callable[[Path], Any], ...]], clips: list[Path]) -> dict[str, np.ndarray]:
    """stream -> seconds for all clips, [2, rounds]: bare calls and ours alternate, and so does who comes first."""
    taken = {name: np.zeros((2, ROUNDS.value)) for name in jobs}
    for turn in progress(range(ROUNDS.value), "turns"):
        for name, pair in jobs.items():
            for place, clip in enumerate(clips[:1] if "joined" in name else clips):
                for which in (0, 1) if (turn + place) % 2 else (1, 0):
                    began = time.perf_counter()
                    pair[which](clip)
                    taken[name][which, turn] += time.perf_counter() - began
    return {name: seconds[:, 1:] for name, seconds in taken.items()}


def two_processes(clips: list[Path], folder: Path) -> str:
    """How much faster two workers extract than one, as a user runs them."""
    (folder / "clips").mkdir()
    for copy in range(COPIES.value):
        for clip in clips:
            shutil.copyfile(clip, folder / "clips" / f"{clip.stem}-{copy}{clip.suffix}")  # a link's mesh is remembered
    rows = []
    for turn in progress(range(max(2, ROUNDS.value // 2)), "one worker, two workers"):
        taken = {}
        for workers in (1, 2) if turn % 2 else (2, 1):
            out = folder / f"records{turn}-{workers}"
            flags = [
                f"--media={folder / 'clips'}",
                f"--streams={STREAMS.value}",
                f"--out={out}",
                f"--workers={workers}",
            ]
            began = time.perf_counter()
            subprocess.run([sys.executable, "tools/extract.py", *flags], check=True, capture_output=True)
            taken[workers] = time.perf_counter() - began
        rows.append([turn + 1, f"{taken[1]:.1f}", f"{taken[2]:.1f}", f"{taken[1] / taken[2]:.2f}"])
    return markdown(["turn", "one worker, s", "two, s", "times as fast"], rows)


if __name__ == "__main__":
    run(main)

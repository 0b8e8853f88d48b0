"""Which file serves which medium, where predictions go, and what is said of them."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from emotf.config import Experiment
from emotf.corpora.folder import Folder
from emotf.errors import UserError
from emotf.features.base import Feature
from emotf.features.body_euler24 import BodyEuler24
from emotf.features.geometric316 import Geometric316
from emotf.features.mel128 import Mel128
from emotf.features.mfcc39 import Mfcc39
from emotf.features.precomputed import Precomputed
from emotf.losses.mse import Mse
from emotf.models.cer import Cer
from emotf.prediction import check_words, in_words, media_of, outputs_of, predict_media, presence
from emotf.track import Track
from emotf.windows.feature_images import FeatureImages


@dataclass
class Reads:
    """A run, as far as its media go."""

    streams: dict[str, Feature]
    experiment: SimpleNamespace = field(init=False)

    def __post_init__(self):
        self.experiment = SimpleNamespace(streams=self.streams)


SPEECH = Reads({"mfcc39": Mfcc39()})
FACE = Reads({"geometric316": Geometric316()})
BOTH = Reads({"mel128": Mel128(video="video"), "geometric316": Geometric316()})
MEL = Reads({"mel128": Mel128(video="video")})
BODY = Reads({"mfcc39": Mfcc39(), "body_euler24": BodyEuler24()})
GAZE = Reads({"gaze": Precomputed("gaze")})


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("clip.mp4", "other.mp4", "a.wav", "b.csv", "x=y.wav"):
        Path(name).write_bytes(b"")


@pytest.mark.parametrize(
    ("run", "given", "overlay", "media"),
    [
        (SPEECH, ["a.wav"], False, {"audio": "a.wav"}),
        (SPEECH, ["x=y.wav"], False, {"audio": "x=y.wav"}),
        (SPEECH, ["audio=a.wav"], False, {"audio": "a.wav"}),
        (SPEECH, ["clip.mp4"], True, {"audio": "clip.mp4", "video": "clip.mp4"}),
        (SPEECH, ["audio=a.wav", "clip.mp4"], True, {"audio": "a.wav", "video": "clip.mp4"}),
        (SPEECH, ["clip.mp4", "audio=a.wav"], True, {"audio": "a.wav", "video": "clip.mp4"}),
        (FACE, ["clip.mp4"], False, {"video": "clip.mp4"}),
        (BOTH, ["clip.mp4"], False, {"audio": "clip.mp4", "video": "clip.mp4"}),
        (BOTH, ["video=clip.mp4"], True, {"audio": "clip.mp4", "video": "clip.mp4"}),
        (MEL, ["clip.mp4"], False, {"audio": "clip.mp4", "video": "clip.mp4"}),
        (BODY, ["audio=a.wav", "body=b.csv"], False, {"audio": "a.wav", "body": "b.csv"}),
        (BODY, ["video=clip.mp4", "body=b.csv"], True, {"audio": "clip.mp4", "body": "b.csv", "video": "clip.mp4"}),
        (GAZE, ["b.csv"], False, {"gaze": "b.csv"}),
    ],
)
def test_files_serve_the_media_of_a_run(here, run, given, overlay, media):
    assert media_of(run, given, overlay) == media


@pytest.mark.parametrize(
    ("run", "given", "overlay", "message"),
    [
        (SPEECH, ["a.wav", "clip.mp4"], False, "Two files for audio: a.wav and clip.mp4"),
        (SPEECH, ["audio=a.wav", "clip.mp4"], False, "Two files for audio"),
        (SPEECH, ["audio=a.wav"], True, "This run reads audio, and the overlay needs a video; video missing"),
        (SPEECH, ["audio=gone.wav"], False, r"no file gone\.wav\. This run reads audio:"),
        (SPEECH, ["sound=a.wav"], False, "no file sound=a.wav"),
        (BOTH, ["audio=a.wav"], False, r"reads audio and video; video missing: add --media=video=<file>"),
        (BODY, ["a.wav"], False, "This run reads audio and body; name each file: --media=audio=a.wav"),
        (BODY, ["body=b.csv"], False, "audio missing: add --media=audio=<file>"),
        (GAZE, ["b.csv"], True, "This run reads gaze, and the overlay needs a video; name each file"),
    ],
)
def test_media_that_do_not_fit_are_refused(here, run, given, overlay, message):
    with pytest.raises(UserError, match=message):
        media_of(run, given, overlay)


def test_outputs_lie_side_by_side_and_replace_no_medium(here):
    media = {"audio": "clip.mp4", "video": "clip.mp4"}
    assert outputs_of("", Path("run/clip.mp4.csv"), media, overlay=True) == {
        "csv": Path("run/clip.mp4.csv"), "png": Path("run/clip.mp4.png"), "mp4": Path("run/clip.mp4.mp4"),
    }  # fmt: skip
    assert list(outputs_of("clip.csv", Path("x.csv"), media)) == ["csv", "png"]
    with pytest.raises(UserError, match=r"clip\.mp4 would replace what is to be predicted"):
        outputs_of("clip.csv", Path("x.csv"), media, overlay=True)
    with pytest.raises(UserError, match=r"b\.csv would replace"):
        outputs_of("./b.csv", Path("x.csv"), {"gaze": "b.csv"})
    with pytest.raises(UserError, match=r"--out=trace\.png is the path of the CSV"):
        outputs_of("trace.png", Path("x.csv"), media)


def test_words_need_valence_and_arousal():
    trace = Track([[0.2, 0.1, -0.3], [0.16, 0.0, 0.9]], 0.04, channels=("arousal", "dominance", "valence"))
    named = in_words(trace)
    assert named["word"].tolist() == ["suspicious", "happy"]
    np.testing.assert_allclose(named["distance"], [np.hypot(0.02, 0.06), np.hypot(0.01, 0.01)], atol=1e-6)
    check_words(["valence", "arousal"])
    with pytest.raises(UserError, match="this run predicts arousal and dominance: no --words"):
        check_words(["arousal", "dominance"])
    with pytest.raises(UserError, match="needs valence and arousal"):
        in_words(trace.select(["valence"]))


@pytest.fixture
def gaze_run():
    """A run that says the mean of a precomputed stream with gaps, as arousal, at 10/s."""
    import keras

    feature = Precomputed("gaze", rate_hz=20, gaps=True)
    stream = keras.Input((4, 2), name="gaze")
    mean = keras.layers.Lambda(lambda x: keras.ops.mean(x, axis=(1, 2)), name="arousal")(stream)
    return SimpleNamespace(
        experiment=Experiment(corpus=Folder(), streams={"gaze": feature}, model=Cer(), loss=Mse(),
                              window=FeatureImages(frames=4, stride=0.05)),
        about={"gold_hop": 0.1,
               "streams": {"gaze": {"made_by": {"part": "precomputed", **asdict(feature)}, "channels": ["c0", "c1"]}}},
        learned=Path,
        network=lambda: keras.Model({"gaze": stream}, {"arousal": mean}),
    )  # fmt: skip


def test_a_trace_comes_with_what_was_found(gaze_run, tmp_path, capsys):
    values = np.ones((41, 2)) + np.arange(41)[:, None]
    values[10:20] = 0
    np.save(tmp_path / "a.npy", values)
    made = predict_media(gaze_run, {"gaze": str(tmp_path / "a.npy")})
    assert (made.trace.channels, made.trace.hop, made.trace.frames) == (("arousal",), 0.1, 21)
    assert made.trace.values[15, 0] == pytest.approx(np.mean(values[28:32]), abs=1)  # around 1.5 s
    assert list(made.found) == ["gaze"]
    np.testing.assert_array_equal(made.found["gaze"].values[:, 0], (np.arange(41) < 10) | (np.arange(41) >= 20))
    assert "all frames are the same" not in capsys.readouterr().err


def test_a_stream_of_nothing_is_said(gaze_run, tmp_path, capsys):
    np.save(tmp_path / "a.npy", np.zeros((41, 2)))
    made = predict_media(gaze_run, {"gaze": str(tmp_path / "a.npy")})
    assert not made.found["gaze"].values.any()
    assert "gaze: all frames are the same" in capsys.readouterr().err


def test_presence_follows_the_flags_or_the_zeros():
    rows = np.array([[3.0, 0.9, 1.0], [0.0, 0.0, 0.0], [5.0, 0.4, 1.0]])
    flagged = Track(rows, 0.04, start=0.2, channels=("x", "confidence", "found"))
    sure = presence(flagged, gaps=True)
    assert sure is not None and (sure.hop, sure.start, sure.channels) == (0.04, 0.2, ("confidence",))
    np.testing.assert_allclose(sure.values[:, 0], [0.9, 0, 0.4])
    zeros = presence(flagged.select(["x"]), gaps=True)
    assert zeros is not None and zeros.values[:, 0].tolist() == [1, 0, 1]
    assert presence(flagged.select(["x"]), gaps=False) is None

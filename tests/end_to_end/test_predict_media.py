"""A run predicts a user's own video: one bare file, a table with words, a plot, and the video drawn on."""

import numpy as np
import pandas as pd
import pytest
import soundfile
from conftest import SHARED, tool
from real_data import needs_data

from emotf.media import pictures, read_sound, video_writer
from emotf.report.overlay import Painter, frame_at
from emotf.tables import read_track

CLIPS = SHARED / "grid_av"
RATE = 16000


@pytest.fixture(scope="module")
def clip(work):
    """A film of 51 pictures of 30 a second, with clicks at 0.4 and 1.3 s."""
    sound = 1e-3 * np.random.default_rng(0).standard_normal(2 * RATE)
    for time in (0.4, 1.3):
        sound[round(time * RATE) :][:160] += 0.8 * np.sin(np.arange(160) * 0.6)
    soundfile.write(work / "clicks.wav", sound, RATE)
    with video_writer(work / "clip.mp4", 30, sound_from=work / "clicks.wav") as write:
        for k in range(51):
            write(np.full((240, 320, 3), 60 + 2 * k, np.uint8))
    return work / "clip.mp4"


def check_overlay(source, out, trace, word):
    """As many pictures at the same times; the first, middle and last one show their own row, no other."""
    before, after = list(pictures(source)), list(pictures(out))
    assert len(before) == len(after)
    np.testing.assert_allclose([t for t, _ in after], [t for t, _ in before], atol=1e-3)
    painter = Painter(trace)

    def misfit(place, row):
        time, picture = before[place]
        said = frame_at(trace.times[row], trace, word)
        assert said.row == row and said.word == word[row]
        return np.abs(painter.draw(picture, time, said).astype(int) - after[place][1]).mean()

    for place in (0, len(before) // 2, len(before) - 1):
        nearest = int(np.abs(trace.times - before[place][0]).argmin())
        other = max(range(trace.frames), key=lambda row: np.abs(trace.values[row] - trace.values[nearest]).sum())
        assert misfit(place, nearest) < 6 and misfit(place, nearest) < 0.9 * misfit(place, other)


def lag(source, out):
    """Seconds by which the sound of `out` comes later."""
    one, two = (read_sound(path, RATE)[: 2 * RATE] for path in (source, out))
    return (np.correlate(two, one, "full").argmax() - (len(one) - 1)) / RATE


def test_a_bare_video_is_predicted_named_and_drawn_on(work, speech, clip):
    out = work / "shown" / "trace.csv"
    done = tool("predict", f"--run={speech}", f"--media={clip}", "--overlay", "--words", f"--out={out}")
    assert done.stdout.splitlines()[1:] == [str(out.with_suffix(f".{kind}")) for kind in ("csv", "png", "mp4")]
    table = pd.read_csv(out)
    assert list(table) == ["time", "arousal", "dominance", "valence", "word", "distance"]
    trace = read_track(out, columns=["arousal", "dominance", "valence"])
    check_overlay(clip, out.with_suffix(".mp4"), trace, table["word"].to_numpy())
    assert abs(lag(clip, out.with_suffix(".mp4"))) < 0.04
    assert out.with_suffix(".png").read_bytes().startswith(b"\x89PNG")


def test_a_video_to_draw_on_is_asked_for_before_any_work(work, speech, clip):
    done = tool("predict", f"--run={speech}", f"--media={work}/clicks.wav", "--overlay", check=False)
    assert done.returncode == 1 and "streams:" not in done.stderr
    assert "clicks.wav has no pictures, only sound" in done.stderr.splitlines()[-1]


RECIPE = """
from emotf.config import Data, Experiment, Training
from emotf.corpora.folder import Folder
from emotf.features.geometric316 import Geometric316
from emotf.features.mel128 import Mel128
from emotf.losses.mse import Mse
from emotf.models.cer import Cer
from emotf.windows.feature_images import FeatureImages


def get_config(arg=""):
    return Experiment(
        corpus=Folder(dir="{work}/faces"),
        streams={{"geometric316": Geometric316(), "mel128": Mel128(video="video", decibel=True)}},
        model=Cer(),
        loss=Mse(),
        window=FeatureImages(frames=6, stride=0.04),
        data=Data(records="{work}/faces_records"),
        training=Training(epochs=1),
    )
"""


@needs_data
def test_sound_and_face_of_real_clips_go_in_and_a_lost_face_is_shown(work):
    """Three clips of made-up ratings train a run on face and mel; it predicts a fourth, whose face vanishes."""
    corpus, rng = work / "faces", np.random.default_rng(0)
    clips = sorted(CLIPS.glob("*.mpg"))
    rows = ["id,subject,session,video"]
    for name, source in zip("abc", clips, strict=False):
        rows.append(f"{name},{name},{name},{source}")
        for target in ("arousal", "valence"):
            (corpus / "ratings" / target).mkdir(parents=True, exist_ok=True)
            lines = [f"{k / 25},{value:.3f}" for k, value in enumerate(np.tanh(rng.normal(size=74)))]
            (corpus / "ratings" / target / f"{name}.csv").write_text("\n".join(["time,ann", *lines]))
    (corpus / "recordings.csv").write_text("\n".join(rows))
    (work / "faces.py").write_text(RECIPE.format(work=work))
    tool("extract", f"--config={work}/faces.py")
    tool("train", f"--config={work}/faces.py", f"--run={work}/faces_run")

    shown = work / "half.mp4"
    with video_writer(shown, 25, sound_from=clips[3]) as write:
        for k, (time, picture) in enumerate(pictures(clips[3])):
            write(picture if k < 45 else np.full_like(picture, 128), time)
    out = work / "half" / "trace.csv"
    tool("predict", f"--run={work}/faces_run", f"--media={shown}", "--overlay", "--words", f"--out={out}")
    trace = read_track(out, columns=["arousal", "valence"])
    assert (trace.hop, trace.start, trace.frames) == (0.04, 0.0, 75)
    check_overlay(shown, out.with_suffix(".mp4"), trace, pd.read_csv(out)["word"].to_numpy())
    assert abs(lag(shown, out.with_suffix(".mp4"))) < 0.04
    # a video of another rate is put on the clock that the run was trained on
    with video_writer(work / "fast.mp4", 30, sound_from=clips[3]) as write:
        for _, picture in pictures(clips[3]):
            write(picture)
    tool("predict", f"--run={work}/faces_run", f"--media={work}/fast.mp4", f"--out={out}")
    assert read_track(out, columns=["arousal", "valence"]).frames == 62  # 2.47 s at 25/s

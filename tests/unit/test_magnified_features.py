"""evm_color and evm_motion: what the filter is given where there is no face, and which pictures are described."""

from pathlib import Path

import cv2
import keras
import numpy as np
import pytest
from real_data import DATA, needs_data

from emotf import catalog
from emotf.errors import UserError
from emotf.features._magnified import magnified_shots
from emotf.features._resnet50 import load_network
from emotf.features.evm_color import EvmColor
from emotf.features.evm_motion import EvmMotion
from emotf.features.face_crop import FaceCrop
from emotf.magnification import Magnifier, to_picture
from emotf.recording import Recording

SIZE, RATE_HZ, FRAMES = 24, 25, 80
MAGNIFIER = Magnifier("color", alpha=4, cutoff_px=8)


@pytest.fixture(autouse=True)
def _no_network_is_left_over():
    load_network.cache_clear()


def crops(frames: int = FRAMES) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.integers(100, 140, (SIZE, SIZE, 3)).astype(np.uint8) for _ in range(frames)]


def shots(without: range | tuple[int, ...] = ()) -> list[tuple[np.ndarray | None, np.ndarray]]:
    return [(None if k in without else crop, np.full(7, k, np.float32)) for k, crop in enumerate(crops())]


def magnified(pictures: list[np.ndarray]) -> list[np.ndarray]:
    return [to_picture(picture) for picture in MAGNIFIER.magnify(pictures, RATE_HZ)]


FILLED = {
    "nowhere": ((), lambda c: c),
    "in the middle": ((40, 41), lambda c: [
        *c[:40], *(to_picture(((3 - k) * c[39].astype(float) + k * c[42].astype(float)) / 3) for k in (1, 2)), *c[42:],
    ]),
    "at both ends": ((0, 1, 77, 78, 79), lambda c: [c[2], c[2], *c[2:77], c[76], c[76], c[76]]),
    "all but one": (tuple(k for k in range(FRAMES) if k != 30), lambda c: [c[30]] * FRAMES),
}  # fmt: skip


@pytest.mark.parametrize("where", FILLED)
def test_gaps_stay_gaps_and_are_faded_for_the_filter(where):
    without, filled = FILLED[where]
    found = list(magnified_shots(iter(shots(without)), MAGNIFIER, RATE_HZ))
    assert [values[0] for _, values in found] == list(range(FRAMES))
    expected = magnified(filled(crops()))
    for k, (picture, _) in enumerate(found):
        assert (picture is None) == (k in without)
        if picture is not None:
            assert picture.dtype == np.uint8
            np.testing.assert_array_equal(picture, expected[k])


def test_a_film_without_a_face_is_one_gap():
    found = list(magnified_shots(iter(shots(range(FRAMES))), MAGNIFIER, RATE_HZ))
    assert [picture for picture, _ in found] == [None] * FRAMES
    assert [values[0] for _, values in found] == list(range(FRAMES))


def network(path: Path) -> Path:
    """Colours mixed and pooled."""
    pictures = keras.Input((SIZE, SIZE, 3))
    mixed = keras.layers.Conv2D(2048, 1, kernel_initializer=keras.initializers.RandomNormal(seed=0), name="mix")
    keras.Model(pictures, keras.layers.GlobalAveragePooling2D()(mixed(pictures))).save(path)
    return path


def by_hand(path: Path, pictures: list[np.ndarray]) -> np.ndarray:
    weights, bias = keras.models.load_model(path).get_layer("mix").get_weights()
    return np.stack([picture.reshape(-1, 3).mean(axis=0) @ weights[0, 0] + bias for picture in pictures])


def ready(folder: Path, frames: int = FRAMES, without: tuple[int, ...] = ()) -> Recording:
    folder.mkdir()
    for k, crop in enumerate(crops(frames)):
        if k not in without:
            cv2.imwrite(str(folder / f"{k + 1:05d}.png"), crop[:, :, ::-1])
    return Recording("r1", "s1", media={"crops": folder})


READY = {"crops": "crops", "clock": "", "rate_hz": RATE_HZ, "size": SIZE}


@pytest.mark.parametrize(("part", "mode", "high_hz"), [(EvmColor, "color", 3.0), (EvmMotion, "motion", 5.0)])
def test_of_ready_crops(part, mode, high_hz, tmp_path):
    path = network(tmp_path / "faces.keras")
    feature = part(weights=str(path), cutoff_px=8, alpha=4, chroma=0.5, **READY)
    recording = ready(tmp_path / "crops", without=(10,))
    track = feature.extract(recording)
    assert track.hop == 1 / RATE_HZ and track.channels == feature.resolved(recording).channels
    assert not track.values[10].any() and (np.delete(track.values, 10, axis=0)[:, -1] == 1).all()
    filled = crops()
    filled[10] = to_picture((filled[9].astype(float) + filled[11]) / 2)
    magnifier = Magnifier(mode, alpha=4, high_hz=high_hz, cutoff_px=8, chroma=0.5)
    expected = by_hand(path, [to_picture(picture) for picture in magnifier.magnify(filled, RATE_HZ)])
    expected[10] = 0
    np.testing.assert_allclose(track.values[:, :2048], expected, rtol=1e-4, atol=1e-4)


def test_they_are_parts_like_resnet50():
    assert catalog.find("features", "evm_color") is EvmColor
    assert catalog.find("features", "evm_motion") is EvmMotion
    for feature in (EvmColor(), EvmMotion()):
        assert feature.media == ("video",) and feature.kind == "extracted" and feature.gaps
        assert len(feature.channels) == 2050
    assert (EvmColor().high_hz, EvmMotion().high_hz) == (3, 5)


@pytest.mark.parametrize(
    ("settings", "frames", "said"),
    [
        ({}, 39, r"Recording r1: A clip of 39 pictures \(1.56 s\) is too short for 0.8 Hz, which takes 40"),
        ({"high_hz": 13.0}, 80, "Recording r1: A band up to 13 Hz does not show in 25 pictures a second"),
        ({"alpha": -1.0}, 80, "alpha above 0, received -1"),
        ({"cutoff_px": 500.0}, 80, "Recording r1: Pictures of 24 x 24 have no waves of 500 px"),
    ],
)
def test_what_cannot_be_magnified_is_refused(settings, frames, said, tmp_path):
    path = network(tmp_path / "faces.keras")
    with pytest.raises(UserError, match=said):
        EvmColor(weights=str(path), **{"cutoff_px": 8} | READY | settings).extract(ready(tmp_path / "crops", frames))


@needs_data
@pytest.mark.parametrize("part", [EvmColor, EvmMotion])
def test_of_a_talking_face(part, tmp_path):
    path = network(tmp_path / "faces.keras")
    recording = Recording("r1", "s1", media={"video": DATA / "grid_av" / "bbaf2n.mpg"})
    track = part(weights=str(path), size=SIZE, cutoff_px=4).extract(recording)
    assert track.values.shape == (75, 2050) and track.hop == 0.04
    plain = by_hand(path, [picture for picture, _ in FaceCrop(size=SIZE).film(recording).shots])
    assert np.abs(track.values[:, :2048] - plain).max() > 1e-3

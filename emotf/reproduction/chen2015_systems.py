"""Systems of ours beside those of Chen & Jin 2015."""

from collections.abc import Callable

from emotf.reproduction.derived import Derived, fused
from emotf.reproduction.table import Family, Settings

lstm = Family({"targets": "stl", "streams": "audio_short", "loss": "mse", "model.direction": "forward"})
layered = Family({"targets": "stl", "streams": "audio_short", "loss": "ccc", "model": "layered_fusion"})

# What the publication calls the streams. `Audio` is short-time for arousal, long-time for valence.
AUDIO = {"arousal": "audio_short", "valence": "audio_long"}
FACE, BIOSIGNALS = "video_app+video_geo", "ecg+eda"
STREAMS = {"short-time audio": "audio_short", "long-time audio": "audio_long", "Video_geo": "video_geo"}
AVERAGED = {"arousal": ("audio_short", "video_app", "video_geo", "ecg"),
            "valence": ("audio_long", "video_app", "video_geo", "ecg", "eda")}  # fmt: skip

# Late fusion: stream and loss of the sub-systems. Those of arousal are printed; of valence, the two losses of each
# stream that are best in table 5, and as for arousal the audio that was not taken.
LATE = {
    "arousal": (
        ("audio_long", "mse"), ("audio_short", "mae"), ("audio_short", "mse_cov"), ("video_app", "mse"),
        ("video_app", "mse_cov"), ("video_geo", "ccc"), ("video_geo", "mse_cov"), ("ecg", "ccc"), ("ecg", "mse_cov"),
    ),
    "valence": (
        ("audio_short", "mse"), ("audio_long", "mse_cov"), ("audio_long", "mse_over_cc"), ("video_app", "ccc"),
        ("video_app", "mse_cov"), ("video_geo", "ccc"), ("video_geo", "mse_cov"), ("ecg", "ccc"), ("ecg", "mse_cov"),
        ("eda", "ccc"), ("eda", "mse_cov"),
    ),
}  # fmt: skip

LOSSES = {
    "mse": "mse",
    "mae": "mae",
    "tube0.05": "tube",
    "-ccc": "ccc",
    "mse-cov": "mse_cov",
    "mse/(CC+1)": "mse_over_cc",
}


def stream(name: str) -> str:
    """Ours, of a printed name; `average` has none."""
    return STREAMS.get(name, name)


def averaged(target: str, loss: str) -> tuple[Settings, ...]:
    """Those of the rows `average` of tables 4 and 5, audio first."""
    return tuple(lstm(streams=name, loss=loss) for name in AVERAGED[target])


def shared(target: str, feature: str, targets: str = "mtl") -> Settings:
    """A system of table 7."""
    return lstm(targets=targets, streams=AUDIO[target] if feature == "Audio" else stream(feature))


def early(architecture: str, *groups: str) -> Settings:
    """Early fusion of groups of streams: side by side (`concatenation`), or one a layer (`new structure`)."""
    streams = "+".join(groups)
    if architecture == "concatenation":
        return lstm(streams=streams, loss="ccc")
    return layered(streams=streams, model=f"layered_fusion:layers={','.join(groups)}")


def early_of_all(target: str, architecture: str) -> Settings:
    """Sound, face, biosignals; without EDA for arousal, whose best CCC is below 0.1."""
    return early(architecture, AUDIO[target], FACE, "ecg" if target == "arousal" else BIOSIGNALS)


def late(target: str, part: str) -> Derived:
    """Late fusion, on one of its parts."""
    of = tuple(lstm(streams=name, loss=loss) for name, loss in LATE[target])
    return Derived(of, fused, part, recordings=2)


# Table 9: what it joins, for a target.
PAIRS: dict[str, Callable[[str], tuple[str, str]]] = {
    "Audio & Video (video_app+video_geo)": lambda target: (AUDIO[target], FACE),
    "Video (video_app+video_geo) & BioSignal (ecg+eda)": lambda target: (FACE, BIOSIGNALS),
    "Audio & BioSignal (ecg+eda)": lambda target: (AUDIO[target], BIOSIGNALS),
}

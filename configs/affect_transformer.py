"""The four Transformers of Orgil (2022): face mesh, face features, magnified face, and all of them.

    --config=configs/affect_transformer.py:<corpus>[,<option>...]

Corpora
    synthetic    planted streams, written to work/corpora/planted_faces: no film; says nothing
    affwild      Aff-Wild (2017): set --config.corpus.dir
    affwild2     Aff-Wild2 and its videos: set --config.corpus.dir
    afew_va      AFEW-VA: set --config.corpus.dir and --config.corpus.streams_to
    folder       your own films: set --config.corpus.dir (layout: emotf/corpora/folder.py), medium video

Options
    mesh | feature | evm | multi               Mesh-, Feature-, EVM- or Multi-Transformer, by the streams it takes: the
                                               face mesh (default), ResNet50 features of the face, those of the face
                                               with magnified colour, or all three
    face_mesh | mesh70 | openpose70 | openface68       with mesh or multi, where landmarks are from: all 468 points of
                                               MediaPipe's mesh (default) or 70 of them, or files of OpenPose (with
                                               --face) or OpenFace 2
    encoder                                    no decoder
    causal                                     a frame sees itself and earlier ones only
    mse | ccc | non_inertial | non_inertial_extended   the loss (non_inertial by default)
    by_batch                                   with ccc: moments of the batch, not of each sequence (after the loss)
    s32 | s64 | s128 | s256                    frames of a sequence (128 by default)
    split-<train:dev[:test]>                   of the videos, 70:30 by default; not of synthetic and folder
    rate-<hz>                                  frames a second of ratings and streams (30 by default, afew_va 25)
    flags                                      streams of video say themselves how surely they found what they look for
    modality_dropout                           with multi: in training, each sequence loses each stream with
                                               probability 0.3
    mtl | stl-<target>                         both targets (default), or one (not with a non-inertial loss)
    smoke                                      seconds instead of minutes; says nothing

    python tools/extract.py --config=configs/affect_transformer.py:affwild --config.corpus.dir=Aff-Wild --workers=2

The thesis names the learning rate (1e-5), batches of 8 sequences of 32 and then 128 frames, and at most 50 epochs with
early stopping. Ours, where it is silent: width, heads and depth (emotf/models/transformer.py), Adam, patience 15, mean
and spread of train as the scale of inputs, shuffled sequences. The weights of the ResNet50 are ImageNet's unless
--config.streams.resnet50.weights (and .evm_color.weights) name a .keras file. On `synthetic` the learning rate is 3e-4:
an epoch has 21 steps there.
"""

from emotf.catalog import find
from emotf.config import Data, Experiment, Training
from emotf.corpora.afew_va import AfewVa
from emotf.corpora.affwild import Affwild
from emotf.corpora.affwild2 import Affwild2
from emotf.corpora.folder import Folder
from emotf.corpora.planted import Planted
from emotf.features.evm_color import EvmColor
from emotf.features.face_mesh import FaceMesh
from emotf.features.precomputed import Precomputed
from emotf.features.resnet50 import Resnet50
from emotf.losses.ccc import Ccc
from emotf.losses.non_inertial import NonInertial
from emotf.models.transformer import Transformer
from emotf.recipes import (
    at_rate,
    end_to_end,
    experiment_of,
    instead_of,
    setting,
    single_target,
    smoke,
    split,
    with_flags,
)
from emotf.windows.sequences import Sequences

NETWORKS = {
    "mesh": ("face_mesh",),
    "feature": ("resnet50",),
    "evm": ("evm_color",),
    "multi": ("face_mesh", "resnet50", "evm_color"),
}


def get_config(arg: str = "synthetic") -> Experiment:
    """The experiment of a corpus and options."""
    corpus, *options = arg.split(",")
    if not set(NETWORKS) & set(options):
        options = ["mesh", *options]
    return experiment_of(",".join([corpus, *options]), CORPORA, OPTIONS)


def synthetic() -> Experiment:
    """Planted streams."""
    corpus = Planted(dir="work/corpora/planted_faces", extracted=NETWORKS["multi"])
    experiment = _of(corpus, {name: Precomputed(stream=name, gaps=True) for name in NETWORKS["multi"]})
    experiment.data.records = "work/records/faces"
    experiment.training.learning_rate = 3e-4
    return experiment


def affwild() -> Experiment:
    """Streams computed from the videos."""
    return _filmed(Affwild(), rate_hz=30)


def affwild2() -> Experiment:
    """ResNet50 features of the aligned crops, the rest from the videos."""
    experiment = _filmed(Affwild2(), rate_hz=30)
    experiment.streams["resnet50"] = Resnet50(crops="crops", flags=False, rate_hz=30)
    return experiment


def afew_va() -> Experiment:
    """Films without sound, which nobody needs here."""
    return _filmed(AfewVa(), rate_hz=25)


def folder() -> Experiment:
    """A corpus of the user's own."""
    return _filmed(Folder(), rate_hz=30)


CORPORA = {"synthetic": synthetic, "affwild": affwild, "affwild2": affwild2, "afew_va": afew_va, "folder": folder}


def _filmed(corpus, rate_hz) -> Experiment:
    features = (FaceMesh(flags=False), Resnet50(flags=False), EvmColor(flags=False))
    return at_rate(_of(corpus, dict(zip(NETWORKS["multi"], features, strict=True))), rate_hz)


def _of(corpus, streams) -> Experiment:
    return Experiment(
        corpus=corpus,
        streams=streams,
        model=Transformer(),
        loss=NonInertial(),
        data=Data(targets=("arousal", "valence")),
        window=Sequences(frames=128, stride_frames=128),
        training=Training(
            learning_rate=1e-5,
            batch=8,
            epochs=50,
            patience=15,
            weighting="sum",
            select="ccc_mean",
            keep=("mse_mean", "non_inertial_mean"),
        ),
    )


def _network(streams):
    def apply(experiment: Experiment) -> None:
        experiment.streams = {name: experiment.streams[name] for name in streams}

    return apply


LOSSES = ("mse", "ccc", "non_inertial", "non_inertial_extended")
OPTIONS = {
    **{name: _network(streams) for name, streams in NETWORKS.items()},
    "face_mesh": lambda experiment: None,
    "mesh70": instead_of("face_mesh", "landmarks140", flags=False),
    "openpose70": instead_of("face_mesh", "openpose_face140", flags=False),
    "openface68": instead_of("face_mesh", "openface_landmarks136", flags=False),
    "encoder": setting("model.decoder", "none"),
    "causal": setting("model.causal", True),
    **{name: setting("loss", find("losses", name)()) for name in LOSSES},
    "ccc": setting("loss", Ccc(pool="sequence")),
    "by_batch": setting("loss.pool", "batch"),
    **{f"s{frames}": end_to_end(frames) for frames in (32, 64, 128, 256)},
    "split-": split,
    "rate-": at_rate,
    "flags": with_flags,
    "modality_dropout": setting("model.modality_dropout", 0.3),
    "mtl": setting("data.targets", ("arousal", "valence")),
    "stl-": single_target,
    "smoke": smoke,
}

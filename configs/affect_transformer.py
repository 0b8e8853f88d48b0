"""The four Transformers of Orgil (2022): face mesh, face features, magnified face, and all of them.

    --config=configs/affect_transformer.py:<corpus>[,<option>...]

Corpora
    synthetic    planted streams, written to work/corpora/planted_faces: no film; says nothing
    affwild      Aff-Wild (2017): set --config.corpus.dir
    affwild2     Aff-Wild2 and its videos, but for those of two people: set --config.corpus.dir
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
    s32 | s64 | s128 | s256 | s384 | s512      frames of a sequence (128 by default)
    split-<train:dev[:test]>                   of the videos, 70:30 by default (affwild2: as published); not of
                                               synthetic and folder
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

from emotf.config import Data, Experiment, Training
from emotf.corpora.planted import Planted
from emotf.features.evm_color import EvmColor
from emotf.features.face_mesh import FaceMesh
from emotf.features.precomputed import Precomputed
from emotf.features.resnet50 import Resnet50
from emotf.losses.non_inertial import NonInertial
from emotf.models.transformer import Transformer
from emotf.recipes import experiment_of, setting
from emotf.wild import LOSSES, corpora, in_order, instead_of
from emotf.wild import OPTIONS as SHARED
from emotf.windows.sequences import Sequences

STREAMS = ("face_mesh", "resnet50", "evm_color")


def get_config(arg: str = "synthetic") -> Experiment:
    """The experiment of a corpus and options."""
    if not set(NETWORKS) & set(arg.split(",")):
        arg += ",mesh"
    return experiment_of(in_order(arg, NETWORKS, LANDMARKS, LOSSES), CORPORA, OPTIONS)


def synthetic() -> Experiment:
    """Planted streams."""
    corpus = Planted(dir="work/corpora/planted_faces", extracted=STREAMS)
    experiment = _of(corpus, {name: Precomputed(stream=name, gaps=True) for name in STREAMS})
    experiment.data.records = "work/records/faces"
    experiment.training.learning_rate = 3e-4
    return experiment


def filmed(corpus) -> Experiment:
    """Streams computed from videos."""
    features = (FaceMesh(flags=False), Resnet50(flags=False), EvmColor(flags=False))
    return _of(corpus, dict(zip(STREAMS, features, strict=True)))


CORPORA = {"synthetic": synthetic, **corpora(filmed)}


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


def _network(*streams):
    def apply(experiment: Experiment) -> None:
        experiment.streams = {name: experiment.streams[name] for name in streams}

    return apply


NETWORKS = {
    "mesh": _network("face_mesh"),
    "feature": _network("resnet50"),
    "evm": _network("evm_color"),
    "multi": _network(*STREAMS),
}
LANDMARKS = {
    "face_mesh": lambda experiment: None,
    "mesh70": instead_of("face_mesh", "landmarks140"),
    "openpose70": instead_of("face_mesh", "openpose_face140", clock="video"),
    "openface68": instead_of("face_mesh", "openface_landmarks136", clock="video"),
}
OPTIONS = {
    **NETWORKS,
    **LANDMARKS,
    **SHARED,
    "encoder": setting("model.decoder", "none"),
    "causal": setting("model.causal", True),
}

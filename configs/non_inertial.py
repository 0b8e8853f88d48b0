"""The four networks of Orgil et al. (2021): face, body and voice, fully connected layers and an LSTM.

    --config=configs/non_inertial.py:<corpus>[,<option>...]

Corpora
    synthetic    planted streams, written to work/corpora/planted: no film, minutes instead of days; says nothing
    affwild      Aff-Wild (2017): set --config.corpus.dir
    affwild2     Aff-Wild2, its aligned crops and videos: set --config.corpus.dir
    afew_va      AFEW-VA: set --config.corpus.dir and --config.corpus.streams_to; it has no sound
    folder       your own films: set --config.corpus.dir (layout: emotf/corpora/folder.py), media video and audio

Options
    full | without_mel | audio | pose          the network, by the streams it takes (full by default)
    mesh70 | face_mesh | openpose70 | openface68       where landmarks are from: 70 or all 468 points of the mesh that
                                               MediaPipe finds, or files of OpenPose (with --face) or OpenFace 2
    mse | ccc | non_inertial | non_inertial_extended   the loss (non_inertial by default)
    by_batch                                   with ccc: moments of the batch, not of each sequence (after the loss)
    s32 | s64 | s128 | s256 | s384 | s512      frames of a sequence (128 by default)
    split-<train:dev[:test]>                   of the videos, 70:30 by default; not of synthetic and folder
    rate-<hz>                                  frames a second of ratings and streams (30 by default, afew_va 25)
    minmax | zscores                           inputs to 0..1 (default; on synthetic z-scores), or by mean and spread
    decibel                                    mel128 in dB, not in magnitudes, most of which lie near 0 once in 0..1
    flags                                      streams of video say themselves how surely they found what they look for
    modality_dropout                           in training, each sequence loses the face, the body or the voice, each
                                               with probability 0.3: for recordings in which one is lost
    frozen                                     synthetic only, a control: the mouth does not move
    mtl | stl-<target>                         both targets (default), or one (not with a non-inertial loss)
    smoke                                      seconds instead of minutes; says nothing

    python tools/extract.py --config=configs/non_inertial.py:affwild --config.corpus.dir=Aff-Wild --workers=2
    python tools/train.py --config=configs/non_inertial.py:affwild,ccc --config.corpus.dir=Aff-Wild --run=work/runs/full

A twin, a tiny synthetic corpus of films in the same layout, lets all of it be tried before a licence arrives:

    python tools/extract.py --corpus=affwild --twin=work/affwild_twin

As published: inputs scaled to 0..1 (here by the range of train), SGD at 0.01 with momentum 0.9 and weight decay 5e-4,
batches of 64 sequences, at most 70 epochs, patience 15, a tenth of the learning rate after 10 epochs without a better
one; sequences end to end and in order inside a video, videos in another order every epoch; the sum of both targets'
losses; mean squared error, CCC and non-inertial loss of each development video, whatever the training loss, and the
best weights by each: those by CCC are the run's own, the others lie in its folder best/.

Ours, where the paper is silent: ReLU; L2 decay; the factor 0.1; ccc with moments of each sequence, the reading under
which its collapse at 32 frames comes back (docs/losses.md). The weights of the ResNet50 are ImageNet's unless
--config.streams.resnet50.weights names a .keras file of one that was trained on faces, as theirs was. On `synthetic`
batches are of 512 frames (64 sequences of 128 would make 3 steps an epoch) and shuffled, inputs are z-scores, the
learning rate is 0.003, epochs, patience and plateau are 24, 8 and 3: why, is in docs/sequence_models.md.
"""

from emotf.catalog import find
from emotf.config import Data, Experiment, Training
from emotf.corpora.afew_va import AfewVa
from emotf.corpora.affwild import Affwild
from emotf.corpora.affwild2 import Affwild2
from emotf.corpora.folder import Folder
from emotf.corpora.planted import Planted
from emotf.errors import UserError
from emotf.features.landmarks140 import Landmarks140
from emotf.features.mel128 import Mel128
from emotf.features.pose36 import Pose36
from emotf.features.precomputed import Precomputed
from emotf.features.resnet50 import Resnet50
from emotf.losses.ccc import Ccc
from emotf.losses.non_inertial import NonInertial
from emotf.models.non_inertial_net import NonInertialNet
from emotf.optimizers.sgd import Sgd
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


def get_config(arg: str = "synthetic") -> Experiment:
    """The experiment of a corpus and options."""
    return experiment_of(arg, CORPORA, OPTIONS)


def synthetic() -> Experiment:
    """Planted streams."""
    found = {name: Precomputed(stream=name, gaps=True) for name in ("resnet50", "landmarks140", "pose36")}
    experiment = _of(Planted(dir="work/corpora/planted"), {**found, "mel128": Precomputed(stream="mel128")})
    experiment.training.batch = 4
    experiment.data.standardisation = "train"
    experiment.training.order, experiment.training.learning_rate = "shuffled", 0.003
    experiment.training.epochs, experiment.training.patience, experiment.training.plateau = 24, 8, 3
    return experiment


def affwild() -> Experiment:
    """Streams computed from the videos and their sound."""
    return _filmed(Affwild(), rate_hz=30)


def affwild2() -> Experiment:
    """The face from the aligned crops, the rest from the videos and their sound."""
    experiment = _filmed(Affwild2(), rate_hz=30)
    experiment.streams["resnet50"] = Resnet50(crops="crops", flags=False, rate_hz=30)
    return experiment


def afew_va() -> Experiment:
    """Films without sound."""
    experiment = _filmed(AfewVa(), rate_hz=25)
    without_mel(experiment)
    return experiment


def folder() -> Experiment:
    """A corpus of the user's own."""
    return _filmed(Folder(), rate_hz=30)


CORPORA = {"synthetic": synthetic, "affwild": affwild, "affwild2": affwild2, "afew_va": afew_va, "folder": folder}


def _filmed(corpus, rate_hz) -> Experiment:
    streams = {
        "resnet50": Resnet50(flags=False),
        "landmarks140": Landmarks140(flags=False),
        "pose36": Pose36(flags=False),
        "mel128": Mel128(video="video"),
    }
    return at_rate(_of(corpus, streams), rate_hz)


def _of(corpus, streams) -> Experiment:
    return Experiment(
        corpus=corpus,
        streams=streams,
        model=NonInertialNet(),
        loss=NonInertial(),
        data=Data(targets=("arousal", "valence"), standardisation="minmax"),
        window=Sequences(frames=128, stride_frames=128),
        training=Training(
            learning_rate=0.01,
            optimizer=Sgd(momentum=0.9, weight_decay=5e-4),
            batch=64,
            epochs=70,
            patience=15,
            plateau=10,
            plateau_factor=0.1,
            weighting="sum",
            order="by_recording",
            select="ccc_mean",
            keep=("mse_mean", "non_inertial_mean"),
        ),
    )


def without_mel(experiment: Experiment) -> None:
    """All but the voice."""
    experiment.streams.pop("mel128", None)


def alone(stream: str):
    """An option: this stream by itself."""

    def apply(experiment: Experiment) -> None:
        if stream not in experiment.streams:
            raise UserError(f"No {stream} here; there is {', '.join(experiment.streams)}.")
        experiment.streams = {stream: experiment.streams[stream]}

    return apply


def landmarks(feature: str, **fields):
    """An option: landmarks of another source, in the layer of those that they replace."""
    replace = instead_of("landmarks140", feature, **fields)

    def apply(experiment: Experiment) -> None:
        replace(experiment)
        experiment.model.layers = tuple(name.replace("landmarks140", feature) for name in experiment.model.layers)

    return apply


def decibel(experiment: Experiment) -> None:
    """The voice in dB."""
    mel = experiment.streams.get("mel128")
    if not isinstance(mel, Mel128):
        raise UserError("The corpus has no sound to take in decibel, or its mel128 is planted in decibel.")
    mel.decibel = True


def frozen(experiment: Experiment) -> None:
    """The control on planted streams, in folders of its own."""
    if not isinstance(experiment.corpus, Planted):
        raise UserError("Only the planted streams of the corpus synthetic can be frozen.")
    experiment.corpus.frozen = "mouth"
    experiment.corpus.dir += "_frozen"
    experiment.data.records += "_frozen"


LOSSES = ("mse", "ccc", "non_inertial", "non_inertial_extended")
OPTIONS = {
    "full": lambda experiment: None,
    "without_mel": without_mel,
    "audio": alone("mel128"),
    "pose": alone("pose36"),
    "mesh70": lambda experiment: None,
    "face_mesh": landmarks("face_mesh", flags=False),
    "openpose70": landmarks("openpose_face140", flags=False, clock="video"),
    "openface68": landmarks("openface_landmarks136", flags=False, clock="video"),
    **{name: setting("loss", find("losses", name)()) for name in LOSSES},
    "ccc": setting("loss", Ccc(pool="sequence")),
    "by_batch": setting("loss.pool", "batch"),
    **{f"s{frames}": end_to_end(frames) for frames in (32, 64, 128, 256, 384, 512)},
    "split-": split,
    "rate-": at_rate,
    "decibel": decibel,
    "minmax": setting("data.standardisation", "minmax"),
    "zscores": setting("data.standardisation", "train"),
    "flags": with_flags,
    "modality_dropout": setting("model.modality_dropout", 0.3),
    "frozen": frozen,
    "mtl": setting("data.targets", ("arousal", "valence")),
    "stl-": single_target,
    "smoke": smoke,
}

"""The four networks of Orgil et al. (2021): face, body and voice, fully connected layers and an LSTM.

    --config=configs/non_inertial.py:<corpus>[,<option>...]

Corpora
    synthetic    planted streams, written to work/corpora/planted: no film, minutes instead of days; says nothing
    affwild      Aff-Wild (2017): set --config.corpus.dir
    affwild2     Aff-Wild2, its aligned crops and videos, but for those of two people: set --config.corpus.dir
    afew_va      AFEW-VA: set --config.corpus.dir and --config.corpus.streams_to; it has no sound
    folder       your own films: set --config.corpus.dir (layout: emotf/corpora/folder.py), media video and audio

Options
    full | without_mel | audio | pose          the network, by the streams it takes (full by default)
    mesh70 | face_mesh | openpose70 | openface68       where landmarks are from: 70 or all 468 points of the mesh that
                                               MediaPipe finds, or files of OpenPose (with --face) or OpenFace 2
    mse | ccc | non_inertial | non_inertial_extended   the loss (non_inertial by default)
    by_batch                                   with ccc: moments of the batch, not of each sequence (after the loss)
    s32 | s64 | s128 | s256 | s384 | s512      frames of a sequence (128 by default)
    split-<train:dev[:test]>                   of the videos, 70:30 by default (affwild2: as published); not of
                                               synthetic and folder
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
    python tools/evaluate.py --run=work/runs/full --partition=dev --allow_seen

(70:30 and 90:10 leave no test: the publication reports on what chose the epoch. split-80:10:10 does leave one; each
split, like every setting of corpus and streams, belongs into records of its own: --config.data.records=...)

    python tools/compare.py --config=configs/non_inertial.py:synthetic --out=work/compare/networks --seeds=0,1,2 \\
        --folds=0 --vary=loss=mse,ccc:pool=sequence,non_inertial --stability=loss

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

from emotf.config import Data, Experiment, Training
from emotf.corpora.planted import Planted
from emotf.errors import UserError
from emotf.features.landmarks140 import Landmarks140
from emotf.features.mel128 import Mel128
from emotf.features.pose36 import Pose36
from emotf.features.precomputed import Precomputed
from emotf.features.resnet50 import Resnet50
from emotf.losses.non_inertial import NonInertial
from emotf.models.non_inertial_net import NonInertialNet
from emotf.optimizers.sgd import Sgd
from emotf.recipes import experiment_of, setting
from emotf.wild import LOSSES, corpora, in_order, instead_of
from emotf.wild import OPTIONS as SHARED
from emotf.windows.sequences import Sequences


def get_config(arg: str = "synthetic") -> Experiment:
    """The experiment of a corpus and options."""
    return experiment_of(in_order(arg, NETWORKS, LANDMARKS, LOSSES), CORPORA, OPTIONS)


def synthetic() -> Experiment:
    """Planted streams."""
    found = {name: Precomputed(stream=name, gaps=True) for name in ("resnet50", "landmarks140", "pose36")}
    experiment = _of(Planted(dir="work/corpora/planted"), {**found, "mel128": Precomputed(stream="mel128")})
    experiment.data.standardisation = "train"
    training = experiment.training
    training.batch, training.order, training.learning_rate = 4, "shuffled", 0.003
    training.epochs, training.patience, training.plateau = 24, 8, 3
    return experiment


def filmed(corpus) -> Experiment:
    """Streams computed from videos and, where there is any, their sound."""
    streams = {
        "resnet50": Resnet50(flags=False),
        "landmarks140": Landmarks140(flags=False),
        "pose36": Pose36(flags=False),
    }
    if corpus.name != "afew_va":
        streams["mel128"] = Mel128(video="video")
    return _of(corpus, streams)


CORPORA = {"synthetic": synthetic, **corpora(filmed)}


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


NETWORKS = {
    "full": lambda experiment: None,
    "without_mel": without_mel,
    "audio": alone("mel128"),
    "pose": alone("pose36"),
}
LANDMARKS = {
    "mesh70": lambda experiment: None,
    "face_mesh": landmarks("face_mesh"),
    "openpose70": landmarks("openpose_face140", clock="video"),
    "openface68": landmarks("openface_landmarks136", clock="video"),
}
OPTIONS = {
    **NETWORKS,
    **LANDMARKS,
    **SHARED,
    "minmax": setting("data.standardisation", "minmax"),
    "zscores": setting("data.standardisation", "train"),
    "decibel": decibel,
    "frozen": frozen,
}

"""LSTMs of the AVEC 2015 system: streams, losses, sizes, directions, early fusion (Chen & Jin 2015).

    --config=configs/avec2015_lstm.py:<corpus>[,<option>...]

Corpora
    avec         the AVEC 2015 package: set --config.corpus.dir; all streams precomputed, but audio_short from its sound
    recola       the raw release: set --config.corpus.dir; streams computed by emotf from sound, video, ECG and EDA
                 (without video: recola,streams-audio_short+audio_long+ecg+eda)
    emodb        real acted speech; set --config.corpus.source to the folder of utterances; audio_short and mfcc39
    synthetic    planted traces; mfcc39
    folder       your own: set --config.corpus.dir (layout: emotf/corpora/folder.py) and streams-...

Options
    streams-<a>+<b>                            the streams, by name; those of a corpus by default. Others are read as
                                               precomputed streams
    stl-<target> | mtl                         one target, or all (default)
    mse | mae | tube | ccc | mse_cov | mse_over_cc       the loss (mse by default)
    u80x60 | u160x120 | u200x160               units of the layers (160, 120 by default)
    forward | backward | both                  direction (forward by default)
    peephole | plain | keras                   the cell
    layered-<a>:<b+c>:<d>                      early fusion of another kind: each layer takes other streams; direction
                                               and cell are chosen after it
    whole | s128                               whole recordings (default), or sequences of 128 frames, half overlapping
    norm-<train|subject|partition>             whose mean and spread streams are standardised by (subject by default)
    adam                                       Adam at 1e-3, not RMSprop with Nesterov momentum
    smoke                                      seconds instead of minutes; says nothing

The whole system, from choosing sizes to the second fusion, in one command:

    python tools/assemble.py --config=configs/avec2015_lstm.py:system,avec --config.experiment.corpus.dir=AVEC2015 \\
        --out=work/system

A twin, a tiny synthetic corpus of the same layout, lets all of it be tried before a licence arrives:

    python tools/extract.py --corpus=avec --twin=work/avec_twin
    python tools/extract.py --config=configs/avec2015_lstm.py:avec --config.corpus.dir=work/avec_twin

Defaults are the paper's: peephole LSTM of two layers, forget bias 2, z-scores "in each speaker set", whole recordings,
RMSprop with Nesterov momentum 0.9 and learning rate 1e-4, patience 50. Not printed and ours: batches of three
recordings, gradients scaled down to a norm of 1, at most 500 epochs.
"""

from emotf.catalog import find
from emotf.config import Data, Experiment, Training
from emotf.corpora.avec import Avec
from emotf.corpora.emodb import Emodb
from emotf.corpora.folder import Folder
from emotf.corpora.recola import Recola
from emotf.corpora.synthetic import Synthetic
from emotf.features.ecg54 import Ecg54
from emotf.features.eda62 import Eda62
from emotf.features.functionals import Functionals
from emotf.features.geometric316 import Geometric316
from emotf.features.is10_lld76 import Is10Lld76
from emotf.features.lgbp_top84 import LgbpTop84
from emotf.features.mfcc39 import Mfcc39
from emotf.features.precomputed import Precomputed
from emotf.losses.mse import Mse
from emotf.models.layered_fusion import LayeredFusion
from emotf.models.lstm import CELLS, DIRECTIONS, Lstm
from emotf.optimizers.adam import Adam
from emotf.optimizers.nesterov_rmsprop import NesterovRmsprop
from emotf.plan import Plan
from emotf.recipes import experiment_of, setting, single_target, smoke
from emotf.windows.sequences import Sequences


def get_config(arg: str = "avec") -> Experiment | Plan:
    """The experiment of a corpus and options, or the plan of a whole system."""
    first, _, rest = arg.partition(",")
    if first != "system":
        return experiment_of(arg, CORPORA, OPTIONS)
    return system(experiment_of(rest or "avec", CORPORA, OPTIONS))


def avec() -> Experiment:
    """The AVEC 2015 package: five streams as packaged, and the short-time audio of the paper from its sound."""
    packaged = {name: Precomputed(stream=f"features_{name}") for name in ("audio", "ecg", "eda")}
    faces = {
        name: Precomputed(stream=f"features_{name}", gaps=True) for name in ("video_appearance", "video_geometric")
    }
    return _of(Avec(), {
        "audio_short": Is10Lld76(),
        "audio_long": packaged["audio"],
        "video_app": faces["video_appearance"],
        "video_geo": faces["video_geometric"],
        "ecg": packaged["ecg"],
        "eda": packaged["eda"],
    })  # fmt: skip


def recola() -> Experiment:
    """The raw release: six raters, streams computed from sound, video and biosignals."""
    return _of(Recola(), {
        "audio_short": Is10Lld76(),
        "audio_long": Functionals(),
        "video_app": LgbpTop84(),
        "video_geo": Geometric316(),
        "ecg": Ecg54(),
        "eda": Eda62(),
    })  # fmt: skip


def emodb() -> Experiment:
    """Acted speech at 25 frames a second."""
    corpus = Emodb(dir="work/corpora/emodb", source="../shared/data/emodb/flac")
    experiment = _of(corpus, {"audio_short": Is10Lld76(), "mfcc39": Mfcc39(frame_rate_hz=25, window_ms=160)})
    _sequences(experiment)
    experiment.training.learning_rate, experiment.training.patience = 5e-4, 15
    return experiment


def synthetic() -> Experiment:
    """Speech of the synthetic corpus, at the rate of its raters, who lag by 0.65 s on average."""
    experiment = _of(Synthetic(dir="work/corpora/synthetic"), {"mfcc39_20": Mfcc39(frame_rate_hz=20, window_ms=100)})
    experiment.data.delay = 0.65
    return experiment


def folder() -> Experiment:
    """A corpus of the user's own."""
    return _of(Folder(), {"mfcc39": Mfcc39()})


CORPORA = {"avec": avec, "recola": recola, "emodb": emodb, "synthetic": synthetic, "folder": folder}


def _of(corpus, streams) -> Experiment:
    return Experiment(
        corpus=corpus,
        streams=streams,
        model=Lstm(),
        loss=Mse(),
        data=Data(standardisation="subject"),
        window=Sequences(frames=0),
        training=Training(
            learning_rate=1e-4,
            optimizer=NesterovRmsprop(clip_norm=1.0),
            batch=3,
            epochs=500,
            patience=50,
            jit_compile=True,
        ),
    )


def system(experiment: Experiment) -> Plan:
    """The paper's steps, on the streams that the experiment has."""
    has = experiment.streams

    def groups(*names: str) -> tuple[str, ...]:
        kept = ["+".join(name for name in group.split("+") if name in has) for group in names]
        return tuple(group for group in kept if group)

    audio = groups("audio_short+audio_long")
    return Plan(
        experiment,
        kinds=tuple(group for group in audio if "+" in group),
        layers=groups("audio_short+audio_long+mfcc39", "video_app+video_geo", "ecg+eda"),
    )


def _streams(experiment: Experiment, names: str) -> None:
    own = {"mfcc39": Mfcc39()} | experiment.streams
    experiment.streams = {name: own.get(name) or Precomputed(stream=name) for name in names.split("+")}


def _sequences(experiment: Experiment) -> None:
    experiment.window = Sequences(frames=128, predict_whole=True)
    experiment.training.batch = 16


def _layered(experiment: Experiment, groups: str) -> None:
    experiment.model = LayeredFusion(layers=tuple(groups.split(":")))


def _adam(experiment: Experiment) -> None:
    experiment.training.optimizer, experiment.training.learning_rate = Adam(clip_norm=1.0), 1e-3


def _norm(experiment: Experiment, by: str) -> None:
    experiment.data.standardisation = by


LOSSES = ("mse", "mae", "tube", "ccc", "mse_cov", "mse_over_cc")

OPTIONS = {
    "streams-": _streams,
    "stl-": single_target,
    "mtl": setting("data.targets", ()),
    **{name: setting("loss", find("losses", name)()) for name in LOSSES},
    **{f"u{a}x{b}": setting("model.units", (a, b)) for a, b in ((80, 60), (160, 120), (200, 160))},
    **{name: setting("model.direction", name) for name in DIRECTIONS},
    **{name: setting("model.cell", name) for name in CELLS},
    "layered-": _layered,
    "whole": setting("window", Sequences(frames=0)),
    "s128": _sequences,
    "norm-": _norm,
    "adam": _adam,
    "smoke": smoke,
}

"""From a network and streams to traces."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from emotf.affect import PLANE, words
from emotf.config import TRANSDUCTIVE, Data, Experiment, from_json
from emotf.determinism import be_deterministic
from emotf.errors import UserError
from emotf.features.base import Feature, FittedFeature
from emotf.models.base import standardised_to_0
from emotf.pipeline import (
    Lazy,
    Missing,
    Selection,
    Slider,
    Standardisation,
    clocks,
    prediction_batches,
    select,
    track_batches,
    transductive,
    whole_recordings,
)
from emotf.progress import progress, say
from emotf.recording import Recording
from emotf.records import Store, read_learned, settings_of
from emotf.runs import Run
from emotf.track import Track
from emotf.windows.base import Window

IN_A_VIDEO = {"audio", "video"}


class Predictor:
    """Traces of some recordings from the records, again and again (after every epoch of training).

    Args:
        network: {stream: [batch, N, channels]} -> {target: [batch]}.
        store: the records.
        streams: names.
        golds: recording -> gold standard; predictions stand on its clock, at every frame, rated or not.
        window: what an example is.
        standardisation: by what the streams are standardised, one of `config.STANDARDISATIONS`.
        missing: what is lost of the streams.
        fill: stream -> what a lost frame holds, a value a channel; 0 where a stream is not named.
        slider: the network on whole recordings; None: window by window, which gives the same to rounding.
    """

    def __init__(
        self,
        network: Any,
        store: Store,
        streams: list[str],
        golds: Mapping[str, Track],
        window: Window,
        standardisation: str = "train",
        missing: Missing | None = None,
        fill: Mapping[str, Sequence[float]] | None = None,
        slider: Slider | None = None,
    ) -> None:
        self.network = network
        self.golds = golds
        self.targets = next(iter(golds.values())).channels
        self.clocks = clocks(golds)
        self.window = window.predicting(max(clock.frames for clock in self.clocks.values()))
        lost = missing.frames(store, golds) if missing else None
        by_group = standardisation in TRANSDUCTIVE
        scaling = transductive(store, streams, list(golds), standardisation, lost) if by_group else None
        self.slider = slider
        if slider:
            self.read = whole_recordings(store, streams, golds, scaling, lost, fill)
        else:
            self.dataset = prediction_batches(store, streams, golds, self.window, scaling, lost, fill)

    def __call__(self) -> dict[str, Track]:
        """Recording -> prediction, of all recordings at once."""
        return dict(self.each())

    def each(self) -> Iterator[tuple[str, Track]]:
        """Recordings with their predictions, one after the other; no other is in memory."""
        values = self._sliding() if self.slider else self._by_windows()
        for (name, clock), of in zip(self.clocks.items(), values, strict=True):
            yield name, Track(of, hop=clock.hop, start=clock.start, channels=self.targets)

    def _sliding(self) -> Iterator[np.ndarray]:
        assert self.slider is not None
        for index in range(len(self.clocks)):
            yield self.slider(*self.read(index), self.targets)

    def _by_windows(self) -> Iterator[np.ndarray]:
        batches = iter(self.dataset)
        for clock in self.clocks.values():
            # windows of a recording lie end to end, no batch holds those of two; the last may reach over its end
            wanted, parts = len(self.window.cover(clock.frames)) * self.window.length, list[np.ndarray]()
            while sum(map(len, parts)) < wanted:
                parts.append(_values(self.network, next(batches), self.targets))
            yield np.concatenate(parts)[: clock.frames]


def selection(experiment: Experiment) -> Selection:
    """The gold standards that an experiment sees."""
    return selected(experiment.store, experiment.data)


def selected(store: str, data: Data) -> Selection:
    """The gold standards of a store that `data` asks for."""
    return select(
        Store(store),
        data.targets,
        data.fold,
        data.protocol,
        data.delay,
        data.missing_targets,
        data.shuffled_gold,
    )


def predict_partition(run: Run, partition: str) -> tuple[Mapping[str, Track], dict[str, Track]]:
    """Gold standards and predictions of a partition, the latter all in memory."""
    golds, (predictions,) = predict_missing(run, partition, [None])
    return golds, predictions


def predict_missing(
    run: Run, partition: str, missing: Sequence[Missing | None]
) -> tuple[Mapping[str, Track], list[dict[str, Track]]]:
    """Gold standards of a partition, and its predictions as of `predictors`, all in memory."""
    golds, found = predictors(run, partition, missing)
    return golds, [predictor() for predictor in found]


def predictors(
    run: Run, partition: str, missing: Sequence[Missing | None] = (None,)
) -> tuple[Mapping[str, Track], list[Predictor]]:
    """Gold standards of a partition, and what predicts it, once for each that is missing (None: nothing is).

    A lost frame is a gap, all of it 0, in a stream that may have gaps; in one that may not, it holds what
    standardisation maps to 0, as where `ModalityDropout` took it. Of a subject or partition that is standardised by
    itself, only what is left is known.
    """
    experiment, store = run.experiment, Store(run.experiment.store)
    if experiment.training.deterministic:
        be_deterministic(experiment.training.jit_compile)
    run.check_records(store.fingerprint(experiment.streams))
    golds = selection(experiment).partition(partition)
    network = run.network()
    fill = {name: at for name, at in standardised_to_0(network).items() if not store.stream(name).schema.gaps}
    by, streams, window = experiment.data.standardisation, list(experiment.streams), experiment.window
    slider = Slider.of(experiment.model, network, window, {name: store.stream(name).schema.hop for name in streams})
    return golds, [Predictor(network, store, streams, golds, window, by, one, fill, slider) for one in missing]


def traces(run: Run, partition: str) -> tuple[Mapping[str, Track], Mapping[str, Track]]:
    """Gold standards and predictions of a partition, which are read whenever they are asked for.

    What was not predicted yet is, and is kept.
    """
    run.check_records(Store(run.experiment.store).fingerprint(run.experiment.streams))
    golds = selection(run.experiment).partition(partition)
    if not all(run.prediction(partition, name).is_file() for name in golds):
        _, (predictor,) = predictors(run, partition)
        for name, prediction in predictor.each():
            run.write_predictions(partition, {name: prediction})
    return golds, kept(run, partition, golds)


def kept(run: Run, partition: str, recordings: Iterable[str]) -> Lazy[Track]:
    """Recording -> its prediction that is in the folder of a run, read whenever it is asked for."""
    return Lazy(recordings, lambda name: run.read_prediction(partition, name))


@dataclass(frozen=True)
class MediaPrediction:
    """What a run makes of a recording of the user's own.

    Attributes:
        trace: one channel a target, at the hop of the gold standard that the run was trained on, from the first to the
            last time that every stream covers.
        found: stream -> one channel, on the stream's clock: how surely it found what it looks for (a face), 0 to 1, 0
            where it found nothing. Only streams that may find nothing.
    """

    trace: Track
    found: dict[str, Track]


def media_of(run: Run, given: Sequence[str], overlay: bool = False) -> dict[str, str]:
    """medium -> file, of what a user named: `<medium>=<file>`, or one bare file.

    A bare file stands for the one medium that the run reads, or for all of `audio` and `video` that were not named:
    a video holds both. A run that reads a `video` takes its sound for `audio`, too, where none is named.

    Args:
        run: whose streams say which media it reads.
        given: what the user named.
        overlay: the `video` is wanted as well, to be drawn on.

    Raises:
        UserError: a bare file where the run reads other media too, two files for one medium, a file that is not
            there, or a medium is missing.
    """
    needed = sorted({medium for feature in run.experiment.streams.values() for medium in feature.media})
    wanted = sorted({*needed, "video"}) if overlay else needed
    reads = f"This run reads {' and '.join(needed)}" + (", and the overlay needs a video" if overlay else "")
    media: dict[str, str] = {}
    for item in sorted(given, key=lambda item: item.partition("=")[0] not in wanted):  # the bare ones last
        medium, _, path = item.partition("=")
        stands_for = [medium]
        if medium not in wanted:  # a bare file, whatever is in its name
            stands_for, path = [name for name in wanted if name not in media] or wanted, item
            if len(wanted) > 1 and not set(wanted) <= IN_A_VIDEO:
                raise UserError(f"{reads}; name each file: --media={stands_for[0]}={item}")
        if not Path(path).exists():
            raise UserError(f"There is no file {path}. {reads}: --media=<file>, or --media=<medium>=<file> for each.")
        for name in stands_for:
            if name in media:
                raise UserError(f"Two files for {name}: {media[name]} and {path}; predict them one after the other.")
            media[name] = path
    if "audio" in wanted and "video" in media:
        media.setdefault("audio", media["video"])
    missing = [name for name in wanted if name not in media]
    if missing:
        raise UserError(f"{reads}; {' and '.join(missing)} missing: add --media={missing[0]}=<file>.")
    return media


def outputs_of(out: str, default: Path, media: Mapping[str, str], overlay: bool = False) -> dict[str, Path]:
    """Where a prediction goes: `csv`, `png` beside it, and `mp4` with an overlay.

    Args:
        out: the path of the CSV; empty: the default.
        default: a path that ends in `.csv`.
        media: medium -> file, none of which is overwritten.
        overlay: whether there is one.

    Raises:
        UserError: `out` is no `.csv`, or one of the files would replace a medium.
    """
    path = Path(out) if out else default
    if path.suffix != ".csv":
        raise UserError(f"--out={out} is the path of the CSV; let it end in .csv, plot and video go beside it.")
    paths = {kind: path.with_suffix(f".{kind}") for kind in ("csv", "png", *(["mp4"] if overlay else []))}
    for written in paths.values():
        if written.resolve() in {Path(given).resolve() for given in media.values()}:
            raise UserError(f"{written} would replace what is to be predicted; choose another --out.")
    return paths


def predict_media(run: Run, media: Mapping[str, str]) -> MediaPrediction:
    """The trace of a recording of the user's own.

    A run that standardises each subject (or partition) by itself takes this recording for one.

    Args:
        run: finished.
        media: medium -> file; each stream of the run must find its medium.

    Raises:
        UserError: a medium is missing or unreadable.
    """
    experiment = run.experiment
    recording = Recording("media", "unknown", {name: Path(path) for name, path in media.items()})
    network = run.network()
    tracks, found = {}, {}
    for name, stream in progress(list(run.about["streams"].items()), "streams"):
        # as the records were made (a stream.json may have said more than the recipe), in the order of their channels
        feature = feature_of(run, name)
        if "video" in feature.media and getattr(feature, "rate_hz", None) == 0:
            feature.rate_hz = 1 / stream["hop"]  # type: ignore[attr-defined]  # the clock of training, whatever this video's is
        track = feature.extract(recording).select(stream["channels"])
        if (sure := presence(track, feature.gaps)) is not None:
            found[name] = sure
        if not np.ptp(track.values, axis=0).any():
            say(f"{name}: all frames are the same (a silent sound track, no face?); the prediction says little.")
        if experiment.data.standardisation in TRANSDUCTIVE:
            # of a new person nothing else is known than this recording
            track = Standardisation.fit([track], f"this recording, {name}", feature.gaps).apply(track)
        tracks[name] = track
    targets = tuple(network.output_names)
    clock = _shared_clock(tracks, run.about["gold_hop"], targets)
    window = experiment.window.predicting(clock.frames)
    slider = Slider.of(experiment.model, network, window, {name: track.hop for name, track in tracks.items()})
    if slider:
        streams = {name: track.values for name, track in tracks.items()}
        centres = {name: track.clock.nearest(clock.times) for name, track in tracks.items()}
        values = slider(streams, centres, targets)
    else:
        parts = [_values(network, batch, targets) for batch in track_batches(tracks, clock, window)]
        values = np.concatenate(parts)[: clock.frames]
    return MediaPrediction(Track(values, hop=clock.hop, start=clock.start, channels=targets), found)


def check_words(targets: Sequence[str]) -> None:
    """Raises UserError where targets are not at least valence and arousal, which a word needs."""
    if not set(PLANE) <= set(targets):
        raise UserError(f"A word needs valence and arousal; this run predicts {' and '.join(targets)}: no --words.")


def in_words(trace: Track) -> dict[str, np.ndarray]:
    """`word` and `distance` of every frame (`emotf.affect`), as columns beside a trace.

    Raises:
        UserError: it lacks valence or arousal, or they are on another scale than -1 to 1.
    """
    check_words(trace.channels)
    word, distance = words(*trace.select(PLANE).values.T)
    return {"word": word, "distance": distance}


def presence(track: Track, gaps: bool) -> Track | None:
    """How surely each frame of a stream found what it looks for, 0 to 1, 0 where nothing was found.

    Args:
        track: its channels `confidence` and `found`, where it has them, say so.
        gaps: whether a frame of zeros says so.

    Returns:
        One channel `confidence`; None for a stream that finds something in every frame.
    """
    flags = [name for name in ("confidence", "found") if name in track.channels]
    if not flags and not gaps:
        return None
    sure = track.select(flags).values.prod(axis=1) if flags else track.values.any(axis=1)
    return replace(track, values=sure[:, None], channels=("confidence",))


def feature_of(run: Run, stream: str) -> Feature:
    """The feature that made a stream of a run, with what it had learned."""
    return _feature(run.about["streams"][stream]["made_by"], run.learned(stream))


def _feature(made_by: dict[str, Any], learned: Path) -> Feature:
    """The feature that made a stream, with what it had learned."""
    found: Feature = from_json(settings_of(made_by) | {"part": f"features/{made_by['part']}"})
    return found.knowing(read_learned(learned, made_by)) if isinstance(found, FittedFeature) else found


def _shared_clock(tracks: Mapping[str, Track], hop: float, targets: tuple[str, ...]) -> Track:
    """An empty gold standard over the time that all streams cover."""
    start, end = max(track.start for track in tracks.values()), min(track.end for track in tracks.values())
    if end < start:
        raise UserError("The streams of these media have no time in common.")
    frames = int((end - start) / hop + 1e-6) + 1
    return Track(np.full((frames, len(targets)), np.nan), hop=hop, start=start, channels=targets)


def _values(network: Any, batch: Any, targets: tuple[str, ...]) -> np.ndarray:
    """Predictions of the windows of a batch end to end, [windows x length, targets]."""
    import keras

    if keras.backend.backend() != "tensorflow":  # whose tensors others do not take
        batch = {name: np.asarray(values) for name, values in batch.items()}
    outputs = network.predict_on_batch(batch)
    return np.stack([np.ravel(outputs[name]).astype(np.float32) for name in targets], axis=1)

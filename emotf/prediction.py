"""From a network and streams to traces."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from emotf.config import TRANSDUCTIVE, Experiment, from_json
from emotf.errors import UserError
from emotf.features.base import Feature, FittedFeature
from emotf.pipeline import Selection, Standardisation, prediction_batches, select, track_batches, transductive
from emotf.recording import Recording
from emotf.records import Store, read_learned, settings_of
from emotf.runs import Run
from emotf.track import Track
from emotf.windows.base import Window


class Predictor:
    """Traces of some recordings from the records, again and again (after every epoch of training).

    Args:
        network: {stream: [batch, N, channels]} -> {target: [batch]}.
        store: the records.
        streams: names.
        golds: recording -> gold standard; predictions stand on its clock, at every frame, rated or not.
        window: what an example is.
        standardisation: by what the streams are standardised, one of `config.STANDARDISATIONS`.
    """

    def __init__(
        self,
        network: Any,
        store: Store,
        streams: list[str],
        golds: Mapping[str, Track],
        window: Window,
        standardisation: str = "train",
    ) -> None:
        self.network = network
        self.golds = golds
        self.window = window.predicting(max(gold.frames for gold in golds.values()))
        by_group = standardisation in TRANSDUCTIVE
        scaling = transductive(store, streams, list(golds), standardisation) if by_group else None
        self.dataset = prediction_batches(store, streams, golds, self.window, scaling)

    def __call__(self) -> dict[str, Track]:
        """Recording -> prediction."""
        values = _values(self.network, self.dataset, next(iter(self.golds.values())).channels)
        # windows of one recording lie end to end; only the last may reach over its end
        borders = np.cumsum([len(self.window.cover(gold.frames)) for gold in self.golds.values()]) * self.window.length
        return {
            name: replace(gold, values=part[: gold.frames])
            for (name, gold), part in zip(self.golds.items(), np.split(values, borders[:-1]), strict=True)
        }


def selection(experiment: Experiment) -> Selection:
    """The gold standards that an experiment sees."""
    data = experiment.data
    return select(
        Store(experiment.store),
        data.targets,
        data.fold,
        data.protocol,
        data.delay,
        data.missing_targets,
        data.shuffled_gold,
    )


def predict_partition(run: Run, partition: str) -> tuple[dict[str, Track], dict[str, Track]]:
    """Gold standards and predictions of a partition, recording by recording."""
    experiment = run.experiment
    run.check_records(Store(experiment.store).fingerprint(experiment.streams))
    golds = selection(experiment).partition(partition)
    predictor = Predictor(
        run.network(),
        Store(experiment.store),
        list(experiment.streams),
        golds,
        experiment.window,
        experiment.data.standardisation,
    )
    return golds, predictor()


def media_of(run: Run, given: Sequence[str]) -> dict[str, str]:
    """medium -> file, of what a user named: `<medium>=<file>`, or one bare file where the run reads one medium.

    Raises:
        UserError: a bare file where the run reads several media, or a medium it does not read.
    """
    needed = sorted({feature.medium for feature in run.experiment.streams.values()})
    media: dict[str, str] = {}
    for item in given:
        medium, _, path = item.partition("=")
        if medium not in needed:  # a bare file, whatever is in its name
            medium, path = needed[0], item
            if len(needed) > 1:
                raise UserError(f"This run reads {' and '.join(needed)}; name each file: --media={medium}={item}")
        if medium in media:
            raise UserError(f"Two files for {medium}: {media[medium]} and {path}; predict them one after the other.")
        media[medium] = path
    return media


def predict_media(run: Run, media: Mapping[str, str]) -> Track:
    """The trace of a recording of the user's own.

    Args:
        run: finished.
        media: medium -> file; each stream of the run must find its medium.

    Returns:
        One channel a target, at the hop of the gold standard that the run was trained on, from the first to the last
        time that every stream covers. A run that standardises each subject (or partition) by itself takes this
        recording for one.

    Raises:
        UserError: a medium is missing or unreadable.
    """
    experiment = run.experiment
    recording = Recording("media", "unknown", {name: Path(path) for name, path in media.items()})
    network = run.network()
    tracks = {
        # as the records were made (a stream.json may have said more than the recipe), in the order of their channels
        name: _feature(stream["made_by"], run.learned(name)).extract(recording).select(stream["channels"])
        for name, stream in run.about["streams"].items()
    }
    if experiment.data.standardisation in TRANSDUCTIVE:
        # of a new person nothing else is known than this recording
        for name, track in tracks.items():
            gaps = run.about["streams"][name]["gaps"]
            tracks[name] = Standardisation.fit([track], f"this recording, {name}", gaps).apply(track)
    targets = tuple(network.output_names)
    clock = _shared_clock(tracks, run.about["gold_hop"], targets)
    window = experiment.window.predicting(clock.frames)
    values = _values(network, track_batches(tracks, clock, window), targets)[: clock.frames]
    return Track(values, hop=clock.hop, start=clock.start, channels=targets)


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


def _values(network: Any, dataset: Any, targets: tuple[str, ...]) -> np.ndarray:
    """Predictions of all windows end to end, [windows x length, targets]."""
    outputs = network.predict(dataset, verbose=0)
    return np.stack([np.ravel(outputs[name]).astype(np.float32) for name in targets], axis=1)

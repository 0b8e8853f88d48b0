"""What a run says of one clip, as JSON takes it."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from emotf.affect import PLANE
from emotf.errors import UserError
from emotf.prediction import IN_A_VIDEO, in_words, predict_media
from emotf.refinement.postprocess import chains_of, refine
from emotf.runs import Run
from emotf.serving.clips import check_kind, check_length
from emotf.tables import write_track

if TYPE_CHECKING:
    import keras


class Loaded(Run):
    """A run whose network is read once."""

    def __init__(self, folder: str | Path) -> None:
        super().__init__(folder)
        self._network = super().network()

    def network(self) -> "keras.Model":
        return self._network


class Answers:
    """Traces of clips, one after the other.

    Args:
        folder: of a finished run.
        postprocess: applies what tools/postprocess.py fitted on it.
        longest: seconds of a clip.

    Raises:
        UserError: the run is not finished, reads other media than sound and video, or has no post-processing.
    """

    def __init__(self, folder: str | Path, postprocess: bool, longest: float) -> None:
        self.run, self.longest = Loaded(folder), longest
        self.media = {medium for feature in self.run.experiment.streams.values() for medium in feature.media}
        if others := sorted(self.media - IN_A_VIDEO):
            raise UserError(f"{folder} reads {' and '.join(others)}, which no clip holds; a page serves runs of sound "
                            "and video, for others there is tools/predict.py.")  # fmt: skip
        self.chains = chains_of(self.run) if postprocess else {}

    @property
    def about(self) -> dict[str, Any]:
        """What a user of the run may want to know of it."""
        about = self.run.about
        return {
            "run": Path(self.run.folder).resolve().name,
            "targets": list(about["targets"]),
            "streams": sorted(about["streams"]),
            "media": sorted(self.media),
            "hop": about["gold_hop"],
            "postprocessed": bool(self.chains),
        }

    def answer(self, clip: Path) -> dict[str, Any]:
        """`times` in seconds, `traces` target -> values, `words` and `distances` (emotf.affect), `found`, `csv`.

        `words` is None where there are none, and `note` says why, if that is not that a target is missing. `found`:
        stream -> the share of frames in which what it looks for (a face) was found. `csv`: what tools/predict.py
        writes, words included. NaN is None.

        Args:
            clip: in a folder of its own.

        Raises:
            UserError: the clip is refused (`emotf.serving.clips.ClipError`) or cannot be read.
        """
        check_kind(clip)
        check_length(clip, self.media, self.longest)
        prediction = predict_media(self.run, {medium: str(clip) for medium in self.media})
        trace = refine(self.chains, prediction.trace) if self.chains else prediction.trace
        named, note = {}, ""
        if set(PLANE) <= set(trace.channels):
            try:
                named = in_words(trace)
            except UserError as error:
                note = str(error)
        table = clip.with_name("trace.csv")
        write_track(table, trace, beside=named)
        return {
            "times": _numbers(np.round(trace.times, 6)),
            "traces": {target: _numbers(trace.values[:, i]) for i, target in enumerate(trace.channels)},
            "words": named["word"].tolist() if named else None,
            "distances": _numbers(named["distance"]) if named else None,
            "found": {name: float(np.mean(sure.values > 0)) for name, sure in prediction.found.items()},
            "note": note,
            "csv": table.read_text(encoding="utf-8"),
        }


def _numbers(values: ArrayLike) -> list[float | None]:
    """As the shortest decimals that are exact in float32, which is what traces are."""
    return [None if np.isnan(value) else float(f"{value:.9g}") for value in np.asarray(values)]

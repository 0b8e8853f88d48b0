"""Streams that somebody else computed: tables and arrays, read as they are."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from emotf.errors import UserError
from emotf.features.base import Feature, Kind
from emotf.files import read_json
from emotf.recording import Recording
from emotf.tables import FASTEST_HZ, read_track
from emotf.track import Track

DECLARATION = "stream.json"
KINDS = ("extracted", "raw")


@dataclass
class Precomputed(Feature):
    """Reads one stream of every recording from .csv, .arff, .npy or .parquet files.

    A file `stream.json` beside the stream's files may declare what the fields leave open; every key is optional:

        {"rate_hz": 25, "kind": "raw", "channels": ["yaw", "pitch"]}

    Its `kind` counts unless `raw` is set; `channels` names the columns of an .npy file, or selects columns of a table.

    Attributes:
        stream: name of the medium in `recording.media`.
        rate_hz: frames a second, for files without a column `time` (always for .npy); None: as `stream.json` says.
        raw: the stream is a signal as it was captured, not extracted from one.
        names: the channels; empty: as `stream.json` says, else all columns.
        gaps: a frame of zeros says that nothing was found (no face). A frame with any missing value (an empty cell, `?`
            in ARFF) becomes such a frame; without `gaps`, missing values are refused.

    Example:
        >>> Precomputed("gaze", rate_hz=25).extract(recording).hop  # doctest: +SKIP
        0.04
    """

    stream: str = ""
    rate_hz: float | None = None
    raw: bool = False
    names: tuple[str, ...] = ()
    gaps: bool = False

    @property
    def medium(self) -> str:
        if not self.stream:
            raise UserError(
                "precomputed: name the stream to read (a medium of the recordings), for example stream=gaze."
            )
        return self.stream

    @property
    def kind(self) -> Kind:
        return "raw" if self.raw else "extracted"

    @property
    def channels(self) -> tuple[str, ...] | None:
        return tuple(self.names) or None

    @property
    def window(self) -> float:
        """0: what lies behind a frame is known only to whoever computed it."""
        return 0.0

    def resolved(self, recording: Recording) -> "Precomputed":
        """The same feature with the open fields filled from the `stream.json` beside the recording's file, if any.

        Raises:
            UserError: the stream is missing, or its declaration holds unknown keys or values.
        """
        path = recording.medium(self.medium).parent / DECLARATION
        if not path.is_file():
            return self
        declared = _read_declaration(path)
        return replace(
            self,
            rate_hz=self.rate_hz or declared.get("rate_hz"),
            raw=self.raw or declared.get("kind") == "raw",
            names=tuple(self.names) or tuple(declared.get("channels", ())),
        )

    def compute(self, recording: Recording) -> Track:
        """The stream as it stands in the file, but for missing values where `gaps` is set.

        Raises:
            UserError: the file is missing, unreadable, or lacks times, rate or channels.
        """
        track = self._read(recording)
        if not self.gaps:
            return track
        found = ~np.isnan(track.values).any(axis=1, keepdims=True)
        return replace(track, values=np.where(found, track.values, 0))

    def _read(self, recording: Recording) -> Track:
        path = recording.medium(self.medium)
        known = self.resolved(recording)
        if path.suffix != ".npy":
            return read_track(path, columns=known.names or None, rate_hz=known.rate_hz)
        track = read_track(path, rate_hz=known.rate_hz)
        if not known.names:
            return track
        if len(known.names) != len(track.channels):
            raise UserError(f"{path} has {len(track.channels)} columns, but {len(known.names)} channels are named.")
        return replace(track, channels=tuple(known.names))


def _read_declaration(path: Path) -> dict[str, Any]:
    """The checked content of a `stream.json`."""
    declared = read_json(path)
    if not isinstance(declared, dict):
        raise UserError(f"{path} must hold one object, for example {{'rate_hz': 25}}.")
    unknown = sorted(set(declared) - {"rate_hz", "kind", "channels"})
    if unknown:
        raise UserError(f"{path}: unknown key {unknown[0]!r}; it may hold rate_hz, kind and channels.")
    rate_hz, kind, names = (declared.get(key) for key in ("rate_hz", "kind", "channels"))
    if rate_hz is not None and (isinstance(rate_hz, bool) or not isinstance(rate_hz, int | float)
                                or not 0 < rate_hz <= FASTEST_HZ):  # fmt: skip
        raise UserError(f"{path}: rate_hz is {rate_hz!r:.40}, expected frames a second above 0, at most "
                        f"{FASTEST_HZ:g}.")  # fmt: skip
    if kind is not None and kind not in KINDS:
        raise UserError(f"{path}: kind is {kind!r}, expected 'extracted' or 'raw'.")
    if names is not None and not (isinstance(names, list) and all(isinstance(name, str) and name for name in names)):
        raise UserError(f"{path}: channels is {names!r}, expected a list of names.")
    return {key: value for key, value in declared.items() if value is not None}

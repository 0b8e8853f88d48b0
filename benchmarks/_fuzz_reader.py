"""What a reader is to `fuzz`."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from emotf.track import Track


@dataclass(frozen=True)
class Reader:
    """One reader of emotf, and valid files for it.

    Attributes:
        file: what is fuzzed, below a folder.
        prepare: writes what stands around it into the folder, and gives valid contents.
        read: reads it out of the folder, and checks what was accepted.
        dress: content -> file, for formats whose checksums no mutation would meet.
        json: whether contents are mutated as trees.
        words: of the format.
    """

    file: str
    prepare: Callable[[Path], list[bytes]]
    read: Callable[[Path], Any]
    dress: Callable[[bytes], bytes] = bytes
    json: bool = False
    words: tuple[bytes, ...] = ()


def sane(track: Track) -> None:
    """What every accepted track holds."""
    assert np.isfinite([track.hop, track.start, track.end]).all() and track.hop > 0, track.clock
    assert track.values.shape == (track.frames, len(track.channels)) and len(track.times) == track.frames

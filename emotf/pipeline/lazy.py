"""What is made of a recording when it is asked for, so that what is known of a corpus need not fit into memory."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

from emotf.track import Clock, Track

Made = TypeVar("Made")


class Lazy(Mapping[str, Made]):
    """Recording -> what a function makes of its name, anew whenever it is asked for: nothing is kept.

    Whoever needs a value twice holds on to it, and whoever needs all values takes one after the other.

    Args:
        names: of the recordings, in order, each once.
        make: of a name.

    Example:
        >>> lengths = Lazy(["anna", "ben"], len)
        >>> list(lengths), lengths["ben"], dict(lengths)
        (['anna', 'ben'], 3, {'anna': 4, 'ben': 3})
    """

    def __init__(self, names: Iterable[str], make: Callable[[str], Made]) -> None:
        self._names = dict.fromkeys(names)
        self._make = make

    def __getitem__(self, name: str) -> Made:
        if name not in self._names:
            raise KeyError(name)
        return self._make(name)

    def __contains__(self, name: object) -> bool:
        return name in self._names  # without making it

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class Golds(Lazy[Track]):
    """Recording -> gold standard, read from the records whenever it is asked for (a millisecond or two).

    Args:
        clocks: recording -> when its frames stand, which is known without reading them.
        make: the gold standard of a recording, on its clock.
    """

    def __init__(self, clocks: Mapping[str, Clock], make: Callable[[str], Track]) -> None:
        super().__init__(clocks, make)
        self.clocks = clocks


def clocks(golds: Mapping[str, Track]) -> Mapping[str, Clock]:
    """Recording -> when the frames of its gold standard stand."""
    return golds.clocks if isinstance(golds, Golds) else {name: gold.clock for name, gold in golds.items()}

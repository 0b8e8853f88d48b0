"""What every corpus offers, of recordings or of pictures: its name, its folder, the way to obtain it, its twin."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

from emotf.errors import UserError

TWIN = "TWIN.txt"  # in the root of a corpus folder: all of it is synthetic


@dataclass
class Collection(ABC):
    """Something collected that lies in a folder, in the layout in which it was published.

    Attributes:
        dir: the folder that holds it.
        licence: how a user obtains it, and under which terms.
    """

    dir: str = ""

    licence: ClassVar[str] = ""

    @property
    def name(self) -> str:
        """Its name, and that of the folder of what is written of it: its module's file name."""
        return type(self).__module__.rpartition(".")[2]

    @property
    def path(self) -> Path:
        return Path(self.dir).expanduser()

    @property
    def is_twin(self) -> bool:
        """Whether the folder is a synthetic twin."""
        return bool(self.dir) and (self.path / TWIN).is_file()

    @abstractmethod
    def described(self) -> str:
        """What its targets or classes are, in words that go into every report; of a twin, that it is one."""

    def root(self) -> Path:
        """The folder of the corpus. Raises UserError, with the way to obtain it, where there is none."""
        if not self.dir:
            raise UserError(f"Corpus {self.name!r} needs the folder that holds it; set its field dir ({self.licence}).")
        if not self.path.is_dir():
            raise UserError(f"Corpus folder {self.path} is missing; correct dir, or obtain it ({self.licence}).")
        return self.path

    def write_twin(self, folder: Path, seed: int = 0) -> Self:
        """Writes a tiny synthetic corpus in the published layout, and returns the corpus that reads it.

        Args:
            folder: new or empty.
            seed: decides all content.

        Raises:
            UserError: this corpus has no twin, or the folder holds something.
        """
        del folder, seed
        raise UserError(f"Corpus {self.name!r} has no twin; corpora that are read in a published layout have one.")

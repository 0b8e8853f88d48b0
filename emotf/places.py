"""Where records lie: in a folder of this machine, or below a URL of an object store (`s3://bucket/records`).

A local place is a `pathlib.Path`. A remote one is `Remote`, which has those of pathlib's methods that records need,
over TensorFlow's file systems; TensorFlow is imported with the first question to a store, and never for a folder. Which
server it is, and who may ask it, is told by the environment, as everywhere with S3: AWS_ACCESS_KEY_ID,
AWS_SECRET_ACCESS_KEY, AWS_REGION, and for another server than Amazon's S3_ENDPOINT=http://host:port.

What an object store does differently
    An object appears whole when its upload ends, and replaces the one of that name: no half file, no renaming.
    There is no way to write only where nothing is: of two that write at once, the later one wins.
    There are no folders: `mkdir` does nothing, and a folder is there as soon as something is in it.
    tensorflow-io says "not found" of whatever it cannot reach. So an absence is believed only when the bucket answers.
"""

import fnmatch
import io
import os
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from typing import IO, Any

from emotf.errors import UserError

SCHEME = re.compile(r"[a-z][a-z0-9+.-]+://")

# tensorflow-io would wait five minutes, ten times. What is set in the environment stays.
PATIENCE = {
    "S3_CONNECT_TIMEOUT_MSEC": "5000",
    "S3_REQUEST_TIMEOUT_MSEC": "20000",  # without a byte; a large object may take as long as it needs
    "AWS_RETRY_MODE": "standard",
    "AWS_MAX_ATTEMPTS": "3",
}


@dataclass(frozen=True, order=True)
class Remote:
    """A place below a URL; `/`, `name`, `parent`, `is_file`, ... as of a `pathlib.Path`.

    No `os.PathLike`: what takes only local files must fail on it, not write to a folder called `s3:`.

    Attributes:
        scheme: `s3://`
        path: `bucket/...`, as POSIX writes paths.
    """

    scheme: str
    path: PurePosixPath

    def __str__(self) -> str:
        return f"{self.scheme}{self.path}"

    def __truediv__(self, name: str) -> "Remote":
        return Remote(self.scheme, self.path / name)

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def parent(self) -> "Remote":
        return Remote(self.scheme, self.path.parent)

    @property
    def bucket(self) -> str:
        """`s3://bucket/`"""
        return f"{self.scheme}{self.path.parts[0]}/"

    def is_file(self) -> bool:
        """Whether there is an object. Raises UserError where the store does not answer."""
        try:
            return not self._files().stat(str(self)).is_directory
        except _errors().NotFoundError:
            self.check_reachable()
            return False
        except _errors().OpError as error:
            raise self._lost(error) from None

    def stat(self) -> os.stat_result:
        """Its size, as `st_size`; all else is 0. Raises as `read_bytes`."""
        try:
            size = int(self._files().stat(str(self)).length)
        except _errors().NotFoundError:
            self.check_reachable()
            raise FileNotFoundError(str(self)) from None
        except _errors().OpError as error:
            raise self._lost(error) from None
        return os.stat_result((0,) * 6 + (size,) + (0,) * 3)

    def mkdir(self, parents: bool = False, exist_ok: bool = False) -> None:
        """Nothing: a folder is there as soon as something is in it."""

    def names(self) -> tuple[str, ...]:
        """What lies directly in it; a question of its own for every hundred names. Nothing where there is no folder."""
        try:
            return tuple(sorted(name.rstrip("/") for name in self._files().listdir(str(self))))
        except _errors().NotFoundError:
            self.check_reachable()
            return ()
        except _errors().OpError as error:
            raise self._lost(error) from None

    def glob(self, pattern: str) -> "list[Remote]":
        """Places below it that fit, as `Path.glob` without `**`."""
        first, _, rest = pattern.partition("/")
        found = [self / name for name in self.names() if fnmatch.fnmatchcase(name, first)]
        return [inner for place in found for inner in place.glob(rest)] if rest else found

    def read_bytes(self) -> bytes:
        """The object, in one piece.

        Raises:
            FileNotFoundError: there is none.
            UserError: the store does not answer.
        """
        import tensorflow as tf

        self._files()
        try:
            return bytes(tf.io.read_file(str(self)).numpy())
        except tf.errors.NotFoundError:
            self.check_reachable()
            raise FileNotFoundError(str(self)) from None
        except tf.errors.OpError as error:
            raise self._lost(error) from None

    def read_text(self, encoding: str = "utf-8") -> str:
        return self.read_bytes().decode(encoding)

    def unlink(self, missing_ok: bool = False) -> None:
        """Deletes the object; as on S3, it is no mistake that there is none."""
        try:
            self._files().remove(str(self))
        except _errors().NotFoundError:
            self.check_reachable()
        except _errors().OpError as error:
            raise self._lost(error) from None

    def upload(self, file: Path) -> None:
        """Puts a local file here; it appears whole, in place of what was here before. Raises UserError on failure."""
        try:
            self._files().copy(str(file), str(self), overwrite=True)
        except _errors().OpError as error:
            self.check_reachable()
            raise self._lost(error) from None

    def check_reachable(self) -> None:
        """Raises UserError where the bucket does not exist, refuses us, or does not answer."""
        try:
            self._files().stat(self.bucket)
        except _errors().OpError as error:
            raise self._lost(error) from None

    def _files(self) -> Any:
        """TensorFlow's file systems, which know this one."""
        import tensorflow as tf

        connect()
        _asked.add(Remote(self.scheme, PurePosixPath(self.path.parts[0])))
        return tf.io.gfile

    def _lost(self, error: Any) -> UserError:
        """The one line for what TensorFlow says of the store."""
        errors = _errors()
        if isinstance(error, errors.UnimplementedError):
            return UserError(f"{self} cannot be reached: nothing here knows {self.scheme}; use s3://, or a folder.")
        if isinstance(error, errors.NotFoundError):
            return UserError(f"{self} cannot be reached: there is no bucket {self.bucket}{_at()}; make it, or correct "
                             "the name, AWS_REGION or S3_ENDPOINT.")  # fmt: skip
        if isinstance(error, errors.PermissionDeniedError | errors.UnauthenticatedError):
            return UserError(f"{self} cannot be reached: {self.bucket} refuses access{_at()}; check AWS_ACCESS_KEY_ID, "
                             "AWS_SECRET_ACCESS_KEY and what they may do.")  # fmt: skip
        said = " ".join((error.message or type(error).__name__).split()).strip('": .')
        return UserError(f"{self} cannot be reached{_at()} ({said}); check the network, AWS_REGION and S3_ENDPOINT "
                         "(http://host:port), and run it again: what is whole stays.")  # fmt: skip


Place = Path | Remote

# the buckets that this process asked
_asked: set[Remote] = set()


def place(where: "str | Place") -> Place:
    """The place that a text names.

    Raises:
        UserError: a URL without a bucket.

    Example:
        >>> place("work/records") / "emodb"
        PosixPath('work/records/emodb')
        >>> str(place("s3://bucket/records/") / "emodb")
        's3://bucket/records/emodb'
    """
    if isinstance(where, Remote | Path):
        return where
    if not (scheme := SCHEME.match(where)):
        return Path(where)
    path = PurePosixPath(where[scheme.end() :])
    if not path.parts or path.is_absolute():
        raise UserError(f"{where} names no bucket, expected for example s3://bucket/records.")
    return Remote(scheme.group(), path)


def local(where: "str | Path", what: str) -> Path:
    """The folder that a text names, for what lies on this machine only.

    Args:
        where: the text.
        what: lies there, for the message.

    Raises:
        UserError: it is a URL.
    """
    if SCHEME.match(str(where)):
        raise UserError(f"{what} must lie in a folder of this machine, received {where}; name a folder.")
    return Path(where)


def opened(where: Place) -> IO[bytes]:
    """A file, or an object, which is read in one piece, to be read. Raises as `Remote.read_bytes`."""
    return io.BytesIO(where.read_bytes()) if isinstance(where, Remote) else open(where, "rb")


@cache
def connect() -> None:
    """Makes TensorFlow's file systems know object stores; once a process, before the first question."""
    for name, value in PATIENCE.items():
        os.environ.setdefault(name, value)
    import tensorflow_io  # noqa: F401  # registers s3://

    _end_quietly_as_worker()


def connected() -> bool:
    """Whether this process asked an object store: then it must be left by `os._exit`.

    tensorflow-io 0.37.1 aborts in the destructors of the process otherwise, with exit code 134 though all was well
    (tensorflow/io, issue 1912).
    """
    return connect.cache_info().currsize > 0


def explained(error: BaseException) -> str:
    """The line for an error that TensorFlow raised while it read from an object store; empty for any other error.

    Inside a graph nobody asks whether the buckets answer; so that is done here, where the error arrives.
    """
    if not connected() or not isinstance(error, _errors().OpError):
        return ""
    for bucket in sorted(_asked):
        try:
            bucket.check_reachable()
        except UserError as reason:
            return str(reason)
    if isinstance(error, _errors().NotFoundError):  # which does not always say what it looked for
        return f"an object below {' or '.join(map(str, sorted(_asked)))} is gone; restore it, or extract again."
    return ""


def _end_quietly_as_worker() -> None:
    """A worker's exit code says nothing, its work is handed over; so it can leave before the destructors."""
    import atexit
    import multiprocessing

    if multiprocessing.parent_process() is not None:
        atexit.register(os._exit, 0)


def _at() -> str:
    endpoint = os.environ.get("S3_ENDPOINT")
    return f" at {endpoint}" if endpoint else ""


def _errors() -> Any:
    import tensorflow as tf

    return tf.errors

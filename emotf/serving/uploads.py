"""Clips on their way in: one file of a form, written as it comes, in a folder that does not outlive its request."""

import asyncio
import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emotf.serving.clips import ClipError

if TYPE_CHECKING:
    from starlette.requests import Request

PREFIX = "emotf_serve_"
FORM = 1 << 16  # bytes of a form besides its file
RECEIVE = 300.0  # seconds in which a clip must have come
LINGER = 20.0  # seconds for which more is taken of what is refused, so that the answer is heard
HOW = "send the clip as the one file of a form: curl -F clip=@speech.wav"


class Uploads:
    """A temporary folder, in it one a request. Folders of servers that were killed are removed first.

    Args:
        parent: where; the system's place for temporary files by default.
    """

    def __init__(self, parent: Path | None = None) -> None:
        parent = parent or Path(tempfile.gettempdir())
        for left in parent.glob(f"{PREFIX}*"):
            _remove_if_abandoned(left)
        self._lock: int | None = None
        while self._lock is None:  # another server that starts now may have taken it for abandoned
            self.root = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
            self._lock = _locked(self.root)

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """A folder of one request, removed after it, whatever happens."""
        folder = Path(tempfile.mkdtemp(dir=self.root))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def end(self) -> None:
        """Removes everything."""
        shutil.rmtree(self.root, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _locked(folder: Path) -> int | None:
    """A descriptor that keeps a folder for as long as this process lives.

    None where another process has it, it is gone, or is no folder but a link to one.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_NOFOLLOW | os.O_DIRECTORY)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def _remove_if_abandoned(folder: Path) -> None:
    lock = _locked(folder)
    if lock is not None:
        if os.fstat(lock).st_uid == os.getuid():
            shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


async def receive(request: "Request", path: Path, most: int) -> None:
    """Writes the file of a form to `path`; its own name is not looked at.

    Args:
        request: `multipart/form-data` with one file.
        path: to write.
        most: bytes of the file.

    Raises:
        ClipError: 413 too large, 400 no such form, 408 too slow.
        ClientDisconnect: nobody is there any more.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > most + FORM:
        raise _too_large(most)
    try:
        async with asyncio.timeout(RECEIVE):
            with open(path, "wb") as file:
                form = _Form(request.headers.get("content-type", ""), file, most)
                async for piece in request.stream():
                    form.take(piece)
                form.check()
    except TimeoutError:
        raise ClipError(408, f"The clip did not come within {RECEIVE:g} s; send a smaller one.") from None


async def linger(request: "Request") -> None:
    """Takes what is still sent, for a while, and drops it: a client that may not finish hears no answer."""
    from starlette.requests import ClientDisconnect

    # RuntimeError: all of it had come
    with suppress(TimeoutError, ClientDisconnect, RuntimeError):
        async with asyncio.timeout(LINGER):
            async for _ in request.stream():
                pass


class _Form:
    """The one file of a form, piece by piece."""

    def __init__(self, content_type: str, file: Any, most: int) -> None:
        from python_multipart.exceptions import FormParserError
        from python_multipart.multipart import MultipartParser, parse_options_header

        kind, options = parse_options_header(content_type)
        if kind != b"multipart/form-data" or not options.get(b"boundary"):
            raise ClipError(400, f"The request is no form; {HOW}.")
        self._file, self._most = file, most
        self._all = self._bytes = self._files = 0
        self._head, self._in_file, self._ended = b"", False, False
        try:
            self._parser = MultipartParser(options[b"boundary"], {
                "on_part_begin": self._begin, "on_header_value": self._header, "on_headers_finished": self._headers,
                "on_part_data": self._data, "on_end": self._end,
            })  # fmt: skip
        except FormParserError:  # a boundary longer than any
            raise ClipError(400, f"The request is no form; {HOW}.") from None

    def take(self, piece: bytes) -> None:
        """Takes the next bytes."""
        from python_multipart.exceptions import FormParserError

        self._all += len(piece)
        if self._all > self._most + FORM:
            raise _too_large(self._most)
        try:
            self._parser.write(piece)
        except FormParserError:
            raise ClipError(400, f"The form is damaged; {HOW}.") from None

    def check(self) -> None:
        """Refuses a form that ended without a file, or in the middle of it."""
        if not self._ended:
            raise ClipError(400, f"The form breaks off; {HOW}.")
        if not self._files:
            raise ClipError(400, f"The form holds no file; {HOW}.")

    def _begin(self) -> None:
        self._head = b""

    def _header(self, data: bytes, start: int, end: int) -> None:
        self._head += data[start:end]  # a few kB, which the parser sees to

    def _headers(self) -> None:
        self._in_file = bool(re.search(rb"\bfilename\*?=", self._head, re.IGNORECASE))
        self._files += self._in_file
        if self._files > 1:
            raise ClipError(400, f"The form holds more than one file; {HOW}.")

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._in_file:
            self._bytes += end - start
            if self._bytes > self._most:
                raise _too_large(self._most)
            self._file.write(data[start:end])

    def _end(self) -> None:
        self._ended = True


def _too_large(most: int) -> ClipError:
    return ClipError(413, f"The clip is larger than {most / 1e6:g} MB, which is the most that is taken here; send a "
                        "smaller one.")  # fmt: skip

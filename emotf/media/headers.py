"""What the header of a sound file promises, compared with the bytes that are there."""

import struct
from pathlib import Path

from emotf.errors import UserError

# What programs that cannot seek back write as the length of the data: "unknown" (FFmpeg, arecord, SoX, others).
ENDLESS = (0, 0x7FFFF000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
# fmt tags of encodings with one fixed-size block a sample: PCM, float, A-law, mu-law, extensible
SAMPLEWISE = (1, 3, 6, 7, 0xFFFE)
LONGEST_OGG_PAGE = 27 + 255 + 255 * 255


def check_file(path: Path) -> None:
    """Refuses what is no file with something in it.

    Raises:
        UserError: the file is missing, is a folder or is empty.
    """
    if path.is_dir():
        raise UserError(f"{path} is a folder; name one media file in it.")
    if not path.is_file():
        raise UserError(f"{path} is missing; check the path.")
    if not path.stat().st_size:
        raise UserError(f"{path} is empty (0 bytes); copy it again.")


def check_promise(path: Path) -> bool:
    """Compares what a WAV, Ogg or MP4/MOV file declares with its size.

    MP3 and FLAC are checked while they are decoded; a cut mpg, avi, mkv or webm cannot be told from a short one.

    Returns:
        True where the header can be taken at its word, False for a WAV file of undeclared ("endless") length, or whose
        header contradicts itself.

    Raises:
        UserError: the file was cut short.
    """
    with open(path, "rb") as file:
        head = file.read(12)
    if head[:4] in (b"RIFF", b"RF64") and head[8:] == b"WAVE":
        return _check_riff(path)
    if head[:4] == b"OggS":
        _check_ogg(path)
    elif head[4:8] == b"ftyp":
        _check_boxes(path)
    return True


def _check_riff(path: Path) -> bool:
    """Decoders clamp the length of a cut WAV file silently; only its data chunk tells how long it was."""
    size = path.stat().st_size
    tag, align, long_size, fits = 1, 1, 0, True
    with open(path, "rb") as file:
        file.seek(12)
        while len(chunk := file.read(8)) == 8:
            name, length = struct.unpack("<4sI", chunk)
            start = file.tell()
            if name == b"data":
                endless = length in ENDLESS
                if endless and long_size:  # RF64: the real length stands in its own 64-bit chunk
                    length, endless = long_size, False
                held = size - start
                unit, bytes_each = ("samples", align) if tag in SAMPLEWISE and fits else ("bytes", 1)
                if not endless and length // bytes_each > held // bytes_each:
                    raise UserError(
                        f"{path} promises {length // bytes_each} {unit}, holds {held // bytes_each}: it was cut short; "
                        "copy it again."
                    )
                return fits and not endless
            body = file.read(min(length, 64))
            if name == b"fmt " and len(body) >= 16:
                tag, channels, align, bits = struct.unpack("<HH8xHH", body[:16])
                # tensorflow-io divides by what a damaged header says of a block, and takes the process with it
                fits = tag not in SAMPLEWISE or 0 < align == channels * -(-bits // 8)
                align = max(align, 1)
            elif name == b"ds64" and len(body) >= 16:
                long_size = struct.unpack("<8xQ", body[:16])[0]
            file.seek(start + length + length % 2)
    raise UserError(f"{path} is a WAV file without sound data (no data chunk); copy it again.")


def _check_ogg(path: Path) -> None:
    """A whole Ogg stream ends with a page that carries the end-of-stream mark; a cut one decodes without an error."""
    with open(path, "rb") as file:
        file.seek(max(0, path.stat().st_size - 2 * LONGEST_OGG_PAGE))
        tail = file.read()
    page = tail[tail.rfind(b"OggS") :]
    whole = len(page) > 27 and len(page) >= 27 + page[26] + sum(page[27 : 27 + page[26]])
    if not (whole and page[5] & 4):
        raise UserError(f"{path} breaks off: its last Ogg page lacks the end-of-stream mark; copy it again.")


def _check_boxes(path: Path) -> None:
    """An MP4 or MOV file is a row of boxes that state their lengths; a cut one may decode without an error."""
    size, start = path.stat().st_size, 0
    with open(path, "rb") as file:
        while start + 8 <= size:
            file.seek(start)
            length, long_length = struct.unpack(">I4xQ", file.read(16).ljust(16, b"\0"))
            length = long_length if length == 1 else length
            if start + length > size:
                raise UserError(f"{path} promises at least {start + length} bytes, holds {size}: copy it again.")
            if length < 8:  # 0: to the end of the file
                break
            start += length


def counts_mp3_frames(path: Path) -> bool:
    """True where an MP3 file carries a Xing or Info header; without one its length is everybody's guess.

    libsndfile guesses from the bit rate of the first frame: for a file of variable bit rate the guess is off by far.
    """
    with open(path, "rb") as file:
        head = file.read(10)
        if len(head) == 10 and head[:3] == b"ID3":  # a tag of 7-bit bytes' length stands before the first frame
            file.seek(10 + sum(byte << 7 * (3 - i) for i, byte in enumerate(head[6:])))
        else:
            file.seek(0)
        frame = file.read(4096)
    place = max(frame.find(b"Xing"), frame.find(b"Info"))
    return 0 <= place < len(frame) - 8 and bool(frame[place + 7] & 1)

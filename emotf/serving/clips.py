"""What a clip that a stranger sends may be: of which kind, how long, how large once decoded.

A file is believed in nothing. Its kind is read from its first bytes, its length from its header and again by decoding,
and its name is not looked at.
"""

from collections.abc import Collection
from pathlib import Path

from emotf.errors import UserError
from emotf.media import sound_blocks
from emotf.media.containers import opened, timed_pictures, video_stream

# Larger than 4K film (4096 x 2304), faster than any camera of faces, wider than a cinema's sound.
MOST_PIXELS, MOST_PICTURES_HZ = 10_000_000, 240
MOST_CHANNELS, MOST_SOUND_HZ = 16, 192_000
# Where sound is only counted: half of the work of the rates that features want.
COUNTED_HZ = 8000

BEGINNINGS = (
    b"fLaC", b"OggS", b"caff", b".snd", b"FLV\x01",
    b"\x1aE\xdf\xa3",  # Matroska, WebM
    b"\x00\x00\x01\xba", b"\x00\x00\x01\xb3",  # MPEG
    b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",  # ASF: WMA, WMV
)  # fmt: skip
FORMS = {b"RIFF": (b"WAVE", b"AVI "), b"RF64": (b"WAVE",), b"FORM": (b"AIFF", b"AIFC")}
FIRST_BOXES = (b"ftyp", b"moov", b"mdat", b"wide")  # MP4, MOV, 3GP, M4A
TRANSPORT_PACKET = 188


class ClipError(UserError):
    """A request that is answered by one line and a status of HTTP."""

    def __init__(self, status: int, line: str) -> None:
        super().__init__(line)
        self.status = status


def check_kind(path: Path) -> None:
    """Refuses what does not begin as sound and video files do.

    FFmpeg opens far more than that, for example playlists, which name other files and hosts. It looks for what a file
    is after the tags before MP3 (ID3), so these are looked behind, too.

    Raises:
        ClipError: 422 for an empty file, 415 for any other kind.
    """
    if not path.stat().st_size:
        raise ClipError(422, "The clip is empty (0 bytes); choose another file.")
    with open(path, "rb") as file:
        start = 0
        while (head := file.read(2 * TRANSPORT_PACKET))[:3] == b"ID3" and len(head) >= 10:
            start += 10 + sum(byte << 7 * (3 - i) for i, byte in enumerate(head[6:10]))
            file.seek(start)
    if not _is_media(head):
        raise ClipError(415, "The clip is no sound or video file; send WAV, FLAC, Ogg, MP3, M4A, MP4, MOV, AVI, MPEG, "
                             "MKV or WebM.")  # fmt: skip


def check_length(path: Path, media: Collection[str], longest: float) -> None:
    """Refuses what is too long or too large by its header, or else once it is decoded, which it is in little memory.

    Args:
        path: the clip.
        media: which of `audio` and `video` will be read of it.
        longest: seconds.

    Raises:
        ClipError: 422.
        UserError: it cannot be decoded.
    """
    _check_header(path, longest)
    if "audio" in media:
        samples = 0
        for block in sound_blocks(path, COUNTED_HZ):
            samples += len(block)
            if samples > longest * COUNTED_HZ:
                raise _too_long(longest)
    if "video" in media:
        _check_pictures(path, longest)


def _is_media(head: bytes) -> bool:
    return (
        head.startswith(BEGINNINGS)
        or head[8:12] in FORMS.get(head[:4], ())
        or head[4:8] in FIRST_BOXES
        or (len(head) > TRANSPORT_PACKET and head[0] == head[TRANSPORT_PACKET] == 0x47)
        or (len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0)  # the first frame of MP3 or AAC
    )


def _check_header(path: Path, longest: float) -> None:
    import soundfile

    try:
        info = soundfile.info(str(path))
    except soundfile.LibsndfileError:
        _check_container(path, longest)
        return
    _check_sound(info.samplerate, info.channels)
    if info.format != "MP3" and info.duration > longest:  # of an MP3 file it is a guess
        raise _too_long(longest)


def _check_container(path: Path, longest: float) -> None:
    with opened(path) as container:
        if container.duration is not None and container.duration / 1e6 > longest:
            raise _too_long(longest)
        # of a codec that FFmpeg does not know there is no context; reading it is refused later
        for stream in (known for known in container.streams.audio if known.codec_context):
            _check_sound(stream.rate or 0, stream.channels)
        for stream in (known for known in container.streams.video if known.codec_context):
            _check_size(stream.codec_context.width, stream.codec_context.height)


def _check_pictures(path: Path, longest: float) -> None:
    with opened(path) as container:
        stream = video_stream(container)
        if stream is None:
            raise ClipError(422, "The clip has no pictures, only sound; this run needs a video.")
        first = None
        for count, (time, frame) in enumerate(timed_pictures(path, container, stream)):
            first = time if first is None else first
            _check_size(frame.width, frame.height)  # some codecs change it on the way
            if time - first > longest or count > longest * MOST_PICTURES_HZ:
                raise _too_long(longest)


def _check_sound(rate_hz: float, channels: int) -> None:
    if rate_hz > MOST_SOUND_HZ or channels > MOST_CHANNELS:
        raise ClipError(422, f"The sound has {channels} channels at {rate_hz:g} Hz; expected at most {MOST_CHANNELS} "
                             f"at {MOST_SOUND_HZ} Hz: convert it.")  # fmt: skip


def _check_size(width: int, height: int) -> None:
    if width * height > MOST_PIXELS:
        raise ClipError(422, f"The pictures have {width} x {height} pixels; expected at most {MOST_PIXELS / 1e6:g} "
                             "million: make them smaller.")  # fmt: skip


def _too_long(longest: float) -> ClipError:
    return ClipError(422, f"The clip is longer than {longest:g} s, which is the most that is taken here; cut it.")

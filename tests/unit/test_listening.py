"""Sound as it comes, and its trace in a terminal."""

import sys
import time
import types

import numpy as np
import pytest
import soundfile

from emotf.errors import UserError
from emotf.media import read_sound
from emotf.serving import listening
from emotf.track import Track


@pytest.fixture
def tone(tmp_path):
    path = tmp_path / "tone.wav"
    soundfile.write(path, 0.3 * np.sin(np.arange(8000) / 7), 16000)
    return path


def test_blocks_of_a_file_are_its_sound(tone):
    blocks = list(listening.file_at_speed(tone, 16000, speed=0))
    assert [len(block) for block in blocks[:-1]] == [640] * (len(blocks) - 1)
    np.testing.assert_array_equal(np.concatenate(blocks), read_sound(tone, 16000))


def test_a_block_does_not_come_before_it_could_have_been_heard(tone):
    began = time.monotonic()
    for number, _ in enumerate(listening.file_at_speed(tone, 16000, speed=5), start=1):
        assert time.monotonic() - began >= min(number * 0.04, 0.5) / 5 - 1e-3


class Stub(types.ModuleType):
    """What listening asks of sounddevice: two blocks, sound lost before the second, then the device is gone."""

    class PortAudioError(Exception):
        pass

    def __init__(self, rates=(16000.0,)):
        super().__init__("sounddevice")
        self.rates = rates

    def InputStream(self, rate_hz, **_):  # noqa: N802  (theirs)
        if rate_hz not in self.rates:
            raise self.PortAudioError("no such rate")
        return StubStream(self.PortAudioError)


class StubStream:
    def __init__(self, gone):
        self.gone, self.reads = gone, 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def read(self, size):
        self.reads += 1
        if self.reads > 2:
            raise self.gone("unplugged")
        return np.full((size, 1), self.reads, np.float32), self.reads == 2


def test_a_microphone_says_what_it_lost_and_ends_where_it_is_unplugged(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "sounddevice", Stub())
    blocks = list(listening.microphone(16000.0))
    assert [(len(block), block[0]) for block in blocks] == [(640, 1), (640, 2)]
    said = capsys.readouterr().err
    assert "sound was lost" in said and "the microphone is gone (unplugged)" in said


def test_no_microphone_is_said_in_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "sounddevice", Stub(rates=()))
    with pytest.raises(UserError, match="No microphone gives 16000 Hz"):
        listening.microphone(16000.0)
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(UserError, match="needs the package sounddevice"):
        listening.microphone(16000.0)


def test_a_trace_is_a_line_a_second_where_there_is_no_terminal(capsys):
    with listening.Terminal(("arousal", "valence"), 0.5) as terminal:
        for k in range(5):
            terminal.show(Track(np.full((1, 2), 0.1 * k), hop=0.5, start=0.5 * k, channels=("arousal", "valence")), 0.2)
        terminal.show(Track(np.zeros((0, 2)), hop=0.5, start=2.5, channels=("arousal", "valence")))
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(" s ")[0].strip() for line in lines] == ["0.00", "1.00", "2.00"]
    assert "arousal +0.40  valence +0.40" in lines[-1] and lines[-1].endswith("(0.20 s late)")
    assert terminal.drawn(2.0, None).splitlines()[0].startswith("arousal +0.40 ")


def test_a_strip_holds_no_more_columns_than_there_are():
    assert len(listening.strip(np.linspace(-1, 1, 1000), -1, 1)) == listening.COLUMNS
    assert listening.strip([5.0, -5.0], -1, 1) == "█ "

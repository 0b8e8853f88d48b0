import hashlib
import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from emotf.errors import UserError
from emotf.files import read_json, sha256, write_json, write_new_json, write_text, written_aside


def test_a_file_appears_only_when_it_is_whole(tmp_path):
    path = tmp_path / "new" / "trace.csv"
    with written_aside(path) as aside:
        aside.write_text("half")
        assert aside.parent == path.parent and aside.suffix == ".csv" and aside.name.startswith(".")
        assert not path.exists()
    assert path.read_text() == "half" and list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("began", [True, False])
def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path, began):
    path = tmp_path / "trace.csv"
    path.write_text("old")

    def write():
        with written_aside(path) as aside:
            if began:
                aside.write_text("new")
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        write()
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_an_interrupt_leaves_the_old_file_too(tmp_path):
    path = tmp_path / "trace.csv"
    path.write_text("old")

    def write():
        with written_aside(path) as aside:
            aside.write_text("new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write()
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_a_body_that_writes_nothing_is_an_error(tmp_path):
    path = tmp_path / "trace.csv"
    path.write_text("old")
    with pytest.raises(FileNotFoundError), written_aside(path):
        pass
    assert path.read_text() == "old"


def test_text_and_json_come_back(tmp_path):
    write_text(tmp_path / "a.txt", "ä\n")
    assert (tmp_path / "a.txt").read_bytes() == "ä\n".encode()
    content = {"hop": 1 / 60, "names": ["ä"], "none": None, "deep": {"x": [1, 2.5, True]}}
    write_json(tmp_path / "a.json", content)
    assert read_json(tmp_path / "a.json") == content
    assert (tmp_path / "a.json").read_text().endswith("}\n")


def test_json_that_cannot_be_written_leaves_the_old_file(tmp_path):
    write_json(tmp_path / "a.json", {"a": 1})
    with pytest.raises(TypeError, match="not JSON serializable"):
        write_json(tmp_path / "a.json", {"a": object()})
    assert json.loads((tmp_path / "a.json").read_text()) == {"a": 1}


def test_json_that_cannot_be_read_is_one_line(tmp_path):
    with pytest.raises(UserError, match=r"a\.json is missing"):
        read_json(tmp_path / "a.json")
    for content in (b"", b'{"a": ', b"\xff\xfe"):
        (tmp_path / "a.json").write_bytes(content)
        with pytest.raises(UserError, match=r"a\.json is not valid JSON") as error:
            read_json(tmp_path / "a.json")
        assert "\n" not in str(error.value)


def test_digests_are_those_of_the_bytes(tmp_path):
    (tmp_path / "a").write_bytes(b"abc" * 100_000)
    assert sha256(tmp_path / "a") == hashlib.sha256(b"abc" * 100_000).hexdigest()


def test_threads_that_write_one_file_do_not_disturb_each_other(tmp_path):
    def write(number):
        for place in range(20):
            write_new_json(tmp_path / f"{place}.json", {"by": number})
            write_json(tmp_path / "last.json", {"by": number})

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    assert len(list(tmp_path.iterdir())) == 21
    assert all(read_json(path)["by"] in range(4) for path in tmp_path.iterdir())


def test_a_new_file_without_hard_links(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError("this file system has no hard links")

    monkeypatch.setattr("os.link", refuse)
    for content in (1, 2):
        write_new_json(tmp_path / "a.json", content)
    assert read_json(tmp_path / "a.json") == 1
    assert len(list(tmp_path.iterdir())) == 1

import errno
import hashlib
import json
import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from emotf.errors import UserError
from emotf.files import (
    SEAL,
    read_json,
    remove_remains,
    sha256,
    write_json,
    write_new_json,
    write_sealed,
    write_text,
    written_aside,
)


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
        write_new_json(tmp_path / "a.json", {"by": content})
    assert read_json(tmp_path / "a.json") == {"by": 1}
    assert len(list(tmp_path.iterdir())) == 1


def test_a_seal_is_the_digest_of_the_sorted_content(tmp_path):
    content = {"b": [1, 0.1, None], "a": {"y": "ä", "x": True}}
    write_sealed(tmp_path / "a.json", content)
    text = '{"a": {"x": true, "y": "\\u00e4"}, "b": [1, 0.1, null]}'
    assert json.loads((tmp_path / "a.json").read_text())[SEAL] == f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
    assert read_json(tmp_path / "a.json") == content


def test_every_single_byte_of_a_sealed_file_matters_or_changes_nothing(tmp_path):
    content = {"hop": 0.04, "channels": ["a", "b"], "window": 25, "made_by": {"part": "x", "gaps": False}}
    path = tmp_path / "schema.json"
    write_sealed(path, content)
    whole, noticed = path.read_bytes(), 0
    for place in range(len(whole)):
        for mask in (1, 2, 16):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ mask]) + whole[place + 1 :])
            try:
                found = read_json(path)
            except UserError:
                noticed += 1
                continue
            assert found == content
    assert noticed > 2.5 * len(whole)


def test_a_seal_that_is_damaged_does_not_let_damage_pass(tmp_path):
    path = tmp_path / "schema.json"
    write_sealed(path, {"hop": 0.04})
    whole = path.read_text()
    for seal in ("#checksum)", "(checksum#", "########)", "#########"):
        path.write_text(whole.replace(SEAL, seal).replace("0.04", "0.05"))
        with pytest.raises(UserError, match=r"schema\.json is damaged"):
            read_json(path)


def test_a_sealed_file_that_was_edited_says_how_to_have_it_read(tmp_path):
    path = tmp_path / "config.json"
    write_sealed(path, {"seed": 1})
    path.write_text(path.read_text().replace('"seed": 1', '"seed": 2'))
    with pytest.raises(UserError, match=r"config\.json is damaged, or was changed .* delete its entry '\(checksum\)'"):
        read_json(path)
    write_json(path, {name: value for name, value in json.loads(path.read_text()).items() if name != SEAL})
    assert read_json(path) == {"seed": 2}


def test_a_disk_without_room_names_the_file_and_nothing_stays(tmp_path):
    path = tmp_path / "trace.csv"

    def write():
        with written_aside(path) as aside:
            aside.write_text("half")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(OSError, match="No space left on device") as found:
        write()
    assert found.value.filename == str(path)
    assert list(tmp_path.iterdir()) == []


def test_remains_are_removed_and_nothing_else(tmp_path):
    remains = [".trace.0123abcd.csv", ".other.0123abcd.csv", ".schema.0123abcd.new.json", ".COMPLETED.0123abcd"]
    others = ["trace.csv", ".hidden", ".trace.csv", ".trace.0123abcd.csv.txt.x", "0123abcd.csv"]
    (tmp_path / "inner").mkdir()
    for name in (*remains, *others, "inner/.state.89abcdef.npz"):
        (tmp_path / name).write_text("")
    remove_remains(tmp_path, "trace.csv")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*remains[1:], *others, "inner"])
    remove_remains(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*others, "inner"])
    remove_remains(tmp_path, below=True)
    assert list((tmp_path / "inner").iterdir()) == []


def test_what_begins_a_file_is_what_remains_are_known_by(tmp_path):
    for name in ("trace.csv", "COMPLETED", "r.1.tfrecord"):
        with written_aside(tmp_path / name) as aside:
            aside.write_text("begun")
            remove_remains(tmp_path, name)
            assert not aside.exists()
            aside.write_text("begun again")

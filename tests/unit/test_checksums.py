import hashlib
import json
import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from emotf import checksums
from emotf.checksums import NAME, checked, promised
from emotf.errors import UserError
from emotf.files import SEAL, write_text


def write(path, text):
    with promised(path) as aside:
        aside.write_text(text)


def test_a_file_that_is_as_it_was_written_is_read(tmp_path):
    path = tmp_path / "new" / "scores.csv"
    write(path, "a,b\n")
    write(path, "a,b\n1,2\n")
    assert checked(path, "").read_text() == "a,b\n1,2\n"
    content = json.loads((path.parent / NAME).read_text())
    assert len(content[path.name]) == 2  # the content before might be there still, had the process been killed
    assert content[path.name][0] == hashlib.sha256(b"a,b\n1,2\n").hexdigest() and set(content) == {path.name, SEAL}


def test_the_same_content_again_changes_no_byte(tmp_path):
    for turn in range(3):
        write(tmp_path / "scores.csv", "a")
        found = (tmp_path / NAME).read_bytes()
        first = found if turn == 0 else first
        assert found == first


@pytest.mark.parametrize("content", ["a,b\n1,3\n", "a,b\n1,", "", "a,b\n\0\0\0\0"])
def test_a_file_that_is_not_is_refused_in_one_line(tmp_path, content):
    path = tmp_path / "scores.csv"
    write(path, "a,b\n1,2\n")
    path.write_text(content)
    with pytest.raises(UserError, match=r"scores\.csv is damaged, or was changed .*; delete it and score again\.$"):
        checked(path, "delete it and score again")
    write(path, "a,b\n1,4\n")
    assert checked(path, "").read_text() == "a,b\n1,4\n"
    assert len(json.loads((tmp_path / NAME).read_text())[path.name]) == 1  # what was damaged was never promised


@pytest.mark.parametrize("stop", [0, 1])
def test_killed_between_promise_and_file_either_content_is_whole(tmp_path, monkeypatch, stop):
    path, replace, done = tmp_path / "scores.csv", os.replace, []
    write(path, "old")

    class Killed(BaseException):
        pass

    def killed(source, target):
        if len(done) == stop:
            raise Killed
        done.append(target)
        replace(source, target)

    for _ in range(3):  # killed again and again
        done.clear()
        with monkeypatch.context() as patch:
            patch.setattr(os, "replace", killed)
            with pytest.raises(Killed):
                write(path, "new")
        assert checked(path, "").read_text() == "old"
    write(path, "new")
    assert checked(path, "").read_text() == "new"


def test_a_checksum_that_is_damaged_is_refused(tmp_path):
    path = tmp_path / "scores.csv"
    write(path, "a")
    promises = tmp_path / NAME
    promises.write_text(promises.read_text().replace("0", "1"))
    with pytest.raises(UserError, match=r"checksums\.json is damaged"):
        checked(path, "")


def test_files_of_an_older_version_are_taken_as_they_are_which_is_said_once(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(checksums, "_said", [])
    for name in ("a.csv", "b.csv"):
        write_text(tmp_path / name, "old")
        assert checked(tmp_path / name, "").read_text() == "old"
    assert capsys.readouterr().err.splitlines() == [
        f"{tmp_path}/a.csv is of a version that kept no checksums; such files are taken as they are"
    ]
    assert not checked(tmp_path / "missing.csv", "").exists()


def test_threads_that_write_into_one_folder_lose_no_promise(tmp_path):
    def work(number):
        for turn in range(5):
            write(tmp_path / f"{number}.csv", f"{number} {turn}")
            write(tmp_path / "shared.csv", f"{number} {turn}")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert {checked(tmp_path / f"{number}.csv", "").read_text() for number in range(4)} == {f"{n} 4" for n in range(4)}
    checked(tmp_path / "shared.csv", "")
    assert len(list(tmp_path.iterdir())) == 6


def test_what_killed_writers_of_the_same_file_left_is_removed(tmp_path):
    for name in (".scores.0123abcd.csv", ".checksums.0123abcd.json", ".trace.0123abcd.csv"):
        (tmp_path / name).write_text("begun")
    write(tmp_path / "scores.csv", "a")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".trace.0123abcd.csv", NAME, "scores.csv"]

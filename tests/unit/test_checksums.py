import hashlib
import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from emotf import checksums
from emotf.checksums import NAME, checked, promised
from emotf.errors import UserError
from emotf.files import write_text


def write(path, text):
    with promised(path) as aside:
        aside.write_text(text)


def test_a_file_that_is_as_it_was_written_is_read(tmp_path):
    path = tmp_path / "new" / "scores.csv"
    write(path, "a,b\n")
    write(path, "a,b\n1,2\n")
    assert checked(path, "").read_text() == "a,b\n1,2\n"
    last = json.loads((path.parent / NAME).read_text().splitlines()[-1])
    assert last[:2] == [path.name, [hashlib.sha256(text).hexdigest() for text in (b"a,b\n1,2\n", b"a,b\n")]]


@pytest.mark.parametrize("content", ["a,b\n1,3\n", "a,b\n1,", "", "a,b\n\0\0\0\0"])
def test_a_file_that_is_not_is_refused_in_one_line(tmp_path, content):
    path = tmp_path / "scores.csv"
    write(path, "a,b\n1,2\n")
    path.write_text(content)
    with pytest.raises(UserError, match=r"scores\.csv is damaged, or was changed .*; delete it and score again\.$"):
        checked(path, "delete it and score again")
    write(path, "a,b\n1,4\n")
    assert checked(path, "").read_text() == "a,b\n1,4\n"
    last = json.loads((tmp_path / NAME).read_text().splitlines()[-1])
    assert len(last[1]) == 1  # what was damaged was never promised


@pytest.mark.parametrize("where", ["os.replace", "emotf.checksums._add"])
def test_killed_between_promise_and_file_either_content_is_whole(tmp_path, monkeypatch, where):
    path = tmp_path / "scores.csv"
    write(path, "old")

    class Killed(BaseException):
        pass

    def killed(*_):
        raise Killed

    for _ in range(3):  # killed again and again
        with monkeypatch.context() as patch:
            patch.setattr(where, killed)
            with pytest.raises(Killed):
                write(path, "new")
        assert checked(path, "").read_text() == "old"
    write(path, "new")
    assert checked(path, "").read_text() == "new"


def test_a_checksum_that_is_damaged_is_refused(tmp_path):
    path = tmp_path / "scores.csv"
    write(path, "a")
    promises = tmp_path / NAME
    promises.write_text(promises.read_text().replace("a", "b"))
    with pytest.raises(UserError, match=r"checksums\.jsonl is damaged \(line 1\)"):
        checked(path, "")


@pytest.mark.parametrize("cut", [1, 10, 40])
def test_a_line_that_a_killed_process_had_not_finished_is_cut_off(tmp_path, cut):
    path, promises = tmp_path / "scores.csv", tmp_path / NAME
    write(path, "a")
    whole = promises.read_bytes()
    promises.write_bytes(whole + whole[:-cut])
    assert checked(path, "").read_text() == "a"
    write(tmp_path / "other.csv", "b")
    assert promises.read_bytes().startswith(whole) and len(promises.read_bytes().splitlines()) == 2
    assert checked(path, "").read_text() == "a" and checked(tmp_path / "other.csv", "").read_text() == "b"


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
    for name in (".scores.0123abcd.csv", ".trace.0123abcd.csv"):
        (tmp_path / name).write_text("begun")
    write(tmp_path / "scores.csv", "a")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".trace.0123abcd.csv", NAME, "scores.csv"]

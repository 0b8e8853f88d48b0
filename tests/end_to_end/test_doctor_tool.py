"""The doctor examines an experiment and a run; a leak that is planted in a copy of them ends with exit code 1."""

import json
import shutil

from conftest import tool

from emotf.files import read_json, write_json


def test_an_experiment_is_examined_and_a_planted_double_is_named(work, smoke, tmp_path):
    done = tool("doctor", *smoke, fresh=True)
    rows = [line.strip("| ").split("|") for line in done.stdout.splitlines()[2:]]
    assert [row[0].strip() for row in rows] == [
        "subjects", "media", "windows", "edges", "features", "standardisation", "scored",
    ]  # fmt: skip
    assert {row[2].strip() for row in rows} == {"ok"}
    assert "10 subjects of 6 train, 2 dev, 2 test" in done.stdout and "20 files of 10 recordings" in done.stdout

    shutil.copytree(work / "tiny_records", tmp_path / "records")
    flags = [*smoke, f"--config.data.records={tmp_path}/records"]
    path = tmp_path / "records" / "synthetic" / "media.json"
    media = read_json(path)
    media["s1f01"]["audio"] = media["s3f01"]["audio"]
    write_json(path, media)
    done = tool("doctor", *flags, check=False)
    named = "audio of recording s3f01 (train) and audio of recording s1f01 (test) are one and the same file"
    assert done.returncode == 1 and f"media: {named}" in done.stdout
    assert done.stderr.splitlines()[-1] == "error: 1 of 7 guards found a leak: media; mend it first."
    done = tool("train", *flags, f"--run={tmp_path}/run", check=False)
    assert done.returncode == 1 and f"error: Leak (media): {named}" in done.stderr
    done = tool("doctor", *flags, "--config.data.shared_media=True", "--json")
    assert {one["guard"]: one["state"] for one in json.loads(done.stdout)}["media"] == "allowed by data.shared_media"


def test_a_run_is_examined_and_a_normaliser_that_saw_test_is_refused(speech, tmp_path):
    assert " LEAK " not in tool("doctor", f"--run={speech}").stdout
    run = tmp_path / "run"
    shutil.copytree(speech, run)
    content = read_json(run / "standardisation.json")
    test = read_json(run / "about.json")["partitions"]["test"][0]
    content["streams"]["mfcc39"]["recordings"].append(test)
    write_json(run / "standardisation.json", content)
    done = tool("doctor", f"--run={run}", check=False)
    assert done.returncode == 1
    assert f"stream 'mfcc39' is standardised by recording {test}, which is in test, not in train" in done.stdout
    done = tool("evaluate", f"--run={run}", check=False)
    assert (
        done.returncode == 1
        and f"Leak (standardisation): stream 'mfcc39' is standardised by recording {test}"
        in (done.stderr.splitlines()[-1])
    )


def test_one_thing_is_examined_at_a_time(smoke):
    done = tool("doctor", check=False)
    assert done.returncode == 1 and done.stderr.strip() == "error: Give one of --config, --run; received none."

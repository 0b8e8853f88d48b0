"""Records on an object store, a server of S3 on this machine: all tools do with them what they do with a folder."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import boto3
import pandas as pd
import pytest
from botocore.exceptions import EndpointConnectionError
from conftest import ROOT, tool

BUCKET = "emotf-records"
KEYS = {"AWS_ACCESS_KEY_ID": "someone", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1"}


@pytest.fixture(scope="module")
def server():
    """The address of an object store with one empty bucket."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(Path(sys.executable).with_name("moto_server")), "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        address = f"http://127.0.0.1:{port}"
        for _ in range(600):
            try:
                client(address).create_bucket(Bucket=BUCKET)
                break
            except EndpointConnectionError:
                assert process.poll() is None
                time.sleep(0.1)
        yield address
    finally:
        process.kill()
        process.wait()


def client(address):
    return boto3.client(
        "s3", endpoint_url=address, aws_access_key_id="someone", aws_secret_access_key="secret", region_name="us-east-1"
    )


def at(address):
    """The environment of a tool that asks the store; nothing of the machine's own may answer in its place."""
    return KEYS | {"S3_ENDPOINT": address, "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}


@pytest.fixture(scope="module")
def flags(work):
    """Of a tiny corpus, sound only; its records go where `--config.data.records` says."""
    return [
        "--config=configs/cer_mtl.py:smoke,speech,stl-arousal",
        f"--config.corpus.dir={work}/stored_corpus",
        "--config.data.delay=0.5",
    ]


@pytest.fixture(scope="module")
def extracted(work, flags, server):
    """What tools/extract.py says when it writes into a folder, and into the store by two processes."""
    kept = tool("extract", *flags, f"--config.data.records={work}/stored_records")
    stored = tool(
        "extract", *flags, f"--config.data.records=s3://{BUCKET}/some/records", "--workers=2", fresh=True,
        env=at(server),
    )  # fmt: skip
    return kept, stored


def test_the_store_holds_the_bytes_of_the_folder(extracted, work, server):
    folder, stored = work / "stored_records", client(server)
    assert "10 recordings written, 0 kept" in extracted[1].stdout
    assert f"records: s3://{BUCKET}/some/records/synthetic" in extracted[1].stdout
    files = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    listed = stored.list_objects_v2(Bucket=BUCKET, Prefix="some/records/")["Contents"]
    assert {entry["Key"].removeprefix("some/records/") for entry in listed} == set(files)
    assert len(files) == 27
    for name, path in files.items():
        if path.name != "extraction.csv":  # speeds
            assert stored.get_object(Bucket=BUCKET, Key=f"some/records/{name}")["Body"].read() == path.read_bytes()


@pytest.fixture(scope="module")
def runs(extracted, work, flags, server):
    """The same run from the folder and from the store."""
    tool("train", *flags, f"--config.data.records={work}/stored_records", f"--run={work}/from_folder")
    stored = [*flags, f"--config.data.records=s3://{BUCKET}/some/records", f"--run={work}/from_store"]
    tool("train", *stored, fresh=True, env=at(server))
    return work / "from_folder", work / "from_store"


def test_training_and_scores_are_those_of_the_folder(runs, server):
    folder, store = (pd.read_csv(run / "history.csv", float_precision="round_trip") for run in runs)
    pd.testing.assert_frame_equal(store, folder, check_exact=True)
    scores = [tool("evaluate", f"--run={runs[0]}"), tool("evaluate", f"--run={runs[1]}", fresh=True, env=at(server))]
    assert (runs[0] / "scores.csv").read_bytes() == (runs[1] / "scores.csv").read_bytes()
    assert scores[0].stdout.replace("from_folder", "from_store") == scores[1].stdout


def test_what_is_there_is_kept_and_described(extracted, flags, server):
    where = f"s3://{BUCKET}/some/records"
    again = tool("extract", *flags, f"--config.data.records={where}", fresh=True, env=at(server))
    assert "mfcc39: 0 recordings written, 10 kept" in again.stdout
    said = tool("describe", f"--records={where}/synthetic", fresh=True, env=at(server)).stdout
    assert said.startswith(f"{where}/synthetic: 10 recordings of 10 subjects")


def refusal(name, *flags, env):
    done = tool(name, *flags, fresh=True, check=False, env=env)
    assert done.returncode == 1, done.stderr
    lines = done.stderr.splitlines()
    assert lines[-1].startswith("error: ") and not any(line.startswith("Traceback") for line in lines)
    return lines[-1]


def test_a_damaged_object_is_refused_by_name(runs, work, flags, server):
    key = "some/records/synthetic/mfcc39/s3f01.tfrecord"
    stored = client(server)
    whole = stored.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    training = ["train", *flags, f"--config.data.records=s3://{BUCKET}/some/records", f"--run={work}/refused"]
    try:
        stored.put_object(Bucket=BUCKET, Key=key, Body=whole[:5000] + bytes([whole[5000] ^ 1]) + whole[5001:])
        assert f"s3://{BUCKET}/{key} (recording s3f01) is damaged" in refusal(*training, env=at(server))
        stored.delete_object(Bucket=BUCKET, Key=key)
        assert f"s3://{BUCKET}/{key} (recording s3f01) has 0 bytes" in refusal(*training, env=at(server))
    finally:
        stored.put_object(Bucket=BUCKET, Key=key, Body=whole)


def test_a_store_that_does_not_answer_is_refused_in_one_line():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))  # and nobody listens
        nobody = f"http://127.0.0.1:{free.getsockname()[1]}"
        line = refusal("describe", f"--records=s3://{BUCKET}/records", env=at(nobody))
    assert line.startswith(f"error: s3://{BUCKET}/records/recordings.json cannot be reached at {nobody} (")
    assert "check the network, AWS_REGION and S3_ENDPOINT" in line


# What places answer and refuse; in a process of its own, because such a process must end by `os._exit`.
SCRIPT = """
import json, os, sys
import tensorflow as tf
from emotf.errors import UserError
from emotf.files import write_new_json
from emotf.places import connected, explained, place
from emotf.records import PictureStore, Store, Stream
from emotf.runs import Run

bucket = sys.argv[1]

def refused(ask):
    try:
        return repr(ask())
    except UserError as error:
        return str(error)

found = {"asked nobody": not connected()}
here = place(f"s3://{bucket}/places")
write_new_json(here / "a.json", {"turn": 1})
write_new_json(here / "a.json", {"turn": 2})
write_new_json(here / "b" / "c.json", {"turn": 3})
found["first"] = json.loads((here / "a.json").read_text())["turn"]
found["names"] = here.names()
found["inner"] = [str(inner) for inner in here.glob("*/c.json")]
found["are"] = [(here / name).is_file() for name in ("a.json", "b", "d")]
(here / "a.json").unlink()
(here / "a.json").unlink(missing_ok=True)
found["left"] = here.names()
for number in range(110):
    (here / "many" / f"{number:03d}").upload(__file__)
found["many"] = [len((here / "many").names()), (here / "many" / "109").stat().st_size]
cut = Stream(f"s3://{bucket}/some/records/synthetic/mfcc39")
whole = cut.path("s2f01").read_bytes()
for length in (0, 10, 5000):
    with open("cut", "wb") as file:
        file.write(whole[:length])
    cut.path("s2f01").upload("cut")
    found[f"cut at {length}"] = refused(lambda: cut.read("s2f01"))
cut.path("s2f01").unlink()
found["gone"] = refused(lambda: cut.read("s2f01"))
try:
    list(cut.dataset(str(cut.path("s2f01"))))
except tf.errors.OpError as error:
    found["gone in a graph"] = explained(error)
with open("cut", "wb") as file:
    file.write(whole)
cut.path("s2f01").upload("cut")
for where in ("s3://emotf-nowhere/records", "what://bucket/records", "s3:///records", f"s3://{bucket}/nothing"):
    found[where] = refused(lambda: Store(where).recordings)
found["written nowhere"] = refused(lambda: write_new_json(place("s3://emotf-nowhere/a.json"), {"turn": 4}))
found["pictures"] = refused(lambda: PictureStore(f"s3://{bucket}/pictures"))
found["run"] = refused(lambda: Run(f"s3://{bucket}/run"))
print(json.dumps(found), flush=True)
os._exit(0)
"""


@pytest.fixture(scope="module")
def found(runs, server, tmp_path_factory):
    script = tmp_path_factory.mktemp("places") / "script.py"
    script.write_text(SCRIPT, encoding="utf-8")
    env = {**os.environ, **at(server), "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [sys.executable, script, BUCKET], cwd=script.parent, env=env, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1]) | {"size": script.stat().st_size}


def test_places_answer_as_paths_do(found):
    assert found["asked nobody"]
    assert found["first"] == 1  # who writes second keeps it
    assert found["names"] == ["a.json", "b"]
    assert found["inner"] == [f"s3://{BUCKET}/places/b/c.json"]
    assert found["are"] == [True, False, False]
    assert found["left"] == ["b"]
    assert found["many"] == [110, found["size"]]  # a store answers with a hundred names at a time


def test_cut_and_lost_objects_are_named(found):
    lost = f"s3://{BUCKET}/some/records/synthetic/mfcc39/s2f01.tfrecord"
    assert found["cut at 0"].startswith(f"{lost} (recording s2f01) holds 0 records, expected 1")
    assert found["cut at 10"].startswith(f"{lost} (recording s2f01) is damaged (0 of 10 bytes are whole records)")
    assert found["cut at 5000"].startswith(f"{lost} (recording s2f01) is damaged (")
    assert found["gone"] == f"{lost} (recording s2f01) is missing; run the extraction again."
    assert found["gone in a graph"] == f"an object below s3://{BUCKET} is gone; restore it, or extract again."


def test_places_that_cannot_be_are_refused(found):
    nowhere = " cannot be reached: there is no bucket s3://emotf-nowhere/ at http://127.0.0.1:"
    assert found["s3://emotf-nowhere/records"].startswith(f"s3://emotf-nowhere/records/recordings.json{nowhere}")
    assert found["written nowhere"].startswith(f"s3://emotf-nowhere/a.json{nowhere}")
    assert "nothing here knows what://; use s3://, or a folder" in found["what://bucket/records"]
    assert found["s3:///records"] == "s3:///records names no bucket, expected for example s3://bucket/records."
    assert found[f"s3://{BUCKET}/nothing"] == f"s3://{BUCKET}/nothing holds no records; run tools/extract.py first."
    local = "must lie in a folder of this machine, received"
    assert found["run"] == f"A run {local} s3://{BUCKET}/run; name a folder."
    assert found["pictures"] == f"Shards of pictures {local} s3://{BUCKET}/pictures; name a folder."

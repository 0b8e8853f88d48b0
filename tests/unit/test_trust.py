"""No file brings code of its own: what emotf may never call, and what archives of networks and playlists come to."""

import ast
import json
import sys
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
import soundfile

import emotf
from emotf.errors import UserError
from emotf.media import sound_info, video_info
from emotf.models.base import load
from emotf.runs import Run
from emotf.weights import loaded

SOURCES = sorted(Path(emotf.__file__).parent.rglob("*.py"))
# What runs code out of a file or a text.
NEVER = {
    "eval", "exec", "compile", "__import__", "pickle.load", "pickle.loads", "pickle.Unpickler", "pd.read_pickle",
    "yaml.load", "marshal.loads", "marshal.load", "shelve.open", "joblib.load", "dill.load", "cloudpickle.load",
    "torch.load", "os.system", "os.popen", "keras.config.enable_unsafe_deserialization",
}  # fmt: skip
# call -> an argument that it must have, and its value
ALWAYS = {"np.load": ("allow_pickle", False), "keras.models.load_model": ("safe_mode", True)}


def calls(path):
    """(name, keywords, line) of all calls."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), {k.arg: ast.unparse(k.value) for k in node.keywords}, node.lineno


def test_nothing_runs_what_a_file_holds():
    found, seen = [], set()
    for path in SOURCES:
        for name, keywords, line in calls(path):
            needed, value = ALWAYS.get(name, ("", None))
            seen.add(name)
            if name in NEVER or keywords.get("allow_pickle") == "True" or keywords.get("shell") == "True":
                found.append(f"{path}:{line} {name}")
            elif needed and keywords.get(needed) != str(value):
                found.append(f"{path}:{line} {name} without {needed}={value}")
    assert found == []
    assert seen >= set(ALWAYS) and len(SOURCES) > 300  # the names are still those that the code has


def test_pickles_are_read_in_one_place():
    users = [path.name for path in SOURCES if "import pickle" in path.read_text(encoding="utf-8")]
    assert users == ["_pickled.py"]


# ---- networks --------------------------------------------------------------------------------------------------------


@pytest.fixture
def archive(tmp_path):
    """Writes a .keras file whose only layer, or the whole, is replaced."""
    path = tmp_path / "network.keras"
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save(path)
    with zipfile.ZipFile(path) as whole:
        files = {name: whole.read(name) for name in whole.namelist()}

    def write(change):
        config = json.loads(files["config.json"])
        change(config, config["config"]["layers"][1])
        with zipfile.ZipFile(path, "w") as into:
            for name, content in (files | {"config.json": json.dumps(config).encode()}).items():
                into.writestr(name, content)
        return path

    return write


def _lambda(_, layer):
    code = {"class_name": "__lambda__", "config": {"value": "4wEAAAAAAAAA"}}
    layer |= {"class_name": "Lambda", "config": {"name": "l", "function": code}}


def _foreign(_, layer):
    layer |= {"module": "foreign_to_emotf", "class_name": "Evil", "registered_name": None}


def _foreign_function(_, layer):
    evil = {"module": "foreign_to_emotf", "class_name": "function", "config": "f", "registered_name": "f"}
    layer["config"]["activation"] = evil


def _system(config, _):
    config |= {"module": "os", "class_name": "system", "config": {"command": "touch ran"}, "registered_name": None}


@pytest.mark.parametrize("change", [_lambda, _foreign, _foreign_function, _system])
def test_a_network_brings_no_code_of_its_own(archive, tmp_path, monkeypatch, change):
    (tmp_path / "foreign_to_emotf.py").write_text("open('ran', 'w').close()\ndef f(x): return x\nEvil = f\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    path = archive(change)
    for read in (loaded, load):
        with pytest.raises(UserError, match="cannot be loaded as a Keras model") as error:
            read(path)
        assert str(error.value).isprintable() and len(str(error.value)) < 500
    assert not Path("ran").exists() and "foreign_to_emotf" not in sys.modules


def test_the_network_of_a_run_that_is_no_archive_ends_in_one_line(tmp_path):
    (tmp_path / "network.keras").write_bytes(b"PK\x03\x04 no more")
    (tmp_path / "FINISHED").touch()
    with pytest.raises(UserError, match=r"network\.keras cannot be loaded as a Keras model"):
        Run(tmp_path).network()


# ---- files that name others ------------------------------------------------------------------------------------------

LISTS = {
    "concat.mp4": "ffconcat version 1.0\nfile secret.wav\n",
    "list.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:1,\nsecret.ts\n#EXT-X-ENDLIST\n",
    "list.mp4": "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:1,\nhttp://127.0.0.1:9/secret.ts\n#EXT-X-ENDLIST\n",
    "session.sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n",
    "list.mpd": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
    'mediaPresentationDuration="PT1S"><Period><AdaptationSet mimeType="audio/mp4"><Representation id="1">'
    "<BaseURL>secret.wav</BaseURL></Representation></AdaptationSet></Period></MPD>",
}


@pytest.mark.parametrize("name", LISTS)
def test_a_list_of_files_is_no_media_file(tmp_path, name):
    soundfile.write(tmp_path / "secret.wav", np.full(800, 0.1, np.float32), 8000)
    (tmp_path / name).write_text(LISTS[name])
    for read in (sound_info, video_info):
        with pytest.raises(UserError, match="is damaged or no sound or video file"):
            read(tmp_path / name)


def test_without_the_refusal_ffmpeg_would_have_read_the_other_file(tmp_path):
    import av

    soundfile.write(tmp_path / "secret.wav", np.full(800, 0.1, np.float32), 8000)
    (tmp_path / "a.mp4").write_text(LISTS["concat.mp4"])
    with av.open(str(tmp_path / "a.mp4"), container_options={"protocol_whitelist": "file"}) as container:
        assert container.format.name == "concat" and container.streams.audio

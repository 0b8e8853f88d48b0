"""Tools at work in one folder, which is put back as it was before every disturbance, and what they leave there."""

import re
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from emotf.checksums import NAME as CHECKSUMS
from emotf.files import ASIDE, read_json

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "end_to_end"))

import warm  # noqa: E402

# what tools import when they need it is there as well, so that faults meet their work and not their start
warm.IMPORTED = (*warm.IMPORTED, "librosa.feature", "soundfile", "soxr", "emotf.comparison", "emotf.training")

SPEECH = "Session1/audio/s1f01.wav"
TARGETS = "--config.data.targets=arousal,valence"

# What says when, how fast and in what pictures, and no result: of a later run it is another.
NO_RESULT = {"extraction.csv", "log.txt", "comparison.md", "comparison.tex", "comparison.html", CHECKSUMS}
SECONDS = ("seconds", "seconds_all")

# A tool has a group of its own, so that it is killed with all that it started.
GROUP = "import os; os.setpgid(0, 0)"


@dataclass(frozen=True)
class Job:
    """A tool and its flags; `needs` are the parts of the folder that it begins with, `{now}` stands for the folder."""

    tool: str
    flags: tuple[str, ...]
    needs: tuple[str, ...] = ()


RECIPE = (
    "--config=configs/cer_mtl.py:smoke,speech",
    "--config.corpus.dir={now}/corpus",
    "--config.corpus.duration=4",
    "--config.data.records={now}/records",
)
OF_RUN = (TARGETS, "--config.training.epochs=4", "--config.training.batch=64", "--config.training.keep=mse")
OF_GRID = (TARGETS, "--config.training.epochs=1", "--folds=0", "--traces=1")
JOBS = {
    "compose": Job("extract", RECIPE),  # the corpus, too, which writes itself
    "extract": Job("extract", RECIPE, ("corpus",)),
    "train": Job("train", (*RECIPE, *OF_RUN, "--run={now}/run"), ("corpus", "records")),
    "compare": Job("compare", (*RECIPE, *OF_GRID, "--out={now}/comparison"), ("corpus", "records")),
    "predict": Job("predict", ("--run={now}/run", f"--media={{now}}/corpus/{SPEECH}", "--out={now}/trace.csv"),
                   ("corpus", "run")),
    "evaluate": Job("evaluate", ("--run={now}/run", "--plots=1"), ("corpus", "records", "run")),
}  # fmt: skip


class Place:
    """The folder in which everything happens, always the same one: paths are part of what is written.

    Args:
        home: where `now`, the folder, and `kept`, states of it to begin with, lie.
    """

    def __init__(self, home: Path) -> None:
        self.now = home / "now"
        self.kept = home / "kept"

    def begin(self, parts: Mapping[str, Path]) -> None:
        """Empties the folder and puts these in: name in it -> a state that was kept."""
        self.now.mkdir(parents=True, exist_ok=True)
        for path in self.now.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        for name, source in parts.items():
            shutil.copytree(source, self.now / name)

    def keep(self, name: str, as_: str = "") -> Path:
        """Keeps a part of the folder as it is now."""
        shutil.copytree(self.now / name, self.kept / (as_ or name))
        return self.kept / (as_ or name)

    def work(self, job: Job, timeout: float = 300.0, before: str = "") -> "subprocess.CompletedProcess[str]":
        """Runs a tool. Raises subprocess.TimeoutExpired where it was killed after so many seconds."""
        flags = [flag.format(now=self.now) for flag in job.flags]
        return warm.run(f"tools/{job.tool}.py", flags, ROOT, timeout, {}, f"{GROUP}\n{before}")

    def timed(self, job: Job) -> float:
        """Seconds of a tool that nothing disturbs; it must come to its end."""
        began = time.monotonic()
        done = self.work(job)
        assert done.returncode == 0, done.stderr[-2000:]
        return time.monotonic() - began

    @property
    def bytes(self) -> int:
        """What the folder holds, in whole pages of 4 KiB."""
        return sum(-(-path.stat().st_size // 4096) * 4096 for path in self.now.rglob("*") if path.is_file())

    def result(self, but: str = "") -> dict[str, object]:
        """path -> content of all that is a result, to the bit: without times, dates and pictures, and one file."""
        wanted = [path for path in self.files() if path.name not in NO_RESULT and not ASIDE.fullmatch(path.name)]
        return {str(path.relative_to(self.now)): _content(path) for path in wanted if path != self.now / but}

    def files(self, part: str = ".") -> list[Path]:
        """All files that have content, but for pictures."""
        return [
            path
            for path in sorted((self.now / part).rglob("*"))
            if path.is_file() and path.stat().st_size and path.suffix != ".png" and "tfevents" not in path.name
        ]

    @property
    def remains(self) -> list[str]:
        """What killed processes had begun to write, and nobody removed."""
        return [str(path.relative_to(self.now)) for path in self.now.rglob(".*") if ASIDE.fullmatch(path.name)]


def _content(path: Path) -> object:
    if path.suffix == ".keras":  # an archive, with the date in it
        with zipfile.ZipFile(path) as archive:
            content = {name: archive.read(name) for name in archive.namelist() if name != "metadata.json"}
        content["config.json"] = re.sub(rb'"shared_object_id": \d+', b"", content["config.json"])  # places in memory
        return content
    if path.name == "about.json":
        return {name: fact for name, fact in read_json(path).items() if name != "training_seconds"}
    if path.name == "comparison.csv":
        return pd.read_csv(path).drop(columns=list(SECONDS)).to_csv()
    return path.read_bytes()


def said_in_one_line(done: "subprocess.CompletedProcess[str]") -> bool:
    """Whether a tool refused as it should: exit code 1, one line of error at the end, and no traceback."""
    lines = done.stderr.splitlines()
    return (
        done.returncode == 1
        and bool(lines)
        and lines[-1].startswith("error: ")
        and not any(re.match(r"Traceback|error: |Exception ignored", line) for line in lines[:-1])
    )

"""What becomes of tools that are killed, have no room to write, must not write, or read what was damaged.

    python benchmarks/chaos.py

A tiny synthetic corpus (10 recordings of 4 s), and the tools as they are used. After every fault the same command must
end with the result of an undisturbed run, to the bit (records, COMPLETED, history, weights, traces, scores, the table
of the comparison; not seconds, dates, pictures), or refuse with one line.

kill      SIGKILL of the tool and all it started, after a uniformly random share of the time that it takes undisturbed,
          up to four times in the same folder; then it runs undisturbed
full      a disk (a tmpfs) with room for a uniformly random share of what the tool writes: it refuses with one line, or
          does without what is no result; then it runs again, with room. Without the right to mount: a limit to the size
          of a file (RLIMIT_FSIZE)
readonly  a file system that is read-only, from the start or since a kill: it refuses with one line; then it runs again.
          Needs the right to mount
flip      one to eight bytes of a file that is read become others, or the file ends early, or its end is zeros, as after
          a power cut; the tool that reads it refuses with one line, or ends with the same result

Columns: `times`: how often a tool met the fault; `refused`: with one line and exit code 1, of `full` and `readonly`
while they lasted; `same`: ended with the same result (after kills, a disk and a folder: of the run that nothing
disturbed any more, one after up to four kills); `wrong`: another result without a word; `lost`: a crash, or a command
that does not come to its end; `left`: files that a killed process had begun and that lie there still.

What was found is in docs/trust.md.
"""

import contextlib
import shutil
import signal
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from _disturbed import JOBS, Place, said_in_one_line
from absl import flags

from emotf.command import run
from emotf.errors import UserError
from emotf.files import write_text
from emotf.progress import LOG_EVERY, clock, say
from emotf.report.tables import markdown

KINDS = ("kill", "full", "readonly", "flip")
KIND = flags.DEFINE_list("kind", list(KINDS), "Which faults.")
TIMES = flags.DEFINE_list("times", ["26", "8", "4", "60"], "How often a tool meets each kind; one number is for all.")
TOOLS = flags.DEFINE_list("tools", list(JOBS), "Which tools.")
SEED = flags.DEFINE_integer("seed", 0, "Of all that is random.", lower_bound=0)
BUDGET = flags.DEFINE_float("budget", 60.0, "Minutes after which no new fault begins.", lower_bound=0.0)
OUT = flags.DEFINE_string("out", "", "File to which the table is written, too.")

HEADER = ["fault", "tool", "times", "same", "refused", "wrong", "lost", "left"]
KILLS = 4

# A training that is killed when it has three epochs of four.
KILLED = """
import signal
from emotf.training.state import Resume

Resume.on_train_batch_begin = lambda self, batch, logs=None: self.done == 3 and os.kill(os.getpid(), signal.SIGKILL)
"""
LIMITED = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({bytes}, {bytes}))"

# tool, what lies in the folder (part -> state that was kept), and in which of it a file is damaged
READ = (
    ("extract", {"corpus": "corpus", "records": "records"}, "records"),
    ("train", {"corpus": "corpus", "records": "records"}, "records"),
    ("train", {"corpus": "corpus", "records": "records", "run": "interrupted"}, "run"),
    ("predict", {"corpus": "corpus", "run": "run"}, "run"),
    ("evaluate", {"corpus": "corpus", "records": "records", "run": "evaluated"}, "records"),
    ("evaluate", {"corpus": "corpus", "records": "records", "run": "evaluated"}, "run"),
    ("compare", {"corpus": "corpus", "records": "records", "comparison": "comparison"}, "records"),
    ("compare", {"corpus": "corpus", "records": "records", "comparison": "comparison"}, "comparison"),
)
ROOM = 2**28

# tool -> the parts of the folder that it makes, and others begin with
KEPT = {"compose": ("corpus", "records"), "train": ("run",), "compare": ("comparison",)}


class Chaos:
    """Faults, one by one, and how often each ended how.

    Args:
        place: where they happen.
        seed: of all that is random.
    """

    def __init__(self, place: Place, seed: int) -> None:
        self.place = place
        self.rng = np.random.default_rng(seed)
        self.counts: dict[tuple[str, str], Counter[str]] = {}
        self.seconds: dict[str, float] = {}
        self.expected: dict[str, dict[str, object]] = {}
        self.written: dict[str, int] = {}
        self.can_mount = _mounted(place.now, "size=1m")
        if self.can_mount:
            subprocess.run(["umount", place.now], check=True)

    def learn(self, tools: Sequence[str]) -> None:
        """What the tools do undisturbed, and the states that they leave."""
        place = self.place
        for tool, job in JOBS.items():
            if tool not in (*tools, "compose", "train"):
                continue
            self.begin(tool)
            before = place.bytes
            self.seconds[tool] = place.timed(job)
            self.expected[tool], self.written[tool] = place.result(), place.bytes - before
            for part in KEPT.get(tool, ()):
                place.keep(part)
            if tool == "evaluate":
                place.keep("run", "evaluated")
            say(f"{tool}: {self.seconds[tool]:.1f} s, writes {self.written[tool] / 1e6:.1f} MB")
        self.begin("train")
        assert place.work(JOBS["train"], before=KILLED).returncode == -signal.SIGKILL
        place.keep("run", "interrupted")

    def begin(self, tool: str, parts: dict[str, str] | None = None) -> None:
        """Puts into the folder what a tool begins with."""
        parts = {name: name for name in JOBS[tool].needs} if parts is None else parts
        self.place.begin({name: self.place.kept / state for name, state in parts.items()})

    def count(self, fault: str, tool: str, outcome: str, times: int = 1) -> None:
        self.counts.setdefault((fault, tool), Counter())[outcome] += times

    def ends(self, fault: str, tool: str, done: "subprocess.CompletedProcess[str]", but: str = "") -> None:
        """Counts how a tool ended, and what lies there; `but` is a file that is damaged, and may be so still."""
        outcome = "lost"
        if done.returncode == 0:
            found, expected = self.place.result(but), self.expected[tool]
            differing = sorted(name for name in {*found, *expected} - {but} if found.get(name) != expected.get(name))
            outcome = "wrong" if differing else "same"
            if differing:
                say(f"{fault} {tool} {but}: WRONG in {', '.join(differing)}")
        elif said_in_one_line(done):
            outcome = "refused"
        if outcome == "lost":
            say(f"{fault} {tool} {but}: LOST, exit code {done.returncode}\n{done.stderr[-800:]}")
        self.count(fault, tool, outcome)

    def kill(self, tool: str) -> None:
        """Kills a tool up to four times, then lets it work."""
        job = JOBS[tool]
        self.begin(tool)
        for _ in range(KILLS):
            if not self.killed(tool):
                break
            self.count("kill", tool, "times")
        self.ends("kill", tool, self.place.work(job))
        if remains := self.place.remains:
            say(f"kill {tool}: LEFT {', '.join(remains)}")
            self.count("kill", tool, "left", len(remains))

    def killed(self, tool: str) -> bool:
        """Whether a tool was killed before its end."""
        try:
            self.place.work(JOBS[tool], timeout=self.rng.uniform(0, self.seconds[tool]))
        except subprocess.TimeoutExpired:
            return True
        return False

    def full(self, tool: str) -> None:
        """Lets a tool work where there is too little room, then where there is enough."""
        job = JOBS[tool]
        with self.disk():
            self.begin(tool)
            before = ""
            if self.can_mount:
                self.remount(f"size={self.place.bytes + int(self.rng.uniform(4096, max(8192, self.written[tool])))}")
            else:
                before = LIMITED.format(bytes=int(self.rng.uniform(4096, self.written[tool])))
            self.refuses("full", tool, self.place.work(job, before=before))
            if self.can_mount:
                self.remount(f"size={ROOM}")
            self.ends("full", tool, self.place.work(job))

    def readonly(self, tool: str) -> None:
        """Lets a tool work where nothing can be written, from the start or since it was killed; then where it can."""
        job = JOBS[tool]
        with self.disk():
            self.begin(tool)
            if self.rng.random() < 0.5:
                self.killed(tool)
            self.remount("ro")
            self.refuses("readonly", tool, self.place.work(job))
            self.remount("rw")
            self.ends("readonly", tool, self.place.work(job))

    def refuses(self, fault: str, tool: str, done: "subprocess.CompletedProcess[str]") -> None:
        """Counts what a tool did that was disturbed; it may have come to its end nevertheless."""
        self.count(fault, tool, "times")
        if said_in_one_line(done):
            self.count(fault, tool, "refused")
        elif done.returncode != 0:
            say(f"{fault} {tool}: LOST, exit code {done.returncode}\n{done.stderr[-800:]}")
            self.count(fault, tool, "lost")

    def flip(self, place_of_read: int) -> None:
        """Damages a file, and lets a tool read it."""
        tool, parts, part = READ[place_of_read]
        self.begin(tool, parts)
        files = self.place.files(part)
        path = files[self.rng.integers(len(files))]
        fault, content = self.damaged(path.read_bytes())
        path.write_bytes(content)
        self.count(fault, tool, "times")
        done = self.place.work(JOBS[tool])
        still = path.is_file() and path.read_bytes() == content
        self.ends(fault, tool, done, str(path.relative_to(self.place.now)) if still else "")

    def damaged(self, content: bytes) -> tuple[str, bytes]:
        """What is done to a file, and what it then holds."""
        fault = ("bytes flipped", "cut short", "zeros at its end")[self.rng.integers(3)]
        begin = int(self.rng.integers(len(content)))
        if fault == "cut short":
            return fault, content[:begin]
        if fault == "zeros at its end":
            return fault, content[:begin] + bytes(len(content) - begin)
        flipped = bytearray(content)
        for at in self.rng.integers(len(content), size=self.rng.integers(1, 9)):
            flipped[at] ^= int(self.rng.integers(1, 256))
        return fault, bytes(flipped)

    @contextlib.contextmanager
    def disk(self) -> Iterator[None]:
        """The folder as a disk of its own."""
        self.place.begin({})
        if not self.can_mount:
            yield
            return
        assert _mounted(self.place.now, f"size={ROOM}")
        try:
            yield
        finally:
            subprocess.run(["umount", "--lazy", self.place.now], check=True)

    def remount(self, options: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{options}", self.place.now], check=True)

    @property
    def table(self) -> str:
        """All counts."""
        rows = [[fault, tool, *(str(of[name]) for name in HEADER[2:])] for (fault, tool), of in self.counts.items()]
        total = sum(self.counts.values(), Counter())
        return markdown(HEADER, [*sorted(rows), ["all", "", *(str(total[name]) for name in HEADER[2:])]])


def main(_):
    times = [int(number) for number in TIMES.value] * (len(KINDS) if len(TIMES.value) == 1 else 1)
    if len(times) != len(KINDS) or not {*KIND.value} <= {*KINDS} or not {*TOOLS.value} <= {*JOBS}:
        raise UserError(f"--times takes a number, or one each for {', '.join(KINDS)}; --tools {', '.join(JOBS)}.")
    deadline = time.monotonic() + 60 * BUDGET.value
    with tempfile.TemporaryDirectory() as folder:
        chaos = Chaos(Place(Path(folder)), SEED.value)
        chaos.learn(TOOLS.value)
        for kind, wanted in zip(KINDS, times, strict=True):
            if kind == "readonly" and not chaos.can_mount:
                say("readonly: not tried, nothing can be mounted here")
            elif kind in KIND.value:
                faults(chaos, kind, wanted, deadline)
    print(chaos.table)
    if OUT.value:
        write_text(Path(OUT.value), f"{chaos.table}\n")


def faults(chaos: Chaos, kind: str, wanted: int, deadline: float) -> None:
    """As many faults of a kind for each tool as are wanted, while there is time."""
    do: Callable[..., None] = getattr(chaos, kind)
    began = said = time.monotonic()
    turns = [i for i, (tool, *_) in enumerate(READ) if tool in TOOLS.value] if kind == "flip" else TOOLS.value
    for turn in turns:
        tool = READ[turn][0] if kind == "flip" else turn
        begun = met(chaos, kind, tool)
        while (done := met(chaos, kind, tool) - begun) < wanted:
            if time.monotonic() > deadline:
                say(f"{kind} {tool}: {done} of {wanted}, the budget is spent")
                break
            do(turn)
            if time.monotonic() - said > LOG_EVERY or met(chaos, kind, tool) - begun >= wanted:
                said = time.monotonic()
                say(f"{kind} {tool}: {met(chaos, kind, tool) - begun} of {wanted}, {clock(said - began)}")


def met(chaos: Chaos, kind: str, tool: str) -> int:
    """How many faults of a kind a tool has met."""
    flips = ("bytes flipped", "cut short", "zeros at its end")
    return sum(chaos.counts.get((fault, tool), Counter())["times"] for fault in (flips if kind == "flip" else (kind,)))


def _mounted(folder: Path, options: str) -> bool:
    """Whether a tmpfs could be mounted."""
    folder.mkdir(parents=True, exist_ok=True)
    if shutil.which("mount") is None:
        return False
    return subprocess.run(["mount", "-t", "tmpfs", "-o", options, "emotf", folder], capture_output=True).returncode == 0


if __name__ == "__main__":
    del __file__  # else the tools' processes, which multiprocessing begins, would import this module and its flags
    run(main)

"""Readers of files under coverage-guided fuzzing (atheris): whatever a file holds, one line or a sane value.

    python benchmarks/fuzz.py --seconds=20

Every reader begins with small valid files of its own, in a folder in memory, and has a process of its own: libFuzzer
mutates them (JSON as trees), guided by the lines of emotf that they reach. A reader passes where it returns something
sane or raises a `UserError` of one printable line of less than 500 characters, within 20 s and 1.5 GiB. All else is a
finding: an exception (once for each place in emotf that it comes from), a signal, a hang, memory. Inputs that fail stay
in --out. Native decoders (FFmpeg, libsndfile, tensorflow-io, Arrow, Pillow) are not instrumented, only driven.

What was found and mended, with the table of readers, cases and seconds, is in docs/trust.md; tests are in
tests/unit/test_hostile_files.py, test_trust.py, test_arff.py and test_search_space.py. `-checksums-right`: CRCs are
made to fit, or no mutation would be read. About half an hour on 2 cores with 20 s a reader.
"""

import json
import multiprocessing
import os
import re
import shutil
import sys
import tempfile
import time
from pathlib import Path

from absl import flags

from emotf.command import run
from emotf.errors import UserError

READER = flags.DEFINE_list("reader", ["all"], "Readers to fuzz, with commas between; all.")
SECONDS = flags.DEFINE_integer("seconds", 30, "How long, a reader.", lower_bound=1)
SEED = flags.DEFINE_integer("seed", 0, "Decides the mutations.", lower_bound=0)
OUT = flags.DEFINE_string("out", "work/fuzz", "Folder for inputs that fail.")

RESTARTS = 5  # after a signal, a hang or too much memory
GRACE = 120  # seconds for seeds and the last file


def main(_):
    import atheris

    with atheris.instrument_imports(include=["emotf"]):
        import _fuzz_media
        import _fuzz_stored
        import _fuzz_tables
    from emotf.report.tables import markdown

    readers = _fuzz_tables.READERS | _fuzz_stored.READERS | _fuzz_media.READERS
    names = list(readers) if READER.value == ["all"] else READER.value
    if unknown := [name for name in names if name not in readers]:
        raise UserError(f"There is no reader {unknown[0]!r}; choose among {', '.join(readers)}.")
    out = Path(OUT.value)
    out.mkdir(parents=True, exist_ok=True)
    rows = []
    for name in names:
        rows.append(fuzzed(name, readers[name], out))
        print(" | ".join(map(str, rows[-1])), file=sys.stderr, flush=True)
    print(markdown(["reader", "cases", "seconds", "findings"], rows))
    if any(row[-1] != "none" for row in rows):
        raise UserError(f"There are findings; the files are in {out}.")


def fuzzed(name, reader, out):
    """A row of the table: one reader for its time, in as many processes as it takes."""
    findings, log = out / f"{name}.jsonl", out / f"{name}.log"
    for old in out.glob(f"{name}[.-]*"):
        old.unlink()
    cases, seconds, ends = 0, 0.0, []
    for restart in range(RESTARTS):
        left, began = round(SECONDS.value - seconds), time.monotonic()
        if left < 1:
            break
        # a fork: importing and instrumenting takes longer than some readers are fuzzed
        with tempfile.TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None) as root:
            process = multiprocessing.get_context("fork").Process(
                target=child, args=(reader, Path(root), left, SEED.value + restart, findings, log)
            )
            process.start()
            process.join(left + GRACE)
            if process.is_alive():
                process.kill()
                process.join()
            if process.exitcode:  # a signal leaves no time to save it
                shutil.copy(Path(root) / "home" / reader.file, out / f"{name}-end{restart}")
        text = log.read_text(errors="replace")
        count, took = (re.search(p, text) for p in (r"executed_units: *(\d+)", r"Done \d+ runs in (\d+) second"))
        cases += int(count[1]) if count else 0
        seconds += min(float(took[1]) if took else time.monotonic() - began, left)
        if process.exitcode == 0:
            break
        cause = re.search(r"libFuzzer: [^\n(;]*|Fatal Python error: [^\n]*|\w+Error: [^\n]*", text)
        ends.append(f"the process ended ({process.exitcode}){f': {cause[0]}' if cause else ''}")
        log.rename(out / f"{name}-end{restart}.log")
    kinds = [json.loads(line)["kind"] for line in findings.read_text().splitlines()] if findings.exists() else []
    return [name, cases, round(seconds), "; ".join([*kinds, *ends]) or "none"]


def child(reader, root, seconds, seed, findings, log):
    from _fuzz_loop import fuzz

    target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(target, stream)
    fuzz(reader, root, seconds, seed, findings)


if __name__ == "__main__":
    run(main)

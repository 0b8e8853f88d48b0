"""Readers of files under coverage-guided fuzzing (atheris): whatever a file holds, one line or a sane value.

    python benchmarks/fuzz.py --seconds=20

Every reader begins with small valid files of its own, in a folder in memory, and has a process of its own: libFuzzer
mutates them (JSON as trees), guided by the lines of emotf that they reach. A reader passes where it returns something
sane or raises a `UserError` of one printable line of less than 500 characters, within 20 s and 1.5 GiB. All else is a
finding: an exception (once for each place in emotf that it comes from), a signal, a hang, memory. Inputs that fail stay
in --out. Native decoders (FFmpeg, libsndfile, tensorflow-io, Arrow, Pillow) are not instrumented, only driven.

`found`: kinds of failure of all runs so far, by fuzzing + by reading the code beside them. All are mended, with tests
(tests/unit/test_hostile_files.py, test_trust.py, test_arff.py, test_search_space.py). Signals: tensorflow-io
divides by the block of a WAV header (SIGFPE, SIGABRT), which is checked before it now. Hangs: tensorflow-io waits for
what a damaged FLAC file lacks (soundfile reads FLAC now), IDX files of pictures of 0 pixels, keys of pickles that take
ages to hash. Memory: declared sizes of arrays, IDX, pictures, numbers of frames, gaps of sound. FFmpeg opened the files
that a list named `.mp4` named. `-checksums-right`: CRCs are made to fit, or no mutation would be read. The last
run (--seed=100; what still failed there was mended and run again, --seed=200), on 2 cores that others used too, of 1.8
million files, with no finding left:

    reader                      cases  seconds  found
    arff                        51542       20  3 + 1
    csv                          2765       20  0 + 1
    parquet                     62606       20  1
    npy                         14550       20  2
    avec-gold                    3421       20  0
    avec-raters                  2152       20  0
    recola-raters                1568       20  0
    recola-groups                1813       20  0
    creativeit                   1356       20  0
    case                         2025       20  0
    pmemo-table                  7949       20  0
    pmemo-sample                29469       20  1 + 2
    afew_va                      2840       20  0 + 2
    affwild                      9764       20  0
    affwild2                     4451       20  0
    folder                       5031       20  0
    folder-ratings               1273       20  0
    stream.json                 17868       20  1
    openface                     4242       20  0 + 1
    openpose                     6932       20  1 + 1
    parts                       15128       20  0
    streams                      2635       20  0
    --vary                       2260       20  0
    --space                     17735       20  1
    recordings.json             17361       20  10
    schema.json                  6636       20  5
    COMPLETED                   10943       20  4
    TFRecord                      573       20  0
    TFRecord-checksums-right      381       20  2
    film-checksums-right          329       20  3
    pictures-schema.json         6242       20  7
    pictures-COMPLETED          13803       20  3
    pictures                     4164       20  8
    pictures-checksums-right     1144       20  5
    config.json                 11862       20  18
    postprocessing.json         30801       20  19
    fusion.json                 41113       20  4
    about.json                  38238       20  3 + 1
    json                        67941       20  0 + 2
    state.npz                   37373       20  2
    state.npz-an-array           4988       20  1
    learned.npz                 45523       20  5
    learned.npz-an-array         8600       20  2
    network.keras               16029       20  0 + 1
    IDX-pictures                93469       20  1
    IDX-labels                  68882       20  1
    IDX-gzipped                 22518       20  2
    pickle                      18462       20  0 + 1
    FER2013                      7243       20  0
    FER+                        11165       20  0 + 1
    FER+-labels                 57318       20  0
    CIFAR-100                   10208       20  0 + 1
    PNG                         40289       20  1
    JPEG                        72224       20  0
    BMP                         34714       20  1
    WAV                         23519       20  1
    WAV-float                   15964       20  1
    WAV-24-bits                 23947       20  1
    FLAC                        23490       20  1 + 1
    Ogg                         12515       20  0
    Opus                        12833       20  0
    MP3                          3723       20  0
    mp4                         15542       20  1 + 1
    avi                         10785       20  0
    mkv                         12330       20  1 + 1
    webm                         5875       20  0
    clip-of-a-stranger          15894       20  3
    form                        43122       20  0
    Content-Type               487065       20  1
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

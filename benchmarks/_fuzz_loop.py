"""One reader under atheris: what a child process of `fuzz` does until its time is over.

libFuzzer mutates the reader's own valid files, keeps what reaches new lines of emotf, and ends the process itself. What
it cannot survive (a signal, a hang, memory) it saves and reports; a Python exception that is no one-line `UserError` is
kept here, once for each place it comes from, and the loop goes on.
"""

import contextlib
import copy
import json
import os
import random
import resource
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from emotf.errors import UserError

# A reader may map this much more than the process has when it begins, whatever a header asks for.
ALLOWED_BYTES = 3 * 2**29
# Seconds for one file, and MB that may be used in fact.
SLOWEST, LARGEST_MB = 20, 4000
LONGEST_LINE = 500

ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**63, -(2**63), 10**400, 0.5, 1e308, -1e308, 5e-324, float("nan"),
    float("inf"), "", "\n", "a\r\nb", "\x00", "..", "/", "../x", "1e999", "é" * 300, [], {}, [[]], [None], {"": None},
)  # fmt: skip


def fuzz(reader: Any, root: Path, seconds: int, seed: int, findings: Path) -> None:
    """Fuzzes one reader and never returns.

    Args:
        reader: of `_fuzz_readers.READERS`.
        root: an empty folder to work in, in memory: a disk would be what is measured.
        seconds: how long.
        seed: decides the mutations.
        findings: a line of JSON is appended for each new kind of failure; the inputs lie beside it.
    """
    import atheris

    home, corpus = root / "home", root / "corpus"
    home.mkdir()
    corpus.mkdir()
    seeds = reader.prepare(home)
    target = home / reader.file
    for number, content in enumerate(seeds):
        (corpus / f"seed{number}").write_bytes(content)
        put(target, reader.dress(content), number)
        with quiet():
            reader.read(home)  # a seed is valid, and all that is imported late is there before memory is limited
    (root / "words").write_text("".join(f'"{_escaped(word)}"\n' for word in reader.words))
    known = {json.loads(line)["kind"] for line in findings.read_text().splitlines()} if findings.exists() else set()
    count = len(seeds)

    def one(data: bytes) -> None:
        nonlocal count
        count += 1
        put(target, reader.dress(data), count)
        found = outcome(reader.read, home)
        if found and found not in known:
            known.add(found)
            saved = Path(f"{findings.with_suffix('')}-{len(known)}")
            saved.write_bytes(data)
            with findings.open("a") as file:
                file.write(json.dumps({"kind": found, "input": saved.name, "bytes": len(data)}) + "\n")

    longest = max(4096, *(2 * len(content) for content in seeds))
    words = [f"-dict={root / 'words'}"] if reader.words else []
    arguments = [
        "fuzz", f"-max_total_time={seconds}", f"-timeout={SLOWEST}", f"-rss_limit_mb={LARGEST_MB}", f"-seed={seed + 1}",
        f"-artifact_prefix={findings.with_suffix('')}-", "-print_final_stats=1", f"-max_len={longest}",
        "-len_control=0", "-verbosity=0", *words, str(corpus),
    ]  # fmt: skip
    mutators = {"custom_mutator": mutate_json} if reader.json else {}
    atheris.Setup(arguments, one, **mutators)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + ALLOWED_BYTES,) * 2)
    with quiet():
        atheris.Fuzz()


@contextlib.contextmanager
def quiet() -> Any:
    """Nothing that a reader says on standard output or as a warning."""
    import warnings

    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def put(path: Path, content: bytes, number: int) -> None:
    """Writes a file whose time of change is its own: readers keep what they read until it changes."""
    path.write_bytes(content)
    os.utime(path, ns=(number * 1000, number * 1000))


def outcome(read: Callable[[Path], None], home: Path) -> str:
    """What is wrong with how a reader took its file: an exception and where it came from; empty where nothing is."""
    try:
        read(home)
    except UserError as error:
        line = str(error)
        if line and line.isprintable() and len(line) < LONGEST_LINE:
            return ""
        what = "empty" if not line else "not printable" if not line.isprintable() else "too long"
        return f"{what} line: {_place(error)}"
    except Exception as error:
        return f"{type(error).__name__}: {_place(error)}"
    return ""


def _place(error: BaseException) -> str:
    """The last line of emotf (or of the benchmark) on the way to an exception."""
    frames: Sequence[Any] = traceback.extract_tb(error.__traceback__)
    mine = [f for f in frames if "/emotf/" in f.filename] or [f for f in frames if "/benchmarks/" in f.filename]
    mine = mine or list(frames)
    return f"{'/'.join(Path(mine[-1].filename).parts[-2:])}:{mine[-1].lineno} {mine[-1].name}" if mine else "nowhere"


def mutate_json(data: bytes, most: int, seed: int) -> bytes:
    """Mostly another value, entry or key somewhere in the tree; now and then other bytes."""
    import atheris

    rng = random.Random(seed)
    try:
        tree = json.loads(data)
    except (ValueError, RecursionError):
        tree = None
    if tree is None or rng.random() < 0.15:
        return bytes(atheris.Mutate(data, most))
    try:
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            tree = changed(tree, rng)
        found = json.dumps(tree).encode()
    except (ValueError, RecursionError):
        return data
    return found if len(found) <= most else data


def changed(tree: Any, rng: random.Random) -> Any:
    """The tree with one node replaced, removed, doubled or renamed."""
    places = list(_places(tree))
    if not places or rng.random() < 0.02:
        return copy.deepcopy(rng.choice(ODD))
    node, key = rng.choice(places)
    match rng.randrange(6):
        case 0:
            del node[key]
        case 1 if isinstance(node, dict):
            node[rng.choice((*(str(k) for _, k in places), "", "\n", "x", "../x"))] = node.pop(key)
        case 2:
            node[key] = json.loads(json.dumps(rng.choice(places)[0]))
        case 3 if isinstance(node, list):
            node[key:key] = [node[key]] * rng.choice((1, 2, 300))
        case 4 if isinstance(node[key], str):
            node[key] += rng.choice(("\n", "x" * 600, "\u2028", "/..", ","))
        case _:
            node[key] = copy.deepcopy(rng.choice(ODD))
    return tree


def _places(tree: Any) -> Any:
    """(container, key) of every value in a tree."""
    for key in list(tree) if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else ():
        yield tree, key
        yield from _places(tree[key])


def _escaped(word: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word)

"""Lists the licences of everything that constraints.txt installs, from the packages' own metadata.

    python tools/licences.py --out=docs/licences.md

Run it where the extras dev and bench are installed. A package whose metadata names no licence is given with the line
of its licence file that does.
"""

import importlib.metadata
import re
from pathlib import Path

from absl import flags

from emotf.command import run

CONSTRAINTS = flags.DEFINE_string("constraints", "constraints.txt", "The packages, name==version a line.")
OUT = flags.DEFINE_string("out", None, "Markdown file to write; printed otherwise.")
LONGEST_NAME = 24  # characters
EXTRAS = ("", "opensmile", "physiology", "beam", "onnx", "serve", "dev", "bench")


def normal(name):
    """A package's name as the index compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def needed_by():
    """Package -> the first of EXTRAS that installs it, directly or by way of others; "" is the plain installation."""
    from packaging.requirements import Requirement

    found = {}

    def walk(name, extras, first):
        for requirement in map(Requirement, importlib.metadata.requires(name) or ()):
            wanted = any(not requirement.marker or requirement.marker.evaluate({"extra": extra}) for extra in extras)
            package = normal(requirement.name)
            if not wanted or (package in found and not requirement.extras):
                continue
            try:
                importlib.metadata.version(package)
            except importlib.metadata.PackageNotFoundError:
                continue  # of another platform
            found.setdefault(package, first)
            walk(package, {"", *requirement.extras} - ({""} if package == "emotf" else set()), first)

    for extra in EXTRAS:
        walk("emotf", {extra}, extra)
    return found


def licence(package):
    """What the metadata says; where it says nothing, the line of the licence file that names one."""
    distribution = importlib.metadata.distribution(package)
    metadata = distribution.metadata
    if metadata.get("License-Expression"):
        return metadata["License-Expression"]
    named = (metadata.get("License") or "").strip().partition("\n")[0].strip()
    if 0 < len(named) <= LONGEST_NAME:  # else it is the licence itself
        return named
    classified = [line.split("::")[-1].strip() for line in metadata.get_all("Classifier") or () if "License ::" in line]
    if classified:
        return " / ".join(classified)
    files = [file for file in distribution.files or () if file.name.lower().startswith("licen")]
    if not files:
        return "not stated"
    naming = [line.strip() for line in files[0].read_text().splitlines() if "icen" in line]
    return f"{naming[0]} (its licence file)" if naming else "not stated, but in its licence file"


def main(_):
    from emotf.errors import UserError
    from emotf.files import write_text

    lines = Path(CONSTRAINTS.value).read_text().splitlines()
    names = [line.partition("==")[0] for line in lines if line and not line.startswith("#")]
    parts = needed_by()
    try:
        rows = [(name, licence(name), parts[normal(name)]) for name in names]
    except (importlib.metadata.PackageNotFoundError, KeyError) as error:
        raise UserError(f"{error.args[0]} is not installed, or nothing asks for it; install emotf anew with "
                        "its extras dev and bench.") from None  # fmt: skip
    table = "\n".join(f"| {name} | {terms} | {part or 'always'} |" for name, terms, part in rows)
    text = HEAD + f"| package | licence, by its metadata | installed |\n|---|---|---|\n{table}\n"
    if OUT.value:
        write_text(Path(OUT.value), text)
    else:
        print(text, end="")


HEAD = """# Licences of what emotf stands on

emotf itself is Apache-2.0. Made by `python tools/licences.py --out=docs/licences.md` from the metadata of the
installed packages; what a wheel carries inside (FFmpeg in av and OpenCV, libsndfile in soundfile, libsoxr in soxr) has
terms of its own, which its licence files give. *installed*: always, or by the first extra that brings it.

"""

if __name__ == "__main__":
    run(main)

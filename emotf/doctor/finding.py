"""What a guard found, and what is made of it: a refusal, or a table."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

from emotf.errors import UserError
from emotf.progress import say
from emotf.report.tables import markdown


@dataclass(frozen=True)
class Finding:
    """What one guard found.

    Attributes:
        guard: its name.
        looked_at: what it looked at, counted.
        found: a line for each leak: subject, recording or file, both partitions, what to do.
        allowed_by: the setting that asks for what was found; empty where nothing does.
        unknown: what the guard could not look at, and how to know it; empty where it saw everything.

    Example:
        >>> Finding("media", "6 files of 6 recordings").state
        'ok'
    """

    guard: str
    looked_at: str
    found: tuple[str, ...] = ()
    allowed_by: str = ""
    unknown: str = ""

    @property
    def leaks(self) -> bool:
        """Whether there is a leak that nobody asked for."""
        return bool(self.found) and not self.allowed_by

    @property
    def state(self) -> str:
        """In a word or two: `LEAK`, `allowed by ...`, `not known` or `ok`."""
        if self.found:
            return f"allowed by {self.allowed_by}" if self.allowed_by else "LEAK"
        return "not known" if self.unknown else "ok"

    @property
    def content(self) -> dict[str, Any]:
        """For JSON: the fields, and the state."""
        return {**asdict(self), "state": self.state}


def refuse(findings: Iterable[Finding]) -> None:
    """Says, once a process, what is allowed and what is not known.

    Raises:
        UserError: there is a leak; the line is that of the first.
    """
    findings = list(findings)
    lines = [line for finding in findings if finding.leaks for line in finding.found]
    if lines:
        guard = next(finding.guard for finding in findings if finding.leaks)
        more = f" ({len(lines) - 1} more: tools/doctor.py shows them)" if len(lines) > 1 else ""
        raise UserError(f"Leak ({guard}): {lines[0]}{more}")
    for finding in findings:
        if finding.found:
            _say_once(f"{finding.guard}: {finding.state}: {_first(finding.found)}")
        if finding.unknown:
            _say_once(f"{finding.guard}: not known {finding.unknown}")


def table(findings: Sequence[Finding]) -> str:
    """A row a guard; below it, line by line, what was found and what is not known."""
    rows = [[finding.guard, finding.looked_at, finding.state] for finding in findings]
    lines = [f"{finding.guard}: {line}" for finding in findings for line in (*finding.found, finding.unknown) if line]
    return "\n".join([markdown(["guard", "looked at", "result"], rows), *([""] if lines else []), *lines])


@cache
def _say_once(line: str) -> None:
    """Says a line once a process: a comparison trains and scores many runs of the same records."""
    say(line)


def _first(lines: Sequence[str]) -> str:
    return lines[0] + (f" (and {len(lines) - 1} more)" if len(lines) > 1 else "")

"""The sections that pages of runs and of comparisons share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from emotf.report.html import drawings
from emotf.report.html.document import Section
from emotf.report.html.plot import plot
from emotf.report.html.table import Cell, figure, table
from emotf.report.html.traces import traces
from emotf.report.palette import Look
from emotf.report.scored import Scored, Traced, by_epoch, by_frame, by_recording, by_subject
from emotf.runs import Run


@dataclass(frozen=True)
class Systems:
    """What is known of the systems of a page.

    Attributes:
        scored: moments of every recording, of all repetitions.
        traced: gold standard and prediction of every recording, of the first repetition.
        runs: system, targets and run of everything that was trained.
        subjects: recording -> subject.
        looks: system -> its look.
        variance: one of `measures.VARIANCES`.
    """

    scored: Scored
    traced: Traced
    runs: Sequence[tuple[str, Sequence[str], Run]]
    subjects: Mapping[str, str]
    looks: Mapping[str, Look]
    variance: str = "population"


def by_recording_section(of: Systems, reference: str = "") -> Section:
    """A dot a recording and system; where there is a reference, the paired differences, too."""
    found = by_recording(of.scored, of.subjects, of.variance)
    several = reference and len(of.looks) > 1
    body = plot(
        "recordings", drawings.recordings(found, of.looks), "CCC of single recordings; a box holds half of them"
    )
    if several:
        body += "<h3>Paired differences</h3>" + plot(
            "paired", drawings.paired(found, reference, of.looks),
            f"CCC of each recording minus that of {reference}; above the line a system is better there",
        )  # fmt: skip
    rows = [[row["target"], _chip(row["system"], of.looks), row["recording"], row["subject"], figure(row["ccc"]),
             figure(row["frames"], ".0f")] for row in found.to_dict("records")]  # fmt: skip
    header = ["target", "system", "recording", "subject", "CCC", "frames"]
    body += _folded("The table", table(header, rows, "CCC of every recording"))
    return Section("recordings", "By recording", body, "The CCC of each recording by itself, averaged over seeds.")


def by_subject_section(of: Systems) -> Section:
    """The CCC of every subject."""
    found = by_subject(of.scored, of.subjects, of.variance)
    label = "CCC over all frames of each subject, averaged over seeds; in brackets the number of recordings"
    rows = [[row["target"], _chip(row["system"], of.looks), row["subject"], figure(row["recordings"], ".0f"),
             figure(row["ccc"])] for row in found.to_dict("records")]  # fmt: skip
    header = ["target", "system", "subject", "recordings", "CCC"]
    body = plot("subjects", drawings.subjects(found, of.looks), label) + _folded(
        "The table", table(header, rows, label)
    )
    return Section("subjects", "By subject", body, "How reliable predictions are from person to person, least first.")


def learning_section(of: Systems, more: str = "") -> Section:
    """The learning curves; `more` is HTML below them."""
    label = "CCC on development by epoch: each run thin, with a mark where its weights were kept; their mean thick"
    body = plot("learning", drawings.curves(by_epoch(of.runs), of.looks), label) + more
    lead = "What was reached on development while the weights were trained; a mean ends with the first of its runs."
    return Section("learning", "Learning curves", body, lead)


def agreement_section(of: Systems) -> Section:
    """Gold standard against prediction."""
    label = "Every rated frame; on the dotted line, the two are equal. The stronger a colour, the more frames"
    body = plot("agreement", drawings.agreement(by_frame(of.traced), of.looks), label)
    return Section("agreement", "Gold standard and prediction", body, "Of the first seed where there are several.")


def score_sections(of: Systems, recordings: int, more: str, reference: str = "", trained: str = "") -> list[Section]:
    """All of them, and the traces of some recordings.

    Args:
        of: the systems.
        recordings: whose traces are in the page; 0 for all.
        more: what to do to have them all.
        reference: a system that the others are compared with.
        trained: HTML below the learning curves.
    """
    return [
        by_recording_section(of, reference),
        by_subject_section(of),
        learning_section(of, trained),
        agreement_section(of),
        traces(of.traced, recordings, more),
    ]


def _chip(system: str, looks: Mapping[str, Look]) -> Cell:
    return Cell(system, look=looks[system])


def _folded(summary: str, inner: str) -> str:
    return f"<details><summary>{summary}</summary>{inner}</details>"

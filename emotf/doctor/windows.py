"""Guard of training windows: none of them reaches into another recording."""

from emotf.doctor.case import Case
from emotf.doctor.finding import Finding
from emotf.errors import UserError
from emotf.pipeline import strays


def windows(case: Case) -> Finding:
    """All windows of train begin in their recording, and the outermost of each are gathered from it alone.

    The batches' own arithmetic does so, on recordings laid end to end as for training; a frame then holds nothing but
    the number of its recording. Windows that are impossible on these records are no leak; training refuses them.
    """
    golds, window = case.selection.golds["train"], case.experiment.window
    try:
        count, found = strays(case.store, list(case.experiment.streams), golds, window)
    except UserError as error:
        return Finding("windows", f"{len(golds)} recordings of train", unknown=f"where they lie: {error}")
    kind = type(window).__name__
    lines = tuple(
        f"a training window ({kind}) of recording {name} holds {what} of another recording; mend {kind}.anchors."
        for name, what in found.items()
    )
    return Finding("windows", f"{count} windows of {len(golds)} recordings of train", lines)

"""What an extraction wrote, and how fast."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from emotf.records import GOLD, Store
from emotf.report.tables import markdown

if TYPE_CHECKING:
    import pandas as pd

# Recordings that one table shows side by side with streams; of more, only the streams are shown.
SHOWN = 20


def speed_table(speeds: "pd.DataFrame") -> str:
    """Frames a second by stream and, of up to 20 recordings, by recording too.

    Args:
        speeds: of `emotf.records.Store.speeds`.
    """
    streams = list(dict.fromkeys(speeds["stream"]))
    totals = speeds.groupby("stream")[["frames", "media_seconds", "work_seconds"]].sum().loc[streams]
    header = ["recording", *streams]
    rows = []
    if speeds["recording"].nunique() <= SHOWN:
        shown = speeds.pivot(index="recording", columns="stream", values="frames_per_second")
        rows = [[name, *(f"{shown.loc[name, stream]:.0f}" for stream in streams)] for name in shown.index]
    rows.append(["all", *(f"{speed:.0f}" for speed in totals["frames"] / totals["work_seconds"])])
    rows.append(["x real time", *(f"{speed:.1f}" for speed in totals["media_seconds"] / totals["work_seconds"])])
    return markdown(header, rows)


def report_extraction(folder: str, counts: Mapping[str, Mapping[str, int]], notes: Sequence[str] = ()) -> str:
    """A line a stream, what somebody must know, and the speed of what is in the store.

    Args:
        folder: of the store.
        counts: of `emotf.records.extract`.
        notes: of the corpus.
    """
    store, lines = Store(folder), []
    for name, count in counts.items():
        schema = store.stream(name).schema
        lines.append(
            f"{name}: {count['written']} recordings written, {count['kept']} kept; {len(schema.channels)} channels, "
            f"{1 / schema.hop:g}/s, {schema.kind}"
        )
    lines += [f"note: {note}" for note in notes]
    speeds = store.speeds
    if speeds is not None and (mine := speeds[speeds["stream"].isin(counts)]).size and set(counts) != {GOLD}:
        lines += ["", "frames a second when extracted (a mesh that streams share counts for the first of them):"]
        lines += [speed_table(mine), ""]
    return "\n".join([*lines, f"records: {folder}"])

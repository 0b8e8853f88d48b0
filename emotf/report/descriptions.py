"""What is in a corpus folder, in a store of records, or in a run, for people."""

from collections.abc import Sequence

import numpy as np

from emotf.corpora.base import Corpus, Finding
from emotf.determinism import described
from emotf.errors import UserError
from emotf.images.base import ImageCorpus
from emotf.records import GOLD, Store
from emotf.report.tables import markdown, number, objective_of, what_it_is
from emotf.runs import Run

# Channels that are all listed; the streams of a mesh or of a deep network have thousands.
MANY = 120


def of_records(store: Store) -> str:
    """Streams with their channels, raw or extracted, and spread; recordings, subjects, rated frames."""
    recordings = store.recordings
    gold = [GOLD] if store.stream(GOLD).begun else []
    rows, channels = [], []
    for name in [*gold, *store.streams]:
        stream = store.stream(name)
        schema = stream.schema
        if not stream.is_complete:
            rows.append([name, schema.kind, len(schema.channels), f"{1 / schema.hop:g}", "not complete", "-", "-"])
            continue
        entries = stream.completed
        frames = sum(entry.frames for entry in entries.values())
        size = sum(entry.bytes for entry in entries.values()) / 2**20
        rate = f"{1 / schema.hop:g}"
        rows.append([name, schema.kind, len(schema.channels), rate, len(entries), frames, f"{size:.1f}"])
        if name != GOLD:
            channels.append(f"{name} ({schema.kind}): {_enumerated(schema.channels)}")
    subjects = len({recording.subject for recording in recordings})
    units = sorted({recording.session or recording.partition for recording in recordings} - {""})
    parts = [
        f"{store.folder}: {len(recordings)} recordings of {subjects} subjects"
        + (f" in {', '.join(units)}" if units else "")
        + f"\ntargets: {store.targets_are}",
        markdown(["stream", "kind", "channels", "frames/s", "recordings", "frames", "MiB"], rows),
        *([_rated(store)] if gold else []),
        "\n".join(channels),
    ]
    return "\n\n".join(parts)


def _rated(store: Store) -> str:
    """How the gold standard of each target is spread."""
    gold = store.stream(GOLD)
    values = np.concatenate([gold.read(recording.id).values for recording in store.recordings])
    rows = []
    for target, column in zip(gold.schema.channels, values.T, strict=True):
        known = column[~np.isnan(column)]
        spread = [f"{f(known):.3f}" for f in (np.mean, np.std, np.min, np.max)] if known.size else ["-"] * 4
        rows.append([target, known.size, *spread])
    return markdown(["target", "rated frames", "mean", "sd", "min", "max"], rows)


def _enumerated(names: Sequence[str]) -> str:
    """The names; of many, the first and the last few."""
    if len(names) <= MANY:
        return ", ".join(names)
    return f"{', '.join(names[:6])}, ... ({len(names) - 10} more) ..., {', '.join(names[-4:])}"


def of_twin(twin: Corpus | ImageCorpus) -> str:
    """What was written instead of a corpus, and where."""
    if isinstance(twin, ImageCorpus):
        count = f"{sum(sum(twin.counts(name).values()) for name in twin.partitions)} pictures"
    else:
        count = f"{len(twin.recordings())} recordings"
    return f"SYNTHETIC twin of the layout of {twin.name}: {count} in {twin.path}, see TWIN.txt there"


def of_examination(findings: Sequence[Finding]) -> str:
    """An examination of a corpus folder, line by line: state, what, found, expected; what to do stands below."""
    width = max(len(finding.what) for finding in findings)
    lines = []
    for finding in findings:
        expected = f" (expected: {finding.expected})" if finding.expected else ""
        lines.append(f"{finding.state:<5}  {finding.what:<{width}}  {finding.found}{expected}")
        if finding.advice:
            lines.append(f"{'':5}  {'':{width}}  -> {finding.advice}")
    return "\n".join(lines)


def of_run(run: Run) -> str:
    """What was trained on what, and what it scored."""
    about, experiment = run.about, run.experiment
    if not about:
        raise UserError(f"{run.folder} has not begun; run tools/train.py again.")
    lines = [
        f"{run.folder}: {'finished' if run.finished else 'not finished'}",
        f"targets: {', '.join(about['targets'])} ({what_it_is(about)})",
        f"model: {type(experiment.model).__name__}, {about['parameters']} parameters, on {about['device']}",
        f"objective: {objective_of(about)}",
        f"learning rate {experiment.training.learning_rate:g}, batch {experiment.training.batch}, seed {about['seed']}",
        f"fold: {about['fold']} ({about['protocol']})",
    ]
    if "conditions" in about:  # runs of older versions do not say
        lines.append(f"last digits hang on: {described(about['conditions'])}")
    if chosen := about.get("chosen"):  # nor which epoch was chosen
        kept = f", kept from {about['kept_from']}" if "kept_from" in about else ""
        lines.append(f"weights of epoch {chosen['epoch'] + 1}, the best by dev_{chosen['criterion']}{kept}")
    lines += [
        f"stream {name}: {len(s['channels'])} channels, {s['kind']}: {_enumerated(s['channels'])}"
        for name, s in about["streams"].items()
    ]
    lines += [f"{name}: {', '.join(ids) or 'none'}" for name, ids in about["partitions"].items()]
    scores = run.scores()
    if scores is not None:
        shown = scores[scores["measure"] == "ccc"]
        columns = ["partition", "target", "pooling", "variance", "value", "frames"]
        rows = shown.assign(value=shown["value"].map(number))[columns].to_numpy().tolist()
        lines += ["", markdown(["partition", "target", "CCC over", "variances", "CCC", "frames"], rows)]
    return "\n".join(lines)

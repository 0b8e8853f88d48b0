"""What a system leaves for people: what was chosen and why, scores of all candidates, a figure."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from emotf.assembly.choices import Choice, System
from emotf.evaluation import value
from emotf.files import write_text, written_aside
from emotf.measures import MEAN
from emotf.refinement import chains_of
from emotf.report import figures, tables
from emotf.runs import Fusion, Run

MEASURES = ("rmse", "pcc", "ccc")


def report(systems: Sequence[System], folder: Path) -> tuple[str, tuple[Path, ...]]:
    """Writes system.md, choices.csv, scores.csv and system.png.

    Returns:
        The text of system.md, and the files.
    """
    first = Run(next(path for path in systems[0].candidates.values() if Run(path).about))
    title = tables.what_it_is(first.about)
    text = f"{title}; {tables.protocol('population')}\n\n" + "\n".join(map(_of_target, systems))
    paths = [folder / name for name in ("system.md", "choices.csv", "scores.csv", "system.png")]
    write_text(paths[0], text)
    choices = pd.DataFrame([row for system in systems for row in _rows(system)])
    scores = pd.concat([system.scores.assign(chosen=system.chosen) for system in systems])
    for path, content in ((paths[1], choices), (paths[2], scores)):
        with written_aside(path) as aside:
            content.to_csv(aside, index=False)
    figures.save(figures.candidates(scores, title), paths[3])
    return text, tuple(paths)


def _rows(system: System) -> list[dict[str, Any]]:
    return [
        {"target": system.target, "what": choice.what, "tried": name, "dev_ccc": score, "taken": name in choice.taken,
         "why": choice.why}
        for choice in system.choices for name, score in choice.scores.items()
    ]  # fmt: skip


def _of_target(system: System) -> str:
    decisions = "\n".join(
        f"- {choice.what}: **{', '.join(choice.taken) or 'none'}** ({choice.why}; tried: {_listed(choice)})"
        for choice in system.choices
    )
    fusions = {name: Fusion(folder) for name, folder in system.candidates.items() if Fusion(folder).exists}
    weights = "".join(_weights(system.target, name, fusion) for name, fusion in fusions.items())
    runs = {name: Run(folder) for name, folder in system.candidates.items()}
    smoothed = {name: run for name, run in runs.items() if system.smoothed and run.is_postprocessed}
    chains = {name: chains_of(run)[system.target] for name, run in smoothed.items()}
    partition = system.scores["partition"].iloc[0]
    rows = []
    for name in system.candidates:
        scores = system.scores[system.scores["candidate"] == name]
        pooled = [tables.number(value(scores, system.target, measure)) for measure in MEASURES]
        mean = tables.number(value(scores, system.target, "ccc", MEAN))
        rows.append([f"**{name}**" if name == system.chosen else name, *pooled, mean])
    return f"""## {system.target}

Chosen on development, by pooled CCC:

{decisions}

Smoothing, fitted on development:

{tables.steps_table(chains, of="run") if chains else "none"}

{weights}All candidates on {partition}; the system, chosen on development, is printed bold:

{tables.markdown(["candidate", "RMSE", "PCC", "CCC", "CCC, mean over recordings"], rows)}
"""


def _weights(target: str, name: str, fusion: Fusion) -> str:
    """The weights of a fusion, and how they hold on recordings that did not fit them."""
    of = fusion.content["targets"][target]
    rows = [[system, tables.number(of["dev_ccc"][system]), tables.number(weight)]
            for system, weight in of["weights"].items()]  # fmt: skip
    held = of["held_out_ccc"]
    return f"""Weights of the {name}, fitted on development without its held-out recordings (CCC there: fusion
{tables.number(held["fusion"])}, best system {tables.number(held["best_system"])}; leave one out
{tables.number(of["leave_one_out_ccc"])}):

{tables.markdown(["system", "dev CCC", "weight"], rows)}

"""


def _listed(choice: Choice) -> str:
    return ", ".join(f"{name} {score:.3f}" for name, score in choice.scores.items())

"""What a report says in words, whatever its format."""

from collections.abc import Mapping, Sequence

from emotf.continual.config import ALL_CLASSES, FIRST_TASK
from emotf.continual.execution import Run
from emotf.continual.printed import alpha_note

SEEN = {
    ALL_CLASSES: "trained on all classes, those of later tasks, too, as in the thesis: it has seen what is new",
    FIRST_TASK: "trained on the classes of the first task only",
}

POOLS = {
    "class": "pictures of classes that no task has",
    "pictures": "a share of train that is held back, of classes that came in no task yet",
    "photos": "crops of two photographs",
    "noise": "noise",
}


def described(runs: Sequence[Run], passed_on: Mapping[str, tuple[float, float]], partition: str) -> list[str]:
    """Corpus, tasks, bodies, what the unknown output was trained on, and what bodies pass on.

    Args:
        runs: of one experiment, done.
        passed_on: of `emotf.continual.scores.forward`.
        partition: that is reported.
    """
    config, seeds = runs[0].config, list(dict.fromkeys(run.seed for run in runs))
    corpus, tasks = config.corpus, config.tasks
    named = [f"{task + 1}: {' '.join(corpus.classes[label] for label in tasks.labels(task))}"
             for task in range(min(tasks.count, 10))]  # fmt: skip
    network = runs[0].facts
    found = [
        f"Corpus: {corpus.name}, {corpus.described()}. Reported on {partition}; seeds {', '.join(map(str, seeds))}, of "
        "weights, order and pool.",
        f"Tasks: {'; '.join(named)}{' ...' if tasks.count > 10 else ''}. α = K/(N+K) of the merges: "
        f"{alpha_note(tasks.count, tasks.classes) or 'none'}.",
        f"Unknown: {POOLS[config.unknown.source]}, {network['pool']} pictures in the pool, none of an earlier task.",
        f"Body: {config.body.network.name}, {network['body_parameters']} parameters, frozen after training.",
    ]
    for body, (mean, sd) in passed_on.items():
        own = [run.facts["network_test_accuracy"] for run in runs if run.knows == body]
        over = f" ± {sd:.3f}" if sd == sd else ""
        found.append(
            f"Body {body}: {SEEN[body]}; its own classifier has {sum(own) / len(own):.3f} on test, of these classes. "
            f"Forward transfer of its features: {mean:+.3f}{over} (accuracy on a task that is learned alone, over that "
            "on the untrained body; a classifier that grows has none by itself)."
        )
    return found

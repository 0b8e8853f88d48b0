"""One run, from records to a network with its best weights."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import keras

from emotf.config import CRITERIA, TRANSDUCTIVE, Experiment, Training
from emotf.doctor import examine, examine_fitted, refuse
from emotf.errors import UserError
from emotf.pipeline import (
    Epochs,
    Selection,
    Slider,
    Standardisation,
    dealt,
    masked,
    standardise,
    training_batches,
    transductive,
)
from emotf.prediction import Predictor, selection
from emotf.progress import say
from emotf.records import Store
from emotf.report.tables import objective_of
from emotf.runs import Run
from emotf.track import Track
from emotf.training.callbacks import AfterEpoch, DevFigures, DevScores, Progress
from emotf.training.criteria import check_defined
from emotf.training.device import prepare_device, surroundings
from emotf.training.dividing import compiled, divide
from emotf.training.extracted import check_extracted
from emotf.training.learner import Learner, Objective, name_of
from emotf.training.state import Resume

# Batches that run without returning to Python: a step of so small a network takes no longer than the return.
STEPS = 8

PACKAGES = ("emotf", "tensorflow", "keras", "numpy", "tensorflow-io", "librosa")


def train(
    experiment: Experiment, run: Run, after_epoch: Callable[[int, float], bool | None] = lambda epoch, score: None
) -> bool:
    """Trains a run, goes on with one that was interrupted, or finds it finished.

    On CPU, with the same number of threads (which `training.deterministic` fixes), the same experiment gives the same
    scores bit by bit, interrupted or not.

    Args:
        experiment: what is trained.
        run: where.
        after_epoch: is told each epoch of the run once, in order, with the development score that chooses epochs; those
            that were trained before an interruption first. Where it returns True, training ends as if interrupted.

    Returns:
        Whether the run is finished; it is not where `after_epoch` ended it.

    Raises:
        UserError: the records do not hold what the experiment asks for, `emotf.doctor` finds a leak, development does
            not define what is to choose an epoch, the run folder belongs to another experiment, or the loss is not
            finite.
    """
    settings = experiment.check().training
    store = Store(experiment.store)
    run.check(experiment, store.fingerprint(experiment.streams))
    asking = AfterEpoch(after_epoch, settings.select)
    if run.finished:
        run.finish()  # the process may have been killed between FINISHED and the last of its remains
        say(f"{run.folder} is finished; nothing to do.")
        asking.repeat(row for _, row in run.epochs.iterrows())
        return True
    keras.utils.clear_session()  # forgets precision and devices, too
    device = prepare_device(settings)
    divide(settings.devices)
    keras.utils.set_random_seed(settings.seed)
    check_extracted(store, experiment)
    chosen = selection(experiment)
    settings.check_criteria(chosen.targets)
    check_defined((settings.select, *settings.keep), chosen.partition("dev"))
    refuse(examine(experiment, chosen))
    losses = experiment.losses(chosen.targets)
    objective = Objective(
        losses,
        settings.alphas(tuple(name_of(term) for term in losses)),
        settings.weighting == "uncertainty",
    )
    by, trained_on = experiment.data.standardisation, chosen.partition("train")
    fitted = {} if by in TRANSDUCTIVE else standardise(store, experiment.streams, trained_on, "train", by)
    refuse(examine_fitted(experiment, chosen, fitted))
    scaling = transductive(store, experiment.streams, list(trained_on), by) if by in TRANSDUCTIVE else None
    channels = {name: len(store.stream(name).schema.channels) for name in experiment.streams}
    network = experiment.model.build(channels, chosen.targets, experiment.window.inputs, fitted)
    epochs = training_batches(
        store,
        list(experiment.streams),
        trained_on,
        experiment.window,
        settings.batch,
        settings.seed,
        settings.pool,
        scaling,
        settings.order,
    )
    epochs = dealt(_augmented(experiment, store, epochs, fitted), settings.devices)
    optimizer = settings.optimizer.build(settings.learning_rate)
    # nothing is written before all that the user asked for is known to be possible
    run.begin(experiment)
    run.keep_learned(store, experiment.streams)
    run.write_standardisation(by, {name: asdict(part) for name, part in fitted.items()})
    run.note(
        **surroundings(run, PACKAGES, settings.deterministic),
        **_facts(store, experiment, chosen, network, epochs, device),
        objective=objective.facts,
    )
    _announce(run.about)
    dev = _predictor(experiment, store, network, chosen.partition("dev"))
    learner = Learner(network, objective)
    done = _fit(settings, run, learner, optimizer, epochs, dev, asking)
    if asking.ended:
        return False
    conclude(run, learner, network, done, settings)
    return True


def conclude(run: Run, learner: keras.Model, network: keras.Model, done: Resume, settings: Training) -> None:
    """Saves the network as it is, then with the weights of each criterion that is kept, and ends the run.

    Args:
        run: trained.
        learner: with the selected weights.
        network: its part that is saved.
        done: what is known of all epochs.
        settings: of the training.
    """
    run.save_network(network)
    chosen = {"criterion": settings.select, "epoch": done.best_epoch(settings.select)}
    run.note(training_seconds=round(done.seconds, 2), chosen=chosen)
    for criterion in settings.keep:
        learner.set_weights(done.kept_weights(criterion))
        run.save_best(criterion, done.best_epoch(criterion), network)
    run.finish()


def _predictor(experiment: Experiment, store: Store, network: keras.Model, golds: Mapping[str, Track]) -> Predictor:
    """What predicts recordings after every epoch."""
    streams, window = list(experiment.streams), experiment.window
    slider = Slider.of(experiment.model, network, window, {name: store.stream(name).schema.hop for name in streams})
    return Predictor(network, store, streams, golds, window, experiment.data.standardisation, slider=slider)


def _augmented(experiment: Experiment, store: Store, epochs: Epochs, fitted: Mapping[str, Standardisation]) -> Epochs:
    """Masks what the experiment wants masked, with what is 0 once it is standardised."""
    fill: dict[str, Sequence[float]] = {}
    for name in experiment.augmentation:
        schema = store.stream(name).schema
        if schema.gaps:
            raise UserError(f"augmentation of {name}: it has gaps, and a mask would fill them; mask other streams.")
        fill[name] = fitted[name].mean if name in fitted else [0.0] * len(schema.channels)
    return masked(epochs, experiment.augmentation, fill, experiment.training.seed) if fill else epochs


def _fit(
    settings: Training,
    run: Run,
    learner: Learner,
    optimizer: keras.optimizers.Optimizer,
    epochs: Epochs,
    dev: Predictor,
    asking: AfterEpoch,
) -> Resume:
    """Trains until the learner has the selected weights, or is asked to end; returns what is known of all epochs."""
    learner.compile(optimizer, jit_compile=compiled(settings.jit_compile), steps_per_execution=STEPS)
    learner.optimizer.build(learner.trainable_variables)
    scores = DevScores(dev)
    watched: dict[str, Any] = {"monitor": f"dev_{settings.select}", "mode": CRITERIA[settings.select]}
    stopping = keras.callbacks.EarlyStopping(**watched, patience=settings.patience, restore_best_weights=True)
    plateau = None
    if settings.plateau:
        plateau = keras.callbacks.ReduceLROnPlateau(
            **watched, patience=settings.plateau, factor=settings.plateau_factor, min_delta=0.0
        )
    resume = Resume(run, stopping, epochs.epoch, plateau, settings.keep)
    before = resume.done
    if before:
        say(f"going on after epoch {before}")
    asking.repeat(resume.rows)
    board = keras.callbacks.TensorBoard(str(run.tensorboard), write_graph=False)
    figures = DevFigures(run.tensorboard, scores, settings.figure_every)
    learner.fit(
        epochs.dataset,
        initial_epoch=settings.epochs if resume.stopped else before,
        epochs=settings.epochs,
        callbacks=[
            scores,
            stopping,
            *([plateau] if plateau else []),
            Progress(settings.epochs, stopping),
            board,
            figures,
            resume,
            asking,
        ],
        shuffle=False,
        verbose=0,
    )
    return resume


def _facts(
    store: Store, experiment: Experiment, chosen: Selection, network: keras.Model, epochs: Epochs, device: str
) -> dict[str, Any]:
    """What about.json holds besides scores and times."""
    schemas = {name: store.stream(name).schema for name in experiment.streams}
    gold = next(iter(chosen.partition("train").values()))
    return {
        "device": device,
        "seed": experiment.training.seed,
        "fold": experiment.data.fold,
        "protocol": experiment.data.protocol,
        "standardisation": experiment.data.standardisation,
        "shuffled_gold": experiment.data.shuffled_gold,
        "records": {"fingerprint": store.fingerprint(schemas), "targets_are": store.targets_are},
        "targets": list(chosen.targets),
        "gold_hop": gold.hop,
        "streams": {
            name: {
                "kind": schema.kind,
                "channels": list(schema.channels),
                "hop": schema.hop,
                "made_by": schema.made_by,
                "gaps": schema.gaps,
            }
            for name, schema in schemas.items()
        },
        "partitions": {name: list(golds) for name, golds in chosen.golds.items()},
        "dropped_recordings": list(chosen.dropped),
        "recordings_lacking_a_target": {name: list(ids) for name, ids in chosen.lacking.items()},
        "parameters": network.count_params(),
        "printed_parameters": experiment.model.printed_parameters,
        "examples": epochs.examples,
        "steps_an_epoch": epochs.steps,
        "pool_recordings": epochs.pool,
    }


def _announce(about: dict[str, Any]) -> None:
    """Says before training what is going to be trained, on what."""
    sizes = ", ".join(f"{len(ids)} {name}" for name, ids in about["partitions"].items())
    streams = ", ".join(f"{name} ({len(s['channels'])} channels, {s['kind']})" for name, s in about["streams"].items())
    printed = about["printed_parameters"]
    say(f"{', '.join(about['targets'])} from {streams}; {about['records']['targets_are']}")
    say(f"{sizes} recordings; {about['examples']} examples an epoch; on {about['device']}")
    for name, ids in about["recordings_lacking_a_target"].items():
        say(f"{len(ids)} recordings have no {name}; its loss leaves them out")
    if about["dropped_recordings"]:
        say(f"{len(about['dropped_recordings'])} recordings dropped, which lack a target")
    say(f"objective: {objective_of(about)}")
    say(
        f"{about['parameters']} parameters"
        + (f" (the paper prints {printed}, for 63 channels and three targets)" if printed else "")
    )

"""One run, from pictures to a network with its best weights."""

from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from emotf.classification.config import CRITERIA, VOTES, Classification, Learning
from emotf.classification.pictures import Chosen, Material
from emotf.classification.run import PictureRun
from emotf.classification.scoring import Answers
from emotf.classifiers.base import body, save
from emotf.errors import UserError
from emotf.pipeline import PictureEpochs, evaluation_pictures, training_pictures
from emotf.pipeline.views import View
from emotf.progress import say
from emotf.report import figures
from emotf.run_folder import first_best
from emotf.training.callbacks import Progress
from emotf.training.device import prepare_device, surroundings
from emotf.training.state import Resume

if TYPE_CHECKING:
    from pathlib import Path

PACKAGES = ("emotf", "tensorflow", "keras", "numpy", "opencv-contrib-python")

# Pictures at a time where nothing is trained.
BATCH = 64


def train(config: Classification, run: PictureRun) -> None:
    """Trains a run, goes on with one that was interrupted, or finds it finished.

    Shards of pictures are written first, where they are not there. On CPU, with the same number of threads, the same
    configuration gives the same weights bit by bit, interrupted or not.

    Raises:
        UserError: the corpus cannot be read or lacks what is asked of it, the folder belongs to another run, weights
            cannot be had, or the loss is not finite.
    """
    settings = config.check().check_classes().training
    material = Material(config)
    run.check(config, material.fingerprint)
    if run.finished:
        run.finish()  # the process may have been killed between FINISHED and the last of its remains
        say(f"{run.folder} is finished; nothing to do.")
        return
    keras.utils.clear_session()  # forgets the precision, too
    device = prepare_device(settings)
    keras.utils.set_random_seed(settings.seed)
    shown, dev = material.partition("train"), material.partition("dev")
    network = config.network.build(config.shape, len(config.corpus.classes))
    epochs = training_pictures(
        shown.part, config.view, settings.batch, settings.seed, settings.sampling, settings.targets == VOTES,
        chosen=shown.places,
    )  # fmt: skip
    # nothing is written before all that the user asked for is known to be possible
    run.begin(config)
    run.note(**surroundings(run, PACKAGES, settings.deterministic), **_facts(config, material, network, epochs, device))
    _announce(run.about)
    done = _fit(settings, run, network, epochs, Answering(network, dev, config.view))
    run.save_network(network)
    save(body(network), run.body)
    best = first_best((row[f"dev_{settings.select}"] for row in done.rows), CRITERIA[settings.select])
    chosen = {"criterion": settings.select, "epoch": best}
    run.note(training_seconds=round(done.seconds, 2), epochs_trained=len(done.rows), chosen=chosen)
    run.finish()


class Answering:
    """The answers of a network to the middle of some pictures, again and again.

    Args:
        network: pictures -> logits.
        of: the pictures.
        view: how they are shown.
    """

    def __init__(self, network: keras.Model, of: Chosen, view: View) -> None:
        import tensorflow as tf

        self.of = of
        self.dataset = evaluation_pictures(of.part, view, BATCH, chosen=of.places)
        pictures = tf.TensorSpec((None, *network.input_shape[1:]), tf.float32)
        self.logits = tf.function(lambda shown: network(shown, training=False), input_signature=[pictures])

    def __call__(self) -> Answers:
        found = [np.asarray(self.logits(pictures)) for pictures, _, _ in self.dataset]
        return Answers(self.of.part.classes, self.of.ids, self.of.labels, np.concatenate(found))


class DevScores(keras.callbacks.Callback):
    """Adds scores on all pictures of development to the logs, before any other callback reads them.

    Args:
        answering: on development.
        folder: of TensorBoard's files, for the confusion matrix.
        every: epochs between two pictures of it.
    """

    def __init__(self, answering: Answering, folder: "Path", every: int) -> None:
        super().__init__()
        self.answering = answering
        self.folder = folder
        self.every = every

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if logs is None or not np.isfinite(logs["loss"]):
            raise UserError(f"The loss is {logs and logs['loss']} in epoch {epoch + 1}; lower "
                            f"--config.training.learning_rate.")  # fmt: skip
        answers = self.answering()
        for name, value in answers.scores.items():
            logs[f"dev_{name}"] = value
        if epoch % self.every == 0:
            self._draw(epoch, answers)

    def _draw(self, epoch: int, answers: Answers) -> None:
        import tensorflow as tf

        from emotf.classification.figures import confusion

        png = tf.image.decode_png(figures.as_png(confusion(answers, f"dev, epoch {epoch + 1}")), channels=3)
        with tf.summary.create_file_writer(str(self.folder / "dev")).as_default():
            tf.summary.image("confusion", png[None], step=epoch)


def _fit(
    settings: Learning, run: PictureRun, network: keras.Model, epochs: PictureEpochs, answering: Answering
) -> Resume:
    """Trains until the network has the best weights; returns what is known of all epochs."""
    loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=settings.label_smoothing)
    network.compile(settings.optimizer.build(settings.learning_rate), loss, jit_compile=settings.jit_compile)
    network.optimizer.build(network.trainable_variables)
    watched: dict[str, Any] = {"monitor": f"dev_{settings.select}", "mode": CRITERIA[settings.select]}
    stopping = keras.callbacks.EarlyStopping(**watched, patience=settings.patience, restore_best_weights=True)
    plateau = None
    if settings.plateau:
        plateau = keras.callbacks.ReduceLROnPlateau(
            **watched, patience=settings.plateau, factor=settings.plateau_factor, min_delta=0.0
        )
    resume = Resume(run, stopping, epochs.epoch, plateau)
    before = resume.done
    if before:
        say(f"going on after epoch {before}")
    network.fit(
        epochs.dataset,
        initial_epoch=settings.epochs if resume.stopped else before,
        epochs=settings.epochs,
        callbacks=[
            DevScores(answering, run.tensorboard, settings.figure_every),
            stopping,
            *([plateau] if plateau else []),
            Progress(settings.epochs, stopping),
            keras.callbacks.TensorBoard(str(run.tensorboard), write_graph=False),
            resume,
        ],
        shuffle=False,
        verbose=0,
    )
    return resume


def _facts(
    config: Classification, material: Material, network: keras.Model, epochs: PictureEpochs, device: str
) -> dict[str, Any]:
    """What about.json holds besides scores and times."""
    return {
        "device": device,
        "seed": config.training.seed,
        "records": {"fingerprint": material.fingerprint, "labels_are": material.schema.labels_are},
        "corpus": config.corpus.name,
        "classes": list(material.schema.classes),
        "counts": material.counts,
        "left_out": material.schema.left_out,
        "dev_is": "of the corpus" if "dev" in material.schema.counts else "a share of each class of train, held back",
        "network": config.network.name,
        "parameters": network.count_params(),
        "trained_parameters": int(sum(np.prod(weight.shape) for weight in network.trainable_weights)),
        "features": int(body(network).output_shape[-1]),
        "pictures_an_epoch": epochs.pictures,
        "steps_an_epoch": epochs.steps,
    }


def _announce(about: dict[str, Any]) -> None:
    """Says before training what is going to be trained, on what."""
    say(f"{about['corpus']}: {about['records']['labels_are']}")
    for partition, counts in about["counts"].items():
        say(f"{partition}: {sum(counts.values())} pictures, {', '.join(f'{n} {name}' for name, n in counts.items())}")
    say(f"{about['network']}: {about['parameters']} parameters, {about['trained_parameters']} of them trained; on "
        f"{about['device']}")  # fmt: skip

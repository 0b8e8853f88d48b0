"""TensorFlow Lite models run in Python: what they hold, and what their weights in 8 bits cost."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from emotf.config import Experiment
from emotf.errors import UserError
from emotf.evaluation import score, value
from emotf.prediction import Predictor, selection
from emotf.records import Store
from emotf.runs import Run
from emotf.windows.base import Window
from emotf.windows.sequences import Sequences

SIGNATURE = "serving_default"
# What the parts of a state are called (`emotf.serving.streaming.exported`).
STATE = "state_"


class LiteNetwork:
    """A model in an interpreter, in the place of a Keras network (`emotf.prediction.Predictor`).

    Args:
        content: of the `.tflite` file.
        threads: that the interpreter may use.

    Attributes:
        states: name -> zeros, of a model that takes a frame and the states before it.
    """

    def __init__(self, content: bytes, threads: int = 1) -> None:
        self._content = content
        self._interpreter = tf.lite.Interpreter(model_content=content, num_threads=threads)
        self._runner = self._interpreter.get_signature_runner(SIGNATURE)
        inputs = self._runner.get_input_details()
        self.states = {name: np.zeros(of["shape"], np.float32) for name, of in inputs.items() if name.startswith(STATE)}

    def __call__(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Outputs by name, of inputs by name; all float32 in the shapes of the model."""
        return dict(self._runner(**inputs))

    @property
    def about(self) -> dict[str, Any]:
        """Names and shapes of inputs and outputs in the order of the file, and its operations.

        A caller without signatures (TensorFlow Lite Micro) knows tensors by this order only.
        """
        names = {
            "inputs": (self._interpreter.get_input_details(), self._runner.get_input_details()),
            "outputs": (self._interpreter.get_output_details(), self._runner.get_output_details()),
        }
        found: dict[str, Any] = {}
        for what, (in_order, by_name) in names.items():
            name_of = {of["index"]: name for name, of in by_name.items()}
            found[what] = [{"name": name_of[of["index"]], "shape": of["shape"].tolist()} for of in in_order]
        return found | {"operations": operations(self._content)}

    def predict(self, batches: Iterable[Mapping[str, Any]], verbose: int = 0) -> dict[str, np.ndarray]:
        """As `keras.Model.predict`, an example after the other.

        Args:
            batches: {stream: [batch, N, channels]}. A model that takes a frame reads each example as N frames of one
                sequence, from states of zeros on.
            verbose: nothing is said.

        Returns:
            target -> [batch] of feature images, [batch, frames] of sequences.
        """
        del verbose
        found = [self.predict_on_batch(batch) for batch in batches]
        return {name: np.concatenate([one[name] for one in found]) for name in found[0]}

    def predict_on_batch(self, batch: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """As `predict`, of one batch."""
        of_example = self._sequence if self.states else self
        arrays = {name: np.asarray(x, np.float32) for name, x in batch.items()}
        examples = range(len(next(iter(arrays.values()))))
        found = [of_example({name: x[i : i + 1] for name, x in arrays.items()}) for i in examples]
        return {name: np.concatenate([one[name] for one in found]) for name in found[0]}

    def _sequence(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Frames [1, frames, channels] one by one -> [1, frames]."""
        states, found = self.states, []
        for t in range(next(iter(inputs.values())).shape[1]):
            outputs = self({name: x[:, t] for name, x in inputs.items()} | states)
            states = {name: outputs.pop(name) for name in states}
            found.append(outputs)
        return {name: np.stack([one[name] for one in found], axis=1) for name in found[0]}


def operations(content: bytes) -> list[str]:
    """Names of the operations of a model, those inside loops too; a foreign one (`Flex...`) by its own name."""
    from tensorflow.lite.python import schema_py_generated as schema

    names = {code: name for name, code in vars(schema.BuiltinOperator).items() if isinstance(code, int)}
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(content, 0))
    return sorted({
        of.customCode.decode() if of.customCode else names[max(of.builtinCode, of.deprecatedBuiltinCode)]
        for of in model.operatorCodes
    })  # fmt: skip


def check_records(run: Run) -> None:
    """Raises UserError where the records are not those that a run was trained on."""
    experiment = run.experiment
    try:
        run.check_records(Store(experiment.store).fingerprint(experiment.streams))
    except UserError as error:
        raise UserError(f"{error} Or measure nothing: --measured_on=none.") from None


def ccc_lost(run: Run, partition: str, models: Mapping[str, bytes], frames: int = 0) -> dict[str, dict[str, float]]:
    """What a model of a run lost against another, on the records of the run.

    Args:
        run: finished, its records checked.
        partition: of the records.
        models: name -> content of the file; the first is what the second is measured against.
        frames: length of sequences that recordings are cut into; 0: as the run predicts.

    Returns:
        target -> name -> CCC over all rated frames of the partition, and `lost`, that of the first less the second.
    """
    experiment = run.experiment
    golds = selection(experiment).partition(partition)
    found: dict[str, dict[str, float]] = {}
    for name, content in models.items():
        predictor = predictor_of(LiteNetwork(content), experiment, partition, frames)
        scores = score(golds, predictor(), partition)
        for target in next(iter(golds.values())).channels:
            found.setdefault(target, {})[name] = value(scores, target)
    first, second = models
    return {target: {**ccc, "lost": ccc[first] - ccc[second]} for target, ccc in found.items()}


def predictor_of(network: Any, experiment: Experiment, partition: str, frames: int = 0) -> Predictor:
    """Traces of a partition by any network of an experiment, window by window.

    Args:
        network: that of Keras, or one in an interpreter.
        experiment: with its records.
        partition: of them.
        frames: as of `ccc_lost`.
    """
    window: Window = Sequences(frames) if frames else experiment.window
    golds = selection(experiment).partition(partition)
    by = experiment.data.standardisation
    return Predictor(network, Store(experiment.store), list(experiment.streams), golds, window, by)

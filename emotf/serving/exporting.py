"""SavedModels that run without emotf."""

import shutil
from pathlib import Path

from absl import logging

from emotf.errors import UserError
from emotf.files import write_json
from emotf.runs import Run


def export(run: Run, folder: Path) -> Path:
    """Writes the network of a finished run as a SavedModel, whole or not at all.

    Its signature `serving_default` takes streams as they were extracted (standardisation by train is inside; where
    each subject is standardised by itself, the caller must do it, and `standardisation` says so). For feature images
    it takes a tensor a stream [batch, N, channels] and returns one value a target and image [batch]; for sequences
    [batch, frames, channels], NaN after the end of shorter ones, and [batch, frames]. `emotf.json` beside it says what
    a caller must know: streams, channels, hops, offsets of a feature image in frames, targets.

    Raises:
        UserError: the run is not finished, or the folder exists.
    """
    if folder.exists():
        raise UserError(f"{folder} exists; choose another folder or delete it.")
    network, experiment, about = run.network(), run.experiment, run.about
    aside = folder.with_name(f".{folder.name}.unfinished")
    shutil.rmtree(aside, ignore_errors=True)
    logging.set_verbosity(logging.WARNING)  # TensorFlow narrates every file it writes
    network.export(str(aside), format="tf_saved_model", verbose=False)
    streams = {
        name: {**stream, "offsets": experiment.window.offsets(stream["hop"]).tolist()}
        for name, stream in about["streams"].items()
    }
    known = ("targets", "gold_hop", "standardisation", "versions", "records", "fold", "seed")
    facts = {name: about[name] for name in known}
    write_json(aside / "emotf.json", {"streams": streams, "frames": experiment.window.inputs, **facts})
    aside.rename(folder)
    return folder

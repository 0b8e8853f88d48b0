"""Exports a finished run: a SavedModel, from features or sound to traces, or a TensorFlow Lite model for small devices.

python tools/export.py --run=work/runs/emodb_mtl --out=work/export/emodb_mtl
saved_model_cli show --dir=work/export/emodb_mtl --tag_set=serve --all
python tools/export.py --run=work/runs/emodb_mtl --out=work/served/emodb --version=1

The SavedModel needs TensorFlow and nothing of emotf. Its signatures: serving_default (the network alone), recording and
recordings (streams to traces, with the run's post-processing), waveform and waveforms (sound to traces, where all
streams are of sound), initial_state, step and finish (live, where nothing needs the end of the recording), metadata.
emotf.json in the folder says what they take. With --version it lies in a folder of that number beside older ones, with
requests that warm it up, as TensorFlow Serving wants it; docs/serving.md has the line that starts a server.

python tools/export.py --run=work/runs/emodb_mtl --out=work/export/emodb_mtl.tflite --format=tflite --quantise=dynamic

A TensorFlow Lite model needs its interpreter (the package ai-edge-litert, or tf.lite.Interpreter) and takes features: a
feature image, the next frame with the network's states, or, with --frames, a sequence of constant length. What it takes
and gives, in order, and what is left to the caller (smoothing) says the .json beside it; of weights in 8 bits
(--quantise=dynamic) also what CCC they lose. --format=onnx writes the same for ONNX runtimes (extra `onnx`).
"""

from pathlib import Path

from absl import flags

from emotf.command import run

RUN = flags.DEFINE_string("run", None, "Folder of a finished run.", required=True)
OUT = flags.DEFINE_string(
    "out", None, "Folder of the SavedModel, <name>.tflite or <name>.onnx; must not exist yet.", required=True
)
FORMAT = flags.DEFINE_enum("format", "savedmodel", ["savedmodel", "tflite", "onnx"], "What is written.")
VERSION = flags.DEFINE_integer(
    "version", None, "savedmodel: for TensorFlow Serving, writes <out>/<version>, beside other versions."
)
INPUT = flags.DEFINE_enum(
    "input", "auto", ["auto", "features", "waveform"],
    "What signatures take: features only; sound too, or an error says why not; auto: sound too, where it can be.",
)  # fmt: skip
LIVE = flags.DEFINE_enum(
    "live", "auto", ["auto", "yes", "no"], "Live signatures: where they can be, required (an error says why not), none."
)
POSTPROCESS = flags.DEFINE_bool("postprocess", True, "Carries what tools/postprocess.py fitted on this run.")
QUANTISE = flags.DEFINE_enum("quantise", "none", ["none", "dynamic"], "tflite: dynamic: large weights in 8 bits.")
FRAMES = flags.DEFINE_integer(
    "frames", 0, "tflite, onnx: length of sequences; 0: the run's, or a frame at a time where the network can.", 0
)
MEASURED_ON = flags.DEFINE_enum(
    "measured_on", "dev", ["dev", "test", "none"], "tflite: the partition on which CCC lost by 8 bits is measured."
)


def main(_):
    from emotf.errors import UserError
    from emotf.runs import Run

    own = {
        "savedmodel": ("input", "live", "version"),
        "tflite": ("quantise", "frames", "measured_on"),
        "onnx": ("frames",),
    }
    for flag in (INPUT, LIVE, VERSION, QUANTISE, FRAMES, MEASURED_ON):
        if flag.present and flag.name not in own[FORMAT.value]:
            raise UserError(f"--{flag.name} is not for --format={FORMAT.value}; leave it out.")
    source, out = Run(RUN.value), Path(OUT.value)
    if FORMAT.value == "tflite":
        from emotf.serving.lite import export_lite, printed

        facts = export_lite(source, out, QUANTISE.value, FRAMES.value, POSTPROCESS.value, MEASURED_ON.value)
        print(f"{printed(facts)}\nTensorFlow Lite: {out}")
    elif FORMAT.value == "onnx":
        from emotf.serving.lite import printed
        from emotf.serving.onnx import export_onnx

        print(f"{printed(export_onnx(source, out, FRAMES.value, POSTPROCESS.value))}\nONNX: {out}")
    else:
        from emotf.serving.exporting import export, versioned

        folder, name = (out, "") if VERSION.value is None else (versioned(out, VERSION.value), out.resolve().name)
        folder = export(source, folder, INPUT.value, LIVE.value, POSTPROCESS.value, name)
        print(f"SavedModel: {folder}")


if __name__ == "__main__":
    run(main)

"""Exports a finished run as a SavedModel that needs TensorFlow and nothing of emotf: features, or sound, to traces.

python tools/export.py --run=work/runs/emodb_mtl --out=work/export/emodb_mtl
saved_model_cli show --dir=work/export/emodb_mtl --tag_set=serve --all
python tools/export.py --run=work/runs/emodb_mtl --out=work/served/emodb --version=1

Its signatures: serving_default (the network alone), recording and recordings (streams to traces, with the run's
post-processing), waveform and waveforms (sound to traces, where all streams are of sound), initial_state, step and
finish (live, where nothing needs the end of the recording), metadata. emotf.json in the folder says what they take.

With --version it lies in a folder of that number beside older ones, with requests that warm it up, as TensorFlow
Serving wants it; docs/serving.md has the line that starts a server, and a request.
"""

from pathlib import Path

from absl import flags

from emotf.command import run

RUN = flags.DEFINE_string("run", None, "Folder of a finished run.", required=True)
OUT = flags.DEFINE_string("out", None, "Folder of the SavedModel; must not exist yet.", required=True)
VERSION = flags.DEFINE_integer(
    "version", None, "For TensorFlow Serving: writes <out>/<version>, beside other versions."
)
INPUT = flags.DEFINE_enum(
    "input", "auto", ["auto", "features", "waveform"],
    "What signatures take: features only; sound too, or an error says why not; auto: sound too, where it can be.",
)  # fmt: skip
LIVE = flags.DEFINE_enum(
    "live", "auto", ["auto", "yes", "no"], "Live signatures: where they can be, required (an error says why not), none."
)
POSTPROCESSING = flags.DEFINE_bool("postprocessing", True, "Applies what tools/postprocess.py has fitted.")


def main(_):
    from emotf.runs import Run
    from emotf.serving.exporting import export, versioned

    out, name = Path(OUT.value), ""
    if VERSION.value is not None:
        out, name = versioned(out, VERSION.value), out.resolve().name
    folder = export(Run(RUN.value), out, INPUT.value, LIVE.value, POSTPROCESSING.value, name)
    print(f"SavedModel: {folder}")


if __name__ == "__main__":
    run(main)

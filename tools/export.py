"""Exports a finished run as a SavedModel that needs TensorFlow and nothing of emotf.

python tools/export.py --run=work/runs/emodb_mtl --out=work/export/emodb_mtl
saved_model_cli show --dir=work/export/emodb_mtl --tag_set=serve --signature_def=serving_default
"""

from pathlib import Path

from absl import flags

from emotf.command import run

RUN = flags.DEFINE_string("run", None, "Folder of a finished run.", required=True)
OUT = flags.DEFINE_string("out", None, "Folder of the SavedModel; must not exist yet.", required=True)


def main(_):
    from emotf.runs import Run
    from emotf.serving import export

    print(f"SavedModel: {export(Run(RUN.value), Path(OUT.value))}")


if __name__ == "__main__":
    run(main)

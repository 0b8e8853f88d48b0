#!/usr/bin/env bash
# The second lane: losses, metrics, models, training and serving on a newer TensorFlow than the pinned one, in an
# environment of its own (.venv-newest), so that the pins can move. tensorflow-io is left out: its native operations load
# on the pinned TensorFlow only. BUILD.md says what differs.
# Usage: bash tools/newest.sh [pytest arguments]; TENSORFLOW=2.19.1 names the version.
set -euo pipefail
cd "$(dirname "$0")/.."
newest=${TENSORFLOW:-2.19.1}
venv=.venv-newest

if [ ! -x $venv/bin/python ]; then
  echo "making $venv" >&2
  "${PYTHON:-python3}" -m venv $venv
fi
wanted=$(echo "$newest" | cat - setup.cfg constraints.txt | sha256sum)
if [ "$(cat $venv/installed 2>/dev/null)" != "$wanted" ]; then
  echo "installing TensorFlow $newest and what emotf needs beside it" >&2
  # everything as pinned, but TensorFlow, what comes with it, and what cannot be had with it
  grep -viE '^(#|tensorflow|tensorboard==|ml-dtypes)' constraints.txt > $venv/constraints.txt
  $venv/bin/python - > $venv/requirements.txt <<'REQUIREMENTS'
import configparser

setup = configparser.ConfigParser()
setup.read("setup.cfg")
extras = setup["options.extras_require"]
for line in (setup["options"]["install_requires"] + extras["serve"]).splitlines():
    if line and not line.startswith(("#", "tensorflow", "tensorboard")):
        print(line)
print(*("pytest", "pytest-xdist", "hypothesis", "audmetric", "requests"), sep="\n")
REQUIREMENTS
  $venv/bin/python -m pip install --quiet --disable-pip-version-check --constraint $venv/constraints.txt \
    "tensorflow==$newest" --requirement $venv/requirements.txt
  # without its dependencies: setup.cfg pins the other TensorFlow
  $venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
  echo "$wanted" > $venv/installed
fi

$venv/bin/python -c 'import tensorflow, keras; print("TensorFlow", tensorflow.__version__, "Keras", keras.__version__)' 2>/dev/null
if [ $# -eq 0 ]; then
  set -- tests/reference tests/property tests/unit/test_{models,objective,optimizers,resume,pipeline,sliding,prediction,evaluation,streaming,classifiers}.py \
    tests/end_to_end/test_{main_job,serving,kept_weights}.py
fi
$venv/bin/python -m pytest -n 2 --dist loadfile "$@"

# Sourced by demo.sh and test.sh: makes .venv where it is missing and installs emotf, pinned by constraints.txt.
# Usage: source tools/environment.sh [extras], for example [dev]

fail() { echo "error: $*" >&2; exit 1; }

python=${PYTHON:-python3}
command -v "$python" >/dev/null || fail "no $python; install Python 3.11 (Debian: apt-get install python3 python3-venv)."
"$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' \
  || fail "$("$python" --version) found, Python 3.11 needed (the pinned TensorFlow, tensorflow-io and mediapipe); set PYTHON to one."
"$python" -c 'import ensurepip' 2>/dev/null || fail "Python has no venv; on Debian: apt-get install python3-venv."

if [ ! -x .venv/bin/python ]; then
  echo "making .venv" >&2
  "$python" -m venv .venv
fi
# one pip call for everything: a second one could pull in a NumPy or protobuf that the pinned set cannot bear
mark=.venv/emotf$1-installed
wanted=$(cat setup.cfg constraints.txt | sha256sum)
if [ "$(cat "$mark" 2>/dev/null)" != "$wanted" ]; then
  echo "installing emotf$1 and what it needs (a minute or more, about 3 GB the first time)" >&2
  .venv/bin/python -m pip install --disable-pip-version-check --constraint constraints.txt --editable ".$1" \
    | { grep --line-buffered -v "already satisfied" || true; }
  echo "$wanted" > "$mark"
fi
.venv/bin/python - <<'CHECK' || fail "the installation does not work (see above; BUILD.md says what apt must hold)."
from emotf.media import check_opencv
check_opencv()
CHECK

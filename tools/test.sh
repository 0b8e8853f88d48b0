#!/usr/bin/env bash
# Every check that CI runs: style, types, rooms, tests.
set -euo pipefail
cd "$(dirname "$0")/.."
source tools/environment.sh "[dev]"

echo "== ruff"; .venv/bin/ruff check . && .venv/bin/ruff format --check .
echo "== mypy"; .venv/bin/mypy
echo "== import-linter"; .venv/bin/lint-imports --no-logo 2>/dev/null || .venv/bin/lint-imports
# a process for each core, a test file in one of them; long files, end to end, first
echo "== pytest"; .venv/bin/python -m pytest -n auto --maxprocesses=4 --dist loadfile --no-loadscope-reorder "$@"

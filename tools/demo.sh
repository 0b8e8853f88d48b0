#!/usr/bin/env bash
# The main job on the built-in synthetic corpus: records, MTL and STL runs, their comparison, a SavedModel, a trace.
# Everything it makes is below work/; a second run reuses what is there.
set -euo pipefail
cd "$(dirname "$0")/.."
source tools/environment.sh ""

py=.venv/bin/python
config=--config=configs/cer_mtl.py:synthetic
out=work/demo
run=$out/compare/runs/mtl_fold0_seed0
step() { echo; echo "== $*"; }

step "1/6 extract: a synthetic corpus (real files, planted traces) to TFRecords"
$py tools/extract.py $config
step "2/6 compare: multi-task and single-task runs, two folds (tools/train.py and tools/evaluate.py, once a run)"
$py tools/compare.py $config --out=$out/compare --folds=0,1 --workers=2 --config.training.epochs=40
step "3/6 evaluate: the scores of one run"
$py tools/evaluate.py --run=$run
step "4/6 export: a SavedModel"
[ -d $out/savedmodel ] || $py tools/export.py --run=$run --out=$out/savedmodel
step "5/6 predict: the trace of one recording"
media=work/corpora/synthetic/Session1
$py tools/predict.py --run=$run --media=audio=$media/audio/s1f01.wav --media=body=$media/body/s1f01.csv --out=$out/trace.csv
step "6/6 what was made"
cat $out/compare/comparison.md
cat <<MADE
records      work/records/synthetic
runs         $out/compare/runs
table        $out/compare/comparison.html $out/compare/comparison.md $out/compare/comparison.csv
SavedModel   $out/savedmodel
trace        $out/trace.csv $out/trace.png
MADE

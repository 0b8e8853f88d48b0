"""Looks for leaks in an experiment, a run or a fusion: what a score must not know. Ends with exit code 1 where one is.

    python tools/doctor.py --config=configs/cer_mtl.py:emodb
    python tools/doctor.py --run=work/runs/emodb_mtl
    python tools/doctor.py --run=work/fused --json

A row a guard: what it looked at, and `ok`, `LEAK`, `allowed by` a setting, or `not known`. Subjects in two partitions,
files of equal content in two partitions, training windows across recordings, ratings past an edge, features (PCA) and
normalisers fitted outside train, post-processing and fusion scored where they were fitted. The same guards run in
training, evaluation, comparison, search, post-processing and fusion, which refuse a leak.
"""

import json

from absl import flags

import emotf.command
from emotf.command import define_config, experiment, run, way

CONFIG = define_config(required=False)
RUN = flags.DEFINE_string("run", None, "Folder of a run, or of a fusion.")
JSON = flags.DEFINE_bool("json", False, "Print JSON, an object a guard, instead of the table.")
flags.adopt_module_key_flags(emotf.command)


def main(_):
    chosen = way({"config": (), "run": ()})

    from emotf.doctor import examine, examine_folder, table
    from emotf.errors import UserError

    findings = examine(experiment(CONFIG).check()) if chosen == "config" else examine_folder(RUN.value)
    print(json.dumps([finding.content for finding in findings], indent=2) if JSON.value else table(findings))
    if leaks := [finding.guard for finding in findings if finding.leaks]:
        raise UserError(f"{len(leaks)} of {len(findings)} guards found a leak: {', '.join(leaks)}; mend it first.")


if __name__ == "__main__":
    run(main)

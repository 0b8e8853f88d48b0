"""Says what is in a corpus folder, in its records or in a run: files, streams, channels, partitions, parameters.

    python tools/describe.py --records=work/records/emodb
    python tools/describe.py --run=work/runs/emodb_mtl
    python tools/describe.py --corpus=avec --dir=AVEC2016 --set=window=arousal

The last one compares a folder with the published layout of a corpus, and ends with exit code 1 where something needed
is missing or damaged.
"""

from absl import flags

from emotf.command import run

RECORDS = flags.DEFINE_string("records", None, "Folder of one corpus's records.")
RUN = flags.DEFINE_string("run", None, "Folder of a run.")
CORPUS = flags.DEFINE_string("corpus", None, "A corpus, by the name of its file in emotf/corpora.")
DIR = flags.DEFINE_string("dir", "", "With --corpus: the folder that holds it.")
SET = flags.DEFINE_multi_string("set", [], "With --corpus: a field of it, name=value; may be given several times.")
flags.mark_flags_as_mutual_exclusive(["records", "run", "corpus"], required=True)


def examine():
    from emotf.errors import UserError
    from emotf.recipes import with_fields
    from emotf.report import descriptions

    corpus = with_fields("corpora", CORPUS.value, [f"dir={DIR.value}", *SET.value])
    findings = corpus.examine()
    print(descriptions.of_examination(findings))
    wrong = [finding.what for finding in findings if finding.needed]
    if wrong:
        raise UserError(
            f"{len(wrong)} of {len(findings)} findings stand in the way: {', '.join(wrong)}; mend them first."
        )


def main(_):
    from emotf.records import Store
    from emotf.report import descriptions
    from emotf.runs import Run

    if CORPUS.value:
        examine()
    elif RECORDS.value:
        print(descriptions.of_records(Store(RECORDS.value)))
    else:
        print(descriptions.of_run(Run(RUN.value)))


if __name__ == "__main__":
    run(main)

"""Says what is in a corpus folder's records or in a run: streams, channels (raw or extracted), partitions, parameters.

python tools/describe.py --records=work/records/emodb
python tools/describe.py --run=work/runs/emodb_mtl
"""

from absl import flags

from emotf.command import run

RECORDS = flags.DEFINE_string("records", None, "Folder of one corpus's records.")
RUN = flags.DEFINE_string("run", None, "Folder of a run.")
flags.mark_flags_as_mutual_exclusive(["records", "run"], required=True)


def main(_):
    from emotf.records import Store
    from emotf.report import descriptions
    from emotf.runs import Run

    if RECORDS.value:
        print(descriptions.of_records(Store(RECORDS.value)))
    else:
        print(descriptions.of_run(Run(RUN.value)))


if __name__ == "__main__":
    run(main)

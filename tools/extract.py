"""Turns a corpus into TFRecords: the gold standard and every stream of the recipe.

    python tools/extract.py --config=configs/cer_mtl.py:emodb --config.corpus.source=EMODB/wav

Run it again to continue after a stop, or to add a stream: what is there and whole is kept.

    python tools/extract.py --corpus=avec --twin=work/avec_twin

writes a tiny synthetic corpus in the published layout of a corpus that you do not have (yet), and extracts nothing.
"""

from pathlib import Path

from absl import flags

import emotf.command
from emotf.annotation import FUSIONS
from emotf.command import define_config, experiment, run

CONFIG = define_config(required=False)
FUSION = flags.DEFINE_enum(
    "fusion", "mean", list(FUSIONS),
    "How raters become the gold standard: their mean; weighted by reliability (evaluator weighted estimator); their "
    "mean, moved to a level weighted by agreement (CCC-centring); or each brought to their common mean and spread "
    "first. tools/agreement.py compares them.",
)  # fmt: skip
TWIN = flags.DEFINE_string("twin", None, "New folder for a synthetic corpus in the layout of --corpus.")
CORPUS = flags.DEFINE_string("corpus", None, "With --twin: the corpus whose layout it has, for example avec.")
SEED = flags.DEFINE_integer("seed", 0, "With --twin: decides its content.", lower_bound=0)
flags.mark_flags_as_mutual_exclusive(["config", "twin"], required=True)
flags.adopt_module_key_flags(emotf.command)


def write_twin():
    from emotf.catalog import find
    from emotf.errors import UserError

    if not CORPUS.value:
        raise UserError("--twin needs --corpus, the corpus whose layout it shall have, for example --corpus=avec.")
    corpus = find("corpora", CORPUS.value)().write_twin(Path(TWIN.value), SEED.value)
    count = len(corpus.recordings())
    print(f"SYNTHETIC twin of the layout of {corpus.name}: {count} recordings in {corpus.path}, see TWIN.txt there")


def extract_records():
    from emotf.media import check_opencv
    from emotf.records import Store, extract

    check_opencv()
    wanted = experiment(CONFIG).check()
    counts = extract(wanted.corpus, wanted.streams, wanted.store, FUSION.value)
    store = Store(wanted.store)
    for name, count in counts.items():
        schema = store.stream(name).schema
        print(
            f"{name}: {count['written']} recordings written, {count['kept']} kept; {len(schema.channels)} channels, "
            f"{1 / schema.hop:g}/s, {schema.kind}"
        )
    for note in wanted.corpus.notes():
        print(f"note: {note}")
    print(f"records: {wanted.store}")


def main(_):
    if TWIN.value:
        write_twin()
    else:
        extract_records()


if __name__ == "__main__":
    run(main)

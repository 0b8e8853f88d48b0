"""Turns a corpus into TFRecords: the gold standard and every stream of the recipe.

    python tools/extract.py --config=configs/cer_mtl.py:emodb --config.corpus.source=EMODB/wav

Run it again to continue after a stop, or to add a stream: what is there and whole is kept.
"""

from absl import flags

import emotf.command
from emotf.annotation import FUSIONS
from emotf.command import define_config, run

CONFIG = define_config()
FUSION = flags.DEFINE_enum(
    "fusion", "mean", list(FUSIONS),
    "How raters become the gold standard: their mean; weighted by reliability (evaluator weighted estimator); their "
    "mean, moved to a level weighted by agreement (CCC-centring); or each brought to their common mean and spread "
    "first. tools/agreement.py compares them.",
)  # fmt: skip
flags.adopt_module_key_flags(emotf.command)


def main(_):
    from emotf.media import check_opencv
    from emotf.records import Store, extract

    check_opencv()
    experiment = CONFIG.value.check()
    counts = extract(experiment.corpus, experiment.streams, experiment.store, FUSION.value)
    store = Store(experiment.store)
    for name, count in counts.items():
        schema = store.stream(name).schema
        print(
            f"{name}: {count['written']} recordings written, {count['kept']} kept; {len(schema.channels)} channels, "
            f"{1 / schema.hop:g}/s, {schema.kind}"
        )
    print(f"records: {experiment.store}")


if __name__ == "__main__":
    run(main)

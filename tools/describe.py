"""Says what is in a corpus folder, in its records or in a run: files, channels, classes, parameters.

    python tools/describe.py --records=work/records/emodb
    python tools/describe.py --run=work/runs/emodb_mtl
    python tools/describe.py --corpus=avec --dir=AVEC2016 --set=window=arousal
    python tools/describe.py --pictures=work/pictures/ferplus
    python tools/describe.py --images=ferplus --dir=FERPlus --set=rule=probability

--corpus compares a folder with the published layout of a corpus, and ends with exit code 1 where something needed is
missing or damaged. --images reads a corpus of pictures once and says of it what --pictures says of the shards that
tools/extract.py wrote: classes by partition, votes, what was left out.
"""

from absl import flags

from emotf.command import run, way

RECORDS = flags.DEFINE_string("records", None, "Folder of one corpus's records.")
RUN = flags.DEFINE_string("run", None, "Folder of a run.")
CORPUS = flags.DEFINE_string("corpus", None, "A corpus, by the name of its file in emotf/corpora.")
PICTURES = flags.DEFINE_string("pictures", None, "Folder of the shards of a corpus of pictures.")
IMAGES = flags.DEFINE_string("images", None, "A corpus of pictures, by the name of its file in emotf/images.")
DIR = flags.DEFINE_string("dir", "", "With --corpus or --images: the folder that holds it.")
SET = flags.DEFINE_multi_string(
    "set", [], "With --corpus or --images: a field of it, name=value; may be given several times."
)
TAKES = {"records": (), "run": (), "corpus": ("dir", "set"), "pictures": (), "images": ("dir", "set")}


def examine(corpus):
    from emotf.errors import UserError
    from emotf.report import descriptions

    findings = corpus.examine()
    print(descriptions.of_examination(findings))
    wrong = [finding.what for finding in findings if finding.needed]
    if wrong:
        raise UserError(
            f"{len(wrong)} of {len(findings)} findings stand in the way: {', '.join(wrong)}; mend them first."
        )


def main(_):
    chosen = way(TAKES)

    from emotf.recipes import with_fields
    from emotf.records import PictureStore, Store
    from emotf.report import descriptions, picture_content
    from emotf.runs import Run

    settings = [f"dir={DIR.value}", *SET.value]
    if chosen == "corpus":
        examine(with_fields("corpora", CORPUS.value, settings))
    elif chosen == "images":
        print(picture_content.of_images(with_fields("images", IMAGES.value, settings)))
    elif chosen == "pictures":
        print(picture_content.of_shards(PictureStore(PICTURES.value)))
    elif chosen == "records":
        print(descriptions.of_records(Store(RECORDS.value)))
    else:
        print(descriptions.of_run(Run(RUN.value)))


if __name__ == "__main__":
    run(main)

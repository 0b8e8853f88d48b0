"""Turns recordings into streams, rated by a corpus or of plain media files, and pictures into shards: all TFRecords.

    python tools/extract.py --config=configs/cer_mtl.py:emodb --config.corpus.source=EMODB/wav
    python tools/extract.py --media='clips/*.mp4' --streams=mel128,pose36:flags=false --out=work/records/clips
    python tools/extract.py --images=ferplus --dir=FERPlus --set=rule=probability --out=work/pictures/ferplus

Run it again to continue after a stop, or to add a stream: what is there and whole is kept. A file that cannot be read
does not stop the others; it is named, and the exit code is 1 at the end.

    python tools/extract.py --corpus=avec --twin=work/avec_twin

writes a tiny synthetic corpus in the published layout of a corpus that you do not have (yet), and extracts nothing.
"""

from pathlib import Path

from absl import flags

import emotf.command
from emotf.annotation import FUSIONS
from emotf.command import define_config, experiment, needed, run, way

CONFIG = define_config(required=False)
MEDIA = flags.DEFINE_multi_string("media", None, "Sound or video files that nobody rated, by path, pattern or folder "
    "(not those below it). Name all of them every time: who is not named leaves the store.")  # fmt: skip
STREAMS = flags.DEFINE_string("streams", None, "With --media: features (files of emotf/features/) with commas between, "
    "each with its fields after colons where they are not the default, and a name before an equals sign where it shall "
    "have another: mel128,face_mesh:rate_hz=25,slow=mfcc39:frame_rate_hz=25. rate_hz puts clips of uneven or different "
    "rates on one clock.")  # fmt: skip
IMAGES = flags.DEFINE_string("images", None, "A corpus of pictures, by the name of its file in emotf/images.")
DIR = flags.DEFINE_string("dir", "", "With --images: the folder that holds it.")
SET = flags.DEFINE_multi_string("set", [], "With --images, --twin: a field of the corpus, name=value; repeatable.")
CODING = flags.DEFINE_enum("coding", "png", ("png", "jpeg"), "With --images: png loses nothing, jpeg is smaller.")
QUALITY = flags.DEFINE_integer("quality", None, "Of --coding=jpeg, 95 unless given.", lower_bound=1, upper_bound=100)
flags.DEFINE_string("out", None, "With --media, --images: folder of the records or shards; a recipe names its own.")
WORKERS = flags.DEFINE_integer("workers", 1, "Processes that extract, a recording at a time.", lower_bound=1)
BEAM = flags.DEFINE_multi_string("beam", None, "Option of an Apache Beam pipeline that extracts instead, once each: "
    "--beam=--runner=DirectRunner. Its machines must see the media and the records.")  # fmt: skip
FUSION = flags.DEFINE_enum("fusion", "mean", list(FUSIONS), "How raters become the gold standard: their mean; weighted "
    "by reliability (evaluator weighted estimator); their mean, moved to a level weighted by agreement (CCC-centring); "
    "or each brought to their common mean and spread first. tools/agreement.py compares them.")  # fmt: skip
TWIN = flags.DEFINE_string("twin", None, "New folder for a synthetic corpus in the layout of --corpus.")
flags.DEFINE_string("corpus", None, "With --twin: the corpus, of recordings or of pictures, for example avec.")
SEED = flags.DEFINE_integer("seed", 0, "With --twin: decides its content.", lower_bound=0)
flags.adopt_module_key_flags(emotf.command)
TAKES = {"config": ("workers", "beam", "fusion"), "media": ("streams", "out", "workers", "beam"),
         "images": ("dir", "set", "coding", "quality", "out"), "twin": ("corpus", "set", "seed")}  # fmt: skip


def streams(chosen):
    from emotf.media import media_files
    from emotf.recipes import streams_of
    from emotf.records import extract, extract_media
    from emotf.report.speeds import report_extraction

    work = {"workers": WORKERS.value}
    if BEAM.value:
        from emotf.records.beam import with_beam

        work["elsewhere"] = with_beam(BEAM.value)
    if chosen == "media":
        folder = needed(chosen, "out", "work/records/clips")
        counts = extract_media(media_files(MEDIA.value), streams_of(STREAMS.value), folder, **work)
        return report_extraction(folder, counts)
    wanted = experiment(CONFIG).check()
    counts = extract(wanted.corpus, wanted.streams, wanted.store, FUSION.value, **work)
    return report_extraction(wanted.store, counts, wanted.corpus.notes())


def pictures(chosen):
    from emotf.recipes import with_fields
    from emotf.records import PictureStore
    from emotf.report.picture_content import of_writing

    store = PictureStore(needed(chosen, "out", f"work/pictures/{IMAGES.value}"))
    corpus = with_fields("images", IMAGES.value, [f"dir={DIR.value}", *SET.value])
    store.write(corpus, CODING.value, QUALITY.value)
    return of_writing(store)


def twin(chosen):
    from emotf.catalog import among
    from emotf.recipes import with_fields
    from emotf.report.descriptions import of_twin

    corpus = with_fields(*among(("corpora", "images"), needed(chosen, "corpus", "avec")), SET.value)
    return of_twin(corpus.write_twin(Path(TWIN.value), SEED.value))


def main(_):
    from emotf.media import check_opencv

    chosen = way(TAKES)
    check_opencv()
    print({"images": pictures, "twin": twin}.get(chosen, streams)(chosen))


if __name__ == "__main__":
    run(main)

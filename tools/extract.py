"""Turns recordings into streams: TFRecords of the gold standard and every stream of a recipe, or of plain media files.

    python tools/extract.py --config=configs/cer_mtl.py:emodb --config.corpus.source=EMODB/wav
    python tools/extract.py --media='clips/*.mp4' --streams=mel128,pose36:flags=false --out=work/records/clips

Run it again to continue after a stop, or to add a stream: what is there and whole is kept. A file that cannot be read
does not stop the others; it is named, and the exit code is 1 at the end.

    python tools/extract.py --corpus=avec --twin=work/avec_twin

writes a tiny synthetic corpus in the published layout of a corpus that you do not have (yet), and extracts nothing.
"""

from pathlib import Path

from absl import flags

import emotf.command
from emotf.annotation import FUSIONS
from emotf.command import define_config, experiment, run

CONFIG = define_config(required=False)
MEDIA = flags.DEFINE_multi_string(
    "media",
    None,
    "Instead of --config: sound or video files that nobody rated, by path, pattern or folder (not those "
    "below it). Name all of them every time: who is not named leaves the store.",
)
STREAMS = flags.DEFINE_string(
    "streams", None, "With --media: features (files of emotf/features/) with commas between, each with its fields "
    "after colons where they are not the default, and a name before an equals sign where it shall have another: "
    "mel128,face_mesh:rate_hz=25,slow=mfcc39:frame_rate_hz=25. rate_hz puts clips of uneven or different rates on one "
    "clock.",
)  # fmt: skip
OUT = flags.DEFINE_string("out", None, "With --media: folder of the records.")
WORKERS = flags.DEFINE_integer("workers", 1, "Processes that extract, a recording at a time.", lower_bound=1)
BEAM = flags.DEFINE_multi_string(
    "beam", None, "Option of an Apache Beam pipeline that extracts instead, once each: --beam=--runner=DirectRunner. "
    "Its machines must see the media and the records.",
)  # fmt: skip
FUSION = flags.DEFINE_enum(
    "fusion", "mean", list(FUSIONS),
    "How raters become the gold standard: their mean; weighted by reliability (evaluator weighted estimator); their "
    "mean, moved to a level weighted by agreement (CCC-centring); or each brought to their common mean and spread "
    "first. tools/agreement.py compares them.",
)  # fmt: skip
TWIN = flags.DEFINE_string("twin", None, "New folder for a synthetic corpus in the layout of --corpus.")
CORPUS = flags.DEFINE_string("corpus", None, "With --twin: the corpus whose layout it has, for example avec.")
SEED = flags.DEFINE_integer("seed", 0, "With --twin: decides its content.", lower_bound=0)
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
    from emotf.errors import UserError
    from emotf.media import check_opencv, media_files
    from emotf.recipes import streams_of
    from emotf.records import extract, extract_media
    from emotf.report.speeds import report_extraction

    check_opencv()
    work = {"workers": WORKERS.value}
    if BEAM.value:
        from emotf.records.beam import with_beam

        work["elsewhere"] = with_beam(BEAM.value)
    if MEDIA.value:
        if not OUT.value:
            raise UserError("--media needs --out, the folder of the records, for example --out=work/records/clips.")
        folder, notes = Path(OUT.value), ()
        counts = extract_media(media_files(MEDIA.value), streams_of(STREAMS.value), folder, **work)
    else:
        wanted = experiment(CONFIG).check()
        folder, notes = Path(wanted.store), wanted.corpus.notes()
        counts = extract(wanted.corpus, wanted.streams, folder, FUSION.value, **work)
    print(report_extraction(folder, counts, notes))


def main(_):
    from emotf.errors import UserError

    ways = [name for name, flag in (("config", CONFIG), ("media", MEDIA), ("twin", TWIN)) if flag.value]
    if len(ways) != 1:
        raise UserError(f"Give one of --config, --media, --twin, received {' and '.join(ways) or 'none'}.")
    if CONFIG.value and (STREAMS.value or OUT.value):
        raise UserError("--streams and --out go with --media; a recipe names its own: --config.data.records=<folder>.")
    if TWIN.value:
        write_twin()
    else:
        extract_records()


if __name__ == "__main__":
    run(main)

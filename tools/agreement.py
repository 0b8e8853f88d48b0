"""How far the raters of a corpus agree, and how the gold standards differ that each fusion makes of them.

    python tools/agreement.py --corpus=folder --dir=DIR
    python tools/agreement.py --corpus=avec --dir=AVEC2015 --set=raters=individual --out=work/agreement/avec

Prints, target by target: CCC and PCC of pairs of raters, of each rater with the mean of the others, Cronbach's alpha;
mean, spread and agreement of the fusions. Writes agreement.csv (also recording by recording), raters.csv, fusions.csv
and agreement.png (CCC of every pair, traces of one recording) into --out. No records are needed.
"""

from pathlib import Path

from absl import flags

from emotf.annotation import FUSIONS
from emotf.command import run

CORPUS = flags.DEFINE_string("corpus", None, "A corpus, by the name of its file in emotf/corpora.", required=True)
DIR = flags.DEFINE_string("dir", None, "Folder that holds the corpus.", required=True)
SET = flags.DEFINE_multi_string("set", [], "A field of the corpus, name=value; may be given several times.")
OUT = flags.DEFINE_string("out", "", "Folder of tables and picture; without it they are only printed.")
FUSION = flags.DEFINE_enum("fusion", "mean", list(FUSIONS), "Gold standard in the picture.")
RECORDING = flags.DEFINE_string("recording", "", "Recording in the picture, by id; the first by default.")


def main(_):
    from emotf.errors import UserError
    from emotf.recipes import with_fields
    from emotf.report import agreement, figures, rater_figures

    corpus = with_fields("corpora", CORPUS.value, [f"dir={DIR.value}", *SET.value])
    corpus.prepare()
    recordings = corpus.recordings()
    if RECORDING.value and RECORDING.value not in [recording.id for recording in recordings]:
        raise UserError(f"{DIR.value} has no recording {RECORDING.value!r}; the first is {recordings[0].id!r}.")
    found = agreement.study(corpus, recordings)
    print(agreement.table(found))
    if OUT.value:
        out = Path(OUT.value)
        paths = agreement.write(found, out)
        ratings = {target: one.ratings for target, one in found.items()}
        figures.save(rater_figures.agreement(ratings, FUSION.value, RECORDING.value), out / "agreement.png")
        for path in [*paths, out / "agreement.png"]:
            print(path)


if __name__ == "__main__":
    run(main)

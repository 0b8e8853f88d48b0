"""Predicts the trace of a recording of your own: CSV (time and one column a target) and a plot.

python tools/predict.py --run=work/runs/emodb_mtl --media=speech.wav
python tools/predict.py --run=work/runs/synthetic_mtl --media=audio=speech.wav --media=body=body.csv
"""

from pathlib import Path

from absl import flags

from emotf.command import run

RUN = flags.DEFINE_string("run", None, "Folder of a finished run.", required=True)
MEDIA = flags.DEFINE_multi_string(
    "media", None, "File to predict; as <medium>=<file>, once each, where the run reads several media.", required=True
)
POSTPROCESS = flags.DEFINE_bool("postprocess", False, "Apply what tools/postprocess.py fitted on this run.")
OUT = flags.DEFINE_string("out", "", "Path of the CSV; the plot goes beside it. Default: <run>/media/<file>.csv")


def main(_):
    from emotf.prediction import media_of, predict_media
    from emotf.refinement import chains_of, refine
    from emotf.report import figures
    from emotf.runs import Run
    from emotf.tables import write_track

    trained = Run(RUN.value)
    media = media_of(trained, MEDIA.value)
    first = Path(next(iter(media.values())))
    path = Path(OUT.value) if OUT.value else trained.trace(first.name)
    chains = chains_of(trained) if POSTPROCESS.value else {}
    track = predict_media(trained, media)
    track = refine(chains, track) if chains else track
    write_track(path, track)
    figures.save(figures.traces(track, title=first.name), path.with_suffix(".png"))
    print(f"{track.frames} frames, {1 / track.hop:g}/s, {', '.join(track.channels)}")
    print(path)
    print(path.with_suffix(".png"))


if __name__ == "__main__":
    run(main)

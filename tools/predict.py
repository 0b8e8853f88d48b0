"""Predicts the trace of a recording of your own: CSV (time and one column a target), a plot, and a video.

python tools/predict.py --run=work/runs/emodb_mtl --media=speech.wav
python tools/predict.py --run=work/runs/emodb_mtl --media=clip.mp4 --overlay --words
python tools/predict.py --run=work/runs/synthetic_mtl --media=audio=speech.wav --media=body=body.csv
"""

from pathlib import Path

from absl import flags

from emotf.command import run

RUN = flags.DEFINE_string("run", None, "Folder of a finished run.", required=True)
MEDIA = flags.DEFINE_multi_string(
    "media",
    None,
    "File to predict; a video serves a run that reads audio, video or both. As <medium>=<file>, once each, where the "
    "run reads other media too.",
    required=True,
)
POSTPROCESS = flags.DEFINE_bool("postprocess", False, "Apply what tools/postprocess.py fitted on this run.")
OVERLAY = flags.DEFINE_bool("overlay", False, "Write an mp4 as well: the video with the prediction drawn on it.")
WORDS = flags.DEFINE_bool("words", False, "Name each frame's valence and arousal by the nearest emotion word.")
OUT = flags.DEFINE_string("out", "", "Path of the CSV; the others go beside it. Default: <run>/media/<file>.csv")


def main(_):
    from emotf.files import remove_remains
    from emotf.media import picture_times
    from emotf.prediction import check_words, in_words, media_of, outputs_of, predict_media
    from emotf.refinement import chains_of, refine
    from emotf.report import figures
    from emotf.report.overlay import overlay
    from emotf.runs import Run
    from emotf.tables import write_track

    trained = Run(RUN.value)
    media = media_of(trained, MEDIA.value, OVERLAY.value)
    first = Path(next(iter(media.values())))
    out = outputs_of(OUT.value, trained.trace(first.name), media, OVERLAY.value)
    if WORDS.value and trained.finished:  # one that is not is refused below
        check_words(trained.about["targets"])
    times = picture_times(media["video"]) if OVERLAY.value else None  # no pictures: said before all other work
    chains = chains_of(trained) if POSTPROCESS.value else {}
    prediction = predict_media(trained, media)
    track = refine(chains, prediction.trace) if chains else prediction.trace
    write_track(out["csv"], track)
    figures.save(figures.traces(track, title=first.name, found=prediction.found), out["png"])
    named = in_words(track) if WORDS.value else {}  # values may be on a scale that has no words
    write_track(out["csv"], track, beside=named)
    if OVERLAY.value:
        overlay(Path(media["video"]), out["mp4"], track, times, named.get("word"))
    for path in out.values():
        remove_remains(path.parent, path.name)  # of a prediction that was killed
    print(f"{track.frames} frames, {1 / track.hop:g}/s, {', '.join(track.channels)}")
    print(*out.values(), sep="\n")


if __name__ == "__main__":
    run(main)

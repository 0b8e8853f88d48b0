"""Draws the trace of sound while it is heard, or of a face while it is filmed.

    python tools/live.py --run=work/runs/emodb_mtl --microphone
    python tools/live.py --run=work/runs/emodb_mtl --file=clip.wav --out=work/clip_live.csv
    python tools/live.py --run=work/runs/mesh --camera=0

A run of sound (mfcc39, mel128) listens to a microphone or to a file at its own speed; a run of a face's mesh
(face_mesh, landmarks140, head_pose) watches a camera or a video. A frame is drawn as soon as it is final, which takes a
feature image half its length; the delay is said first. What is drawn is what tools/predict.py gives of the whole
recording. End a microphone or camera with Ctrl-C; --out is written then, too.
"""

import time
from pathlib import Path

from absl import flags

from emotf.command import run

RUN = flags.DEFINE_string("run", None, "Folder of a finished run.", required=True)
FILE = flags.DEFINE_string("file", "", "A sound file or a video.")
MICROPHONE = flags.DEFINE_bool("microphone", False, "Listens to the default microphone (package sounddevice).")
CAMERA = flags.DEFINE_integer("camera", None, "Watches the camera of this number, from 0.", lower_bound=0)
SPEED = flags.DEFINE_float("speed", 1.0, "With --file: 2 is twice as fast, 0 as fast as can be.", lower_bound=0.0)
POSTPROCESS = flags.DEFINE_bool("postprocess", False, "Apply what tools/postprocess.py fitted on this run.")
OUT = flags.DEFINE_string("out", "", "Path of a CSV of the trace.")


def source():
    """What comes, with its trace."""
    from emotf.errors import UserError
    from emotf.runs import Run
    from emotf.serving import listening, watching
    from emotf.serving.streaming import StreamingPredictor

    live, path = Run(RUN.value), Path(FILE.value)
    if "video" in {medium for feature in live.experiment.streams.values() for medium in feature.media}:
        if MICROPHONE.value:
            raise UserError("This run watches a video; name a --file or a --camera.")
        watched = watching.Watched.of(live)
        predictor = StreamingPredictor.of(live, "streams", POSTPROCESS.value)
        film = watching.film_at_speed(path, SPEED.value) if FILE.value else watching.camera(CAMERA.value)
        return listening.OfFilm(predictor, watched, film)
    if CAMERA.value is not None:
        raise UserError("This run does not watch a video; name a --file or the --microphone.")
    predictor = StreamingPredictor.of(live, postprocessed=POSTPROCESS.value)
    rate_hz = predictor.rate_hz
    of_file = FILE.value and listening.file_at_speed(path, rate_hz, SPEED.value)
    return listening.OfSound(predictor, of_file or listening.microphone(rate_hz))


def main(_):
    from emotf.errors import UserError
    from emotf.progress import say

    if bool(FILE.value) + MICROPHONE.value + (CAMERA.value is not None) != 1:
        raise UserError("Name one of --file=<sound or video>, --microphone and --camera=<number>.")
    if SPEED.present and not FILE.value:
        raise UserError("--speed is for --file; microphones and cameras have their own.")
    if OUT.value and (Path(OUT.value).suffix != ".csv" or Path(OUT.value).is_dir()):
        raise UserError(f"--out={OUT.value} is the path of a CSV; let it end in .csv, and be no folder.")
    if FILE.value and not Path(FILE.value).is_file():
        raise UserError(f"There is no file {FILE.value}.")

    from emotf.serving import listening
    from emotf.tables import write_track

    coming = source()
    targets, hop = coming.predictor.targets, coming.predictor.hop
    say(f"{', '.join(targets)} at {1 / hop:g}/s; a frame is final {coming.predictor.delay:.2f} s after it")
    found, started, at_speed = [], time.monotonic(), not FILE.value or SPEED.value == 1
    with listening.Terminal(targets, hop) as terminal:
        try:
            for trace in coming:
                found.append(trace)
                terminal.show(trace, time.monotonic() - started - trace.end if at_speed else None)
        except KeyboardInterrupt:
            say("stopped")
        found.append(coming.rest())
        terminal.show(found[-1])
    trace = listening.join_parts(found)
    print(listening.summary(trace, coming.took))
    if OUT.value:
        write_track(Path(OUT.value), trace)
        print(OUT.value)


if __name__ == "__main__":
    run(main)

"""Draws the trace of sound while it is heard: from a microphone, or from a file at its own speed.

    python tools/live.py --run=work/runs/emodb_mtl --microphone
    python tools/live.py --run=work/runs/emodb_mtl --file=clip.wav --out=work/clip_live.csv

All streams of the run must be of sound (mfcc39, mel128). A frame is drawn as soon as it is final, which takes a feature
image half its length; the delay is said first. What is drawn is what tools/predict.py gives of the whole recording.
End a microphone with Ctrl-C; --out is written then, too.
"""

import time
from pathlib import Path

from absl import flags

from emotf.command import run

RUN = flags.DEFINE_string("run", None, "Folder of a finished run.", required=True)
FILE = flags.DEFINE_string("file", "", "A sound file, or a video with sound.")
MICROPHONE = flags.DEFINE_bool("microphone", False, "Listens to the default microphone (package sounddevice).")
SPEED = flags.DEFINE_float("speed", 1.0, "With --file: 2 is twice as fast, 0 as fast as can be.", lower_bound=0.0)
POSTPROCESS = flags.DEFINE_bool("postprocess", False, "Apply what tools/postprocess.py fitted on this run.")
OUT = flags.DEFINE_string("out", "", "Path of a CSV of the trace.")


def main(_):
    from emotf.errors import UserError
    from emotf.progress import say
    from emotf.runs import Run
    from emotf.serving import listening
    from emotf.serving.streaming import StreamingPredictor
    from emotf.tables import write_track
    from emotf.track import join

    if bool(FILE.value) == MICROPHONE.value:
        raise UserError("Name one of --file=<sound file> and --microphone.")
    if OUT.value and Path(OUT.value).suffix != ".csv":
        raise UserError(f"--out={OUT.value} is the path of a CSV; let it end in .csv.")
    if OUT.value and Path(OUT.value).is_dir():
        raise UserError(f"--out={OUT.value} is a folder; name a file.")
    if MICROPHONE.value and SPEED.present:
        raise UserError("--speed is for --file; a microphone has its own.")
    if FILE.value and not Path(FILE.value).is_file():
        raise UserError(f"There is no file {FILE.value}.")
    predictor = StreamingPredictor.of(Run(RUN.value), postprocessed=POSTPROCESS.value)
    rate_hz = predictor.rate_hz
    blocks = (
        listening.microphone(rate_hz)
        if MICROPHONE.value
        else listening.file_at_speed(Path(FILE.value), rate_hz, SPEED.value)
    )
    say(f"{', '.join(predictor.targets)} at {1 / predictor.hop:g}/s; a frame is final {predictor.delay:.2f} s after it")
    found, took, started = [], [], time.monotonic()
    at_speed = MICROPHONE.value or SPEED.value == 1
    with listening.Terminal(predictor.targets, predictor.hop) as terminal:
        try:
            for block in blocks:
                began = time.monotonic()
                found.append(predictor.push(block))
                took.append(time.monotonic() - began)
                terminal.show(found[-1], time.monotonic() - started - found[-1].end if at_speed else None)
        except KeyboardInterrupt:
            say("stopped")
        found.append(predictor.finish())
        terminal.show(found[-1])
    trace = join([part for part in found if part.frames])
    print(listening.summary(trace, took))
    if OUT.value:
        write_track(Path(OUT.value), trace)
        print(OUT.value)


if __name__ == "__main__":
    run(main)

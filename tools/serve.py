"""Serves a run as a web page: drop a clip, see its traces, the valence-arousal plane and words, download the CSV.

python tools/serve.py --run=work/runs/emodb_speech
curl -F clip=@speech.wav http://127.0.0.1:8000/predict
curl -F clip=@speech.wav -H "Accept: text/csv" http://127.0.0.1:8000/predict

For runs of sound and video. It listens to this machine only, unless --host says otherwise; it knows no passwords and no
TLS, so put a proxy that does before it where strangers come in. Clips are deleted as soon as they are answered. See
docs/serving.md.
"""

from absl import flags

from emotf.command import run

RUN = flags.DEFINE_string("run", None, "Folder of a finished run.", required=True)
HOST = flags.DEFINE_string("host", "127.0.0.1", "Name or address to listen on; 0.0.0.0 for the whole network.")
PORT = flags.DEFINE_integer("port", 8000, "Port to listen on; 0 for any that is free.")
MAX_MB = flags.DEFINE_float("max_mb", 25, "Largest clip, 10^6 bytes.")
MAX_SECONDS = flags.DEFINE_float("max_seconds", 120, "Longest clip, decoded.")
WORKERS = flags.DEFINE_integer("workers", 2, "Predictions at the same time, a process each (some 1 GB of memory).")
WAITING = flags.DEFINE_integer("waiting", 16, "Clips that may wait for one; further ones are refused (503).")
POSTPROCESS = flags.DEFINE_bool("postprocess", False, "Apply what tools/postprocess.py fitted on this run.")


def main(_):
    from emotf.serving.page import Service, serve
    from emotf.serving.workers import Work

    work = Work(RUN.value, POSTPROCESS.value, MAX_SECONDS.value, WORKERS.value)
    serve(Service(work, round(MAX_MB.value * 1e6), WAITING.value), HOST.value, PORT.value)


if __name__ == "__main__":
    run(main)

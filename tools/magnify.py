"""Makes small changes in a video visible: a copy in which what changes in a band of frequencies is larger.

    python tools/magnify.py --media=face.mp4 --out=pulse.mp4
    python tools/magnify.py --media=face.mp4 --out=tremor.mp4 --mode=motion --alpha=10 --low_hz=2 --high_hz=6

`color` magnifies changes of brightness and colour (the pulse in a face: 0.8 to 3 Hz, that is 48 to 180 beats a minute),
`motion` small motions (up to 5 Hz). Changes in the band grow by 1 + alpha; more alpha magnifies noise as well, which
a larger --cutoff_px keeps away. Film a still subject from a tripod: large motions are magnified with the rest. The copy
keeps the sound (as mono) and appears whole or not at all.
"""

from absl import flags

from emotf.command import run

MEDIA = flags.DEFINE_string("media", None, "The video.", required=True)
OUT = flags.DEFINE_string("out", None, "The new video, .mp4.", required=True)
MODE = flags.DEFINE_enum("mode", "color", ["color", "motion"], "What is magnified.")
ALPHA = flags.DEFINE_float("alpha", 5.0, "What is added, as a multiple of what is there; above 0.")
LOW = flags.DEFINE_float("low_hz", 0.8, "Lower edge of the band; the clip must last 1.25 of its periods.")
HIGH = flags.DEFINE_float("high_hz", None, "Upper edge of the band. Default: 3 for color, 5 for motion.")
CUTOFF = flags.DEFINE_float(
    "cutoff_px", None,
    "color: waves shorter than this many pixels are not magnified; motion: they are by less than alpha. Default: 64 "
    "for color, 16 for motion.",
)  # fmt: skip
CHROMA = flags.DEFINE_float("chroma", 1.0, "Share of alpha that colour without brightness gets, 0 to 1.")
FILTER = flags.DEFINE_enum(
    "filter", "streaming", ["streaming", "ideal"],
    "Over time. streaming: bounded memory, soft edges of the band; ideal: sharp edges, for clips that fit into 2 GiB.",
)  # fmt: skip
RATE = flags.DEFINE_float("rate_hz", 0.0, "Frames a second of the copy. Default: as filmed, which takes a steady rate.")


def main(_):
    from emotf.magnification import Magnifier, magnify_video

    magnifier = Magnifier(MODE.value, ALPHA.value, LOW.value, HIGH.value, CUTOFF.value, CHROMA.value, FILTER.value)
    frames, rate_hz = magnify_video(MEDIA.value, OUT.value, magnifier, RATE.value)
    low_hz, high_hz = magnifier.band_hz
    print(f"{frames} frames, {rate_hz:.6g}/s; {low_hz:g} to {high_hz:g} Hz {1 + ALPHA.value:g} times as large")
    print(OUT.value)


if __name__ == "__main__":
    run(main)

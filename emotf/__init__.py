"""emotf: time-continuous emotion recognition with TensorFlow and Keras 3.

Recordings (speech, face video, body pose, physiology) go in; traces of arousal, valence and dominance come out.
Importing this package loads nothing heavy: every room imports TensorFlow, librosa and friends where it uses them.
"""

__version__ = "0.1.0"

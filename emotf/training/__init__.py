"""Training one run: objective, loop, exact resume, progress and figures."""

from emotf.training.loop import train

__all__ = ["train"]

"""Scaling: the spread of predictions moved to that of the gold standard."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from emotf.measures import Moments
from emotf.postprocessing.base import Step, Traces


@dataclass
class Scaling(Step):
    """m + s (ŷ - m): s = sd of the gold standard / sd of predictions, m the mean of predictions, over all rated frames.

    Predictions without any spread are left as they are.

    Attributes:
        scale_, middle_: s and m.

    Reference:
        Trigeorgis et al. 2016, "Adieu features? End-to-end speech emotion recognition using a deep convolutional
        recurrent network", ICASSP (median filter, centring, scaling, time shift).
    """

    scale_: float | None = None
    middle_: float | None = None

    def fit(self, gold: Traces, prediction: Traces, hop: float) -> Self:
        whole = sum((Moments.of(gold[name], prediction[name]) for name in gold), Moments())
        varied = whole.gold_power > 0 and whole.prediction_power > 0
        self.scale_ = float(1 / whole.scale) if varied else 1.0
        self.middle_ = float(whole.prediction_mean)
        return self

    def transform(self, prediction: np.ndarray, hop: float) -> np.ndarray:
        self.check_fitted()
        assert self.scale_ is not None and self.middle_ is not None
        return self.middle_ + self.scale_ * (prediction - self.middle_)

"""Centring: the mean of predictions moved to that of the gold standard."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from emotf.measures import Moments
from emotf.postprocessing.base import Step, Traces


@dataclass
class Centring(Step):
    """ŷ + (mean of the gold standard - mean of predictions), over all rated frames of the partition it is fitted on.

    Attributes:
        shift_: what is added, in units of the target.

    Reference:
        Trigeorgis et al. 2016, "Adieu features? End-to-end speech emotion recognition using a deep convolutional
        recurrent network", ICASSP (median filter, centring, scaling, time shift).
    """

    shift_: float | None = None

    def fit(self, gold: Traces, prediction: Traces, hop: float) -> Self:
        whole = sum((Moments.of(gold[name], prediction[name]) for name in gold), Moments())
        self.shift_ = float(whole.gold_mean - whole.prediction_mean)
        return self

    def transform(self, prediction: np.ndarray, hop: float) -> np.ndarray:
        self.check_fitted()
        assert self.shift_ is not None
        return prediction + self.shift_

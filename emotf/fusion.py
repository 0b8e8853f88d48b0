"""Late fusion: several predictions of one target become one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from emotf.errors import UserError

METHODS = ("least_squares", "ridge", "non_negative")


@dataclass
class LinearFusion:
    """ŷ = b + Σ_k w_k ŷ_k over the predictions ŷ_k of several systems, least squares over the rated frames.

    Attributes:
        method: `least_squares` (Chen & Jin); `ridge`, which holds the weights of systems that agree together;
            `non_negative`, which lets no system count against itself.
        penalty: of `ridge`, on weights for predictions of unit variance.
        weights_: w_k, one a system.
        intercept_: b, in units of the target.

    Example:
        >>> y = np.array([0.0, 1.0, 2.0, np.nan])
        >>> fusion = LinearFusion().fit({"r": y}, [{"r": np.array([0.0, 2.0, 4.0, 6.0])}])
        >>> fusion.transform([np.array([1.0, 3.0])]).round(6).tolist()
        [0.5, 1.5]

    Reference:
        Chen & Jin 2015 (linear regression on the smoothed predictions of sub-systems).
    """

    method: str = "least_squares"
    penalty: float = 1.0
    weights_: tuple[float, ...] | None = None
    intercept_: float | None = None

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise UserError(f"Fusion method is {self.method!r}, expected one of {', '.join(METHODS)}.")
        if self.penalty < 0:
            raise UserError(f"The penalty of a fusion must not be negative, received {self.penalty}.")

    def fit(self, gold: Mapping[str, np.ndarray], predictions: Sequence[Mapping[str, np.ndarray]]) -> Self:
        """Learns from traces of one partition.

        Args:
            gold: recording -> [frames], NaN where unrated.
            predictions: of each system, recording -> [frames].

        Raises:
            UserError: there are fewer rated frames than weights.
        """
        from sklearn.linear_model import LinearRegression, Ridge

        y = np.concatenate([gold[name] for name in gold])
        x = np.stack([np.concatenate([system[name] for name in gold]) for system in predictions], axis=1)
        rated = ~np.isnan(y)
        if rated.sum() <= len(predictions):
            raise UserError(
                f"{int(rated.sum())} rated frames are too few for {len(predictions)} weights and an intercept."
            )
        # a penalty is fair only among predictions of one spread
        spread = np.where(x[rated].std(axis=0) > 0, x[rated].std(axis=0), 1.0)
        model = (
            Ridge(self.penalty) if self.method == "ridge" else LinearRegression(positive=self.method == "non_negative")
        )
        model.fit(x[rated] / spread, y[rated])
        self.weights_ = tuple(float(w) for w in model.coef_ / spread)
        self.intercept_ = float(model.intercept_)
        return self

    def transform(self, predictions: Sequence[np.ndarray]) -> np.ndarray:
        """One trace [frames] of those of all systems, in the order of `fit`.

        Raises:
            UserError: nothing was learned yet, or the number of systems is another.
        """
        if self.weights_ is None or self.intercept_ is None:
            raise UserError("LinearFusion is not fitted; fit it on development first.")
        if len(predictions) != len(self.weights_):
            raise UserError(f"The fusion joins {len(self.weights_)} systems, received {len(predictions)}.")
        return self.intercept_ + np.tensordot(self.weights_, np.stack(predictions), axes=1)

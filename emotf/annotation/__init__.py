"""From raters to the gold standard: fusion of raters, how far they agree, how late they rate."""

from emotf.annotation.agreement import (
    agreement,
    agreement_of_raters,
    compare_fusions,
    cronbach_alpha,
    pairwise,
    rated_by_two,
    raters_of,
)
from emotf.annotation.delay import DelayCurve, delay_by_correlation, delay_by_ridge, delays_up_to
from emotf.annotation.fusion import FUSIONS, ccc_centred, evaluator_weighted, mean_of_raters, normalised
from emotf.annotation.gold import Rated, compensate_delay, gold_standard, ratings_of

__all__ = [
    "FUSIONS",
    "DelayCurve",
    "Rated",
    "agreement",
    "agreement_of_raters",
    "ccc_centred",
    "compare_fusions",
    "compensate_delay",
    "cronbach_alpha",
    "delay_by_correlation",
    "delay_by_ridge",
    "delays_up_to",
    "evaluator_weighted",
    "gold_standard",
    "mean_of_raters",
    "normalised",
    "pairwise",
    "rated_by_two",
    "raters_of",
    "ratings_of",
]

"""From the predictions of finished runs to better ones: post-processing of one, late fusion of several."""

from emotf.refinement.fuse import Joined, fuse, join
from emotf.refinement.postprocess import Refined, chains_of, column, postprocess, refine

__all__ = ["Joined", "Refined", "chains_of", "column", "fuse", "join", "postprocess", "refine"]

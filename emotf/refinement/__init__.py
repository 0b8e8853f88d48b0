"""From the predictions of finished runs to better ones: post-processing of one, late fusion of several."""

from emotf.refinement.fuse import Joined, fuse
from emotf.refinement.postprocess import Refined, chains_of, postprocess, refine

__all__ = ["Joined", "Refined", "chains_of", "fuse", "postprocess", "refine"]

"""One step a file that makes predicted traces better: fitted on development, applied to what is reported."""

from emotf.postprocessing._chain import Fitted, fit_chain, transform_chain

__all__ = ["Fitted", "fit_chain", "transform_chain"]

"""Classifiers of pictures: trained, scored, compared.

A run is one network on one corpus, trained from shards of pictures; its body without the classifier is a file that the
feature `resnet50` takes.
"""

from emotf.classification.config import Classification
from emotf.classification.evaluation import score
from emotf.classification.reporting import report
from emotf.classification.systems import runs
from emotf.classification.training import train

__all__ = ["Classification", "report", "runs", "score", "train"]

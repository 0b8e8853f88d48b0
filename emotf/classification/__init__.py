"""Classifiers of pictures: trained, scored, compared.

A run is one network on one corpus, trained from shards of pictures; its body without the classifier is a file that the
feature `resnet50` takes.
"""

"""The TFRecord store: one folder a stream, one file a recording, a schema, and a promise of what is complete."""

from emotf.records.extraction import extract
from emotf.records.store import GOLD, Entry, Schema, Store, Stream

__all__ = ["GOLD", "Entry", "Schema", "Store", "Stream", "extract"]

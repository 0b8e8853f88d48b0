"""The TFRecord store: one folder a stream, one file a recording, a schema, and a promise of what is complete."""

from emotf.records.coverage import nearest_frames
from emotf.records.extraction import extract, extract_media, extract_missing
from emotf.records.learning import LEARNED, check_unseen, read_learned, settings_of
from emotf.records.picture_part import PicturePart
from emotf.records.pictures import PictureSchema, PictureStore, checked, schema_of
from emotf.records.store import Store
from emotf.records.stream import GOLD, Entry, Schema, Stream

__all__ = [
    "GOLD",
    "LEARNED",
    "Entry",
    "PicturePart",
    "PictureSchema",
    "PictureStore",
    "Schema",
    "Store",
    "Stream",
    "check_unseen",
    "checked",
    "extract",
    "extract_media",
    "extract_missing",
    "nearest_frames",
    "read_learned",
    "schema_of",
    "settings_of",
]

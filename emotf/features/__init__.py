"""One feature a file: streams extracted from the media of a recording."""

"""One optimiser a file: dataclasses of settings with `build`, which returns a Keras optimiser."""

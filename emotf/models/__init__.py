"""One model a file: dataclasses of sizes with `build`, which returns a functional `keras.Model`."""

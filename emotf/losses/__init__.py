"""One loss a file: dataclasses that are Keras losses, exact and masked; gold is NaN where unrated."""

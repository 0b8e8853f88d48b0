"""One window a file: what part of a recording one training example is."""

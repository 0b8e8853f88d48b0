"""One corpus a file: readers of published layouts, behind one interface."""

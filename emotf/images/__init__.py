"""Pictures with a class each, one corpus a file: readers of published layouts, behind one interface."""

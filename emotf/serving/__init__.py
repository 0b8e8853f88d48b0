"""What runs without emotf, or while the sound is still coming: SavedModels, live traces."""

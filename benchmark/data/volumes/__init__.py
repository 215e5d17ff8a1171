"""Images with label maps: one folder format for all of them, readers of official layouts, grids and resampling."""

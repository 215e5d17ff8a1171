"""Folders of shape files, anyone's, as the point clouds that set metrics compare."""

from benchmark.data.clouds.folder import SUFFIXES, ShapeFolder, open_folder, read_shape
from benchmark.data.clouds.limits import BadShapeError
from benchmark.data.clouds.sampling import Convention, Normalisation, Sample, Sampling
from benchmark.data.clouds.shapes import Cloud, Grid, Mesh, Shape

__all__ = [
    "SUFFIXES",
    "BadShapeError",
    "Cloud",
    "Convention",
    "Grid",
    "Mesh",
    "Normalisation",
    "Sample",
    "Sampling",
    "Shape",
    "ShapeFolder",
    "open_folder",
    "read_shape",
]

"""Folders of shape files, anyone's, as the point clouds that set metrics compare."""

from benchmark.data.clouds.folder import SUFFIXES, ShapeFolder, open_folder, read_shape
from benchmark.data.clouds.sampling import Convention, Normalisation, Sample, Sampling
from benchmark.data.clouds.shapes import Grid, Shape
from medshape_text.reading import limits
from medshape_text.reading.limits import BadShapeError
from medshape_text.reading.meshes import Cloud, Mesh

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
    "limits",
    "open_folder",
    "read_shape",
]

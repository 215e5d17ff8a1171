"""The text-shape data set: curate, describe, publish and load anatomical shapes."""

from medshape_text.codec import decode_mask, decode_mesh, decode_sdf, decode_surface, published_sdf
from medshape_text.dataset import load
from medshape_text.manifest import DatasetError

__all__ = [
    "DatasetError",
    "decode_mask",
    "decode_mesh",
    "decode_sdf",
    "decode_surface",
    "load",
    "published_sdf",
]

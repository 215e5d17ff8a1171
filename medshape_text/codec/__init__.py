"""Geometry to bytes and back: the binary columns of the data set, each with its decoder.

All arrays are little-endian and C-ordered. Decoders take a row (a mapping of column names to values)
as the plain or the Arrow format of ``datasets`` gives it; every format can be read with numpy and
pyarrow alone, as its module says.
"""

from medshape_text.codec.cells import CellError
from medshape_text.codec.mesh import decode_mesh, encode_ply
from medshape_text.codec.sdf import decode_mask, decode_sdf, encode_sdf, published_sdf
from medshape_text.codec.surface import decode_surface, encode_normals, encode_points

__all__ = [
    "CellError",
    "decode_mask",
    "decode_mesh",
    "decode_sdf",
    "decode_surface",
    "encode_normals",
    "encode_ply",
    "encode_points",
    "encode_sdf",
    "published_sdf",
]

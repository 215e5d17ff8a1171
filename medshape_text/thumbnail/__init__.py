"""Small shaded pictures of shapes, drawn from their SDF without any graphics library."""

from medshape_text.thumbnail.picture import CORNER, FRONT, Direction, thumbnail

__all__ = ["CORNER", "FRONT", "Direction", "thumbnail"]

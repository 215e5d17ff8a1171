"""MedShapeNet: a list of links to STL files, downloaded once and read from then on."""

from medshape_text.sources.medshapenet.opening import open_medshapenet
from medshape_text.sources.medshapenet.source import MedShapeNetSource

__all__ = ["MedShapeNetSource", "open_medshapenet"]

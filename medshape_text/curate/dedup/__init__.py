"""Shapes that occur twice: under another name, turned, scaled, mirrored or meshed anew.

:func:`find_duplicates` names the pairs, :func:`resolve_duplicates` says which shapes stay.
"""

from medshape_text.curate.dedup.compare import LIMITS, Limits
from medshape_text.curate.dedup.records import KINDS, DuplicatePair, Entry
from medshape_text.curate.dedup.resolve import Resolution, resolve_duplicates
from medshape_text.curate.dedup.search import Samples, find_duplicates

VERSION = "1"
"""Raised whenever other pairs would be found."""

__all__ = [
    "KINDS",
    "LIMITS",
    "VERSION",
    "DuplicatePair",
    "Entry",
    "Limits",
    "Resolution",
    "Samples",
    "find_duplicates",
    "resolve_duplicates",
]

"""The one error of all sources."""

from __future__ import annotations


class SourceError(RuntimeError):
    """A source could not be fetched or is not what was expected."""

"""Where downloads are kept unless somebody says otherwise."""

from __future__ import annotations

import os
from pathlib import Path


def default_cache() -> Path:
    """``$XDG_CACHE_HOME/genmed-bench``, by default ``~/.cache/genmed-bench``: the platform's place, not an option."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "genmed-bench"


def beside(folder: Path, ending: str) -> Path:
    """Where something about the folder goes: next to it, under its name and an ending; ``..`` has a name, too."""
    place = folder.absolute()
    place = place.resolve() if place.name in ("", "..") else place
    return place.parent / f"{place.name}{ending}"

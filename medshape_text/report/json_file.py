"""Reading JSON that lies with a data set, and may have been edited."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def read_object(path: Path, largest: int) -> dict[str, Any]:
    """The object in a file of at most ``largest`` bytes.

    Raises:
        ValueError: if there is more, or something else in it.
    """
    size = path.stat().st_size
    if size > largest:
        raise ValueError(f"{size} bytes are too large")
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    if not isinstance(found, dict):
        raise ValueError("it holds no object")
    return found

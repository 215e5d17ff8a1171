"""Data for the page's scripts, as script files: the only kind of file a page opened from disk may load.

A file says ``genmedBoard.put(name, text)``, where the text is JSON that is parsed, never run: no key or string of a
submission is ever part of a script.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence

from medshape_text.web import plain

LONGEST = 500
"""Characters of a text that is shown by a script."""


class Packed(str):
    """A text that we made and that is not for people (a packed surface): it is neither cut nor spelled out."""

    __slots__ = ()


def data_script(name: str, value: object) -> bytes:
    """The content of the data file ``data/{name}.js``."""
    text = json.dumps(clean(value), ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return f"genmedBoard.put({json.dumps(name)},{json.dumps(text)});\n".encode("ascii")


def clean(value: object) -> object:
    """The value with visible texts only, and None for numbers that are not finite.

    Keys of mappings are ours by rule, and stay as they are.
    """
    if isinstance(value, str):
        return value if isinstance(value, Packed) else plain(value, LONGEST)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(name): clean(each) for name, each in value.items()}
    if isinstance(value, Sequence):
        return [clean(each) for each in value]
    return value

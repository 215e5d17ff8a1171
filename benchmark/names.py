"""Looking things up by name, with "did you mean" when there is no such name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from benchmark.errors import UnknownNameError


def unknown(kind: str, name: str, known: Iterable[str]) -> UnknownNameError:
    """An error that names the closest known names, or all of them when none is close.

    >>> str(unknown("task", "triplan", ["oneplane", "triplane"]))
    "unknown task 'triplan'; did you mean 'triplane'?"
    """
    names = sorted(known)
    close = difflib.get_close_matches(name.lower(), names, n=3, cutoff=0.6)
    if close:
        hint = "did you mean " + " or ".join(repr(candidate) for candidate in close) + "?"
    else:
        hint = "known: " + (", ".join(names) or "none")
    return UnknownNameError(f"unknown {kind} {name!r}; {hint}")

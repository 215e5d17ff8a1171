"""Numbers as text, in the digits that carry information; ``static/numbers.js`` writes them in the same way."""

from __future__ import annotations

import math

from leaderboard.model import Column, Interval

_FRACTIONS = frozenset({"dice", "observed_dice", "nsd", "ssim"})
NOTHING = "–"
_BILLION = 1e9


def style(column: Column) -> str:
    """How a column's values are written: "fraction" has three decimals, "number" three digits."""
    return "fraction" if column.metric in _FRACTIONS and column.unit in {"", "1"} else "number"


def text(column: Column, value: float | None) -> str:
    """A value of a column."""
    return written(style(column), value)


def written(how: str, value: float | None) -> str:
    """A value in one of the styles; a dash for what is not a finite number.

    >>> written("fraction", 0.98765), written("number", 12.345), written("number", 1234.5), written("number", None)
    ('0.988', '12.3', '1235', '–')
    """
    if value is None or not math.isfinite(value):
        return NOTHING
    if how == "fraction":
        return f"{value:.3f}"
    size = abs(value)
    if size >= _BILLION or 0 < size < 1e-4:
        return f"{value:.2e}"
    if size >= 100:
        return f"{value + 1e-9:.0f}"
    decimals = 2 - (math.floor(math.log10(size)) if size else 0)
    return f"{value:.{decimals}f}"


def interval(column: Column, of: Interval) -> str:
    """The 95 % interval in brackets, or nothing where there is none."""
    if of.low is None or of.high is None:
        return ""
    return f"[{text(column, of.low)}, {text(column, of.high)}]"


def raw(value: float | None) -> str:
    """A value for a machine: the shortest text that has six digits, empty for none.

    >>> raw(0.1234567), raw(None)
    ('0.123457', '')
    """
    return "" if value is None or not math.isfinite(value) else f"{value:.6g}"

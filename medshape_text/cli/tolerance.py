"""How many shapes may fail before a build counts as failed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Tolerance:
    """At most ``number`` shapes, or that percentage of all if ``percent``."""

    number: float
    percent: bool

    def exceeded(self, failed: int, total: int) -> bool:
        """Whether that many of so many are too many."""
        return failed > (self.number * total / 100 if self.percent else self.number)

    def __str__(self) -> str:
        """As people write it."""
        return f"{self.number:g}{'%' if self.percent else ''}"


def parse_tolerance(text: str) -> Tolerance:
    """Read "25" or "2.5%".

    >>> parse_tolerance("2.5%").exceeded(26, 1000)
    True

    Raises:
        ValueError: if it is neither.
    """
    percent = text.strip().endswith("%")
    digits = text.strip().removesuffix("%")
    try:
        number = float(digits) if percent else int(digits)
    except ValueError:
        raise ValueError(f"{text!r} is neither a number of shapes nor a share such as 5%") from None
    if not 0 <= number <= (100 if percent else float("inf")):
        raise ValueError(f"{text!r} is out of range")
    return Tolerance(number, percent)

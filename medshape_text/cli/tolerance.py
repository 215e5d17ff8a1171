"""How many shapes may fail before a build counts as failed."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation


@dataclass(frozen=True)
class Tolerance:
    """At most ``number`` shapes, or that percentage of all if ``percent``."""

    number: Decimal
    percent: bool

    def exceeded(self, failed: int, total: int) -> bool:
        """Whether that many of so many are too many; 0.57 % of 10,000 are 57, which is one too few in binary."""
        return failed * 100 > self.number * total if self.percent else failed > self.number

    def __str__(self) -> str:
        """As people write it."""
        return f"{self.number}{'%' if self.percent else ''}"


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
        number = Decimal(digits) if percent else Decimal(int(digits))
    except (ValueError, InvalidOperation):
        raise ValueError(f"{text!r} is neither a number of shapes nor a share such as 5%") from None
    if number.is_nan() or number < 0 or (percent and number > 100):
        raise ValueError(f"{text!r} is out of range")
    return Tolerance(number, percent)

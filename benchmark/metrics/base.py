"""What a score is, what pins it, and how a metric is read: its name, unit, direction and digits, said once."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

OK = "ok"
NOT_APPLICABLE = "nothing_observed"
"""The one status that is nobody's failure: no part of the truth was observed, so there is nothing to score."""
MISSING = "missing"
"""The status of a case that nobody answered."""

NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
"""What metrics and profiles may be called, as in "ms-ssim" and "observed_dice"."""


class Signature(str):
    """One string that pins every choice of a metric, in the manner of sacreBLEU.

    >>> signature = Signature.of("cd", "genmed", {"points": 512, "unit": "box"})
    >>> signature
    'cd|genmed|points:512|unit:box|v1'
    >>> signature.metric, signature.profile, signature.choices["unit"], signature.version
    ('cd', 'genmed', 'box', 'v1')

    Of a string that is no signature, all is its metric: ``Signature("odd").profile`` is empty.
    """

    __slots__ = ()

    @classmethod
    def of(cls, metric: str, profile: str, choices: Mapping[str, object], version: int = 1) -> Signature:
        """Join metric, profile, choices in the order given, and a version that changes with any number.

        Raises:
            ValueError: if metric or profile is anything but lower-case letters, digits, ``-`` and ``_``.
        """
        for name in (metric, profile):
            if NAME.fullmatch(name) is None:
                raise ValueError(f"a metric or profile may not be called {name!r}: {NAME.pattern}")
        parts = [metric, profile, *(f"{key}:{value}" for key, value in choices.items()), f"v{version}"]
        return cls("|".join(parts))

    @property
    def metric(self) -> str:
        """Name of the metric."""
        return self.split("|")[0]

    @property
    def profile(self) -> str:
        """Name of the bundle of conventions it belongs to."""
        return [*self.split("|"), ""][1]

    @property
    def choices(self) -> dict[str, str]:
        """What was chosen, in order."""
        pairs = (part.partition(":") for part in self.split("|")[2:])
        return {key: value for key, colon, value in pairs if colon}

    @property
    def version(self) -> str:
        """The last part; empty where there is none."""
        parts = self.split("|")
        return parts[-1] if len(parts) > 2 else ""

    @property
    def label(self) -> str:
        """Short name that is its own in a table of several profiles.

        >>> Signature("cd|dense|points:8192|unit:mm|v1").label
        'cd dense mm'
        """
        unit = self.choices.get("unit", "")
        unit = "x100" if unit == "box" and self.choices.get("scale") == "100" else unit
        return " ".join(part for part in (self.metric, self.profile, unit) if part and part != "overlap")


@dataclass(frozen=True)
class Score:
    """One number of one group of cases: a value with status "ok", or the worst value with the reason it was given.

    ``value`` is None only with status "nothing_observed". ``category``: what the number is about, where one group has
    several (the structures of a segmentation); None is the category of the cases.
    """

    metric: str
    signature: str
    value: float | None
    status: str = OK
    category: str | None = None


@dataclass(frozen=True)
class Metric:
    """A metric as people read about it.

    Attributes:
        name: short, lower case; one name may stand under several signatures.
        signature: what pins it.
        description: one line.
        title: heading of its column, without the unit.
        heading: over the columns of its profile.
        higher_is_better: its direction; None if this toolkit does not know it (a run of another version).
        digits: format of a value, as for `format`: fixed decimals for shares, significant digits for lengths.
    """

    name: str
    signature: Signature
    description: str = ""
    title: str = ""
    heading: str = ""
    higher_is_better: bool | None = False
    digits: str = ".3g"

    @property
    def profile(self) -> str:
        """Name of the bundle of conventions it belongs to."""
        return self.signature.profile

    @property
    def unit(self) -> str:
        """Unit of its values, as the signature says; empty where it has none."""
        return self.signature.choices.get("unit", "")

    @property
    def column(self) -> str:
        """Title with the unit, where it has one that people measure in; the edge of the box is none."""
        return f"{self.title}, {self.unit}" if self.unit not in ("", "box") else self.title

    def text(self, value: float | None) -> str:
        """A value in the digits that carry information."""
        if value is None:
            return "–"
        return f"{value:.0f}" if self.digits.endswith("g") and abs(value) >= 100 else format(value, self.digits)

    def better(self, first: float, second: float) -> bool:
        """Whether the first of two values is better."""
        return first > second if self.higher_is_better else first < second


def unknown_metric(signature: str) -> Metric:
    """A metric that this toolkit does not have: all that is known is in its signature, the direction is not."""
    parsed = Signature(signature)
    return Metric(parsed.metric, parsed, title=parsed.metric, heading=parsed.profile, higher_is_better=None)


def scores_of(metrics: Sequence[Metric], values: Sequence[float], status: str = OK) -> list[Score]:
    """A score for every metric, all with one status."""
    return [Score(m.name, m.signature, value, status) for m, value in zip(metrics, values, strict=True)]

"""What the site is made from besides the board: cases to look at, data sets, files to download."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from benchmark.drawing.scene import Scene
from benchmark.metrics.base import NOT_APPLICABLE, OK
from leaderboard.model import Table


@dataclass(frozen=True)
class CaseFacts:
    """A case, or a set of cases, in a category, as tables name it; every string may be a stranger's.

    ``group`` is what a case is scored in, where that is not the case alone.
    """

    id: str
    category: str
    subject: str
    origin: str
    group: str = ""

    @property
    def scored(self) -> str:
        """The id that scores have."""
        return self.group or self.id


Place = tuple[str, str]
"""Id and category."""


@dataclass(frozen=True)
class CaseScores:
    """One submission on one case: metric name -> value (None: none could be had), and "ok" or why it failed."""

    values: Mapping[str, float | None]
    status: str = OK

    @property
    def failure(self) -> str:
        """Why the case counts as failed; empty if it does not, also where a metric does not apply to it."""
        return "" if self.status in {OK, NOT_APPLICABLE} else self.status


class CaseViews(Protocol):
    """What there is to see of each case of a table. Predictions are read when asked for, one case at a time."""

    def facts(self, table: Table) -> Sequence[CaseFacts]:
        """Everything that scores of the table are about, in the order of the data set."""
        ...

    def shown(self, table: Table) -> Sequence[CaseFacts]:
        """The cases that get a page; none where nothing can be drawn."""
        ...

    def scores(self, table: Table, submission: str) -> Mapping[Place, CaseScores]:
        """Scores of a submission under the table's signatures, by what `facts` lists."""
        ...

    def scene(self, table: Table, case: str, submissions: Sequence[str]) -> Scene:
        """The truth and observation of a case that is shown, from trusted data only, and predictions by submission."""
        ...


@dataclass(frozen=True)
class DataSet:
    """A data set's own page. ``licences`` are (name, number of shapes); ``facts`` and ``links`` (name, text) pairs."""

    name: str
    revision: str
    title: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    licences: tuple[tuple[str, int], ...] = ()
    links: tuple[tuple[str, str], ...] = ()


Downloads = Mapping[str, str]
"""Suffix ("csv", "json") -> content of a file to download."""
Export = Callable[[Table], Downloads]
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Space:
    """What the front matter of a static Space says."""

    title: str = "genmed-bench leaderboard"
    colour_from: str = "blue"
    colour_to: str = "green"
    data_sets: tuple[str, ...] = ()

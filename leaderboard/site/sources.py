"""What the site is made from besides the board: cases to look at, data sets, files to download."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from benchmark.contract import Case, Volume
from benchmark.metrics.base import NOT_APPLICABLE, OK
from leaderboard.model import Table


@dataclass(frozen=True)
class CaseFacts:
    """A case as tables name it; every string may be a stranger's."""

    id: str
    subject: str
    category: str
    origin: str


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
    """What there is to see of each case of a table. Volumes are read when asked for, one case at a time."""

    def facts(self, table: Table) -> Sequence[CaseFacts]:
        """Every case of the table, in the order of the data set."""
        ...

    def shown(self, table: Table) -> Sequence[str]:
        """Ids of the cases that get a page in 3D."""
        ...

    def scores(self, table: Table, submission: str) -> Mapping[str, CaseScores]:
        """Case id -> scores of a submission under the table's signatures."""
        ...

    def case(self, table: Table, case: str) -> Case:
        """Truth and observation, from trusted data only."""
        ...

    def prediction(self, table: Table, submission: str, case: str) -> Volume | None:
        """The predicted SDF, (64, 64, 64) float32; None where there is none."""
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

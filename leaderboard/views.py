"""The cases of a results folder, to be looked at: what the site asks for (`leaderboard.site.CaseViews`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache
from pathlib import Path

from benchmark.contract import Case, Volume
from benchmark.errors import DataError
from benchmark.metrics.base import NOT_APPLICABLE, OK
from benchmark.tasks import TASKS, find_task
from leaderboard.findings import RefusedError
from leaderboard.model import Table
from leaderboard.rank.results import Results
from leaderboard.site import CaseFacts, CaseScores
from leaderboard.submission.layout import PREDICTIONS
from leaderboard.submission.reading import read_files
from leaderboard.submission.strict_json import Limits
from leaderboard.verify.parsing import Cells, read_cells
from leaderboard.verify.volumes import CELL_BYTES, Truth, open_truth, read_volume

_OPEN_AT_ONCE = 64


class ResultViews:
    """Cases of tables whose truth is the data set in a folder; tables of other revisions show no cases.

    Predictions are read as `verify` reads them, in a process with limits, and only of submissions it did not refuse.
    """

    def __init__(self, results: Results, data: Path, per_category: int = 3) -> None:
        """Look at the first few cases of every category, so that a site stays small."""
        self._submissions = {submission.id: submission for submission in results.submissions}
        self._data, self._per_category = data, per_category
        self._cells = lru_cache(maxsize=_OPEN_AT_ONCE)(self._read_cells)

    def facts(self, table: Table) -> Sequence[CaseFacts]:
        """Every case that anybody was scored on."""
        found: dict[str, CaseFacts] = {}
        for entry in table.entries:
            for row in self._submissions[entry.submission].rows:
                case = str(row["case"])
                found[case] = CaseFacts(case, str(row["subject"]), str(row["category"]), str(row["origin"]))
        places = {name: place for place, name in enumerate(self._ids(table))}
        return sorted(found.values(), key=lambda facts: (places.get(facts.id, len(places)), facts.id))

    def shown(self, table: Table) -> Sequence[str]:
        """The first cases of every category."""
        known = set(self._ids(table))
        seen: dict[str, int] = {}
        chosen = []
        for facts in self.facts(table):
            seen[facts.category] = seen.get(facts.category, 0) + 1
            if facts.id in known and seen[facts.category] <= self._per_category:
                chosen.append(facts.id)
        return chosen

    def scores(self, table: Table, submission: str) -> Mapping[str, CaseScores]:
        """From the rows that trusted code computed; those of the submitter where it has not."""
        metrics = {column.signature: column.metric for column in table.columns}
        values: dict[str, dict[str, float | None]] = {}
        status: dict[str, str] = {}
        for row in self._submissions[submission].rows:
            if (metric := metrics.get(str(row["signature"]))) is not None:
                value = row["value"]
                case = str(row["case"])
                values.setdefault(case, {})[metric] = value if isinstance(value, int | float) else None
                found = str(row["status"])
                if found not in (OK, NOT_APPLICABLE) or case not in status:
                    status[case] = OK if found == NOT_APPLICABLE else found
        return {case: CaseScores(found, status[case]) for case, found in values.items()}

    def case(self, table: Table, case: str) -> Case:
        """Truth and observation, from the data set."""
        return self._truth.cases(table.split).case(self._ids(table).index(case), find_task(table.task).prompt)

    def prediction(self, table: Table, submission: str, case: str) -> Volume | None:
        """The submitted volume; None if there is none or it is refused."""
        found = self._cells(submission, table.split)
        if found is None or case not in found.places:
            return None
        try:
            return read_volume(found, case)
        except RefusedError:
            return None

    @cached_property
    def _truth(self) -> Truth:
        return open_truth(self._data, checked=False)

    def _ids(self, table: Table) -> Sequence[str]:
        """Cases of the table that are in the data at hand; its task and split may be words that nobody knows."""
        if table.data_revision != self._truth.revision or table.task not in TASKS:
            return ()
        try:
            return self._truth.cases(table.split).ids
        except DataError:
            return ()

    def _read_cells(self, submission: str, split: str) -> Cells | None:
        known = self._submissions[submission]
        if known.refused:
            return None
        limits = Limits()
        try:
            files = read_files(known.folder, limits)
            with files.predictions:
                if files.hashes[PREDICTIONS] != known.hashes.get(PREDICTIONS):
                    return None  # they were changed after they were verified
                return read_cells(files.predictions, list(self._truth.cases(split).ids), CELL_BYTES, limits)
        except RefusedError:
            return None

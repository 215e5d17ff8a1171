"""The cases of a results folder, to be looked at: what the site asks for (`leaderboard.site.CaseViews`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache
from pathlib import Path

from benchmark.contract import Case, Prediction
from benchmark.drawing.scene import Scene
from benchmark.errors import BenchError
from benchmark.metrics.base import NOT_APPLICABLE, OK
from benchmark.tasks import Draws, find_task
from leaderboard.asked import About, Asked, Truth, open_truth
from leaderboard.findings import RefusedError
from leaderboard.model import Table
from leaderboard.rank.results import Results
from leaderboard.site import CaseFacts, CaseScores, Place
from leaderboard.submission.layout import PREDICTIONS
from leaderboard.submission.reading import read_files
from leaderboard.submission.strict_json import Limits
from leaderboard.verify.parsing import Cells, read_cells, read_prediction

_OPEN_AT_ONCE = 64


class ResultViews:
    """Cases of tables whose truth is in one of some data sets; tables of other revisions show no cases.

    Predictions are read as `verify` reads them, in a process with limits, and only of submissions it did not refuse.
    """

    def __init__(self, results: Results, data: Sequence[Path], per_category: int = 3) -> None:
        """Look at the first few cases of every category, so that a site stays small."""
        self._submissions = {submission.id: submission for submission in results.submissions}
        self._data, self._per_category = data, per_category
        self._cells = lru_cache(maxsize=_OPEN_AT_ONCE)(self._read_cells)

    def facts(self, table: Table) -> Sequence[CaseFacts]:
        """Everything that anybody was scored on."""
        found: dict[Place, CaseFacts] = {}
        for entry in table.entries:
            for row in self._submissions[entry.submission].rows:
                place = str(row["case"]), str(row["category"])
                found[place] = CaseFacts(*place, str(row["subject"]), str(row["origin"]))
        asked = self._asked(table)
        places = {group.id: place for place, group in enumerate(asked.groups)} if asked else {}
        return sorted(found.values(), key=lambda facts: (places.get(facts.id, len(places)), facts.id))

    def shown(self, table: Table) -> Sequence[CaseFacts]:
        """The first cases of every category, where the family of the task draws any."""
        asked = self._asked(table)
        if asked is None or not isinstance(asked.family, Draws):
            return ()
        groups = {group.id: group for group in asked.groups}
        seen: dict[str, int] = {}
        chosen: dict[str, CaseFacts] = {}
        for facts in self.facts(table):
            for case in groups[facts.id].cases if facts.id in groups else ():
                seen[facts.category] = seen.get(facts.category, 0) + 1
                if seen[facts.category] <= self._per_category and case not in chosen:
                    chosen[case] = CaseFacts(case, facts.category, facts.subject, facts.origin, facts.id)
        return list(chosen.values())

    def scores(self, table: Table, submission: str) -> Mapping[Place, CaseScores]:
        """From the rows that trusted code computed; those of the submitter where it has not."""
        metrics = {column.signature: column.metric for column in table.columns}
        values: dict[Place, dict[str, float | None]] = {}
        status: dict[Place, str] = {}
        for row in self._submissions[submission].rows:
            if (metric := metrics.get(str(row["signature"]))) is not None:
                value = row["value"]
                place = str(row["case"]), str(row["category"])
                values.setdefault(place, {})[metric] = value if isinstance(value, int | float) else None
                found = str(row["status"])
                if found not in (OK, NOT_APPLICABLE) or place not in status:
                    status[place] = OK if found == NOT_APPLICABLE else found
        return {place: CaseScores(found, status[place]) for place, found in values.items()}

    def scene(self, table: Table, case: str, submissions: Sequence[str]) -> Scene:
        """What the family of the task draws of a case.

        Raises:
            KeyError: if it draws none.
        """
        asked = self._asked(table)
        if asked is None or not isinstance(asked.family, Draws):
            raise KeyError(case)
        shown: Case = asked.source.case(case)
        predictions = {name: self._prediction(table, asked, name, case) for name in submissions}
        return asked.family.scene(shown, predictions, {}, "")

    def _prediction(self, table: Table, asked: Asked, submission: str, case: str) -> Prediction | None:
        """What was submitted; None if there is nothing or it is refused."""
        found = self._cells(submission, About(table.task, table.split, table.data_revision))
        if found is None or case not in found.places:
            return None
        try:
            return read_prediction(found, case, asked)
        except RefusedError:
            return None

    @cached_property
    def _truths(self) -> Sequence[Truth]:
        return [open_truth(folder, checked=False) for folder in self._data]

    def _asked(self, table: Table) -> Asked | None:
        return self._asked_of(About(table.task, table.split, table.data_revision))

    def _asked_of(self, about: About) -> Asked | None:
        """What is asked for, if the data are at hand; task and split may be words that nobody knows."""
        for truth in self._truths:
            if truth.has(about):
                try:
                    return truth.asked(find_task(about.task), about.split)
                except BenchError:
                    return None
        return None

    def _read_cells(self, submission: str, about: About) -> Cells | None:
        known, asked = self._submissions[submission], self._asked_of(about)
        if known.refused or asked is None:
            return None
        limits = Limits()
        try:
            files = read_files(known.folder, limits)
            with files.predictions:
                if files.hashes[PREDICTIONS] != known.hashes.get(PREDICTIONS):
                    return None  # they were changed after they were verified
                return read_cells(files.predictions, asked.cases, asked.part_bytes, limits)
        except RefusedError:
            return None

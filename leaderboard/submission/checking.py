"""Is a run all it should be? Only then it is submitted."""

from __future__ import annotations

import json
import math
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark.contract import Prediction
from benchmark.errors import BenchError
from benchmark.metrics.base import NOT_APPLICABLE, OK
from benchmark.planning import scored_by
from benchmark.provenance import configuration_hash
from benchmark.records import Row, Run, load_run
from benchmark.records.predictions import prediction_path
from benchmark.records.writer import CASES, OBSERVATIONS, TIMINGS
from benchmark.spaces import prediction_problem, stored_form
from benchmark.tasks import Group, Task, family_of, find_task
from leaderboard.asked import Asked, ask
from leaderboard.findings import changes
from leaderboard.submission.layout import SubmissionError, listed

_RUN_AGAIN = "run the same genmed-bench run command again to complete it"


@dataclass(frozen=True)
class Checked:
    """A complete run, what was asked of it, and the cases it has a prediction of."""

    run: Run
    asked: Asked
    predicted: Sequence[str]

    def predictions(self) -> Iterator[tuple[str, Prediction]]:
        """Case ids and stored predictions, in the order of the run.

        Raises:
            SubmissionError: code ``prediction`` for a file that is not what the runner stores.
        """
        for case in self.predicted:
            yield case, _prediction(self.run, case, self.asked)


def check_run(folder: Path, data: Path) -> Checked:
    """Check that a run is complete for its task and split, and was scored as this toolkit scores.

    Args:
        folder: of the run.
        data: the data set it ran on.

    Raises:
        SubmissionError: codes ``run``, ``limited``, ``task``, ``signatures``, ``data``, ``incomplete``.
    """
    try:
        run = load_run(folder)
        task = find_task(run.task)
    except BenchError as error:
        raise SubmissionError("run", str(error)) from error
    try:
        _check_configuration(run, task)
        asked = _check_cases(run, task, data)
        predicted = _check_rows(run, asked)
    except (KeyError, TypeError, AttributeError) as error:
        raise SubmissionError("run", f"the run in {folder} is damaged: {error!r}") from error
    return Checked(run, asked, predicted)


def _check_configuration(run: Run, task: Task) -> None:
    configuration = run.configuration
    if configuration_hash(configuration) != run.provenance["configuration_sha256"]:
        raise SubmissionError("run", f"{run.path}/run.json was changed: its configuration has another hash")
    if configuration.get("limit") is not None:
        raise SubmissionError(
            "limited", f"{run.path} ran on the first {configuration['limit']} cases only; run it without --limit"
        )
    here = scored_by(family_of(task), task)
    for code in ("task", "signatures"):
        if what := changes(configuration[code], here[code]):
            said = f"{run.path} was scored otherwise than this toolkit scores ({what}); run the method again"
            raise SubmissionError(code, said)
    revision = str(configuration["data"].get("revision") or "")
    if len(revision) != 64 or set(revision) - set("0123456789abcdef"):
        raise SubmissionError("data", f"{run.path} does not state the revision of its data; run the method again")


def _check_cases(run: Run, task: Task, data: Path) -> Asked:
    cases = run.case_ids
    if not cases or len(set(cases)) != len(cases):
        raise SubmissionError("run", f"{run.path}/run.json lists no cases, or one of them twice")
    stated = run.configuration["data"]
    try:
        asked = ask(task, data, str(stated["split"]))
    except BenchError as error:
        raise SubmissionError("data", str(error)) from error
    if asked.source.revision != stated["revision"]:
        raise SubmissionError(
            "data",
            f"{run.path} ran on data revision {stated['revision'][:16]}, {data} is {asked.source.revision[:16]}",
        )
    if cases != asked.cases or run.provenance.get("groups", {}) != asked.sets:
        expected = asked.cases
        lacks, more = [
            [case for case in a if case not in b] for a, b in ((expected, set(cases)), (cases, set(expected)))
        ]
        told = f"lacks {listed(lacks) or 'none'}, has too many {listed(more) or 'none'}"
        raise SubmissionError("incomplete", f"{run.path} has not the cases of {data}, or in another order: {told}")
    return asked


def _check_rows(run: Run, asked: Asked) -> list[str]:
    """Make sure that every group and case has all it should have; give the cases with a prediction."""
    groups = {group.id: group for group in asked.groups}
    for name, keys, wanted in (
        (TIMINGS, run.timings, asked.cases), (OBSERVATIONS, run.observations, asked.cases), (CASES, None, list(groups)),
    ):  # fmt: skip
        raw = (run.path / name).read_bytes() if (run.path / name).is_file() else b""
        lines = Counter(str(json.loads(line).get("case")) for line in raw.splitlines()) if raw.endswith(b"\n") else None
        if lines is None or (keys is not None and max(lines.values()) > 1):
            raise SubmissionError("incomplete", f"{run.path / name} is missing or torn; {_RUN_AGAIN}")
        if missing := [case for case in wanted if case not in lines]:
            raise SubmissionError("incomplete", f"{run.path / name} lacks {listed(missing)}; {_RUN_AGAIN}")
        if foreign := sorted(lines.keys() - set(wanted)):
            raise SubmissionError("run", f"{run.path / name} has cases that are not of this run: {listed(foreign)}")
    rows: dict[str, list[Row]] = {group: [] for group in groups}
    for row in run.rows:
        rows[row.case].append(row)
    for group in asked.groups:
        expected = [(m.name, m.signature) for m in asked.family.expected(asked.task, asked.members(group))]
        found = rows[group.id]
        if [(row.metric, row.signature) for row in found] != expected or len({row.key for row in found}) != len(found):
            raise SubmissionError(
                "incomplete", f"{run.path} has not all rows of case {listed([group.id])}; {_RUN_AGAIN}"
            )
        for row in found:
            _check_row(run, row)
    return [case for group in asked.groups for case in _check_files(run, group, rows[group.id])]


def _check_row(run: Run, row: Row) -> None:
    value: object = row.value  # a line of JSON may hold anything
    number = type(value) in (int, float) and math.isfinite(float(str(value)))
    texts: tuple[object, ...] = (row.subject, row.category, row.origin, row.status)
    sound = number or (value is None and row.status == NOT_APPLICABLE)
    if not sound or not all(isinstance(text, str) for text in texts):
        raise SubmissionError("run", f"{run.path}/{CASES}: the row {row.metric} of {listed([row.case])} is damaged")


def _check_files(run: Run, group: Group, rows: Sequence[Row]) -> Iterator[str]:
    for case in group.cases:
        status, there = run.timings[case]["status"], prediction_path(run.path, case).is_file()
        if there != (status == OK):
            what = "is missing" if status == OK else f"is there, but the case failed ({listed([str(status)])})"
            raise SubmissionError("run", f"{run.path}: the prediction of {listed([case])} {what}; run the method again")
        own = group.cases == (group.id,)
        if own and status != OK and {row.status for row in rows} - {status, NOT_APPLICABLE}:
            raise SubmissionError("run", f"{run.path}: {listed([case])} failed, but its rows say otherwise")
        if there:
            yield case


def _prediction(run: Run, case: str, asked: Asked) -> Prediction:
    path, grid = prediction_path(run.path, case), asked.grids[case]
    try:
        prediction = run.prediction(case, asked.outputs, grid)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise SubmissionError("prediction", f"{path} cannot be read: {error}; run the method again") from error
    same = all(
        stored_form(prediction.parts[name], space).tobytes() == prediction.parts[name].tobytes()
        for name, space in asked.outputs.items()
    )
    if not same or prediction_problem(prediction, asked.outputs, grid) is not None:
        raise SubmissionError("prediction", f"{path} is not as the runner writes it; run the method again")
    return prediction

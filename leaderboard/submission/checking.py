"""Is a run all it should be? Only then it is submitted."""

from __future__ import annotations

import dataclasses
import json
import math
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from benchmark.data.shapes import open_shapes

from benchmark import scoring
from benchmark.contract import Case, Prediction, Volume
from benchmark.errors import BenchError
from benchmark.metrics.base import NOT_APPLICABLE, OK
from benchmark.observations import observe
from benchmark.provenance import configuration_hash
from benchmark.records import Row, Run, check_prediction, load_run, stored_form
from benchmark.records.predictions import prediction_path
from benchmark.records.writer import CASES, OBSERVATIONS, TIMINGS
from benchmark.tasks import Task, find_task
from leaderboard.submission.layout import SubmissionError, listed
from medshape_text.frame import RESOLUTION, voxel_centres

_RUN_AGAIN = "run the same genmed-bench run command again to complete it"


@dataclass(frozen=True)
class Checked:
    """A complete run, its task, and the cases it has a prediction of."""

    run: Run
    task: Task
    predicted: Sequence[str]

    def predictions(self) -> Iterator[tuple[str, Volume]]:
        """Case ids and stored volumes, in the order of the run.

        Raises:
            SubmissionError: code ``prediction`` for a file that is not what the runner stores.
        """
        for case in self.predicted:
            yield case, _prediction(self.run, case)


def check_run(folder: Path, data: Path | None = None) -> Checked:
    """Check that a run is complete for its task and split, and was scored as this toolkit scores.

    Args:
        folder: of the run.
        data: the data set it ran on, if it is at hand; then the cases must be those of its split.

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
        _check_cases(run, data)
        predicted = _check_rows(run, task)
    except (KeyError, TypeError, AttributeError) as error:
        raise SubmissionError("run", f"the run in {folder} is damaged: {error!r}") from error
    return Checked(run, task, predicted)


def _check_configuration(run: Run, task: Task) -> None:
    configuration = run.configuration
    if configuration_hash(configuration) != run.provenance["configuration_sha256"]:
        raise SubmissionError("run", f"{run.path}/run.json was changed: its configuration has another hash")
    if configuration.get("limit") is not None:
        raise SubmissionError(
            "limited", f"{run.path} ran on the first {configuration['limit']} cases only; run it without --limit"
        )
    if configuration["task"] != json.loads(json.dumps(dataclasses.asdict(task))):
        raise SubmissionError("task", f"task {task.name!r} is defined otherwise in this toolkit; run the method again")
    here, there = scoring.signatures(task), configuration["signatures"]
    if there != here:
        differing = sorted(name for name in {*here, *there} if here.get(name) != there.get(name))
        raise SubmissionError(
            "signatures",
            f"{run.path} was scored otherwise than this toolkit scores ({listed(differing)}); run the method again",
        )
    revision = str(configuration["data"].get("revision") or "")
    if len(revision) != 64 or set(revision) - set("0123456789abcdef"):
        raise SubmissionError("data", f"{run.path} does not state the revision of its data; run the method again")


def _check_cases(run: Run, data: Path | None) -> None:
    cases = run.case_ids
    if not cases or len(set(cases)) != len(cases):
        raise SubmissionError("run", f"{run.path}/run.json lists no cases, or one of them twice")
    if data is None:
        return
    stated = run.configuration["data"]
    try:
        source = open_shapes(data, str(stated["split"]))
        expected = list(source.ids)
    except BenchError as error:
        raise SubmissionError("data", str(error)) from error
    if source.revision != stated["revision"]:
        raise SubmissionError(
            "data", f"{run.path} ran on data revision {stated['revision'][:16]}, {data} is {source.revision[:16]}"
        )
    if cases != expected:
        lacks, more = [
            [case for case in a if case not in b] for a, b in ((expected, set(cases)), (cases, set(expected)))
        ]
        told = f"lacks {listed(lacks) or 'none'}, has too many {listed(more) or 'none'}"
        raise SubmissionError("incomplete", f"{run.path} has not the cases of {data}, or in another order: {told}")


def _check_rows(run: Run, task: Task) -> list[str]:
    """Make sure that every case has all it should have; give those with a prediction."""
    for name, keys in ((TIMINGS, run.timings), (OBSERVATIONS, run.observations), (CASES, None)):
        raw = (run.path / name).read_bytes() if (run.path / name).is_file() else b""
        lines = Counter(str(json.loads(line).get("case")) for line in raw.splitlines()) if raw.endswith(b"\n") else None
        if lines is None or (keys is not None and max(lines.values()) > 1):
            raise SubmissionError("incomplete", f"{run.path / name} is missing or torn; {_RUN_AGAIN}")
        if missing := [case for case in run.case_ids if case not in lines]:
            raise SubmissionError("incomplete", f"{run.path / name} lacks {listed(missing)}; {_RUN_AGAIN}")
        if foreign := sorted(lines.keys() - set(run.case_ids)):
            raise SubmissionError("run", f"{run.path / name} has cases that are not of this run: {listed(foreign)}")
    rows: dict[str, list[Row]] = {case: [] for case in run.case_ids}
    for row in run.rows:
        rows[row.case].append(row)
    allowed = [scoring.expected_scores(_case(task, scale), task) for scale in (1.0, None)]
    for case, found in rows.items():
        if [(row.metric, row.signature) for row in found] not in allowed:
            raise SubmissionError("incomplete", f"{run.path} has not all rows of case {listed([case])}; {_RUN_AGAIN}")
        for row in found:
            _check_row(run, row)
    return _check_files(run, rows)


def _check_row(run: Run, row: Row) -> None:
    value: object = row.value  # a line of JSON may hold anything
    number = type(value) in (int, float) and math.isfinite(float(str(value)))
    texts: tuple[object, ...] = (row.subject, row.category, row.origin, row.status)
    sound = number or (value is None and row.status == NOT_APPLICABLE)
    if not sound or not all(isinstance(text, str) for text in texts):
        raise SubmissionError("run", f"{run.path}/{CASES}: the row {row.metric} of {listed([row.case])} is damaged")


def _check_files(run: Run, rows: dict[str, list[Row]]) -> list[str]:
    predicted = []
    for case, found in rows.items():
        status, there = run.timings[case]["status"], prediction_path(run.path, case).is_file()
        if there != (status == OK):
            what = "is missing" if status == OK else f"is there, but the case failed ({listed([str(status)])})"
            raise SubmissionError("run", f"{run.path}: the prediction of {listed([case])} {what}; run the method again")
        if status != OK and {row.status for row in found} - {status, NOT_APPLICABLE}:
            raise SubmissionError("run", f"{run.path}: {listed([case])} failed, but its rows say otherwise")
        if there:
            predicted.append(case)
    return predicted


def _case(task: Task, millimetres_per_unit: float | None) -> Case:
    """A case of the task about which nothing is known but its scale, for the names of its rows."""
    ball = (np.linalg.norm(voxel_centres().reshape(*(RESOLUTION,) * 3, 3), axis=-1) - 0.5).astype(np.float32)
    return Case("", "", "", "", "", observe(task.prompt, ball, 0), ball, millimetres_per_unit)


def _prediction(run: Run, case: str) -> Volume:
    path = prediction_path(run.path, case)
    try:
        sdf = run.prediction(case)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise SubmissionError("prediction", f"{path} cannot be read: {error}; run the method again") from error
    reason = check_prediction(Prediction(sdf))
    if reason is not None or stored_form(sdf).tobytes() != sdf.tobytes():
        raise SubmissionError("prediction", f"{path} is not as the runner writes it; run the method again")
    return sdf

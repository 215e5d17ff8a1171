"""A submission from predictions that were made elsewhere: they are scored here, as the runner would."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmark.contract import Case, Prediction
from benchmark.determinism import make_deterministic
from benchmark.errors import BenchError, WriteError
from benchmark.metrics.base import OK, Score
from benchmark.observations import observation_hash
from benchmark.planning import signatures
from benchmark.provenance import PACKAGE, code_hash, configuration_hash, numerical_versions, toolkit_version
from benchmark.records import Row, RunWriter, read_prediction, write_prediction
from benchmark.records.files import exclusive
from benchmark.spaces import prediction_problem
from benchmark.tasks import Group, find_task
from leaderboard.asked import Asked, ask
from leaderboard.submission.answers import Answers, find_answers
from leaderboard.submission.card import ModelCard
from leaderboard.submission.checking import check_run
from leaderboard.submission.layout import SubmissionError
from leaderboard.submission.making import check_says_all, describe, pack

MISSING = "missing"
"""Status of a case that nobody answered."""
Progress = Callable[[str, int, int], None]


def from_predictions(
    folder: Path, task: str, data: Path, card: ModelCard, to: Path, *, split: str = "test",
    allow_missing: bool = False, progress: Progress = lambda *_: None,
) -> Path:  # fmt: skip
    """Score a folder of predictions and write it as a submission ``to/<id>``, whole or not at all.

    Killed while scoring, the same command goes on where it stopped. What only the method's own run could have
    measured (seconds, memory, hardware, hashes of its code) is not in the submission.

    Args:
        folder: one ``<case id>.npz`` a case, with an array a part; of a single part it may be a ``.npy``.
        task: name of the task.
        data: folder of the data set.
        card: it has to name the method, its title, licence and training sets.
        to: folder of submissions.
        split: of the data set.
        allow_missing: whether cases without a file get the worst scores rather than an error.
        progress: told of scoring.

    Returns:
        The submission's folder.

    Raises:
        SubmissionError: in one sentence.
    """
    check_says_all(card)
    try:
        asked = ask(find_task(task), data, split)
        answers = find_answers(folder, asked, allow_missing=allow_missing)
        configuration = _configuration(asked, answers, card)
        work = to / f".work-{configuration_hash(configuration)[:16]}"
        make_deterministic()
        with exclusive(work):
            _score(work, asked, answers, configuration, progress)
            checked = check_run(work, data)
            made = pack(checked, to, describe(checked.run, card, "predictions", data))
    except SubmissionError:
        raise
    except BenchError as error:
        code = "disk" if isinstance(error, WriteError) else "run"
        raise SubmissionError(code, str(error)) from error
    shutil.rmtree(work, ignore_errors=True)
    return made


def _configuration(asked: Asked, answers: Answers, card: ModelCard) -> dict[str, Any]:
    """What the numbers depend on, in the form of a run's; what only a run knows is absent."""
    method: dict[str, Any] = {"name": card.method, "predictions_sha256": answers.digest}
    if card.samples_per_case is not None:
        method["samples"] = card.samples_per_case
    source = asked.source
    return {
        "task": json.loads(json.dumps(dataclasses.asdict(asked.task))),
        "method": method,
        "data": {"revision": source.revision, "manifest_sha256": source.manifest_sha256, "split": source.split},
        "signatures": signatures(asked.family, asked.task),
        "toolkit": {"version": toolkit_version(), "code_sha256": code_hash(asked.family)},
        "libraries": numerical_versions(),
    }


def _score(work: Path, asked: Asked, answers: Answers, configuration: dict[str, Any], progress: Progress) -> None:
    writer = RunWriter(work)
    provenance = {
        "cases": asked.cases,
        **({"groups": asked.sets} if asked.sets else {}),
        "configuration_sha256": configuration_hash(configuration),
        "toolkit": {"package": PACKAGE, "version": toolkit_version()},
    }
    writer.open(json.loads(json.dumps(configuration)), provenance)

    def is_complete(group: Group, rows: list[dict[str, Any]]) -> bool:
        expected = asked.family.expected(asked.task, asked.members(group))
        return [(row["metric"], row["signature"]) for row in rows] == [(m.name, m.signature) for m in expected]

    done, status = writer.resume(asked.groups, is_complete)
    for place, group in enumerate(asked.groups[done:], done):
        progress("scoring", place, len(asked.groups))
        _score_group(writer, asked, group, answers, status)
    progress("scoring", len(asked.groups), len(asked.groups))


def _score_group(writer: RunWriter, asked: Asked, group: Group, answers: Answers, status: dict[str, str]) -> None:
    cases = asked.members(group)
    rows: list[Row] = []
    for case in cases:
        if case.id in status:
            continue
        status[case.id] = _keep(writer, asked, case, answers)
        floor = []
        if case is cases[-1]:
            floor = asked.family.floor(asked.task, cases)
            rows = [Row.of(group.id, cases, score) for score in _scores(writer, asked, cases, status)]
        observation = {
            "case": case.id,
            "sha256": observation_hash(case.observations),
            "empty": any(each.empty for each in case.observations),
            "floor": [dataclasses.asdict(score) for score in floor],
        }
        writer.finish_case({"case": case.id, "status": status[case.id]}, observation, None)
    writer.finish_group(rows)


def _keep(writer: RunWriter, asked: Asked, case: Case, answers: Answers) -> str:
    """Store the answer to a case; why it has none that can be scored."""
    if case.id not in answers.files:
        return MISSING
    prediction = answers.prediction(case.id)
    problem = prediction_problem(prediction, asked.outputs, case.grid)
    if problem is None:
        write_prediction(writer.folder, case.id, prediction, asked.outputs)
    return problem or OK


def _scores(writer: RunWriter, asked: Asked, cases: list[Case], status: dict[str, str]) -> list[Score]:
    there: dict[str, Prediction] = {
        case.id: read_prediction(writer.folder, case.id, asked.outputs, case.grid)
        for case in cases
        if status[case.id] == OK
    }
    failures = {case.id: status[case.id] for case in cases if status[case.id] != OK}
    return asked.family.score(asked.task, cases, there, failures)

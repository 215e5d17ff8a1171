"""A submission from predictions that were made elsewhere: they are scored here, as the runner would."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmark.data.shapes import ShapeDataset, open_shapes

from benchmark import scoring
from benchmark.contract import Case, Prediction
from benchmark.determinism import make_deterministic
from benchmark.errors import BenchError, WriteError
from benchmark.metrics.base import OK
from benchmark.observations import observation_hash
from benchmark.provenance import PACKAGE, code_hash, configuration_hash, numerical_versions, toolkit_version
from benchmark.records import Row, RunWriter, check_prediction, stored_form, write_prediction
from benchmark.records.files import exclusive
from benchmark.tasks import Task, find_task
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
        folder: one ``<case id>.npz`` or ``.npy`` a case, an SDF of (64, 64, 64) floats each.
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
        definition, source = find_task(task), open_shapes(data, split)
        cases = list(source.ids)
        answers = find_answers(folder, cases, allow_missing=allow_missing)
        configuration = _configuration(definition, source, answers, card)
        work = to / f".work-{configuration_hash(configuration)[:16]}"
        make_deterministic()
        with exclusive(work):
            _score(work, definition, source, answers, configuration, progress)
            checked = check_run(work, data)
            made = pack(checked, to, describe(checked.run, card, "predictions", data))
    except SubmissionError:
        raise
    except BenchError as error:
        code = "disk" if isinstance(error, WriteError) else "run"
        raise SubmissionError(code, str(error)) from error
    shutil.rmtree(work, ignore_errors=True)
    return made


def _configuration(task: Task, source: ShapeDataset, answers: Answers, card: ModelCard) -> dict[str, Any]:
    """What the numbers depend on, in the form of a run's; what only a run knows is absent."""
    method: dict[str, Any] = {"name": card.method, "predictions_sha256": answers.digest}
    if card.samples_per_case is not None:
        method["samples"] = card.samples_per_case
    return {
        "task": {**dataclasses.asdict(task), "profiles": list(task.profiles)},
        "method": method,
        "data": {"revision": source.revision, "manifest_sha256": source.manifest_sha256, "split": source.split},
        "signatures": scoring.signatures(task),
        "toolkit": {"version": toolkit_version(), "code_sha256": code_hash()},
        "libraries": numerical_versions(),
    }


def _score(
    work: Path, task: Task, source: ShapeDataset, answers: Answers, configuration: dict[str, Any], progress: Progress
) -> None:
    writer = RunWriter(work)
    cases = list(source.ids)
    provenance = {
        "cases": cases,
        "configuration_sha256": configuration_hash(configuration),
        "toolkit": {"package": PACKAGE, "version": toolkit_version()},
    }
    writer.open(json.loads(json.dumps(configuration)), provenance)

    def is_complete(case: str, rows: list[dict[str, Any]]) -> bool:
        found = [(row["metric"], row["signature"]) for row in rows]
        return found == scoring.expected_scores(source.case(cases.index(case), task.prompt), task)

    for index in range(writer.resume(cases, is_complete), len(cases)):
        progress("scoring", index, len(cases))
        _score_case(writer, source.case(index, task.prompt), task, answers)
    progress("scoring", len(cases), len(cases))


def _score_case(writer: RunWriter, case: Case, task: Task, answers: Answers) -> None:
    reason: str | None = MISSING
    if case.id in answers.files:
        sdf = answers.volume(case.id)
        reason = check_prediction(Prediction(sdf))
    if reason is None:
        stored = stored_form(sdf)
        write_prediction(writer.folder, case.id, stored)
        scores = scoring.score_prediction(stored, case, task)
    else:
        scores = scoring.score_failure(reason, case, task)
    observation = {
        "case": case.id,
        "sha256": observation_hash(case.observation),
        "empty": case.observation.empty,
        "floor": [dataclasses.asdict(score) for score in scoring.score_floor(case, task)],
    }
    timing = {"case": case.id, "status": reason or OK}
    writer.finish_case([Row.of(case, score) for score in scores], timing, observation, None)

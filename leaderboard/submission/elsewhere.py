"""A submission from predictions that were made elsewhere: they are scored here, as the runner would."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.contract import Case, Prediction
from benchmark.errors import BenchError, WriteError
from benchmark.metrics.base import MISSING
from benchmark.planning import scored_by, scored_on
from benchmark.provenance import configuration_hash
from benchmark.records.files import exclusive
from benchmark.runner import Plan, execute
from benchmark.tasks import find_task
from leaderboard.asked import Asked, ask
from leaderboard.submission.answers import Answers, find_answers
from leaderboard.submission.card import ModelCard
from leaderboard.submission.checking import check_run
from leaderboard.submission.layout import SubmissionError
from leaderboard.submission.making import check_says_all, describe, pack

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
        _score(work, asked, answers, configuration, progress)
        with exclusive(work):
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
    return {**scored_by(asked.family, asked.task), "method": method, "data": scored_on(asked.source)}


def _score(work: Path, asked: Asked, answers: Answers, configuration: dict[str, Any], progress: Progress) -> None:
    execute(Plan(_Told(answers, progress), asked.family, asked.task, asked.source, work, configuration))
    progress("scoring", len(asked.cases), len(asked.cases))


@dataclass(frozen=True)
class _Told:
    """`benchmark.runner.Answered`: files of a folder, and whoever is told of each before it is scored."""

    answers: Answers
    progress: Progress

    def answer(self, case: Case) -> Prediction | str:
        cases = self.answers.asked.cases
        self.progress("scoring", cases.index(case.id), len(cases))
        return self.answers.prediction(case.id) if case.id in self.answers.files else MISSING

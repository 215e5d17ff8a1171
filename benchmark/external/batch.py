"""One batch of requests: what is left of it is asked, what comes is handed on, and what fails is found out."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.contract import Prediction, Request
from benchmark.external.answers import error_text, read_answer
from benchmark.external.environment import Environment
from benchmark.external.exchange import remove, request_hash, safe_name, write_requests
from benchmark.external.process import Ending
from medshape_text.files import replacing

if TYPE_CHECKING:  # it imports this
    from benchmark.external.method import ExternalMethod

OnPrediction = Callable[[str, Prediction | str], None]
"""Told a case id and its prediction, or the reason why there is none."""

_REASONS = {"died": "crashed", "timeout": "timeout", "out_of_memory": "out_of_memory"}
_TRIES_ALONE = 2
"""How many cases are tried on their own before a command that never finished any is given up."""


@dataclass(frozen=True)
class _Asked:
    """A case that is not answered yet: where its request is, and the request without its arrays."""

    index: int
    outline: Request


class Batch:
    """One call of `ExternalMethod.predict_all`.

    Requests may be made when they are looked at, and be more than fit into memory: none is kept.
    """

    def __init__(
        self, method: ExternalMethod, environment: Environment, place: Path, lock: int, on_prediction: OnPrediction
    ) -> None:
        """Nothing is asked yet."""
        self._method = method
        self._environment = environment
        self._place = place
        self._lock = lock
        self._tell = on_prediction
        self._works = False  # whether the command ever finished a case
        self._requests: Sequence[Request] = ()
        self._waiting: dict[str, _Asked] = {}

    def answer(self, requests: Sequence[Request]) -> None:
        """Have every request answered, or a reason told why there is no answer."""
        self._method.fresh_place(self._place, self._method.identity())
        self._check_predictions()
        self._works = (self._place / "asked" / "works").exists()
        self._requests = requests
        for index, request in enumerate(requests):
            self._waiting[request.case_id] = _Asked(index, dataclasses.replace(request, observations=()))
            if not self._asked_before(request):
                self._forget(request.case_id)
        self._collect(ended=False)
        ending = Ending("ended")
        while self._waiting:
            before = len(self._waiting)
            ending = self._attempt(list(self._waiting))
            if ending.how == "ended" or len(self._waiting) == before:
                break
        if self._waiting and ending.how == "ended":
            self._refuse_if_it_never_worked(ending)
            self._tell_failed(dict.fromkeys(self._waiting, "missing"))
            self._waiting.clear()
        if self._waiting:
            self._one_by_one(ending)

    def _one_by_one(self, ending: Ending) -> None:
        """Find out which cases the command fails on: those it fails on when they are all it is asked."""
        failed: dict[str, str] = {}
        was_alone = len(self._waiting) == 1
        for case_id in list(self._waiting):
            if not was_alone:
                ending = self._attempt([case_id])
            if case_id not in self._waiting:
                continue
            failed[case_id] = _REASONS.get(ending.how, "missing")
            del self._waiting[case_id]
            if len(failed) >= _TRIES_ALONE or not self._waiting:
                self._refuse_if_it_never_worked(ending)
            if self._works:
                self._tell_failed(failed)
        self._tell_failed(failed)

    def _check_predictions(self) -> None:
        """Have a folder for predictions that is one; a link there would have us remove files of the user."""
        folder = self._place / "predictions"
        if folder.is_symlink() or not folder.is_dir():
            remove(folder)
            folder.mkdir()

    def _attempt(self, case_ids: list[str]) -> Ending:
        self._check_predictions()
        for case_id in case_ids:
            self._forget(case_id)
        write_requests(self._place / "requests", map(self._remembered, case_ids))
        ending = self._method.run(
            self._method.command, self._environment, self._place, self._lock,
            look=lambda: self._collect(ended=False), most_progress=len(case_ids),
        )  # fmt: skip
        self._collect(ended=ending.how == "ended")
        return ending

    def _remembered(self, case_id: str) -> Request:
        request = self._requests[self._waiting[case_id].index]
        with replacing(self._asked(case_id)) as stream:
            stream.write(request_hash(request).encode("ascii"))
        return request

    def _collect(self, ended: bool) -> int:
        """Hand on what is finished; how many cases that were."""
        found = 0
        predictions = self._place / "predictions"
        for case_id, asked in list(self._waiting.items()):
            answer = read_answer(predictions, asked.outline, ended)
            if answer is None:
                continue
            if answer == "reported_error":
                self._log(f"{case_id}: {error_text(predictions, case_id)}")
            self._mark_as_working()
            del self._waiting[case_id]
            self._tell(case_id, answer)
            found += 1
        return found

    def _tell_failed(self, failed: dict[str, str]) -> None:
        for case_id in list(failed):
            self._tell(case_id, failed.pop(case_id))

    def _refuse_if_it_never_worked(self, ending: Ending) -> None:
        if not self._works:
            raise self._method.failure(ending, self._place / "log.txt")

    def _mark_as_working(self) -> None:
        if not self._works:
            self._works = True
            (self._place / "asked" / "works").touch()

    def _asked(self, case_id: str) -> Path:
        return self._place / "asked" / f"{safe_name(case_id)}.sha256"

    def _asked_before(self, request: Request) -> bool:
        try:
            return self._asked(request.case_id).read_text(encoding="ascii") == request_hash(request)
        except (OSError, UnicodeDecodeError):
            return False

    def _forget(self, case_id: str) -> None:
        """Remove what is left of an answer: to another request, or half written by a command that was ended."""
        name = safe_name(case_id)
        for path in (name, f"{name}.npz", f"{name}.done"):
            remove(self._place / "predictions" / path)

    def _log(self, text: str) -> None:
        with (self._place / "log.txt").open("a", encoding="utf-8") as stream:
            stream.write(f"[{text}]\n")

"""An external method as a `BatchMethod`: environment, requests, command, predictions; resumed case by case."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.contract import MethodContext, Prediction, Request, TrainingData
from benchmark.errors import MethodError, WriteError
from benchmark.external.answers import error_text, read_answer
from benchmark.external.declaration import (
    Declaration,
    fill,
    hash_folder,
    method_files,
    placeholders,
    read_declaration,
)
from benchmark.external.environment import (
    Environment,
    Progress,
    check_repository,
    checkout_folder,
    ensure_environment,
    environment_identity,
)
from benchmark.external.exchange import remove, request_hash, safe_name, write_requests, write_training
from benchmark.external.process import Ending, Limits, clean_environment, held, network_prefix, run_command
from medshape_text.files import replacing
from medshape_text.hashing import canonical_json, sha256

OnPrediction = Callable[[str, Prediction | str], None]

_REASONS = {"died": "crashed", "timeout": "timeout", "out_of_memory": "out_of_memory"}
_TRIES_ALONE = 2
"""How many cases are tried on their own before a command that never finished any is given up."""


class ExternalMethod:
    """Runs the command of a folder with ``environment.toml``.

    Attributes:
        progress: told of building the environment and of the command's own progress; set it to show them.
    """

    progress: Progress = staticmethod(lambda *_: None)

    def __init__(self, folder: Path, name: str, context: MethodContext, declaration: Declaration) -> None:
        """Nothing is built or run yet."""
        self._folder = folder
        self._name = name
        self._context = context
        self._declaration = declaration
        self._checkpoint = context.checkpoint

    @property
    def command(self) -> tuple[str, ...]:
        """The command that predicts, with its placeholders."""
        return self._declaration.command

    @property
    def weights_sha256(self) -> str | None:
        """SHA-256 of the checkpoint, a file or a folder; None without one."""
        return None if self._checkpoint is None else hash_folder(self._checkpoint)

    def prepare(self) -> Environment:
        """Build the environment if need be and look at the repository; `predict_all` does so itself.

        Raises:
            MethodError: one line each: environment, repository.
        """
        if self._declaration.repository is not None:
            check_repository(self._declaration.repository, self._name)
        try:
            return ensure_environment(self._declaration, self._name, self.progress)
        except MethodError as error:
            system = ", ".join(self._declaration.system)
            raise MethodError(f"{error}; it also needs {system} of the system" if system else str(error)) from error

    def provenance(self) -> dict[str, Any]:
        """What a run record should say: the environment as installed, the checkout, and how it was confined."""
        environment = self.prepare()
        repository = self._declaration.repository
        told: dict[str, Any] = {
            "environment": environment.identity,
            "python": self._declaration.python,
            "installed": list(environment.installed),
            "network": "forbidden" if network_prefix() else "not forbidden: the system has no unshare for users",
        }
        if repository is not None:
            _, verified = check_repository(repository, self._name)
            told["repository"] = {"url": repository.url, "commit": repository.commit, "verified": verified}
        return told

    def predict_all(self, requests: Sequence[Request], workdir: Path, on_prediction: OnPrediction) -> None:
        """Answer all requests with the command; see `BatchMethod`.

        What ``workdir`` holds of the same request, answered by the same method, is not asked again. Cases that the
        command dies on, hangs on or leaves out get "crashed", "timeout", "out_of_memory" or "missing", after each
        was tried alone, so that one bad case takes no other with it.

        Raises:
            MethodError: if the command never finishes any case; what is finished is kept.
            RunError: if another process runs in ``workdir``.
            WriteError: if the disk refuses a write.
        """
        if not len(requests):
            return
        if "checkpoint" in placeholders(self._declaration.command) and self._checkpoint is None:
            raise MethodError(f"method {self._name!r} needs weights: give them with --checkpoint")
        environment = self.prepare()
        with _writing(workdir), held(workdir.absolute() / ".running") as lock:
            batch = _Batch(self, environment, workdir.absolute(), lock, on_prediction)
            batch.answer(requests)

    def values(self, place: Path) -> dict[str, str]:
        """What the placeholders of the commands stand for, working in ``place``."""
        repository = self._declaration.repository
        return {
            "requests": str(place / "requests"),
            "predictions": str(place / "predictions"),
            "training": str(place / "training"),
            "workdir": str(place / "work"),
            "device": self._context.device,
            "checkpoint": "" if self._checkpoint is None else str(self._checkpoint.absolute()),
            "repository": "" if repository is None else str(checkout_folder(repository)),
        }

    def identity(self) -> str:
        """Hash of everything but the requests that decides an answer."""
        checkpoint = None if self._checkpoint is None else hash_folder(self._checkpoint)
        return sha256(
            canonical_json(
                [
                    1,
                    environment_identity(self._declaration),
                    hash_folder(self._folder),
                    checkpoint,
                    self._context.device,
                ]
            )
        )

    def run(
        self, command: tuple[str, ...], environment: Environment, place: Path, lock: int,
        look: Callable[[], int] = lambda: 0, most_progress: int = 10_000,
    ) -> Ending:  # fmt: skip
        """Run one of the commands in ``place / "work"``.

        Raises:
            MethodError: if its program does not exist.
        """
        work, home = place / "work", place / "home"
        home.mkdir(exist_ok=True)
        variables = clean_environment(environment.folder / "bin", home)
        argv = fill(command, self.values(place))
        if shutil.which(str(work / argv[0]) if os.sep in argv[0] else argv[0], path=variables["PATH"]) is None:
            raise MethodError(f"method {self._name!r}: its command {argv[0]!r} is not found, or is not executable")
        limits = Limits(
            self._declaration.timeout_seconds, self._declaration.memory_gib, self._context.device == "cpu"
        )  # fmt: skip

        def show(done: int, total: int) -> None:
            self.progress(self._name, done, total)

        ending = run_command(
            argv, work, variables, limits, place / "log.txt", lock, look, show, most_progress=most_progress
        )
        if ending.how == "not_started":
            raise MethodError(f"method {self._name!r}: its command does not start: {ending.told}")
        return ending

    def fresh_place(self, place: Path, identity: str) -> None:
        """Make a working folder that belongs to this identity: what it held of another is gone.

        The method's files are copied once, so that whatever its command does to them is done to a copy.
        """
        marker = place / "identity"
        if marker.is_file() and marker.read_text(encoding="ascii", errors="replace") == identity:
            return
        marker.unlink(missing_ok=True)
        for name in ("work", "requests", "predictions", "training", "home", "log.txt", "asked"):
            remove(place / name)
        for path in method_files(self._folder):
            copy = place / "work" / path.relative_to(self._folder)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
            copy.chmod(0o755 if os.access(path, os.X_OK) else 0o644)
        for name in ("work", "predictions", "asked"):
            (place / name).mkdir(parents=True, exist_ok=True)
        with replacing(marker) as stream:
            stream.write(identity.encode("ascii"))

    def failure(self, ending: Ending, log: Path) -> MethodError:
        """One message about a command that gave nothing."""
        what = "ended well and wrote no predictions" if ending.how == "ended" else ending.told
        said = f" ({ending.told})" if ending.how == "ended" else ""
        return MethodError(f"method {self._name!r}: its command {what}{said} [log: {log}]")


class FittedExternalMethod(ExternalMethod):
    """An external method that learns with its ``fit_command``; what that leaves in {workdir} is its {checkpoint}."""

    def fit(self, training_data: TrainingData, workdir: Path) -> None:
        """Learn from the training split, or find in ``workdir`` that this was done.

        The command's own folder is kept when it is stopped; it may go on from what it finds there.

        Raises:
            MethodError: if the command fails; one line.
        """
        command = self._declaration.fit_command
        assert command is not None  # noqa: S101
        environment = self.prepare()
        place = workdir.absolute()
        self._checkpoint = None
        with _writing(place), held(place / ".running") as lock:
            learnt_from = [self.identity(), training_data.revision, list(training_data.ids)]
            self.fresh_place(place, sha256(canonical_json(learnt_from)))
            done = place / "asked" / "fitted"
            if not done.exists():
                write_training(place / "training", training_data)
                ending = self.run(command, environment, place, lock)
                remove(place / "training")
                if ending.how != "ended":
                    raise MethodError(
                        f"method {self._name!r}: its fit_command {ending.told} [log: {place / 'log.txt'}]"
                    )
                with replacing(done) as stream:
                    stream.write(b"")
        self._checkpoint = place / "work"


@dataclass(frozen=True)
class _Asked:
    """A case that is not answered yet: where its request is, and the request without its arrays."""

    index: int
    outline: Request


class _Batch:
    """One call of `ExternalMethod.predict_all`.

    Requests may be made when they are looked at, and be more than fit into memory: none is kept.
    """

    def __init__(
        self, method: ExternalMethod, environment: Environment, place: Path, lock: int, on_prediction: OnPrediction
    ) -> None:
        self._method = method
        self._environment = environment
        self._place = place
        self._lock = lock
        self._tell = on_prediction
        self._works = False  # whether the command ever finished a case
        self._requests: Sequence[Request] = ()
        self._waiting: dict[str, _Asked] = {}

    def answer(self, requests: Sequence[Request]) -> None:
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


def external_method(folder: Path, name: str, context: MethodContext) -> ExternalMethod:
    """The method of a folder with ``environment.toml``; nothing of it is imported, built or run.

    Raises:
        MethodError: if the declaration is missing or makes no sense.
    """
    declaration = read_declaration(folder, name)
    kind = ExternalMethod if declaration.fit_command is None else FittedExternalMethod
    return kind(folder, name, context, declaration)


@contextlib.contextmanager
def _writing(place: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise WriteError(
            f"cannot write {error.filename or place}: {error.strerror or error}. Finished cases are kept; "
            "make room and run the same command again to go on"
        ) from error

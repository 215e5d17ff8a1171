"""An external method as a `BatchMethod`: environment, requests, command, predictions; resumed case by case."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmark.contract import MethodContext, Request, TrainingData
from benchmark.errors import MethodError, WriteError
from benchmark.external.batch import Batch, OnPrediction
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
from benchmark.external.exchange import remove, write_training
from benchmark.external.process import Ending, Limits, clean_environment, held, network_prefix, run_command
from medshape_text.files import replacing
from medshape_text.hashing import canonical_json, sha256


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
            batch = Batch(self, environment, workdir.absolute(), lock, on_prediction)
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

"""Environments of external methods: built once by content with uv (or venv and pip), kept in the cache."""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from benchmark.data.catalogue import cache_folder
from benchmark.errors import MethodError
from benchmark.external.declaration import Declaration, Repository
from medshape_text.files import replacing
from medshape_text.hashing import canonical_json, sha256

Progress = Callable[[str, int, int], None]
"""Told a step, how much of it is done and how much there is."""

_MARKER = "genmed-environment.json"
_LAST_LINES = 4


@dataclass(frozen=True)
class Environment:
    """An environment that is complete.

    Attributes:
        folder: of the environment; its programs are in ``bin``.
        identity: hash of what was asked for.
        installed: what that led to, as ``name==version`` with everything the requirements needed.
    """

    folder: Path
    identity: str
    installed: tuple[str, ...]


def environment_identity(declaration: Declaration) -> str:
    """Hash of what decides the content of an environment; the commands do not."""
    machine = [platform.system(), platform.machine()]
    return sha256(canonical_json([1, declaration.python, sorted(declaration.requirements), machine]))


def ensure_environment(declaration: Declaration, name: str, progress: Progress = lambda *_: None) -> Environment:
    """The environment of a method, built when nobody has asked for this content before.

    Safe to be killed and to be called by several processes at once.

    Raises:
        MethodError: one line: no such Python, a requirement that cannot be had (with the last lines of the tool).
    """
    identity = environment_identity(declaration)
    folder = cache_folder() / "environments" / identity[:32]
    if (ready := _ready(folder, identity)) is not None:
        return ready
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_suffix(".lock")):
            if (ready := _ready(folder, identity)) is not None:  # another process built it while we waited
                return ready
            return _build(folder, identity, declaration, name, progress)
    except OSError as error:
        raise MethodError(f"method {name!r}: its environment cannot be written to {folder}: {error}") from error


def checkout_folder(repository: Repository) -> Path:
    """Where the user puts the checkout of a repository."""
    title = repository.url.rstrip("/").rsplit("/", 1)[-1].removesuffix(".git") or "repository"
    return cache_folder() / "repositories" / f"{title}-{repository.commit[:12]}"


def check_repository(repository: Repository, name: str) -> tuple[Path, bool]:
    """The checkout of a repository, and whether git could say that it is the declared commit, unchanged.

    Raises:
        MethodError: with what to do when it is absent, at another commit or has changes.
    """
    folder = checkout_folder(repository)
    recipe = f"git clone {repository.url} '{folder}' && git -C '{folder}' checkout {repository.commit}"
    if not folder.is_dir():
        raise MethodError(f"method {name!r} needs the code of {repository.url}: {recipe}")
    commit = _git(folder, "rev-parse", "HEAD")
    if commit is None:
        return folder, False
    if commit != repository.commit:
        raise MethodError(f"method {name!r} needs commit {repository.commit}, and {folder} is at {commit}: {recipe}")
    if _git(folder, "status", "--porcelain", "--untracked-files=no"):
        raise MethodError(f"method {name!r}: {folder} has changes that are not in commit {commit}; undo them")
    return folder, True


def _ready(folder: Path, identity: str) -> Environment | None:
    try:
        told = json.loads((folder / _MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if told.get("identity") != identity or not (folder / "bin" / "python").exists():  # its interpreter was removed
        return None
    return Environment(folder, identity, tuple(told["installed"]))


def _build(folder: Path, identity: str, declaration: Declaration, name: str, progress: Progress) -> Environment:
    # Programs in an environment hold its path, so it cannot be built elsewhere and renamed. It is built in place
    # and does not exist for anyone before its marker does.
    step = f"environment of {name}"
    if folder.exists():
        shutil.rmtree(folder)
    uv = _uv()
    python = str(folder / "bin" / "python")
    progress(step, 0, 2)
    if uv is not None:
        _tool([*uv, "venv", "--quiet", "--python", declaration.python, str(folder)], name)
    else:
        _tool([_interpreter(declaration.python, name), "-m", "venv", str(folder)], name)
    progress(step, 1, 2)
    install = [*uv, "pip", "install", "--python", python] if uv else [python, "-m", "pip", "install"]
    if declaration.requirements:
        _tool([*install, "--quiet", *declaration.requirements], name)
    freeze = [*uv, "pip", "freeze", "--python", python] if uv else [python, "-m", "pip", "freeze"]
    installed = tuple(sorted(_tool(freeze, name).split("\n"))) if declaration.requirements else ()
    with replacing(folder / _MARKER) as stream:
        stream.write(json.dumps({"identity": identity, "installed": installed}, indent=1).encode())
    progress(step, 2, 2)
    return Environment(folder, identity, installed)


def _uv() -> list[str] | None:
    beside = Path(sys.executable).with_name("uv")
    if beside.is_file():
        return [str(beside)]
    if (found := shutil.which("uv")) is not None:
        return [found]
    return [sys.executable, "-m", "uv"] if importlib.util.find_spec("uv") is not None else None


def _interpreter(wanted: str, name: str) -> str:
    if platform.python_version().split(".")[: wanted.count(".") + 1] == wanted.split("."):
        return sys.executable
    found = shutil.which("python" + ".".join(wanted.split(".")[:2]))
    if found is None:
        raise MethodError(f"method {name!r} needs Python {wanted}, which is not installed; install it, or uv")
    return found


def _tool(command: list[str], name: str) -> str:
    done = subprocess.run(  # noqa: S603
        command, env=_tool_environment(os.environ), stdin=subprocess.DEVNULL, capture_output=True,
        text=True, errors="replace", check=False,
    )  # fmt: skip
    if done.returncode:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()][-_LAST_LINES:]
        said = " | ".join(lines) or f"exit code {done.returncode}"
        raise MethodError(
            f"method {name!r}: its environment cannot be built (is there a network, and does every requirement exist "
            f"for this Python?): {said}"
        )
    return done.stdout.strip()


def _tool_environment(ours: Mapping[str, str]) -> dict[str, str]:
    told = {key: value for key, value in ours.items() if key not in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")}
    if "UV_FIND_LINKS" not in told and "PIP_FIND_LINKS" in told:  # uv does not read pip's
        told["UV_FIND_LINKS"] = told["PIP_FIND_LINKS"]
    return told


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(  # noqa: S603
            ["git", "-C", str(folder), *arguments],  # noqa: S607
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None

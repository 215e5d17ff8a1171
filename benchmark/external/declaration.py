"""``environment.toml``: what an external method needs, and the commands it is run by."""

from __future__ import annotations

import re
import string
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement

from benchmark.errors import MethodError
from medshape_text.hashing import canonical_json, file_sha256, sha256

DECLARATION = "environment.toml"
PLACEHOLDERS = ("requests", "predictions", "workdir", "device", "checkpoint", "repository")
FIT_PLACEHOLDERS = ("training", "workdir", "device", "repository")

_TIMEOUT_SECONDS = 3600.0
_MEMORY_GIB = 32.0
_COMMIT = re.compile(r"[0-9a-f]{40}")
_FIXED_URL = re.compile(r"@[0-9a-f]{40}\b|#sha256=[0-9a-f]{64}\b")
_NEVER_COPIED = ("__pycache__", ".git", ".venv")


@dataclass(frozen=True)
class Repository:
    """Somebody's code that the user checks out; we only say where to put it and look at its commit."""

    url: str
    commit: str


@dataclass(frozen=True)
class Declaration:
    """An ``environment.toml`` that makes sense.

    Attributes:
        python: version of the interpreter, such as "3.11".
        requirements: pinned requirements, as pip reads them.
        system: system packages people must have; never installed by us.
        repository: a checkout the method needs, or None.
        command: argv with placeholders in braces, see `PLACEHOLDERS`.
        fit_command: the same for learning, see `FIT_PLACEHOLDERS`; None for methods that do not learn here.
        timeout_seconds: the longest the command may take until it has finished another case.
        memory_gib: the most memory the command and all it starts may hold together.
    """

    python: str
    requirements: tuple[str, ...]
    command: tuple[str, ...]
    fit_command: tuple[str, ...] | None = None
    system: tuple[str, ...] = ()
    repository: Repository | None = None
    timeout_seconds: float = _TIMEOUT_SECONDS
    memory_gib: float = _MEMORY_GIB


def read_declaration(folder: Path, name: str) -> Declaration:
    """The ``environment.toml`` in a method's folder.

    Raises:
        MethodError: in one sentence: no file, not TOML, unknown, missing or ill-typed fields, requirements that are
            not pinned, unknown placeholders.
    """
    path = folder / DECLARATION
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise MethodError(f"method {name!r}: cannot read {path} ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise MethodError(f"method {name!r}: {path} is not valid TOML: {error}") from error
    problems = [f"unknown field {key!r}" for key in sorted(table.keys() - _FIELDS.keys())]
    problems += [f"missing field {key!r}" for key in ("python", "command") if key not in table]
    problems += [f"{key!r} must be {_FIELDS[key][0]}" for key in _FIELDS if key in table and not _fits(table, key)]
    if not problems:
        problems += [problem for text in table.get("requirements", []) if (problem := _unpinned(text))]
        problems += _placeholder_problems(table)
    if problems:
        raise MethodError(f"method {name!r}: {path}: {'; '.join(problems)}")
    repository = table.get("repository")
    return Declaration(
        python=table["python"],
        requirements=tuple(table.get("requirements", ())),
        command=tuple(table["command"]),
        fit_command=tuple(table["fit_command"]) if "fit_command" in table else None,
        system=tuple(table.get("system", ())),
        repository=None if repository is None else Repository(**repository),
        timeout_seconds=float(table.get("timeout_seconds", _TIMEOUT_SECONDS)),
        memory_gib=float(table.get("memory_gib", _MEMORY_GIB)),
    )


def method_files(folder: Path) -> list[Path]:
    """All files of a method's folder, sorted, without what running it leaves behind.

    These are copied to where the command runs and their hash pins the method, whatever language they are in.
    """
    found = [path for path in folder.rglob("*") if path.is_file()]
    return sorted(path for path in found if not set(path.relative_to(folder).parts) & set(_NEVER_COPIED))


def hash_folder(folder: Path) -> str:
    """SHA-256 over the relative paths and contents of a method's (or checkpoint's) files; of a file its content."""
    if folder.is_file():
        return file_sha256(folder)
    return sha256(canonical_json([[p.relative_to(folder).as_posix(), file_sha256(p)] for p in method_files(folder)]))


def fill(command: tuple[str, ...], values: Mapping[str, str]) -> list[str]:
    """The argv of a command: its placeholders replaced."""
    return [part.format_map(values) for part in command]


def placeholders(command: tuple[str, ...]) -> set[str]:
    """Names in braces in a command.

    Raises:
        ValueError: for unbalanced braces.
    """
    return {field for part in command for _, field, _, _ in string.Formatter().parse(part) if field is not None}


def _unpinned(text: str) -> str | None:
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        return f"{text!r} is not a requirement"
    if requirement.url is not None:
        return None if _FIXED_URL.search(requirement.url) else f"{text!r} has neither a commit nor #sha256="
    pins = list(requirement.specifier)
    exact = len(pins) == 1 and pins[0].operator in ("==", "===") and not pins[0].version.endswith("*")
    return None if exact else f"{text!r} is not pinned: write {requirement.name}==VERSION"


def _placeholder_problems(table: Mapping[str, Any]) -> list[str]:
    problems = []
    for key, known in (("command", PLACEHOLDERS), ("fit_command", FIT_PLACEHOLDERS)):
        try:
            names = placeholders(tuple(table.get(key, ())))
        except ValueError as error:
            problems.append(f"{key!r}: {error}")
            continue
        if strange := sorted(names - set(known)):
            problems.append(f"{key!r} has unknown placeholders {', '.join(strange)}; known: {', '.join(known)}")
        elif "repository" in names and "repository" not in table:
            problems.append(f"{key!r} asks for a repository, and there is no table [repository]")
    return problems


def _texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) and "\0" not in item for item in value)


def _positive(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < float("inf")


def _command(value: object) -> bool:
    return _texts(value) and bool(value)


def _repository(value: object) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() == {"url", "commit"}
        and all(isinstance(text, str) for text in value.values())
        and _COMMIT.fullmatch(value["commit"]) is not None
    )


def _python(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(r"3\.\d{1,2}(\.\d{1,2})?", value) is not None


_FIELDS: Mapping[str, tuple[str, Callable[[object], bool]]] = {
    "python": ('a version such as "3.11"', _python),
    "requirements": ("a list of texts", _texts),
    "system": ("a list of texts", _texts),
    "command": ("a list of texts, the program first", _command),
    "fit_command": ("a list of texts, the program first", _command),
    "repository": ("a table of url and commit (40 hexadecimal digits)", _repository),
    "timeout_seconds": ("a positive number", _positive),
    "memory_gib": ("a positive number", _positive),
}


def _fits(table: Mapping[str, Any], key: str) -> bool:
    return _FIELDS[key][1](table[key])

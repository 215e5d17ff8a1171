"""What a submission is: its files, its name, the schema of ``submission.json``, and the error of those who make one.

``<task>--<method>--<12 hex>``: the last part starts the SHA-256 of ``files.json``, which is the canonical JSON of
path -> {sha256, bytes} of all other files. So two submissions of one name have the same content.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

from benchmark.errors import BenchError
from benchmark.records.writer import CASES, OBSERVATIONS, RECORD, TIMINGS
from medshape_text.hashing import file_sha256

DOCUMENT, PREDICTIONS, LIST = "submission.json", "predictions.parquet", "files.json"
TEXTS = (DOCUMENT, RECORD, CASES, TIMINGS, OBSERVATIONS)
CONTENT = (*TEXTS, PREDICTIONS)
"""All files but the list of them."""
SUBMISSIONS, VERIFICATIONS = "submissions", "verification"
"""Folders of a results folder."""
SCHEMA_VERSION = 1
_FILE_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,199}")
_SHOWN = 3


class SubmissionError(BenchError):
    """Something cannot be submitted, or a submission is not what it should be: one sentence, and what to do.

    Attributes:
        code: kebab-case, the same for everything with this fault.
    """

    exit_code = 8

    def __init__(self, code: str, message: str) -> None:
        """Say what is wrong."""
        super().__init__(message)
        self.code = code


def listed(names: list[str], most: int = 5) -> str:
    """Some names in one line, the number of all where there are more."""
    shown = ", ".join(printable(name, 80) for name in names[:most])
    return shown if len(names) <= most else f"{shown}, ... ({len(names)} in all)"


def printable(text: str, longest: int = 160) -> str:
    """A stranger's text fit for a message: ASCII without control characters, and cut."""
    plain = text.encode("ascii", "backslashreplace").decode("ascii")
    shown = "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in plain[: 2 * longest])
    return shown if len(shown) <= longest else f"{shown[: longest - 3]}..."


def list_files(folder: Path) -> dict[str, dict[str, Any]]:
    """What ``files.json`` says of a submission that is being written: hash and size of every file, by path."""
    return {
        name: {"sha256": file_sha256(folder / name), "bytes": (folder / name).stat().st_size}
        for name in sorted(CONTENT)
    }


def submission_id(task: str, method: str, digest: str) -> str:
    """The name of a submission whose ``files.json`` has this SHA-256."""
    return f"{task}--{method}--{digest[:12]}"


def is_id(name: str) -> bool:
    """Whether a name can be that of a submission, and of a file, wherever it came from."""
    return _FILE_NAME.fullmatch(name) is not None and ".." not in name


@cache
def schema() -> Mapping[str, Any]:
    """The JSON Schema (draft 2020-12) of ``submission.json``."""
    text = resources.files("leaderboard.submission").joinpath("schema.json").read_text(encoding="utf-8")
    found: Mapping[str, Any] = json.loads(text)
    return found


def training_sets() -> tuple[str, ...]:
    """The training sets that have a name; any other is said as ``other:<text>``."""
    return tuple(schema()["properties"]["training_sets"]["items"]["anyOf"][0]["enum"])


def check_document(document: Mapping[str, Any], name: str = DOCUMENT) -> None:
    """Check a document against the schema, and that its licence is an SPDX expression.

    Raises:
        SubmissionError: code ``schema``, naming the first fields that are wrong.
    """
    check_against(schema(), document, name)
    check_licence(document["licence"], name)


def check_against(rules: Mapping[str, Any], value: object, name: str) -> None:
    """Check a value against a schema.

    Raises:
        SubmissionError: code ``schema``, naming the first fields that are wrong.
    """
    errors = sorted(Draft202012Validator(rules).iter_errors(value), key=lambda error: list(map(str, error.path)))
    if errors:
        told = [f"{'.'.join(map(str, error.path)) or 'document'}: {printable(error.message)}" for error in errors]
        more = f" (and {len(told) - _SHOWN} more)" if len(told) > _SHOWN else ""
        raise SubmissionError("schema", f"{name}: {'; '.join(told[:_SHOWN])}{more}")


def check_licence(licence: str, name: str) -> None:
    """Check that a licence is an SPDX expression in its own spelling.

    Raises:
        SubmissionError: code ``schema``.
    """
    try:
        known = canonicalize_license_expression(licence)
    except InvalidLicenseExpression as error:
        said = f"{name}: licence {printable(licence, 60)!r} is no SPDX expression; say for instance MIT or CC-BY-4.0"
        raise SubmissionError("schema", said) from error
    if known != licence:
        raise SubmissionError("schema", f"{name}: SPDX spells the licence {known!r}, not {printable(licence, 60)!r}")

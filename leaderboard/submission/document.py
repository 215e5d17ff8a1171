"""``submission.yaml``: its schema, and what no schema can say."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from jsonschema import Draft202012Validator
from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

from leaderboard.submission import plain_yaml
from leaderboard.submission.errors import SubmissionError, printable

SCHEMA_VERSION = 1
FILE = "submission.yaml"
_SHOWN = 3


@cache
def schema() -> Mapping[str, Any]:
    """The JSON Schema (draft 2020-12) of ``submission.yaml``."""
    text = resources.files("leaderboard.submission").joinpath("schema.json").read_text(encoding="utf-8")
    found: Mapping[str, Any] = json.loads(text)
    return found


def training_sets() -> tuple[str, ...]:
    """The training sets that have a name; any other is said as ``other:<text>``."""
    return tuple(schema()["properties"]["training_sets"]["items"]["anyOf"][0]["enum"])


def read_document(data: bytes, name: str = FILE) -> dict[str, Any]:
    """A ``submission.yaml``, parsed and checked; ``data`` may be anybody's.

    Raises:
        SubmissionError: codes of `plain_yaml.load` and `check_document`.
    """
    document = plain_yaml.load(data, name)
    check_document(document, name)
    return document


def check_document(document: Mapping[str, Any], name: str = FILE) -> None:
    """Check a document against the schema, and that its licence is an SPDX expression.

    Raises:
        SubmissionError: code ``schema`` or ``licence``, naming the first fields that are wrong.
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
    """Check that a licence is an SPDX expression.

    Raises:
        SubmissionError: code ``licence``.
    """
    try:
        known = canonicalize_license_expression(licence)
    except InvalidLicenseExpression as error:
        said = f"{name}: licence {printable(licence, 60)!r} is no SPDX expression; say for instance MIT or CC-BY-4.0"
        raise SubmissionError("licence", said) from error
    if known != licence:
        raise SubmissionError("licence", f"{name}: SPDX spells the licence {known!r}, not {printable(licence, 60)!r}")

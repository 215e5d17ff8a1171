"""JSON of strangers: plain values of bounded size and depth with texts that people can see, or a reason why not."""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from leaderboard.findings import RefusedError, shown

_BIDI = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_INVISIBLE = re.compile("[\u200b-\u200d\u2060-\u2064\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]")


@dataclass(frozen=True)
class Limits:
    """What a submission may take at most, before anything of it is read; one over any of them is refused.

    Attributes:
        document_bytes: of ``submission.json`` and of ``files.json``.
        json_bytes: of every other file but the predictions.
        prediction_bytes: of the predictions, whatever the number of cases.
        line_bytes: of a line of a JSON-lines file.
        depth: of nested JSON.
        values: in one JSON file.
        string: characters of a text.
        digits: of an integer.
        footer_bytes: of the part of a Parquet file that says what is in it.
        parsing_bytes: memory of the process that parses the predictions.
        parsing_seconds: of processor time and, apart from that, of waiting for this process.
    """

    document_bytes: int = 2**16
    json_bytes: int = 2**26
    prediction_bytes: int = 2**33
    line_bytes: int = 2**16
    depth: int = 16
    values: int = 1_000_000
    string: int = 10_000
    digits: int = 18
    footer_bytes: int = 2**22
    parsing_bytes: int = 2**30
    parsing_seconds: float = 300.0


def read_object(data: bytes, name: str, limits: Limits) -> dict[str, Any]:
    """One JSON object.

    Raises:
        RefusedError: if it is anything else, is too deep or too large, repeats a key, or has a number or a text that
            is not accepted.
    """
    value = _parse(data, name, limits)
    if not isinstance(value, dict):
        raise RefusedError("json-invalid", f"{name} is no JSON object")
    _check_values(value, name, limits)
    return value


def read_lines(data: bytes, name: str, limits: Limits, most: int) -> Iterator[dict[str, Any]]:
    """The JSON objects of a JSON-lines file, at most so many.

    Raises:
        RefusedError: as `read_object`; if a line is too long, the last one torn, or there are too many.
    """
    start, count = 0, 0
    while start < len(data):
        end = data.find(b"\n", start, start + limits.line_bytes)
        if end < 0:
            short = len(data) - start < limits.line_bytes
            code, what = ("json-invalid", "does not end") if short else ("json-too-large", "is too long")
            raise RefusedError(code, f"line {count + 1} of {name} {what}")
        count += 1
        if count > most:
            raise RefusedError("json-too-large", f"{name} has more than the {most} lines there can be")
        yield read_object(data[start:end], f"line {count} of {name}", limits)
        start = end + 1


def check_text(text: str, name: str, limits: Limits) -> None:
    """Refuse a text that people could not see as it is.

    Raises:
        RefusedError: for one that is too long, or has control characters, characters that turn the direction of
            reading, invisible ones, or halves of characters.
    """
    if len(text) > limits.string:
        raise RefusedError("text-refused", f"{name} has a text of {len(text)} characters")
    if text.isascii() and text.isprintable():
        return
    if _BIDI.search(text):
        raise RefusedError("text-refused", f"{name} has a text that changes its direction: {shown(text)}")
    if _INVISIBLE.search(text):
        raise RefusedError("text-refused", f"{name} has a text with invisible characters: {shown(text)}")
    for character in text:
        kind = unicodedata.category(character)
        if kind == "Cs":
            raise RefusedError("text-refused", f"{name} has half a character: {shown(text)}")
        if kind == "Cc" and character not in "\n\t":
            raise RefusedError("text-refused", f"{name} has control characters: {shown(text)}")


def _check_values(value: object, name: str, limits: Limits) -> None:
    """Look at every value below one that was parsed, level by level."""
    level: list[object] = [value]
    for _ in range(limits.depth + 1):
        below: list[object] = []
        for item in level:
            if isinstance(item, str):
                check_text(item, name, limits)
            elif isinstance(item, dict):
                below += item.keys()
                below += item.values()
            elif isinstance(item, list):
                below += item
        if not below:
            return
        level = below
    raise RefusedError("json-too-large", f"{name} is nested deeper than {limits.depth}")


def _parse(data: bytes, name: str, limits: Limits) -> object:
    # What a value costs in memory is many times what it costs in the file, so they are counted before parsing.
    if data.count(b",") + data.count(b"[") + data.count(b"{") > limits.values:
        raise RefusedError("json-too-large", f"{name} has more than {limits.values} values")

    def whole(text: str) -> int:
        if len(text) > limits.digits:
            raise RefusedError("json-invalid", f"{name} has an integer of {len(text)} digits")
        return int(text)

    def decimal(text: str) -> float:
        value = float(text)
        if not math.isfinite(value):
            raise RefusedError("json-invalid", f"{name} has the number {shown(text)}, which is not finite")
        return value

    def constant(text: str) -> float:
        raise RefusedError("json-invalid", f"{name} has the number {text}, which is not finite")

    def pairs(items: list[tuple[str, object]]) -> dict[str, object]:
        record = dict(items)
        if len(record) != len(items):
            raise RefusedError("json-invalid", f"{name} has a key twice in one object")
        return record

    try:
        return json.loads(
            data.decode("utf-8"), parse_int=whole, parse_float=decimal, parse_constant=constant, object_pairs_hook=pairs
        )
    except RecursionError:
        raise RefusedError("json-too-large", f"{name} is nested deeper than {limits.depth}") from None
    except UnicodeDecodeError as error:
        raise RefusedError("json-invalid", f"{name} is no UTF-8 at byte {error.start}") from None
    except ValueError as error:
        raise RefusedError("json-invalid", f"{name} is no JSON: {shown(error)}") from None

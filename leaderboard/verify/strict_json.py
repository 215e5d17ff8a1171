"""JSON of a stranger: plain values of bounded size and depth, or a reason why not."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

from leaderboard.verify.limits import Limits
from leaderboard.verify.refusal import RefusedError, shown
from leaderboard.verify.texts import check_text


def read_object(data: bytes, name: str, limits: Limits) -> dict[str, Any]:
    """One JSON object.

    Raises:
        RefusedError: if it is anything else, is too deep or too large, repeats a key, or has a number or a text that
            is not accepted.
    """
    value = _parse(data, name, limits)
    if not isinstance(value, dict):
        raise RefusedError("json-not-an-object", f"{name} is no JSON object")
    check_values(value, name, limits)
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
            code, what = ("line-torn", "does not end") if short else ("line-too-long", "is too long")
            raise RefusedError(code, f"line {count + 1} of {name} {what}")
        count += 1
        if count > most:
            raise RefusedError("too-many-lines", f"{name} has more than the {most} lines there can be")
        yield read_object(data[start:end], f"line {count} of {name}", limits)
        start = end + 1


def check_values(value: object, name: str, limits: Limits) -> None:
    """Look at every value below one that was parsed.

    Raises:
        RefusedError: if they are nested too deep, or a text or key is not accepted.
    """
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
    raise RefusedError("json-too-deep", f"{name} is nested deeper than {limits.depth}")


def _parse(data: bytes, name: str, limits: Limits) -> object:
    # What a value costs in memory is many times what it costs in the file, so they are counted before parsing.
    if data.count(b",") + data.count(b"[") + data.count(b"{") > limits.values:
        raise RefusedError("json-too-large", f"{name} has more than {limits.values} values")

    def whole(text: str) -> int:
        if len(text) > limits.digits:
            raise RefusedError("number-too-large", f"{name} has an integer of {len(text)} digits")
        return int(text)

    def decimal(text: str) -> float:
        value = float(text)
        if not math.isfinite(value):
            raise RefusedError("number-not-finite", f"{name} has the number {shown(text)}")
        return value

    def constant(text: str) -> float:
        raise RefusedError("number-not-finite", f"{name} has the number {text}")

    def pairs(items: list[tuple[str, object]]) -> dict[str, object]:
        record = dict(items)
        if len(record) != len(items):
            raise RefusedError("json-duplicate-key", f"{name} has a key twice in one object")
        return record

    try:
        return json.loads(
            data.decode("utf-8"), parse_int=whole, parse_float=decimal, parse_constant=constant, object_pairs_hook=pairs
        )
    except RecursionError:
        raise RefusedError("json-too-deep", f"{name} is nested deeper than {limits.depth}") from None
    except UnicodeDecodeError as error:
        raise RefusedError("text-not-utf8", f"{name} is no UTF-8 at byte {error.start}") from None
    except ValueError as error:
        raise RefusedError("json-damaged", f"{name} is no JSON: {shown(error)}") from None

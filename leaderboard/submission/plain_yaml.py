"""The part of YAML that is JSON in other clothes: mappings, lists, text, numbers, true, false, null.

No tags, anchors, aliases, directives, second documents or keys said twice, and nothing is guessed: what a plain
word means follows JSON, so ``no``, ``1:30`` and ``2026-01-01`` are text. Documents are built from the parser's events
without recursion; no object of the YAML library is ever constructed.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from leaderboard.submission.errors import SubmissionError, printable

MAX_BYTES = 1 << 16
MAX_DEPTH = 8
MAX_NODES = 2000
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,18})")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,18})(?:\.[0-9]{1,20})?(?:[eE][+-]?[0-9]{1,3})?")
_WORDS: Mapping[str, Any] = {"true": True, "false": False, "null": None, "~": None, "": None}
_PLAIN_KEY = re.compile(r"[a-z][a-z0-9_]*")
_YAML_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})


def load(data: bytes, name: str = "submission.yaml") -> dict[str, Any]:
    """The mapping that a document is.

    Raises:
        SubmissionError: codes ``yaml-too-large``, ``yaml-invalid``, ``yaml-unsafe`` (tag, anchor, alias, directive),
            ``yaml-duplicate-key``, ``yaml-too-deep``.
    """
    if len(data) > MAX_BYTES:
        raise SubmissionError("yaml-too-large", f"{name} has {len(data)} bytes, at most {MAX_BYTES} are read")
    try:
        document = _build(yaml.parse(data.decode("utf-8"), Loader=yaml.SafeLoader), name)
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, OverflowError) as error:
        raise SubmissionError("yaml-invalid", f"{name} is not valid YAML: {printable(_first(error))}") from error
    if not isinstance(document, dict):
        raise SubmissionError("yaml-invalid", f"{name} must be a mapping of names to values")
    return document


def _first(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    where = f" (line {mark.line + 1})" if mark is not None else ""
    return f"{getattr(error, 'problem', None) or str(error).splitlines()[0]}{where}"


def _build(events: Iterator[yaml.Event], name: str) -> object:
    """Put the document together; ``open_`` holds the containers we are in, ``keys`` the key each mapping waits with."""
    top: list[object] = []
    open_: list[list[Any] | dict[str, Any]] = [top]
    keys: list[str | None] = [None]
    documents = nodes = 0
    for event in events:
        _refuse_unsafe(event, name)
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise SubmissionError("yaml-invalid", f"{name} holds more than one document")
        elif isinstance(event, yaml.NodeEvent):
            nodes += 1
            if nodes > MAX_NODES or len(open_) > MAX_DEPTH + 1:
                raise SubmissionError("yaml-too-deep", f"{name} has more than {MAX_NODES} values or {MAX_DEPTH} levels")
            value: Any = _scalar(event, name) if isinstance(event, yaml.ScalarEvent) else None
            if isinstance(event, yaml.CollectionStartEvent):
                value = {} if isinstance(event, yaml.MappingStartEvent) else []
            _place(open_, keys, value, name)
            if isinstance(event, yaml.CollectionStartEvent):
                open_.append(value)
                keys.append(None)
        elif isinstance(event, yaml.CollectionEndEvent):
            open_.pop()
            keys.pop()
    return top[0] if top else None


def unsafe_kind(event: yaml.Event) -> str:
    """What an event is that could name a type, or make few bytes stand for many; empty for all others."""
    if isinstance(event, yaml.AliasEvent):
        return "alias"
    if getattr(event, "anchor", None) is not None:
        return "anchor"
    if getattr(event, "tag", None) is not None:
        return "tag"
    if isinstance(event, yaml.DocumentStartEvent) and (event.version or event.tags):
        return "directive"
    return ""


def _refuse_unsafe(event: yaml.Event, name: str) -> None:
    if unsafe_kind(event):
        line = event.start_mark.line + 1
        raise SubmissionError("yaml-unsafe", f"{name}, line {line}: tags, anchors, aliases and directives are refused")


def _place(open_: Sequence[list[Any] | dict[str, Any]], keys: list[str | None], value: Any, name: str) -> None:  # noqa: ANN401
    into = open_[-1]
    if isinstance(into, list):
        into.append(value)
    elif keys[-1] is None:
        if not isinstance(value, str):
            raise SubmissionError("yaml-invalid", f"{name}: a key must be text, not {type(value).__name__}")
        if value in into:
            raise SubmissionError("yaml-duplicate-key", f"{name}: the key {printable(value, 60)} is there twice")
        keys[-1] = value
    else:
        into[keys[-1]] = value
        keys[-1] = None


def _scalar(event: yaml.ScalarEvent, name: str) -> object:
    text = str(event.value)
    if event.style is not None:  # quoted or a block: always text
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _NUMBER.fullmatch(text):
        number = float(text)
        if not math.isfinite(number):
            raise SubmissionError("yaml-invalid", f"{name}: the number {printable(text, 40)} is too large")
        return number
    return text


def dump(document: Mapping[str, Any]) -> bytes:
    """A mapping of JSON values as YAML, keys in their order: the same value gives the same bytes.

    >>> print(dump({"a": [{"b": "no", "c": 1}], "d": {}}).decode(), end="")
    a:
    - b: "no"
      c: 1
    d: {}
    """
    return ("\n".join(_lines(document)) + "\n").encode("utf-8")


def _lines(value: object) -> list[str]:
    if isinstance(value, Mapping) and value:
        lines: list[str] = []
        for key, item in value.items():
            plain = _PLAIN_KEY.fullmatch(key) and key not in _YAML_WORDS
            shown = key if plain else json.dumps(key, ensure_ascii=False)
            inner = _lines(item)
            if isinstance(item, Mapping | list | tuple) and item:
                indent = "  " if isinstance(item, Mapping) else ""
                lines += [f"{shown}:", *(indent + line for line in inner)]
            else:
                lines.append(f"{shown}: {inner[0]}")
        return lines
    if isinstance(value, list | tuple) and value:
        return [("  " if place else "- ") + line for item in value for place, line in enumerate(_lines(item))]
    if isinstance(value, Mapping):
        return ["{}"]
    if isinstance(value, list | tuple):
        return ["[]"]
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    if isinstance(value, float) and "." not in text:
        text = text.replace("e", ".0e")  # YAML 1.1 takes 1e-09 for text
    return [text]

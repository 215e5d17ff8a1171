"""Texts of a stranger: what is refused, and what is shown (escaped, always) with a warning."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from leaderboard.model import Finding
from leaderboard.verify.limits import Limits
from leaderboard.verify.refusal import RefusedError, found, shown

_BIDI = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_INVISIBLE = re.compile("[\u200b-\u200d\u2060-\u2064\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]")
_MARKUP = re.compile(
    r"<[a-zA-Z/!?]|&#?\w{1,31};|\b(?:java|vb)script\s*:|\bdata\s*:\s*text|\{\{|\{%|\bon[a-z]{3,20}\s*=", re.I
)
_FORMULA = re.compile(r"^\s*[=+@|%]|^\s*-\s*[^\s\d.]")


def check_text(text: str, name: str, limits: Limits) -> None:
    """Refuse a text that people could not see as it is.

    Raises:
        RefusedError: for one that is too long, or has control characters, characters that turn the direction of
            reading, invisible ones, or halves of characters.
    """
    if len(text) > limits.string:
        raise RefusedError("text-too-long", f"{name} has a text of {len(text)} characters")
    if text.isascii() and text.isprintable():
        return
    if _BIDI.search(text):
        raise RefusedError("text-bidirectional", f"{name} has a text that changes its direction: {shown(text)}")
    if _INVISIBLE.search(text):
        raise RefusedError("text-invisible", f"{name} has a text with invisible characters: {shown(text)}")
    for character in text:
        kind = unicodedata.category(character)
        if kind == "Cs":
            raise RefusedError("text-half-character", f"{name} has half a character: {shown(text)}")
        if kind == "Cc" and character not in "\n\t":
            raise RefusedError("text-control-character", f"{name} has control characters: {shown(text)}")


def suspicions(value: object, name: str) -> Iterator[Finding]:
    """Texts that look as if they were meant for a browser or a spreadsheet instead of a reader."""
    if isinstance(value, str):
        if _MARKUP.search(value):
            yield found("text-markup", f"{name} has a text that looks like code for a browser: {shown(value)}")
        if _FORMULA.search(value):
            yield found("text-formula", f"{name} has a text that looks like a formula: {shown(value)}")
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from suspicions(key, f"{name}, a key")
            yield from suspicions(item, f"{name}, {key if str(key).isidentifier() else shown(key)}")
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from suspicions(item, name)

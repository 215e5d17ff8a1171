"""Text from outside as text that can be looked at: what cannot be seen is spelled out."""

from __future__ import annotations


def plain(text: str, longest: int | None = None) -> str:
    r"""The text with control, invisible and direction-changing characters as escapes, cut after ``longest`` characters.

    >>> plain("a\x00b\u202egnp.exe")
    'a\\x00b\\u202egnp.exe'
    """
    cut = text if longest is None or len(text) <= longest else text[: longest - 1] + "…"
    if cut.isprintable():
        return cut
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in cut)

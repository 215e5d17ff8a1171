"""MedShapeNet's list of links: one a line, the file's name inside the link, and anything else a stranger may write."""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from medshape_text.hashing import sha256
from medshape_text.sources.shared import SourceError, safe_id

MAX_LIST_BYTES = 2**28
_MAX_LINE, _MAX_NAME = 4096, 200
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


class UrlListError(SourceError):
    """The list as a whole cannot be read."""


@dataclass(frozen=True, slots=True)
class Link:
    """One entry of a list. With a ``reason`` it is not to be fetched; ``detail`` says why in a sentence.

    ``line`` counts from 1. ``file_name`` is empty where the line names none.
    """

    id: str
    file_name: str
    url: str
    line: int
    reason: str = ""
    detail: str = ""


@dataclass(frozen=True)
class UrlList:
    """All links of a list in its order, and what became of the other lines.

    ``repeated`` lines hold a link that came before; ``lines`` is the sum of all.
    """

    links: Sequence[Link]
    comments: int
    blank: int
    repeated: int

    @property
    def lines(self) -> int:
        """How many lines the list has."""
        return len(self.links) + self.comments + self.blank + self.repeated


def parse(data: bytes) -> UrlList:
    """Read a list; its lines may end in any of the three ways and ``#`` at the start or after a blank begins a comment.

    Two forms of links are known, ``https://host/…/download?path=%2F&files=<name>.stl`` and
    ``https://host/…/<name>.stl``. Reasons of entries that are none: ``bad-encoding``, ``bad-url``, ``bad-scheme``,
    ``control-characters``, ``unsafe-name``, ``not-stl``, ``duplicate-id`` (another link has a file of this name).

    Raises:
        UrlListError: if it is too large or not a text of bytes, such as UTF-16.
    """
    if len(data) > MAX_LIST_BYTES:
        raise UrlListError(f"the list has {len(data)} bytes, at most {MAX_LIST_BYTES} are read")
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise UrlListError("the list is UTF-16 text; save it as UTF-8")
    raw = re.split(rb"\r\n|\n|\r", data.removeprefix(b"\xef\xbb\xbf"))
    if not raw[-1]:
        raw.pop()  # what follows the last line's end is no line
    links: list[Link] = []
    ids: set[str] = set()
    texts: set[str] = set()
    comments = blank = repeated = 0
    for number, line in enumerate(raw, start=1):
        text = line.decode("utf-8", errors="backslashreplace").strip(" \t")
        if not text:
            blank += 1
            continue
        if text.startswith("#"):
            comments += 1
            continue
        text = re.split(r"[ \t]#", text, maxsplit=1)[0].rstrip(" \t")
        if text in texts:
            repeated += 1
            continue
        texts.add(text)
        link = _link(text, number, valid=_is_utf8(line))
        if link.id in ids:
            same = f"another link has a file of the name {link.file_name}"
            link = replace(link, id=_other_id(link.id, text, ids), reason="duplicate-id", detail=same)
        ids.add(link.id)
        links.append(link)
    return UrlList(tuple(links), comments, blank, repeated)


def id_of(file_name: str) -> str:
    """The name without ``.stl``, and with a hash behind it where it had to be changed to be safe everywhere."""
    return safe_id(file_name[:-4] if file_name.lower().endswith(".stl") else file_name)


def _other_id(taken: str, text: str, ids: Set[str]) -> str:
    """An id for a line whose own is taken. A hostile list may hold this one too: the first that is free counts."""
    found = f"{taken}-again-{sha256(text.encode())[:12]}"
    while found in ids:
        found = f"{taken}-again-{sha256(found.encode())[:12]}"
    return found


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _link(text: str, number: int, *, valid: bool) -> Link:
    try:
        name = _file_name(text, valid)
    except _Refused as error:
        # Nothing of such a line may become part of an id, but the same line has the same one in any list.
        shown = _CONTROL.sub("?", text[:_MAX_LINE])
        return Link(f"line-{sha256(text.encode())[:16]}", "", shown, number, error.reason, error.detail)
    return Link(id_of(name), name, text, number)


class _Refused(ValueError):  # noqa: N818 - an answer, not an error
    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail


def _file_name(text: str, valid: bool) -> str:
    if not valid:
        raise _Refused("bad-encoding", "the line is not UTF-8 text")
    if len(text) > _MAX_LINE:
        raise _Refused("bad-url", f"the line has {len(text)} characters, at most {_MAX_LINE} are read")
    if _CONTROL.search(text):
        raise _Refused("control-characters", "the link holds control characters")
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018 - raises where there is no such port
    except ValueError as error:
        raise _Refused("bad-url", f"no link: {error}") from error
    if parts.scheme.lower() not in ("https", "http"):
        scheme = f"{parts.scheme}:" if parts.scheme else "no scheme"
        raise _Refused("bad-scheme", f"the link starts with {scheme}, only https: and http: are fetched")
    if not parts.hostname or "@" in parts.netloc or " " in parts.netloc:
        raise _Refused("bad-url", "the link names no host, or a user")
    return _check_name(_named(parts))


def _named(parts: SplitResult) -> str:
    try:
        named = parse_qs(parts.query, keep_blank_values=True, max_num_fields=20, errors="strict").get("files")
        if named is None:
            return unquote(parts.path.rpartition("/")[2], errors="strict")
    except (ValueError, UnicodeDecodeError) as error:
        raise _Refused("bad-url", "its percent-encoding or its query cannot be read") from error
    if len(named) != 1:
        raise _Refused("bad-url", f"the link names {len(named)} files")
    return named[0]


def _check_name(name: str) -> str:
    decoded = name
    for _ in range(4):  # what is encoded twice would be decoded by somebody else
        if _CONTROL.search(decoded):
            raise _Refused("control-characters", "the file's name holds control characters")
        if "/" in decoded or "\\" in decoded or decoded.startswith(".") or ":" in decoded:
            raise _Refused("unsafe-name", "the file's name holds a separator or starts with a dot")
        further = unquote(decoded, errors="replace")
        if further == decoded:
            break
        decoded = further
    if not name.lower().endswith(".stl"):
        raise _Refused("not-stl", "the file's name does not end with .stl")
    if not name[:-4].strip() or len(name) > _MAX_NAME:
        raise _Refused("unsafe-name", f"the file's name has {len(name)} characters, 5 to {_MAX_NAME} are allowed")
    return name

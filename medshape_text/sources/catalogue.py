"""The sources by name, and what each needs to be told."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path

from medshape_text.pipeline import Source
from medshape_text.sources.shared import SourceError

SOURCES = ("mini", "medshapenet", "folder")

Progress = Callable[[str, int, int], None]


class UsageError(ValueError):
    """The source does not exist or was not told what it needs."""


@dataclass(frozen=True)
class Request:
    """A source by name and everything any of them may be told; see ``medshape-build --help``."""

    name: str
    cache: Path
    folder: Path | None = None
    urls: str | None = None
    limit: int | None = None
    meta: Path | None = None
    connections: int = 8
    offline: bool = False
    retry_failed: bool = False
    rate: float | None = None
    licence: str = "unknown"
    synthetic: int = 64
    brain: Path | None = None


_DEFAULTS = {entry.name: entry.default for entry in fields(Request)}
_READ_BY = {
    **dict.fromkeys(("urls", "limit", "rate", "retry_failed", "connections"), ("medshapenet",)),
    "meta": ("medshapenet", "folder"),
    "licence": ("folder",),
    **dict.fromkeys(("synthetic", "brain"), ("mini",)),
}
"""Which sources an option means something to; given to another, it would be passed over in silence."""


def open_source(request: Request, progress: Progress = lambda *_: None) -> Source:
    """Open a source, downloading what is missing.

    Raises:
        UsageError: if there is no such source or something it needs was not given.
        SourceError: if it cannot be had or is not what was pinned.
    """
    if request.name not in SOURCES:
        close = difflib.get_close_matches(request.name, SOURCES, 1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise UsageError(f"unknown source {request.name!r}; there are {', '.join(SOURCES)}.{hint}")
    if request.name != "folder" and request.folder is not None:
        raise UsageError(f"{request.folder} was given, but only --source folder reads a folder")
    for option, readers in _READ_BY.items():
        if request.name not in readers and getattr(request, option) != _DEFAULTS[option]:
            name = option.replace("_", "-")
            raise UsageError(f"only --source {' and '.join(readers)} reads --{name}; leave it out")
    if request.name == "mini":
        from medshape_text.sources.mini import open_mini

        progress("opening the source", 0, 1)
        mini = open_mini(request.cache / "wheels", request.synthetic, request.brain, offline=request.offline)
        progress("opening the source", 1, 1)
        return mini
    if request.name == "folder":
        if request.folder is None:
            raise UsageError("--source folder needs a folder: medshape-build --source folder DIR --out OUT")
        from medshape_text.sources.folder import open_folder

        return open_folder(request.folder, licence=request.licence, meta=request.meta)
    if request.urls is None:
        raise UsageError("--source medshapenet needs --urls FILE or --urls https://…: the list of links")
    from medshape_text.sources.medshapenet import open_medshapenet

    return open_medshapenet(
        request.urls, request.cache / "medshapenet", limit=request.limit, connections=request.connections,
        rate=request.rate, offline=request.offline, retry_failed=request.retry_failed, meta=request.meta,
        progress=progress,
    )  # fmt: skip


__all__ = ["SOURCES", "Request", "SourceError", "UsageError", "open_source"]

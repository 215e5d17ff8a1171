"""What became of every link, in a file that is only ever appended to.

A line is written after the file it speaks of is whole, named by its sha256 and on the disk (see `cache`). So
whatever a kill or a power cut leaves behind, a line that can be read is true; the last one may be torn, is then cut
off, and its link is fetched again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from medshape_text.files import sync
from medshape_text.hashing import canonical_json
from medshape_text.sources.errors import SourceError

_HEX = frozenset("0123456789abcdef")


class LedgerError(SourceError):
    """The ledger is not one of ours."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A link whose file is in the cache; ``etag`` and ``last_modified`` as the server gave them, or empty."""

    url: str
    sha256: str
    bytes: int
    etag: str = ""
    last_modified: str = ""


@dataclass(frozen=True, slots=True)
class Failed:
    """A link without a file: a ``reason`` code, a sentence, and how often it was tried."""

    url: str
    reason: str
    detail: str
    attempts: int


Outcome = Fetched | Failed


def read(path: Path) -> dict[str, Outcome]:
    """The last word on every link; empty if there is no ledger yet.

    Raises:
        LedgerError: if a line that was written to its end cannot be read.
    """
    outcomes: dict[str, Outcome] = {}
    try:
        with path.open("rb") as stream:
            for number, line in enumerate(stream, start=1):
                if not line.endswith(b"\n"):
                    break  # the last one, not written to its end
                outcome = _parse(line)
                if outcome is None:
                    raise LedgerError(f"{path}, line {number}, is damaged; move the file away and run again, "
                                      "everything is downloaded anew then.")  # fmt: skip
                outcomes[outcome.url] = outcome
    except FileNotFoundError:
        return {}
    return outcomes


@dataclass(frozen=True)
class Ledger:
    """The file to append to, after a torn last line was cut off. One process at a time."""

    path: Path

    def mend(self) -> None:
        """Cut off a last line that was not written to its end."""
        if not self.path.exists():
            return
        with self.path.open("r+b") as stream:
            end = kept = stream.seek(0, os.SEEK_END)
            while kept:
                start = max(0, kept - 2**16)
                stream.seek(start)
                block = stream.read(kept - start)
                if (newline := block.rfind(b"\n")) >= 0:
                    kept = start + newline + 1
                    break
                kept = start
            if kept < end:
                stream.truncate(kept)
                os.fsync(stream.fileno())

    def append(self, outcomes: Iterable[Outcome]) -> None:
        """Have some lines on the disk when the call returns, or none of them.

        Raises:
            OSError: such as a full disk.
        """
        rest = memoryview(b"".join(_line(outcome) for outcome in outcomes))
        with self.path.open("ab", buffering=0) as stream:
            before = stream.tell()
            try:
                while rest:
                    rest = rest[stream.write(rest) :]
                os.fsync(stream.fileno())
            except OSError:
                stream.truncate(before)
                raise
        if not before:
            sync(self.path.parent)  # the file is new: its name has to last too


def _line(outcome: Outcome) -> bytes:
    status = "ok" if isinstance(outcome, Fetched) else "failed"
    return canonical_json({"status": status, **asdict(outcome)}) + b"\n"


def _parse(line: bytes) -> Outcome | None:
    try:
        entry = json.loads(line)
        return _outcome(entry)
    except (ValueError, KeyError, TypeError):
        return None


def _outcome(entry: Mapping[str, object]) -> Outcome | None:
    status, url = entry["status"], entry["url"]
    if not isinstance(url, str):
        return None
    if status == "ok":
        digest, size = entry["sha256"], entry["bytes"]
        # The digest becomes part of a path.
        if isinstance(digest, str) and len(digest) == 64 and _HEX.issuperset(digest) and isinstance(size, int):
            return Fetched(url, digest, size, str(entry["etag"]), str(entry["last_modified"]))
        return None
    attempts = entry["attempts"]
    if status != "failed" or not isinstance(attempts, int):
        return None
    return Failed(url, str(entry["reason"]), str(entry["detail"]), attempts)

"""The folder of downloads: files by their sha256, the ones on their way, and the log of what became of every link.

The order in which things reach the disk is what makes a kill or a power cut harmless: a body is written whole under
another name and renamed to its sha256; a batch of such files is synced, then the folders that hold their names, and
only then are the lines of the log about them written and synced. The log is only ever appended to. So a line that can
be read is true; the last one may be torn, is then cut off, and its link is fetched again. What was renamed but has no
line yet is fetched again, too.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

from medshape_text.files import replacing, sync
from medshape_text.hashing import canonical_json, sha256
from medshape_text.sources.shared import SourceError

_HEAD = 512
_HEX = frozenset("0123456789abcdef")


@dataclass(frozen=True)
class Cache:
    """The folder: ``ledger.jsonl``, ``files/<2 digits>/<sha256>``, ``parts/`` and ``lists/``."""

    folder: Path

    @property
    def log(self) -> Path:
        """The download log: what became of every link. It keeps its first name, so that older folders continue."""
        return self.folder / "ledger.jsonl"

    def file(self, digest: str) -> Path:
        """Where the file with this sha256 is or would be."""
        return self.folder / "files" / digest[:2] / digest

    def list_file(self, url: str) -> Path:
        """Where the list of links from this address is kept."""
        return self.folder / "lists" / f"{sha256(url.encode())[:32]}.txt"

    def holds(self, digest: str, size: int) -> bool:
        """Whether a file is there, of the right size."""
        try:
            found = self.file(digest).stat()
        except FileNotFoundError:
            return False
        return found.st_size == size

    def prepare(self) -> None:
        """Make the folders."""
        for name in ("files", "parts", "lists"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)

    def part(self, url: str, checkpoint_bytes: int) -> Part:
        """The body of a link on its way, continued where an earlier process left it."""
        return Part.found(self.folder / "parts" / sha256(url.encode())[:32], checkpoint_bytes)

    def sync(self, digests: Iterable[str]) -> None:
        """Have finished files and their names on the disk."""
        files = {self.file(digest) for digest in digests}
        for path in files:
            sync(path)
        for folder in {path.parent for path in files}:
            sync(folder)
        if files:
            sync(self.folder / "files")  # the folders of two digits are made as they are needed


class Part:
    """A body on its way: in memory up to a size, then in a file that can be continued after a kill.

    ``validator`` is what the server identifies the content by; without one nothing is ever continued, since two
    versions of a file could be spliced. A file beside the part says up to where it is known to be on the disk.

    Attributes:
        size: bytes received so far.
        head: the first of them.
        validator: an ETag or a date of change, or empty.
    """

    def __init__(self, path: Path, checkpoint_bytes: int) -> None:
        """An empty part; nothing is written yet."""
        self.size = 0
        self.head = b""
        self.validator = ""
        self._path = path
        self._mark = path.with_suffix(".json")
        self._checkpoint_bytes = checkpoint_bytes
        self._buffer = bytearray()
        self._stream: BinaryIO | None = None
        self._digest = hashlib.sha256()

    @classmethod
    def found(cls, path: Path, checkpoint_bytes: int) -> Part:
        """The part at a path as an earlier process left it, or an empty one."""
        part = cls(path, checkpoint_bytes)
        try:
            mark = json.loads(part._mark.read_bytes())
            validator, size = mark["validator"], mark["bytes"]
            if not (isinstance(validator, str) and validator and isinstance(size, int) and path.stat().st_size >= size):
                return part
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return part
        stream = path.open("r+b")
        stream.truncate(size)
        while block := stream.read(2**20):
            part._note(block)
        part.validator, part._stream = validator, stream
        return part

    def begin(self, validator: str) -> None:
        """Forget what there is and start anew."""
        self.discard()
        self.size, self.head, self.validator = 0, b"", validator
        self._digest = hashlib.sha256()

    def write(self, data: bytes) -> None:
        """Add what arrived."""
        self._note(data)
        self._buffer += data
        if len(self._buffer) >= self._checkpoint_bytes:
            self._spill()
            self._checkpoint()

    def finish(self, cache: Cache) -> str:
        """Give the whole body its final name and return its sha256."""
        self._spill()
        self._close()
        digest = self._digest.hexdigest()
        target = cache.file(digest)
        target.parent.mkdir(exist_ok=True)
        self._path.replace(target)
        self._mark.unlink(missing_ok=True)
        return digest

    def discard(self) -> None:
        """Delete what was written."""
        self._buffer.clear()
        if self._stream is not None:
            self._close()
            self._mark.unlink(missing_ok=True)
            self._path.unlink(missing_ok=True)

    def leave(self) -> None:
        """Leave what was written for another process, if one could continue it."""
        if self._mark.exists():
            self._close()
        else:
            self.discard()

    def _close(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def _note(self, data: bytes) -> None:
        if len(self.head) < _HEAD:
            self.head = (self.head + data)[:_HEAD]
        self.size += len(data)
        self._digest.update(data)

    def _spill(self) -> None:
        if self._stream is None:
            self._mark.unlink(missing_ok=True)  # it may speak of an earlier part
            self._stream = self._path.open("wb")
        self._stream.write(self._buffer)
        self._buffer.clear()

    def _checkpoint(self) -> None:
        if self.validator and self._stream is not None:
            self._stream.flush()
            os.fsync(self._stream.fileno())
            with replacing(self._mark) as stream:
                stream.write(canonical_json({"validator": self.validator, "bytes": self.size}))


class DownloadLogError(SourceError):
    """The log is not one of ours."""


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


def read_log(path: Path) -> dict[str, Outcome]:
    """The last word on every link; empty if there is no log yet.

    Raises:
        DownloadLogError: if a line that was written to its end cannot be read.
    """
    outcomes: dict[str, Outcome] = {}
    try:
        with path.open("rb") as stream:
            for number, line in enumerate(stream, start=1):
                if not line.endswith(b"\n"):
                    break  # the last one, not written to its end
                outcome = _parse(line)
                if outcome is None:
                    raise DownloadLogError(f"{path}, line {number}, is damaged; move the file away and run again, "
                                           "everything is downloaded anew then.")  # fmt: skip
                outcomes[outcome.url] = outcome
    except FileNotFoundError:
        return {}
    return outcomes


@dataclass(frozen=True)
class DownloadLog:
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

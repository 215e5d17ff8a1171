"""The one reader of submissions, own ones and strangers': a folder is read once and believed in nothing.

`read_files` takes what lies in a folder, without following or waiting for anything; `read_submission` refuses all that
can be refused without the truth and without parsing the predictions.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import stat
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from benchmark.errors import UnknownNameError
from benchmark.records.rows import Row
from benchmark.records.writer import CASES, OBSERVATIONS, RECORD, TIMINGS
from benchmark.tasks import family_of, find_task
from leaderboard.findings import RefusedError, shown
from leaderboard.submission.layout import (
    CONTENT,
    DOCUMENT,
    LIST,
    PREDICTIONS,
    SCHEMA_VERSION,
    SubmissionError,
    check_document,
    submission_id,
)
from leaderboard.submission.strict_json import Limits, read_lines, read_object
from medshape_text.hashing import canonical_json, sha256

_PIECE = 2**20
_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_MOST_FAULTS = 5
_MOST_ROWS = 32
"""Of one case, where its task has not more metrics times categories."""
_ROW_TEXTS = ("case", "subject", "category", "origin", "metric", "signature", "status")
_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass
class Files:
    """What lay in a folder at one moment; later changes of the folder change nothing here.

    Attributes:
        name: of the folder.
        texts: name -> bytes of all files but the predictions.
        predictions: a copy of the predictions, without a name on any disk; empty if they were only hashed.
        hashes: name -> sha256 of all files.
        sizes: name -> bytes of all files.
    """

    name: str
    texts: dict[str, bytes]
    predictions: BinaryIO
    hashes: dict[str, str] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Submission:
    """A submission that is in order as far as that can be told without the truth; what it says is not believed.

    Attributes:
        id: the name its content gives it.
        folder: it was read from.
        files: as they were read.
        document: ``submission.json``.
        record: ``run.json``.
        rows: reported by the submitter, as are all numbers here.
        timings: case -> what is said of times and memory.
        observations: case -> sha256 of the observation the method saw.
    """

    id: str
    folder: Path
    files: Files
    document: dict[str, Any]
    record: dict[str, Any]
    rows: tuple[Row, ...]
    timings: dict[str, dict[str, Any]] = field(default_factory=dict)
    observations: dict[str, str] = field(default_factory=dict)

    @property
    def configuration(self) -> dict[str, Any]:
        """What the run says its numbers depend on."""
        configuration: dict[str, Any] = self.record["configuration"]
        return configuration

    @property
    def cases(self) -> list[str]:
        """Ids, in order."""
        return list(self.record["cases"])

    @cached_property
    def rows_of(self) -> dict[str, tuple[Row, ...]]:
        """Case, or set of cases that is scored as one, -> its reported rows."""
        found: dict[str, list[Row]] = {}
        for row in self.rows:
            found.setdefault(row.case, []).append(row)
        return {case: tuple(rows) for case, rows in found.items()}

    @property
    def task(self) -> str:
        """Name of the task."""
        return str(self.document["task"])

    @property
    def method(self) -> str:
        """Name of the method."""
        return str(self.document["method"]["name"])

    @property
    def authors(self) -> tuple[str, ...]:
        """Their names, sorted."""
        return tuple(sorted(str(author["name"]) for author in self.document["authors"]))

    @property
    def control(self) -> bool:
        """Whether it says that it is a floor or a ceiling."""
        return bool(self.document["method"]["control"])

    @property
    def revision(self) -> str:
        """Of the data."""
        return str(self.document["data"]["revision"])

    @property
    def split(self) -> str:
        """Of the data."""
        return str(self.document["data"]["split"])


def open_submission(folder: Path) -> Submission:
    """One's own submission, whatever its folder is called; its predictions are only hashed.

    Raises:
        SubmissionError: code ``damaged``.
    """
    limits = Limits()
    try:
        return read_submission(folder, read_files(folder, limits, keep=False), limits, named=False)
    except RefusedError as refusal:
        raise SubmissionError("damaged", f"{folder} is no submission, or is damaged: {refusal.detail}") from refusal


def read_files(folder: Path, limits: Limits, *, keep: bool = True) -> Files:
    """Take the files of a folder.

    Args:
        folder: of a submission.
        limits: of sizes, which are looked at before reading.
        keep: whether to keep a copy of the predictions.

    Raises:
        RefusedError: if anything but the files of the layout is there, one is missing, no plain file of its own, or
            too large.
    """
    try:
        opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise RefusedError("folder-invalid", f"there is no folder that can be read: {error.strerror}") from None
    try:
        sizes = _survey(opened, limits)
        # It lives as long as the answer.
        copy: BinaryIO = tempfile.TemporaryFile() if keep else io.BytesIO()  # noqa: SIM115
        files = Files(folder.name, {}, copy, sizes=sizes)
        for name, size in sizes.items():
            pieces: list[bytes] = []
            take: Callable[[bytes], object] = pieces.append
            if name == PREDICTIONS:
                take = copy.write if keep else len
            files.hashes[name] = _read(opened, name, size, take)
            if name != PREDICTIONS:
                files.texts[name] = b"".join(pieces)
        copy.seek(0)
    finally:
        os.close(opened)
    return files


def read_plain(path: Path, most: int) -> bytes:
    """A plain file that is no link.

    Raises:
        RefusedError: if it is anything else, or larger.
    """
    pieces: list[bytes] = []
    hash_plain(path, most, pieces.append)
    return b"".join(pieces)


def hash_plain(path: Path, most: int | None = None, take: Callable[[bytes], object] = len) -> str:
    """The sha256 of a plain file that is no link, whose pieces are handed to ``take``.

    Raises:
        RefusedError: if it is anything else, or larger.
    """
    try:
        facts = path.lstat()
    except OSError as error:
        raise RefusedError("folder-invalid", f"{shown(path.name, 120)} cannot be read: {error.strerror}") from None
    if not stat.S_ISREG(facts.st_mode):
        raise RefusedError("folder-invalid", f"{shown(path.name, 120)} is no plain file")
    if most is not None and facts.st_size > most:
        raise RefusedError(
            "file-too-large", f"{shown(path.name, 120)} has {facts.st_size} bytes, at most {most} are read"
        )
    return _read(None, str(path), facts.st_size, take)


def read_submission(folder: Path, files: Files, limits: Limits, *, named: bool = True) -> Submission:
    """Check files that were read; ``named``: whether the folder has to be called what its content says.

    Raises:
        RefusedError: with the first fault.
    """
    digest = _check_list(files, limits)
    document = read_object(files.texts[DOCUMENT], DOCUMENT, limits)
    if document.get("schema_version") != SCHEMA_VERSION:
        version = shown(document.get("schema_version"))
        raise RefusedError("schema-version", f"{DOCUMENT} is of schema version {version}, this reads {SCHEMA_VERSION}")
    try:
        check_document(document)
    except SubmissionError as error:
        raise RefusedError("schema", str(error)[:500]) from None
    should = submission_id(document["task"], document["method"]["name"], digest)
    if named and files.name != should:
        raise RefusedError("wrong-id", f"the folder is called {shown(files.name, 200)}, its content {should}")
    record = read_object(files.texts[RECORD], RECORD, limits)
    cases = _check_record(record, document)
    lines = read_lines(files.texts[CASES], CASES, limits, len(cases) * most_rows(document["task"]))
    rows = tuple(_row(line, number) for number, line in enumerate(lines, start=1))
    timings = _by_case(files, TIMINGS, limits, cases)
    observed = _by_case(files, OBSERVATIONS, limits, cases)
    observations = {case: str(line["sha256"]) for case, line in observed.items() if _is_hash(line.get("sha256"))}
    return Submission(should, folder, files, document, record, rows, timings, observations)


def most_rows(name: str) -> int:
    """How many rows a case of a task can have: a metric has one for each category that the task has names of."""
    try:
        task = find_task(name)
    except UnknownNameError:
        return _MOST_ROWS
    family = family_of(task)
    names = max((len(space.names) for space in family.outputs(task).values()), default=0)
    return max(_MOST_ROWS, len(family.metrics(task)) * (names + 1))


def _survey(folder: int, limits: Limits) -> dict[str, int]:
    """Name -> size of everything in a folder, after looking at every entry without opening it."""
    sizes: dict[str, int] = {}
    faults: list[str] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            facts = entry.stat(follow_symlinks=False)
            if stat.S_ISLNK(facts.st_mode):
                faults.append(f"{shown(entry.name)} is a symbolic link")
            elif entry.name not in (*CONTENT, LIST):
                faults.append(f"{shown(entry.name)} is not part of a submission; remove it")
            elif not stat.S_ISREG(facts.st_mode):
                faults.append(f"{shown(entry.name)} is no plain file")
            elif facts.st_nlink != 1:
                faults.append(f"{shown(entry.name)} is a file with {facts.st_nlink} names")
            sizes[entry.name] = facts.st_size
            if len(sizes) > 10 * len(CONTENT):
                break
    faults += [f"{name} is missing" for name in (*CONTENT, LIST) if name not in sizes]
    if faults:
        raise RefusedError("folder-invalid", "; ".join(sorted(faults)[:_MOST_FAULTS]))
    for name, size in sizes.items():
        limit = limits.document_bytes if name in (DOCUMENT, LIST) else limits.json_bytes
        limit = limits.prediction_bytes if name == PREDICTIONS else limit
        if size > limit:
            raise RefusedError("file-too-large", f"{name} has {size} bytes, at most {limit} are read")
    return dict(sorted(sizes.items()))


def _read(folder: int | None, name: str, size: int, take: Callable[[bytes], object]) -> str:
    """Hand a file on in pieces; its sha256."""
    digest, left = hashlib.sha256(), size
    try:
        descriptor = os.open(name, _OPEN, dir_fd=folder)
    except OSError as error:
        raise RefusedError("changed-while-reading", f"{name} cannot be opened: {error.strerror}") from None
    with os.fdopen(descriptor, "rb", buffering=0) as stream:
        facts = os.fstat(stream.fileno())
        if not stat.S_ISREG(facts.st_mode) or facts.st_size != size:
            raise RefusedError("changed-while-reading", f"{name} is not what it was a moment ago")
        while piece := stream.read(min(_PIECE, left + 1)):
            left -= len(piece)
            if left < 0:
                break
            digest.update(piece)
            take(piece)
    if left != 0:
        raise RefusedError("changed-while-reading", f"{name} is not as long as it was a moment ago")
    return digest.hexdigest()


def _check_list(files: Files, limits: Limits) -> str:
    """Check ``files.json`` against what was read; the hash that the id of the submission ends with."""
    entries = read_object(files.texts[LIST], LIST, limits)
    for path in entries:
        pure = PurePosixPath(path)
        if pure.is_absolute() or ".." in pure.parts or "\\" in path or ":" in path:
            raise RefusedError("files-differ", f"{LIST} lists {shown(path)}, which leads out of the folder")
    if entries.keys() != set(CONTENT):
        odd = sorted(entries.keys() ^ set(CONTENT))
        raise RefusedError("files-differ", f"{LIST} and the folder do not agree about {shown(odd[0])}")
    for path, entry in sorted(entries.items()):
        if not isinstance(entry, dict) or entry.keys() != {"sha256", "bytes"} or type(entry["bytes"]) is not int:
            raise RefusedError("files-differ", f"{LIST} does not say sha256 and bytes of {path}")
        if entry["bytes"] != files.sizes[path]:
            detail = f"{path} has {files.sizes[path]} bytes, not {entry['bytes']} as {LIST} says"
            raise RefusedError("files-differ", detail)
        if entry["sha256"] != files.hashes[path]:
            raise RefusedError("files-differ", f"the sha256 of {path} is {files.hashes[path]}, not as {LIST} says")
    if canonical_json(entries) != files.texts[LIST]:  # else one content would have several ids
        raise RefusedError("files-differ", f"{LIST} is not in its canonical form")
    return sha256(files.texts[LIST])


def _check_record(record: dict[str, Any], document: dict[str, Any]) -> list[str]:
    configuration, cases = record.get("configuration"), record.get("cases")
    if not isinstance(configuration, dict):
        raise RefusedError("record-invalid", f"{RECORD} has no configuration")
    for name in ("task", "method", "data", "signatures"):
        if not isinstance(configuration.get(name), dict):
            raise RefusedError("record-invalid", f"{RECORD} does not say which {name}")
    if not isinstance(cases, list) or not cases or not all(isinstance(case, str) for case in cases):
        raise RefusedError("record-invalid", f"{RECORD} has no list of cases")
    said = {
        "task": (configuration["task"].get("name"), document["task"]),
        "method": (configuration["method"].get("name"), document["method"]["name"]),
        "data revision": (configuration["data"].get("revision"), document["data"]["revision"]),
        "split": (configuration["data"].get("split"), document["data"]["split"]),
        "signatures": (configuration["signatures"], document["signatures"]),
    }
    for what, (one, other) in said.items():
        if one != other:
            raise RefusedError("record-invalid", f"{what} is {shown(one)} in {RECORD}, {shown(other)} in {DOCUMENT}")
    return list(cases)


def _row(line: dict[str, Any], number: int) -> Row:
    wrong = line.keys() != Row.__dataclass_fields__.keys()
    if wrong or not all(isinstance(line[name], str) for name in _ROW_TEXTS):
        raise RefusedError("record-invalid", f"row {number} has not the fields of a row")
    if not isinstance(line["value"], float | None):
        raise RefusedError("record-invalid", f"the value of row {number} is no number: {shown(line['value'])}")
    return Row(**line)


def _by_case(files: Files, name: str, limits: Limits, cases: list[str]) -> dict[str, dict[str, Any]]:
    """The lines of a file that has at most one of every case, by case: others would count in means of them."""
    known = set(cases)
    found: dict[str, dict[str, Any]] = {}
    for line in list(read_lines(files.texts[name], name, limits, len(cases))):  # too many are told first
        case = line.get("case")
        if not isinstance(case, str) or case not in known:
            raise RefusedError("record-invalid", f"{name} has a line about {shown(case)}, no case of the run")
        if case in found:
            raise RefusedError("record-invalid", f"{name} has two lines about {shown(case)}")
        found[case] = line
    return found


def _is_hash(value: object) -> bool:
    return isinstance(value, str) and _HASH.fullmatch(value) is not None

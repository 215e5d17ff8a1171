"""What lies in a submission, and the name that is made of it.

``<task>--<method>--<12 hex>``: the last part starts the SHA-256 of ``files.json``, which is the canonical JSON of
path -> {sha256, bytes} of all other files. So two submissions of one name have the same content.
"""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.records.writer import CASES, OBSERVATIONS, RECORD, TIMINGS
from leaderboard.submission.document import FILE, read_document
from leaderboard.submission.errors import SubmissionError, listed
from medshape_text.hashing import canonical_json, file_sha256, sha256

PREDICTIONS = "predictions.parquet"
LIST = "files.json"
CONTENT = (FILE, RECORD, CASES, TIMINGS, OBSERVATIONS, PREDICTIONS)
"""All files but the list of them."""
SUBMISSIONS, VERIFICATIONS = "submissions", "verification"
"""Folders of a results folder."""
MAX_LIST_BYTES = 1 << 14
MAX_DOCUMENT_BYTES = 1 << 16
_PART = r"[a-z0-9]+(?:[._-][a-z0-9]+)*"
ID = re.compile(rf"(?P<task>{_PART})--(?P<method>{_PART})--(?P<digest>[0-9a-f]{{12}})")


@dataclass(frozen=True)
class Submission:
    """A submission on disk whose files are those of its list.

    Attributes:
        id: its name.
        folder: it lies in.
        files: path -> {"sha256": hex, "bytes": int}, without the list itself.
        document: what ``submission.yaml`` says.
    """

    id: str
    folder: Path
    files: Mapping[str, Mapping[str, Any]]
    document: Mapping[str, Any]

    @property
    def digests(self) -> dict[str, str]:
        """Path -> sha256 of all files, the list among them."""
        listing = {LIST: sha256(list_bytes(self.files))}
        return {path: str(entry["sha256"]) for path, entry in self.files.items()} | listing

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(int(entry["bytes"]) for entry in self.files.values()) + len(list_bytes(self.files))


def list_files(folder: Path) -> dict[str, dict[str, Any]]:
    """Hash and size of every file of a submission that is being written, by path."""
    return {
        name: {"sha256": file_sha256(folder / name), "bytes": (folder / name).stat().st_size}
        for name in sorted(CONTENT)
    }


def list_bytes(files: Mapping[str, Mapping[str, Any]]) -> bytes:
    """What ``files.json`` holds."""
    return canonical_json(files)


def compose_id(task: str, method: str, digest: str) -> str:
    """The name of a submission whose list of files has this SHA-256, unchecked."""
    return f"{task}--{method}--{digest[:12]}"


def submission_id(task: str, method: str, files: Mapping[str, Mapping[str, Any]]) -> str:
    """The name of a submission.

    Raises:
        SubmissionError: code ``name`` if the method's name cannot be part of a name.
    """
    name = compose_id(task, method, sha256(list_bytes(files)))
    if not ID.fullmatch(name) or len(method) > 64:
        raise SubmissionError(
            "name",
            f"{listed([method])} cannot name a submission: lower-case letters, digits and single . _ - between them",
        )
    return name


def open_submission(folder: Path) -> Submission:
    """A submission, after checking that it is whole: its files, no others, with the content its name was made of.

    This is for one's own; what strangers hand in is read by `leaderboard.verify`, in a process of its own.

    Raises:
        SubmissionError: codes ``not-a-submission``, ``damaged``, and those of ``submission.yaml``.
    """
    path = folder / LIST
    try:
        data = _read(path, MAX_LIST_BYTES)
        files = json.loads(data)
    except (OSError, ValueError) as error:
        raise SubmissionError("not-a-submission", f"{folder} is no submission: {LIST} cannot be read") from error
    if not isinstance(files, dict) or set(files) != set(CONTENT) or canonical_json(files) != data:
        raise SubmissionError("damaged", f"{path} does not list the files of a submission")
    found = {item.name for item in folder.iterdir()}
    if found != {*CONTENT, LIST}:
        wrong = sorted(found ^ {*CONTENT, LIST})
        raise SubmissionError("damaged", f"{folder} is damaged: missing or foreign are {listed(wrong)}")
    for name, entry in files.items():
        kind = (folder / name).lstat()
        if not stat.S_ISREG(kind.st_mode):
            raise SubmissionError("damaged", f"{folder / name} is no plain file")
        if {"sha256": file_sha256(folder / name), "bytes": kind.st_size} != entry:
            raise SubmissionError("damaged", f"{folder / name} is not what {LIST} lists; make the submission anew")
    document = read_document(_read(folder / FILE, MAX_DOCUMENT_BYTES))
    name = submission_id(str(document["task"]), str(document["method"]["name"]), files)
    return Submission(name, folder, files, document)


def _read(path: Path, most: int) -> bytes:
    if path.is_symlink() or not path.is_file():
        raise FileNotFoundError(path)
    with path.open("rb") as stream:
        data = stream.read(most + 1)
    if len(data) > most:
        raise ValueError(f"{path} has more than {most} bytes")
    return data

"""A results folder as records: what was submitted, what trusted code found about it, what was withdrawn.

    submissions/<id>/...        never trusted: shown escaped, and ranked by nothing it says about its own scores
    verification/<id>.json      trusted
    withdrawn/<id>.json         {"date": "2026-11-22", "reason": "..."}: takes a submission out of the ranking

Nothing is ever removed: a withdrawal is one more file. What begins with a dot is no submission.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmark.records.writer import CASES, RECORD, TIMINGS
from leaderboard.model import Finding, Verification, refuses
from leaderboard.rank import reading
from leaderboard.rank.reading import UnreadableError
from leaderboard.rank.submissions import Submission
from leaderboard.rank.verifications import verification_of
from leaderboard.submission.document import FILE as DOCUMENT
from leaderboard.submission.document import read_document
from leaderboard.submission.errors import SubmissionError
from leaderboard.submission.layout import LIST, SUBMISSIONS, VERIFICATIONS, submission_id
from medshape_text.hashing import canonical_json

WITHDRAWN = "withdrawn"
_SMALL = 2**20
_WITHDRAWAL = 2**16


@dataclass(frozen=True, eq=False)
class Results:
    """A results folder; submissions are sorted by id, ``built_from`` is a hash over all that decides a board."""

    folder: Path
    submissions: tuple[Submission, ...]
    built_from: str


def read_results(folder: Path) -> Results:
    """Read a results folder. What is wrong with one submission becomes its finding and hurts no other.

    Raises:
        FileNotFoundError: if there is no folder ``submissions`` in it.
    """
    if not reading.is_folder(folder / SUBMISSIONS):
        raise FileNotFoundError(f"{folder} is no results folder: it has no folder {SUBMISSIONS}")
    digest = hashlib.sha256()
    found: list[Submission] = []
    for name in reading.names_in(folder / SUBMISSIONS):
        files = _Files()
        found.append(_read(folder, name, files))
        digest.update("\0".join((name, *files.read_hashes)).encode("utf-8", "surrogateescape") + b"\n")
    return Results(folder, tuple(found), digest.hexdigest())


@dataclass
class _Files:
    """Reads files of one submission, and keeps what is wrong with them and hashes of what was read."""

    findings: list[Finding] = field(default_factory=list)
    read_hashes: list[str] = field(default_factory=list)

    def refuse(self, code: str, detail: str) -> None:
        self.findings.append(Finding(code, "refused", detail))

    def read(self, path: Path, most: int) -> bytes | None:
        try:
            data = reading.read_bytes(path, most)
        except UnreadableError as error:
            self.read_hashes.append(error.code)
            self.refuse(error.code, str(error))
            return None
        self.read_hashes.append(hashlib.sha256(data).hexdigest())
        return data

    def optional(self, path: Path, most: int) -> bytes | None:
        return self.read(path, most) if path.is_symlink() or path.exists() else None

    def listed(self, path: Path, most: int, hashes: Mapping[str, str]) -> bytes | None:
        """A file that has to be the one of the list."""
        data = self.read(path, most)
        if data is not None and hashes.get(path.name) != hashlib.sha256(data).hexdigest():
            self.refuse("files-hash", f"{path.name} has another sha256 than {LIST} says")
        return data


def _read(results: Path, name: str, files: _Files) -> Submission:
    folder = results / SUBMISSIONS / name
    if not reading.is_folder(folder):
        files.refuse("not-a-folder", "there is no folder of this name, or it is a link")
        return Submission(name, folder, findings=tuple(files.findings))
    document: Mapping[str, Any] = {}
    record: Mapping[str, Any] = {}
    hashes: dict[str, str] = {}
    verification: Verification | None = None
    withdrawn: str | None = None
    listed: dict[str, Any] = {}
    try:
        if (data := files.read(folder / LIST, _SMALL)) is not None:
            listed = reading.parse_object(data, LIST)
            hashes = _hashes(listed)
            if data != canonical_json(listed):
                files.refuse("files-list", f"{LIST} is not written in its canonical form")
        if (data := files.listed(folder / DOCUMENT, _SMALL, hashes)) is not None:
            document = read_document(data, DOCUMENT)
            if name != submission_id(document["task"], document["method"]["name"], listed):
                files.refuse("wrong-id", "the folder is not named after its content")
        if (data := files.listed(folder / RECORD, reading.MOST_BYTES, hashes)) is not None:
            record = reading.parse_object(data, RECORD)
        for rows in (CASES, TIMINGS):  # read again where they are shown, but what is shown was verified
            files.listed(folder / rows, reading.MOST_BYTES, hashes)
        if (data := files.optional(results / VERIFICATIONS / f"{name}.json", reading.MOST_BYTES)) is not None:
            verification = verification_of(reading.parse_object(data, f"{name}.json"))
        if (data := files.optional(results / WITHDRAWN / f"{name}.json", _WITHDRAWAL)) is not None:
            withdrawn = str(reading.parse_object(data, f"{name}.json").get("reason", "no reason was given"))
    except (UnreadableError, SubmissionError) as error:
        files.refuse(error.code, str(error))
    if verification is not None and not _about(verification, name, hashes):
        files.findings.append(
            Finding("verified-other-files", "flagged", "the verification is about other files than these")
        )
        verification = None
    return Submission(name, folder, document, record, hashes, verification, withdrawn, tuple(files.findings))


def _hashes(listed: Mapping[str, Any]) -> dict[str, str]:
    try:
        return {str(path): str(facts["sha256"]) for path, facts in listed.items()}
    except (KeyError, TypeError):
        raise UnreadableError("files-list", f"{LIST} does not give a sha256 of every file") from None


def _about(verification: Verification, name: str, hashes: Mapping[str, str]) -> bool:
    """Whether a verification is of these files. One that refused counts whatever files it came to read."""
    if verification.submission != name:
        return False
    if verification.verdict == "cannot" or refuses(verification.findings):
        return True
    return {path: sha for path, sha in verification.files.items() if path != LIST} == hashes

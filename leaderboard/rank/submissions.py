"""A results folder as records: what was submitted, what trusted code found about it, what was withdrawn.

    submissions/<id>/...        never trusted: shown escaped, and ranked by nothing it says about its own scores
    verification/<id>.json      trusted
    withdrawn/<id>.json         {"date": "2026-11-22", "reason": "..."}: takes a submission out of the ranking

Nothing is ever removed: a withdrawal is one more file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from benchmark.records.writer import CASES, RECORD, TIMINGS
from leaderboard.model import Finding, Verification
from leaderboard.rank import reading
from leaderboard.rank.reading import UnreadableError
from leaderboard.rank.verifications import verification_of
from leaderboard.submission.document import FILE as DOCUMENT
from leaderboard.submission.document import read_document
from leaderboard.submission.errors import SubmissionError
from leaderboard.submission.layout import LIST, SUBMISSIONS, submission_id
from medshape_text.hashing import canonical_json

VERIFICATIONS, WITHDRAWN = "verification", "withdrawn"
_SMALL = 2**20
_WITHDRAWAL = 2**16


@dataclass(frozen=True, eq=False)
class Submission:
    """One folder below ``submissions``.

    Attributes:
        id: name of the folder.
        folder: where it is.
        document: ``submission.yaml``, checked against its schema; empty if it cannot be read.
        record: ``run.json``; empty if it cannot be read.
        hashes: path -> sha256, as ``files.json`` says.
        verification: None without one, or if it is about other files.
        withdrawn: why, or None if it stands.
        findings: what is wrong with the folder itself.
    """

    id: str
    folder: Path
    document: Mapping[str, Any] = field(default_factory=dict)
    record: Mapping[str, Any] = field(default_factory=dict)
    hashes: Mapping[str, str] = field(default_factory=dict)
    verification: Verification | None = None
    withdrawn: str | None = None
    findings: tuple[Finding, ...] = ()

    @property
    def refused(self) -> bool:
        """Whether nothing of it is shown but that it was refused."""
        return any(finding.severity == "refused" for finding in self.all_findings)

    @property
    def all_findings(self) -> tuple[Finding, ...]:
        """Those of the folder and those of the verification."""
        return (*self.findings, *(self.verification.findings if self.verification else ()))

    @property
    def tier(self) -> str:
        """One of `leaderboard.model.TIERS`: a number is never worth more than trusted code made of it."""
        if self.verification is None or self.verification.verdict == "cannot":
            return "self-reported"
        return "reproduced" if self.verification.remade else "recomputed"

    @property
    def trusted(self) -> bool:
        """Whether its numbers were computed here."""
        return self.tier != "self-reported"

    @property
    def method(self) -> str:
        """What the submitter calls the method."""
        return str(self.document.get("method", {}).get("name", self.id.split("--")[1] if "--" in self.id else self.id))

    @property
    def owner(self) -> tuple[str, ...]:
        """Method and authors: a later submission replaces an earlier one of the same owner only."""
        return (self.method, *sorted(str(author["name"]) for author in self.document.get("authors", ())))

    @property
    def created(self) -> str:
        """When the run says it was made; empty if it does not."""
        created = self.record.get("created", "")
        return created if isinstance(created, str) else ""

    @cached_property
    def timings(self) -> list[dict[str, Any]]:
        """What the submitter measured; nothing if it cannot be read."""
        try:
            return reading.parse_lines(reading.read_bytes(self.folder / TIMINGS), TIMINGS)
        except UnreadableError:
            return []

    def reported_rows(self) -> list[dict[str, Any]]:
        """The submitter's own rows.

        Raises:
            UnreadableError: if they cannot be read.
        """
        return reading.parse_lines(reading.read_bytes(self.folder / CASES), CASES)


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
        submission, parts = _read(folder, name)
        found.append(submission)
        digest.update("\0".join((name, *parts)).encode("utf-8", "surrogateescape") + b"\n")
    return Results(folder, tuple(found), digest.hexdigest())


def _read(results: Path, name: str) -> tuple[Submission, list[str]]:
    """A submission, and hashes of the files that were read."""
    folder = results / SUBMISSIONS / name
    parts: list[str] = []
    findings: list[Finding] = []

    def read(path: Path, most: int) -> bytes | None:
        try:
            data = reading.read_bytes(path, most)
        except UnreadableError as error:
            parts.append(error.code)
            findings.append(Finding(error.code, "refused", str(error)))
            return None
        parts.append(hashlib.sha256(data).hexdigest())
        return data

    def optional(path: Path, most: int) -> bytes | None:
        return read(path, most) if path.is_symlink() or path.exists() else None

    document: Mapping[str, Any] = {}
    record: Mapping[str, Any] = {}
    hashes: dict[str, str] = {}
    verification: Verification | None = None
    withdrawn: str | None = None
    if not reading.is_folder(folder):
        findings.append(Finding("not-a-folder", "refused", "there is no folder of this name, or it is a link"))
        return Submission(name, folder, findings=tuple(findings)), parts
    listed: dict[str, Any] = {}
    try:
        if (data := read(folder / LIST, _SMALL)) is not None:
            listed = reading.parse_object(data, LIST)
            hashes = _hashes(listed)
            if data != canonical_json(listed):
                findings.append(Finding("files-list", "refused", f"{LIST} is not written in its canonical form"))
        if (data := read(folder / DOCUMENT, _SMALL)) is not None:
            document = read_document(data, DOCUMENT)
            _same(DOCUMENT, data, hashes, findings)
            if name != submission_id(document["task"], document["method"]["name"], listed):
                findings.append(Finding("wrong-id", "refused", "the folder is not named after its content"))
        if (data := read(folder / RECORD, reading.MOST_BYTES)) is not None:
            record = reading.parse_object(data, RECORD)
            _same(RECORD, data, hashes, findings)
        if (data := optional(results / VERIFICATIONS / f"{name}.json", reading.MOST_BYTES)) is not None:
            verification = verification_of(reading.parse_object(data, f"{name}.json"))
        if (data := optional(results / WITHDRAWN / f"{name}.json", _WITHDRAWAL)) is not None:
            withdrawn = str(reading.parse_object(data, f"{name}.json").get("reason", "no reason was given"))
    except UnreadableError as error:
        findings.append(Finding(error.code, "refused", str(error)))
    except SubmissionError as error:
        findings.append(Finding(error.code, "refused", str(error)))
    if verification is not None and not _about(verification, name, hashes):
        findings.append(Finding("verified-other-files", "flagged", "the verification is about other files than these"))
        verification = None
    return Submission(name, folder, document, record, hashes, verification, withdrawn, tuple(findings)), parts


def _hashes(listed: Mapping[str, Any]) -> dict[str, str]:
    try:
        return {str(path): str(facts["sha256"]) for path, facts in listed.items()}
    except (KeyError, TypeError):
        raise UnreadableError("files-list", f"{LIST} does not give a sha256 of every file") from None


def _same(name: str, data: bytes, hashes: Mapping[str, str], findings: list[Finding]) -> None:
    if hashes.get(name) != hashlib.sha256(data).hexdigest():
        findings.append(Finding("files-hash", "refused", f"{name} has another sha256 than {LIST} says"))


def _about(verification: Verification, name: str, hashes: Mapping[str, str]) -> bool:
    """Whether a verification is of these files. One that refused counts whatever files it came to read."""
    if verification.submission != name:
        return False
    if verification.verdict == "cannot" or any(each.severity == "refused" for each in verification.findings):
        return True
    return {path: sha for path, sha in verification.files.items() if path != LIST} == hashes

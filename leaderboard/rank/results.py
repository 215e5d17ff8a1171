"""A results folder as records: what was submitted, what trusted code found about it, what was withdrawn.

    submissions/<id>/...        never trusted: shown escaped, and ranked by nothing it says about its own scores
    verification/<id>.json      trusted
    withdrawn/<id>.json         {"date": "2026-11-22", "reason": "..."}: takes a submission out of the ranking

Nothing is ever removed: a withdrawal is one more file. What begins with a dot is no submission.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from leaderboard.findings import RefusedError
from leaderboard.model import SEVERITIES, VERDICTS, Finding, Verification, refuses
from leaderboard.submission.layout import LIST, SUBMISSIONS, VERIFICATIONS
from leaderboard.submission.reading import Submission, read_files, read_plain, read_submission
from leaderboard.submission.strict_json import Limits, read_object

WITHDRAWN = "withdrawn"
_MOST_WITHDRAWAL = 2**16
_RECORDS = Limits(json_bytes=2**28, values=2**24)
"""Of verifications, which have a row a metric of every case, with all its fields."""


@dataclass(frozen=True, eq=False)
class Result:
    """One folder below ``submissions``: what its submitter says, what trusted code found, what it is worth.

    Attributes:
        id: name of the folder.
        folder: where it is.
        said: the submission; None if it is refused when read.
        verification: None without one, or if it is about other files.
        withdrawn: why, or None if it stands.
        findings: what is wrong with the folder itself.
    """

    id: str
    folder: Path
    said: Submission | None = None
    verification: Verification | None = None
    withdrawn: str | None = None
    findings: tuple[Finding, ...] = ()

    @property
    def document(self) -> Mapping[str, Any]:
        """``submission.json``; empty if it cannot be read."""
        return self.said.document if self.said else {}

    @property
    def record(self) -> Mapping[str, Any]:
        """``run.json``; empty if it cannot be read."""
        return self.said.record if self.said else {}

    @property
    def hashes(self) -> Mapping[str, str]:
        """Name -> sha256 of all files but the list of them."""
        return {name: sha for name, sha in self.said.files.hashes.items() if name != LIST} if self.said else {}

    @property
    def timings(self) -> list[dict[str, Any]]:
        """What the submitter measured."""
        return list(self.said.timings.values()) if self.said else []

    @property
    def rows(self) -> Iterable[Mapping[str, Any]]:
        """Those that trusted code computed; for want of a verification the submitter's own."""
        if self.verification is not None:
            return self.verification.rows
        return [vars(row) for row in self.said.rows] if self.said else []

    @property
    def refused(self) -> bool:
        """Whether nothing of it is shown but that it was refused."""
        return refuses(self.all_findings)

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
        return self.said.method if self.said else self.id.split("--")[1] if "--" in self.id else self.id

    @property
    def owner(self) -> tuple[str, ...]:
        """Method and authors: a later submission replaces an earlier one of the same owner only.

        Names that read alike are one, or a group could have two ranks by writing itself in two ways.
        """
        names = self.said.authors if self.said else ()
        return (self.method, *sorted(unicodedata.normalize("NFKC", name).casefold().strip() for name in names))

    @property
    def created(self) -> str:
        """When the run says it was made; empty if it does not."""
        created = self.record.get("created", "")
        return created if isinstance(created, str) else ""


@dataclass(frozen=True, eq=False)
class Results:
    """A results folder; submissions are sorted by id, ``built_from`` is a hash over all that decides a board."""

    folder: Path
    submissions: tuple[Result, ...]
    built_from: str


def read_results(folder: Path) -> Results:
    """Read a results folder. What is wrong with one submission becomes its finding and hurts no other.

    Raises:
        FileNotFoundError: if there is no folder ``submissions`` in it.
    """
    if not is_folder(folder / SUBMISSIONS):
        raise FileNotFoundError(f"{folder} is no results folder: it has no folder {SUBMISSIONS}")
    digest = hashlib.sha256()
    found: list[Result] = []
    for name in names_in(folder / SUBMISSIONS):
        read: list[str] = []
        found.append(_read(folder, name, read))
        digest.update("\0".join((name, *read)).encode("utf-8", "surrogateescape") + b"\n")
    return Results(folder, tuple(found), digest.hexdigest())


def is_folder(path: Path) -> bool:
    """Whether there is a folder that is no link."""
    return path.is_dir() and not path.is_symlink()


def names_in(folder: Path) -> list[str]:
    """Sorted names in a folder but for hidden ones (work in progress, and what file managers and git leave).

    None if it is no folder of its own.
    """
    if not is_folder(folder):
        return []
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def read_withdrawal(path: Path) -> dict[str, Any]:
    """A withdrawal, whatever it says.

    Raises:
        RefusedError: if it is no JSON object.
    """
    return read_object(read_plain(path, _MOST_WITHDRAWAL), path.name, _RECORDS)


def verification_of(record: Mapping[str, Any]) -> Verification:
    """The record as a `Verification`; fields that are not known are left out.

    Raises:
        RefusedError: if a field is missing or of another type.
    """
    try:
        largest = record["largest_difference"]
        return Verification(
            submission=_text(record["submission"]),
            verdict=_one_of(VERDICTS, record["verdict"]),
            largest_difference=None if largest is None else float(largest),
            findings=tuple(
                Finding(_text(each["code"]), _one_of(SEVERITIES, each["severity"]), _text(each["detail"]))
                for each in record.get("findings", ())
            ),
            files={_text(path): _text(sha) for path, sha in record.get("files", {}).items()},
            data_revision=_text(record.get("data_revision", "")),
            rows=tuple(dict(row) for row in record.get("rows", ())),
            observations={_text(case): _text(sha) for case, sha in record.get("observations", {}).items()},
            toolkit=dict(record.get("toolkit", {})),
            memorisation={_text(case): float(ratio) for case, ratio in record.get("memorisation", {}).items()},
            remade=record.get("remade", False) is True,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RefusedError("verification-damaged", f"a verification cannot be read: {error}") from None


def verification_beside(said: Submission) -> Verification | None:
    """What trusted code recorded of exactly these files in the results folder they lie in; None if it did not."""
    if said.folder.parent.name != SUBMISSIONS:
        return None
    path = said.folder.parent.parent / VERIFICATIONS / f"{said.id}.json"
    try:
        data = _optional(path, _RECORDS.json_bytes, [])
        found = None if data is None else verification_of(read_object(data, path.name, _RECORDS))
    except RefusedError:
        return None
    if found is None or found.verdict == "cannot" or refuses(found.findings) or not _is_about(found, said):
        return None
    return found


def _read(results: Path, name: str, read: list[str]) -> Result:
    """One submission; hashes of all that was read of it are put into ``read``."""
    folder = results / SUBMISSIONS / name
    findings: list[Finding] = []
    said: Submission | None = None
    verification: Verification | None = None
    withdrawn: str | None = None
    try:
        files = read_files(folder, Limits(), keep=False)
        read.append(files.hashes[LIST])
        said = read_submission(folder, files, Limits())
        files.texts.clear()  # they were read, and are as large as all the rest
    except RefusedError as refusal:
        read.append(str(refusal))
        findings.append(refusal.finding)
    try:
        if (data := _optional(results / VERIFICATIONS / f"{name}.json", _RECORDS.json_bytes, read)) is not None:
            verification = verification_of(read_object(data, f"{name}.json", _RECORDS))
        if (data := _optional(results / WITHDRAWN / f"{name}.json", _MOST_WITHDRAWAL, read)) is not None:
            withdrawn = str(read_object(data, f"{name}.json", _RECORDS).get("reason", "no reason was given"))
    except RefusedError as refusal:
        read.append(str(refusal))
        findings.append(refusal.finding)
    if said is not None and verification is not None and not _is_about(verification, said):
        findings.append(Finding("verified-other-files", "flagged", "the verification is about other files than these"))
        verification = None
    if said is not None and verification is not None:
        said = replace(said, rows=())  # those of the verification count
    return Result(name, folder, said, verification, withdrawn, tuple(findings))


def _optional(path: Path, most: int, read: list[str]) -> bytes | None:
    if not path.is_symlink() and not path.exists():
        return None
    data = read_plain(path, most)
    read.append(hashlib.sha256(data).hexdigest())
    return data


def _is_about(verification: Verification, said: Submission) -> bool:
    """Whether a verification is of these files. One that refused counts whatever files it came to read."""
    if verification.submission != said.id:
        return False
    if verification.verdict == "cannot" or refuses(verification.findings):
        return True
    said_of, is_of = ({k: v for k, v in one.items() if k != LIST} for one in (verification.files, said.files.hashes))
    return said_of == is_of


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _one_of(known: tuple[str, ...], value: object) -> str:
    if value not in known:
        raise ValueError(f"{value!r} is none of {', '.join(known)}")
    return str(value)

"""One submission of a results folder: what its submitter says, what trusted code found, what it is worth."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from benchmark.records.writer import CASES, TIMINGS
from leaderboard.model import Finding, Verification, refuses
from leaderboard.rank import reading
from leaderboard.rank.reading import UnreadableError


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
        return str(self.document.get("method", {}).get("name", self.id.split("--")[1] if "--" in self.id else self.id))

    @property
    def owner(self) -> tuple[str, ...]:
        """Method and authors: a later submission replaces an earlier one of the same owner only.

        Names that read alike are one, or a group could take two places by writing itself in two ways.
        """
        names = (str(author["name"]) for author in self.document.get("authors", ()))
        return (self.method, *sorted(unicodedata.normalize("NFKC", name).casefold().strip() for name in names))

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

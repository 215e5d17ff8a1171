"""What a leaderboard is made of: the records that travel from submissions through ranking to the site.

A *submission* is a folder of files and says what somebody measured. A *verification* says what trusted code found
when it computed the same numbers from the submitted predictions and the pinned truth. A *table* ranks what may be
compared: one task under one profile, one revision of the data, one set of signatures. Everything here is plain data
that becomes JSON by ``dataclasses.asdict``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

TIERS = ("quoted", "self-reported", "recomputed", "reproduced")
"""How much a number is worth: printed in a paper (never ranked); reported by its submitter; computed here from
submitted predictions; computed here from predictions that were made anew from the submitted weights."""

VERDICTS = ("reproduced", "differs", "cannot")


SEVERITIES = ("refused", "flagged", "note")
"""Of findings, the worst first: nothing of the submission is shown; it is shown with the finding; good to know."""


@dataclass(frozen=True)
class Finding:
    """Something a reader has to know about a submission.

    ``code`` is kebab-case and the same for all submissions with this fault; ``severity`` is one of `SEVERITIES`.
    """

    code: str
    severity: str
    detail: str


def refuses(findings: Iterable[Finding]) -> bool:
    """Whether nothing may be shown of what these findings are about."""
    return any(finding.severity == SEVERITIES[0] for finding in findings)


@dataclass(frozen=True)
class Verification:
    """What trusted code found about a submission.

    Attributes:
        submission: its id.
        verdict: one of `VERDICTS`; "differs" if any number is not bit for bit the reported one.
        largest_difference: of any reported number; None if none could be computed.
        findings: refusals, flags and notes.
        files: path within the submission -> sha256.
        data_revision: of the truth that was used.
        rows: recomputed rows, as lines of ``cases.jsonl`` have them.
        observations: case -> sha256 of the observation that trusted code made.
        toolkit: versions of toolkit and libraries, and the machine, that computed them.
        memorisation: case -> distance to the nearest training shape over distance to the truth; may be empty.
        remade: whether the predictions were made anew here, from the submitted weights (tier "reproduced").
    """

    submission: str
    verdict: str
    largest_difference: float | None
    findings: tuple[Finding, ...] = ()
    files: dict[str, str] = field(default_factory=dict)
    data_revision: str = ""
    rows: tuple[dict[str, object], ...] = ()
    observations: dict[str, str] = field(default_factory=dict)
    toolkit: dict[str, object] = field(default_factory=dict)
    memorisation: dict[str, float] = field(default_factory=dict)
    remade: bool = False


@dataclass(frozen=True)
class Interval:
    """A number and its 95 % interval, whose ends are None where there are too few subjects."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Rank:
    """Between which ranks a method is with 95 % confidence; methods of one ``group`` are not told apart."""

    low: int
    high: int
    group: int


@dataclass(frozen=True)
class Entry:
    """A line of a table.

    Attributes:
        submission: id of the submission; of a quoted row the id of its quotation.
        method: its name, ``title`` one line about it.
        tier: one of `TIERS`.
        control: whether it is a floor or a ceiling (oracle, mean-shape, nearest, random, ...), which is not ranked.
        values: metric name -> class-macro mean with its interval.
        rank: None for controls, quoted rows and refused submissions.
        scored, expected: cases with a valid prediction, and cases there should be.
        seconds_per_case, peak_mib: measured by the submitter; None where unknown.
        hardware: they were measured on.
        pareto: whether nobody is both better in the headline and faster.
        categories: category -> metric -> mean; ``origins`` the same by origin of the shapes.
        findings: flags and notes of its verification.
    """

    submission: str
    method: str
    title: str
    tier: str
    control: bool = False
    values: dict[str, Interval] = field(default_factory=dict)
    rank: Rank | None = None
    scored: int = 0
    expected: int = 0
    seconds_per_case: float | None = None
    peak_mib: float | None = None
    hardware: str = ""
    pareto: bool = False
    categories: dict[str, dict[str, float]] = field(default_factory=dict)
    origins: dict[str, dict[str, float]] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Column:
    """A metric of a table as `benchmark.metrics.base.Metric` has it, under a name that is its own in the table.

    ``higher_is_better`` is None where nobody knows; ``heading`` stands over all columns of the profile.
    """

    metric: str
    signature: str
    title: str
    higher_is_better: bool | None
    unit: str = ""
    digits: str = ".3g"
    heading: str = ""


@dataclass(frozen=True)
class Table:
    """One task under one profile, on one revision of one data set, under one set of signatures."""

    id: str
    task: str
    profile: str
    title: str
    data_name: str
    data_revision: str
    split: str
    headline: str
    columns: tuple[Column, ...]
    entries: tuple[Entry, ...]
    quoted: tuple[Entry, ...] = ()
    subjects: int = 0
    cases: int = 0


@dataclass(frozen=True)
class MethodPage:
    """All about a submission that is not a number; every string is somebody's, none is trusted.

    ``facts`` are (name, text) pairs in order; ``links`` (name, https address) pairs; ``reproduce`` the exact commands.
    """

    submission: str
    method: str
    title: str
    tier: str
    facts: tuple[tuple[str, str], ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    reproduce: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Board:
    """All tables and pages."""

    tables: tuple[Table, ...]
    methods: tuple[MethodPage, ...]
    toolkit: str
    built_from: str
    """Hash over the results folder: the board's revision."""

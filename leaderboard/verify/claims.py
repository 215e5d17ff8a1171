"""What a submission says: the run record and its rows, in the form the runner writes them or refused."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from benchmark.records.rows import Row
from leaderboard.verify.document import is_hash
from leaderboard.verify.folder import SubmittedFiles
from leaderboard.verify.limits import Limits
from leaderboard.verify.refusal import RefusedError, shown
from leaderboard.verify.strict_json import read_lines, read_object

_TEXTS = ("case", "subject", "category", "origin", "metric", "signature", "status")
_MOST_ROWS = 32
"""Of one case."""


@dataclass(frozen=True)
class Claims:
    """A submission as far as it could be read; nothing of it is believed.

    Attributes:
        document: ``submission.yaml``.
        record: ``run.json``.
        rows: self-reported.
        timings: case -> what is said of times and memory.
        observations: case -> sha256 of the observation the method saw.
    """

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


def read_claims(files: SubmittedFiles, document: dict[str, Any], limits: Limits) -> Claims:
    """Read the run record and its rows.

    Raises:
        RefusedError: if they are not as the runner writes them, or contradict ``submission.yaml``.
    """
    record = read_object(files.texts["run.json"], "run.json", limits)
    cases = _check_record(record, document)
    rows = tuple(
        _row(line, number)
        for number, line in enumerate(_lines(files, "cases.jsonl", limits, len(cases) * _MOST_ROWS), start=1)
    )
    timings = _by_case(files, "timings.jsonl", limits, cases)
    observed = _by_case(files, "observations.jsonl", limits, cases)
    observations = {case: str(line["sha256"]) for case, line in observed.items() if is_hash(line.get("sha256"))}
    return Claims(document, record, rows, timings, observations)


def _check_record(record: dict[str, Any], document: dict[str, Any]) -> list[str]:
    configuration, cases = record.get("configuration"), record.get("cases")
    if not isinstance(configuration, dict):
        raise RefusedError("record-invalid", "run.json has no configuration")
    for name in ("task", "method", "data", "signatures"):
        if not isinstance(configuration.get(name), dict):
            raise RefusedError("record-invalid", f"run.json does not say which {name}")
    if not isinstance(cases, list) or not cases or not all(isinstance(case, str) for case in cases):
        raise RefusedError("record-invalid", "run.json has no list of cases")
    said = {
        "task": (configuration["task"].get("name"), document["task"]),
        "method": (configuration["method"].get("name"), document["method"]["name"]),
        "data revision": (configuration["data"].get("revision"), document["data"]["revision"]),
        "split": (configuration["data"].get("split"), document["data"]["split"]),
        "signatures": (configuration["signatures"], document["signatures"]),
    }
    for what, (one, other) in said.items():
        if one != other:
            raise RefusedError("record-contradicts", f"{what} is {shown(one)} in run.json, {shown(other)} as submitted")
    return list(cases)


def _lines(files: SubmittedFiles, name: str, limits: Limits, most: int) -> list[dict[str, Any]]:
    return list(read_lines(files.texts[name], name, limits, most))


def _row(line: dict[str, Any], number: int) -> Row:
    wrong = line.keys() != Row.__dataclass_fields__.keys()
    if wrong or not all(isinstance(line[name], str) for name in _TEXTS):
        raise RefusedError("row-invalid", f"row {number} has not the fields of a row")
    if not isinstance(line["value"], float | None):
        raise RefusedError("row-invalid", f"the value of row {number} is no number: {shown(line['value'])}")
    return Row(**line)


def _by_case(files: SubmittedFiles, name: str, limits: Limits, cases: list[str]) -> dict[str, dict[str, Any]]:
    """The lines of a file that has at most one of every case, by case: others would count in means of them."""
    known = set(cases)
    found: dict[str, dict[str, Any]] = {}
    for line in _lines(files, name, limits, len(cases)):
        case = line.get("case")
        if not isinstance(case, str) or case not in known:
            raise RefusedError("row-invalid", f"{name} has a line about {shown(case)}, no case of the run")
        if case in found:
            raise RefusedError("row-invalid", f"{name} has two lines about {shown(case)}")
        found[case] = line
    return found

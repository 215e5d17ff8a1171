"""Filling a run folder case by case so that killing it at any moment loses one case at most.

Per case, in this order: prediction (whole file), ``timings.jsonl``, ``observations.jsonl``; once all cases of a group
are there, its rows of ``cases.jsonl`` in one append. A group counts as finished when all its rows are there, a case of
an unfinished group when both its lines are; what files say beyond that is cut off before going on.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.errors import RunError
from benchmark.records.files import append, write_whole, writing
from benchmark.records.rows import Row, complete_lines, json_line
from benchmark.tasks.family import Group

CASES, TIMINGS, OBSERVATIONS, RECORD = "cases.jsonl", "timings.jsonl", "observations.jsonl", "run.json"
ERRORS = "errors.log"


@dataclass(frozen=True)
class RunWriter:
    """Writes into a run folder that is held exclusively (`benchmark.records.files.exclusive`)."""

    folder: Path

    @property
    def started(self) -> bool:
        """Whether a run lies here already."""
        return (self.folder / RECORD).exists()

    def open(self, configuration: Mapping[str, Any], provenance: Mapping[str, Any]) -> None:
        """Start a run, or make sure that the one already here has the same configuration.

        Raises:
            RunError: if it has another; the message names the fields that differ.
            WriteError: when the disk refuses.
        """
        path = self.folder / RECORD
        if self.started:
            self._refuse_other(path, configuration)
            return
        if (self.folder / CASES).exists():
            raise RunError(f"{self.folder} holds results without a {RECORD}; choose another folder with --out")
        record = {"configuration": configuration, **provenance}
        write_whole(path, json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False).encode() + b"\n")

    def resume(
        self, groups: Sequence[Group], is_complete: Callable[[Group, list[dict[str, Any]]], bool]
    ) -> tuple[int, dict[str, str]]:
        """Cut every file back to what is finished.

        Args:
            groups: of the whole run, in order.
            is_complete: told a group and its rows, whether these are all it should have. Only the last group
                is asked about: rows after those of another group mean that the other was finished.

        Returns:
            How many groups are finished, and the status by case id of all finished cases.

        Raises:
            RunError: if the finished groups are not the first ones of this run.
        """
        path = self.folder / CASES
        rows: dict[str, list[dict[str, Any]]] = {}
        ends: dict[str, int] = {}
        try:
            for record, end in complete_lines(path):
                rows.setdefault(str(record.get("case")), []).append(record)
                ends[str(record.get("case"))] = end
        except ValueError as error:
            raise RunError(f"{path} is damaged ({error}); remove the folder or choose another with --out") from error
        found = list(rows)
        if found != [group.id for group in groups[: len(found)]]:
            raise RunError(
                f"{path} holds other cases than this run has; remove the folder or choose another with --out"
            )
        if found and not is_complete(groups[len(found) - 1], rows[found[-1]]):
            found.pop()
        self._truncate(path, ends[found[-1]] if found else 0)
        keep = {case for group in groups[: len(found)] for case in group.cases}
        if len(found) < len(groups) and len(groups[len(found)].cases) > 1:
            written = [self._lines(name).keys() for name in (TIMINGS, OBSERVATIONS)]
            keep |= set(groups[len(found)].cases[:-1]) & written[0] & written[1]  # with the last the group is scored
        for name in (TIMINGS, OBSERVATIONS):
            self._keep(self.folder / name, keep)
        return len(found), {case: str(line["status"]) for case, line in self._lines(TIMINGS).items()}

    def finish_case(self, timing: Mapping[str, Any], observation: Mapping[str, Any], error: str | None) -> None:
        """Append everything about a case whose prediction (if any) is already on disk.

        Raises:
            WriteError: when the disk refuses.
        """
        append(self.folder / TIMINGS, json_line(timing))
        append(self.folder / OBSERVATIONS, json_line(observation))
        if error is not None:
            append(self.folder / ERRORS, error)

    def finish_group(self, rows: Sequence[Row]) -> None:
        """Append all rows of a group whose cases are finished.

        Raises:
            WriteError: when the disk refuses.
        """
        append(self.folder / CASES, "".join(row.line() for row in rows))

    def _refuse_other(self, path: Path, configuration: Mapping[str, Any]) -> None:
        try:
            previous = json.loads(path.read_text(encoding="utf-8"))["configuration"]
        except (ValueError, KeyError, TypeError) as error:
            raise RunError(f"{path} is damaged; remove the folder or choose another with --out") from error
        wanted = json.loads(json.dumps(configuration))
        if previous != wanted:
            differing = "; ".join(_differences(previous, wanted))
            raise RunError(f"{self.folder} holds a run of another configuration ({differing}); choose another --out")

    def _truncate(self, path: Path, size: int) -> None:
        with writing(path):
            if path.exists() and path.stat().st_size != size:
                os.truncate(path, size)

    def _lines(self, name: str) -> dict[str, dict[str, Any]]:
        """Records of a file by case. A case killed between two appends is written again: its later line counts."""
        path = self.folder / name
        try:
            return {str(record.get("case")): record for record, _ in complete_lines(path)}
        except ValueError as error:
            raise RunError(f"{path} is damaged ({error}); remove the folder or choose another with --out") from error

    def _keep(self, path: Path, cases: set[str]) -> None:
        if path.exists():
            kept = "".join(json_line(record) for case, record in self._lines(path.name).items() if case in cases)
            write_whole(path, kept.encode())


def _differences(before: object, now: object, where: str = "") -> list[str]:
    if isinstance(before, dict) and isinstance(now, dict):
        keys = sorted(before.keys() | now.keys())
        lines: list[str] = []
        for key in keys:
            lines += _differences(before.get(key), now.get(key), f"{where}.{key}" if where else key)
        return lines
    return [] if before == now else [f"{where}: {_short(before)} there, {_short(now)} now"]


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else text[:37] + "..."

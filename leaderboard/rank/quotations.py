"""Numbers that papers print, from ``leaderboard/data/quoted.toml``: shown apart, with their source, never ranked."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from leaderboard.model import Column, Entry, Finding, Interval, Table


@cache
def quotations() -> Mapping[str, Any]:
    """The data file."""
    text = resources.files("leaderboard").joinpath("data", "quoted.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def quoted_in(table: Table) -> tuple[Entry, ...]:
    """What is printed about a table's task under its profile, in the table's own unit."""
    found = []
    for row in quotations()["beside"]:
        known = {column.metric for column in table.columns}
        if (row["task"], row["profile"]) == (table.task, table.profile) and known.issuperset(row["values"]):
            place = f"quoted-{row['source']}-{table.task}-{table.profile}"
            found.append(_entry(place, row, row["source"], f"{row['why']}; printed: {row['printed']}"))
    return tuple(found)


def quoted_tables() -> tuple[Table, ...]:
    """Tables of printed numbers only, with units as printed."""
    return tuple(_table(table) for table in quotations()["tables"])


def _table(table: Mapping[str, Any]) -> Table:
    columns = tuple(Column(signature="", **column) for column in table["columns"])
    rows = [
        _entry(f"{table['id']}-{number}", row, table["source"], table["why"])
        for number, row in enumerate(table["rows"], 1)
    ]
    return Table(
        id=table["id"], task=table["task"], profile="quoted", title=table["title"], data_name="as published",
        data_revision="", split="", headline=columns[0].metric, columns=columns, entries=(), quoted=tuple(rows),
    )  # fmt: skip


def _entry(place: str, row: Mapping[str, Any], source: str, why: str) -> Entry:
    said = quotations()["sources"][source]
    return Entry(
        submission=place,
        method=row["method"],
        title=f"{said['title']}, {said['place']}",
        tier="quoted",
        values={metric: Interval(float(value)) for metric, value in row["values"].items()},
        findings=(
            Finding("quoted", "note", f"not comparable: {why}"),
            Finding("source", "note", f"{said['title']}, {said['place']}: {said['link']}"),
        ),
    )

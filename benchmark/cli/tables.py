"""The figures of a run, for people and for machines."""

from __future__ import annotations

import dataclasses
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from benchmark.metrics.base import Signature
from benchmark.records import Run
from benchmark.statistics import Estimate, Summary, cluster_bootstrap, summarise
from benchmark.statistics.bootstrap import Table as Values


def run_tables(run: Run) -> list[Table]:
    """The main table and the one per category."""
    summaries, floors = summarise(run.rows), sampling_floors(run)
    cost = costs(run)
    main = Table(
        title=f"{run.method} on {run.task}: class-macro means, 95 % intervals over subjects",
        caption=f"{cost['seconds_mean']:.2f} s per case (median {cost['seconds_median']:.2f}), "
        f"peak {cost['peak_rss_mib']:.0f} MiB. Floor: the truth against itself, sampled afresh.",
        box=SIMPLE_HEAD,
    )
    main.add_column("metric", no_wrap=True)
    for column in ("class-macro", "95 % interval", "micro", "scored", "floor"):
        main.add_column(column, justify="right", no_wrap=True)
    for summary in summaries:
        main.add_row(
            Signature(summary.signature).label,
            number(summary.macro.value),
            interval(summary.macro),
            number(summary.micro),
            f"{summary.scored}/{summary.expected}",
            number(floors.get(summary.signature)),
        )
    return [main, _breakdown("category", summaries), *_origins(summaries)]


def run_figures(run: Run) -> dict[str, Any]:
    """The same figures as plain JSON values."""
    floors = sampling_floors(run)
    return {
        "run": str(run.path),
        "method": run.method,
        "task": run.task,
        "configuration_sha256": run.provenance["configuration_sha256"],
        "cost": costs(run),
        "metrics": [
            {**dataclasses.asdict(summary), "floor": floors.get(summary.signature)} for summary in summarise(run.rows)
        ],
    }


def costs(run: Run) -> dict[str, float]:
    """Seconds per case and peak memory."""
    seconds = sorted(float(timing["seconds"]) for timing in run.timings.values()) or [0.0]
    peak = max((float(timing["peak_rss_mib"]) for timing in run.timings.values()), default=0.0)
    return {
        "seconds_mean": sum(seconds) / len(seconds),
        "seconds_median": seconds[len(seconds) // 2],
        "peak_rss_mib": peak,
    }


def sampling_floors(run: Run) -> dict[str, float]:
    """Signature → class-macro mean of the truth's scores against itself sampled afresh."""
    facts = {row.case: (row.category, row.subject) for row in run.rows}
    groups = {case: group for group, cases in run.provenance.get("groups", {}).items() for case in cases}
    values: dict[str, list[tuple[float, str, str]]] = {}
    for case, observation in run.observations.items():
        for score in observation["floor"]:
            group = groups.get(case, case)
            if score["value"] is not None and group in facts:
                category, subject = facts[group]
                of = score.get("category") or category
                values.setdefault(score["signature"], []).append((score["value"], of, subject))
    return {
        signature: cluster_bootstrap(Values(*map(list, zip(*rows, strict=True))), draws=1).value
        for signature, rows in values.items()
    }


def number(value: float | None) -> str:
    """Four significant digits, enough for any of the metrics."""
    return "" if value is None else f"{value:.4g}" if abs(value) < 1000 else f"{value:.0f}"


def interval(estimate: Estimate) -> str:
    """An interval like 0.81 .. 0.86, or n/a with fewer than two subjects."""
    return "n/a" if estimate.low is None else f"{number(estimate.low)} .. {number(estimate.high)}"


def _breakdown(kind: str, summaries: list[Summary]) -> Table:
    table = Table(title=f"means per {kind}", box=SIMPLE_HEAD)
    table.add_column(kind, no_wrap=True)
    for summary in summaries:
        heading = Signature(summary.signature).label.replace(" ", "\n").replace("_", "\n")
        table.add_column(heading, justify="right", no_wrap=True)
    groups = [summary.categories if kind == "category" else summary.origins for summary in summaries]
    for name in dict.fromkeys(name for group in groups for name in group):
        table.add_row(name, *(number(group.get(name)) for group in groups))
    return table


def _origins(summaries: list[Summary]) -> list[Table]:
    several = any(len(summary.origins) > 1 for summary in summaries)
    return [_breakdown("origin", summaries)] if several else []

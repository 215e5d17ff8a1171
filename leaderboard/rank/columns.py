"""Columns of a table from the signatures of its rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from benchmark.metrics import PROFILES
from benchmark.report.columns import HIGHER_IS_BETTER, PROFILE_TITLES, TITLES
from benchmark.tasks import TASKS
from leaderboard.model import Column


def columns_of(task: str, profile: str, cases: Mapping[str, Sequence[object]]) -> tuple[Column, ...]:
    """A column a signature, the headline first.

    Where a profile gives one metric in two units (millimetres where the scale is known), there are two columns, and
    their metrics are told apart by the unit: ``cd:mm``, ``cd:box``.

    Args:
        task: whose headline counts where the profile has it; else it is the profile's first metric.
        profile: of the signatures.
        cases: signature -> its cases; of two units the one with more cases comes first.
    """
    parsed = {signature: (signature.split("|")[0], _unit(signature)) for signature in cases}
    times = Counter(metric for metric, _ in parsed.values())
    order = _metric_order(task, profile)

    def place(signature: str) -> tuple[int, str, int, str]:
        metric, _ = parsed[signature]
        known = order.index(metric) if metric in order else len(order)
        return known, metric, -len(cases[signature]), signature

    return tuple(
        Column(
            metric=metric if times[metric] == 1 else f"{metric}:{unit or signature}",
            signature=signature,
            title=TITLES.get(metric, metric),
            higher_is_better=metric in HIGHER_IS_BETTER,
            unit=unit,
        )
        for signature in sorted(cases, key=place)
        for metric, unit in [parsed[signature]]
    )


def profile_title(profile: str) -> str:
    """A profile's name for people."""
    return PROFILE_TITLES.get(profile, profile)


def table_place(task: str, profile: str) -> tuple[int, str, int, str]:
    """Sorts tables: tasks and profiles in the order they are declared, strangers behind."""
    tasks = list(TASKS)
    profiles = list(PROFILE_TITLES)
    return (
        tasks.index(task) if task in tasks else len(tasks), task,
        profiles.index(profile) if profile in profiles else len(profiles), profile,
    )  # fmt: skip


def _metric_order(task: str, profile: str) -> list[str]:
    declared = [metric.name for metric in PROFILES[profile].metrics] if profile in PROFILES else []
    headline = TASKS[task].headline if task in TASKS else ""
    return sorted(declared, key=lambda name: name != headline)


def _unit(signature: str) -> str:
    return next((part.removeprefix("unit:") for part in signature.split("|") if part.startswith("unit:")), "")

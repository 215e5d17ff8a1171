"""Which cases are shown in 3D: a declared rule, so that nobody picks the pretty ones."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from benchmark.errors import RunError

RULE = (
    "The cases shown were picked by a rule, not by hand: the median case of every category by {metric} of {focus}, "
    "then the worst of every category, then the best, until {count} are found; "
    "where there are more categories than places, they are spread evenly from the hardest to the easiest."
)
RULE_BY_HAND = "The cases shown were asked for by name."


def select_cases(headline: pd.DataFrame, limit: int, higher_is_better: bool) -> list[str]:
    """Case ids chosen by `RULE`, grouped by category.

    Args:
        headline: rows of the headline metric of the run in focus; a failed case has the worst value.
        limit: how many.
        higher_is_better: direction of the metric.
    """
    goodness = headline["value"] if higher_is_better else -headline["value"]
    rows = headline.assign(value=goodness.fillna(-math.inf)).sort_values(["value", "case"])
    by_category = {str(name): list(group["case"]) for name, group in rows.groupby("category", sort=False)}
    # Sorted by the category's median, so that an even spread covers hard and easy ones.
    medians = rows.groupby("category", sort=False)["value"].median()
    names = sorted(by_category, key=lambda name: (float(medians[name]), name))
    if limit < len(names):
        steps = max(limit - 1, 1)
        names = [names[round(i * (len(names) - 1) / steps)] for i in range(limit)]
    chosen: list[str] = []
    for place in (_median, _worst, _best):
        chosen += [place(by_category[name]) for name in names]
    rest = [case for name in names for case in by_category[name]]
    taken = set(list(dict.fromkeys(chosen + rest))[:limit])  # a case may be of several categories
    in_order = [case for name in sorted(by_category) for case in by_category[name] if case in taken]
    return list(dict.fromkeys(in_order))


def check_names(wanted: Sequence[str], known: Sequence[str]) -> list[str]:
    """The wanted case ids, each once.

    Raises:
        RunError: if one is not in the runs.
    """
    for case in wanted:
        if case not in known:
            raise RunError(f"case {case!r} is in none of the runs; there are, for example, {', '.join(known[:3])}")
    return list(dict.fromkeys(wanted))


def _median(cases: list[str]) -> str:
    return cases[(len(cases) - 1) // 2]


def _worst(cases: list[str]) -> str:
    return cases[0]


def _best(cases: list[str]) -> str:
    return cases[-1]

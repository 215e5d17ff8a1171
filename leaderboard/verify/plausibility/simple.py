"""What a single look at a submission shows."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from leaderboard.model import Finding
from leaderboard.verify.claims import Claims
from leaderboard.verify.refusal import found, shown
from leaderboard.verify.scoring import Examined

_TEST = re.compile(r"(?:^|[^a-z])test(?:$|[^a-z])", re.IGNORECASE)
_RANGES = {"seconds": (1e-6, 1e7), "peak_rss_mib": (1.0, 2.0**30), "peak_device_mib": (0.0, 2.0**30)}
"""Between which a prediction of a quarter of a million numbers can have taken."""
_CONTRADICTED = 0.01
"""Share of observed voxels; fewer come of rounding at the surface."""


def constant_findings(examined: Sequence[Examined]) -> Iterator[Finding]:
    """One answer for everything, or for everything of a category."""
    digests = [one.digest for one in examined if one.digest]
    if len(digests) > 1 and len(set(digests)) == 1:
        yield found("constant-predictions", f"all {len(digests)} predictions are the same")
        return
    categories: dict[str, list[str]] = {}
    for one in examined:
        if one.digest:
            categories.setdefault(one.category, []).append(one.digest)
    same = [name for name, group in categories.items() if len(group) > 1 and len(set(group)) == 1]
    if same and len(same) > len(categories) / 2:
        yield found("constant-in-category", f"{len(same)} of {len(categories)} categories, {shown(same[0])} first")


def observation_findings(examined: Sequence[Examined]) -> Iterator[Finding]:
    """Disagreement with what was observed without any error."""
    shares = [one.contradicted for one in examined if one.contradicted is not None]
    against = [share for share in shares if share > _CONTRADICTED]
    if against:
        yield found(
            "contradicts-observation",
            f"{len(against)} of {len(shares)} cases; on average {100 * float(np.mean(shares)):.2f} % of the voxels",
        )


def seed_findings(claims: Claims) -> Iterator[Finding]:
    """Seeds: declared, and the one of the run among them."""
    seeds = claims.document.get("seeds")
    if not seeds:
        yield found("seeds-undeclared", "submission.yaml has no seeds")
        return
    used = claims.configuration.get("seed")
    if used is not None and used not in seeds:
        yield found("seed-not-declared", f"the run used {shown(used)}, declared are {shown(seeds)}")


def training_findings(claims: Claims) -> Iterator[Finding]:
    """Training sets that hold what is tested on."""
    split = claims.split
    for name in claims.document["training_sets"]:
        if _TEST.search(str(name)) or str(name).endswith(f":{split}"):
            yield found("trained-on-test", f"declared is {shown(name)}, tested is on split {split}")


def timing_findings(claims: Claims) -> Iterator[Finding]:
    """Times and memory that cannot be, or are not told."""
    wrong = []
    for case, told in claims.timings.items():
        for name, (least, most) in _RANGES.items():
            value = told.get(name)
            if value is not None and not _between(value, least, most):
                wrong.append(f"{name} of {shown(case)} is {shown(value)}")
    if wrong:
        yield found("timings-impossible", f"{len(wrong)} values; {wrong[0]}")
    if any("seconds" not in claims.timings.get(case, {}) for case in claims.cases):
        yield found("timings-missing", "not every case has the seconds it took")


def _between(value: Any, least: float, most: float) -> bool:  # noqa: ANN401
    number = isinstance(value, float | int) and not isinstance(value, bool)
    return number and math.isfinite(value) and least <= value <= most


def unsafe_texts(claims: Claims) -> Mapping[str, object]:
    """What people may come to see of a submission, by file."""
    shown_of_run = {key: value for key, value in claims.record.items() if key not in ("configuration", "cases")}
    return {"submission.yaml": claims.document, "run.json": {**shown_of_run, "configuration": claims.configuration}}

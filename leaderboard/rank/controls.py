"""Who is a floor or a ceiling instead of a contender."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from benchmark.errors import BenchError
from benchmark.methods import find_method
from leaderboard.submission.card import CONTROLS


def is_control(method: str, document: Mapping[str, Any]) -> bool:
    """Whether a submission is shown as a floor or a ceiling, which is not ranked.

    It is one by name, by the spec of the installed method of this name (``sees_truth``), or because it says so:
    nobody gains by saying so.
    """
    said = document.get("method", {})
    declared = said.get("control") is True or said.get("sees_truth") is True
    return method in CONTROLS or declared or _sees_truth(method)


@cache
def _sees_truth(method: str) -> bool:
    try:
        return find_method(method).spec.sees_truth
    except BenchError:  # not installed here
        return False

"""Which few cases a few-shot task learns from: fixed for ever by the names of data set and subjects, and a seed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from benchmark.data.volumes.prepared import Facts
from benchmark.errors import DataError

RULE = "segmentation-few-shot-v1"


def few(facts: Sequence[Facts], count: int, dataset: str, seed: int) -> list[Facts]:
    """The first ``count`` cases in the order of ``sha256("RULE:dataset:seed:subject:id")``, one of each subject.

    Those of two shots are the first two of four.

    Raises:
        DataError: if there are not so many subjects.
    """

    def draw(case: Facts) -> str:
        return hashlib.sha256(f"{RULE}:{dataset}:{seed}:{case.subject}:{case.id}".encode()).hexdigest()

    chosen: dict[str, Facts] = {}
    for case in sorted(facts, key=draw):
        chosen.setdefault(case.subject, case)
    if len(chosen) < count:
        raise DataError(f"{count} training subjects were asked for, {dataset} has {len(chosen)}")
    return list(chosen.values())[:count]

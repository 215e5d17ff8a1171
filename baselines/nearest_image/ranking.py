"""The training cases whose images agree best with an observation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from baselines.nearest_image.agreement import Agreement, Shift
from benchmark.contract import Observation
from benchmark.tasks.segmentation.tasks import IMAGE
from benchmark.tasks.segmentation.training import SegmentationTrainingData


@dataclass(frozen=True)
class Match:
    """A training case: how well its image agrees when shifted so."""

    row: int
    agreement: float
    shift: Shift


def ranked(data: SegmentationTrainingData, rows: Sequence[int], observation: Observation, tried: int) -> list[Match]:
    """The ``tried`` cases that agree best where they lie, aligned by translation and sorted anew, best first.

    Equal ones stay in the order of the data set.
    """
    agreement = Agreement(observation)
    images = {row: np.asarray(data.part(row, IMAGE), np.float32) for row in rows}
    first = sorted(rows, key=lambda row: -agreement.of(images[row]))[:tried]
    matches = [Match(row, *agreement.best_shift(images[row])) for row in first]
    return sorted(matches, key=lambda match: -match.agreement)

"""What every reader of an official layout gives: one record a case, its voxels read when asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from benchmark.contract import Grid, Volume
from benchmark.data.volumes.prepared import Modality
from benchmark.errors import DataError


@dataclass(frozen=True, eq=False)
class Labelled:
    """``values`` (I, J, K) uint8: 0, or i + 1 for structure i of the layout; on ``grid``."""

    values: NDArray[np.uint8]
    grid: Grid


@dataclass(frozen=True, eq=False)
class Imaged:
    """``values`` (I, J, K) float32 on ``grid``."""

    values: Volume
    grid: Grid


@dataclass(frozen=True, eq=False)
class VolumeRecord:
    """One case of a layout.

    Attributes:
        id, subject, text: as of any case.
        split: as the layout has it; empty if it has none.
        images: modality -> what reads its image.
        labels: what reads the label map; None if the layout keeps it to itself (hidden test cases).
        annotated: the structures somebody looked for; None is all of them.
    """

    id: str
    subject: str
    images: Mapping[str, Callable[[], Imaged]]
    labels: Callable[[], Labelled] | None
    split: str = ""
    text: str = ""
    annotated: tuple[str, ...] | None = None


@dataclass(frozen=True, eq=False)
class Layout:
    """All cases of a layout, none of them read yet, in a fixed order.

    Attributes:
        name, title, licence: for people.
        structures: names of the labels.
        modalities: the first is the one tasks use.
        records: of the cases.
        origin: "real_subject" where people were scanned.
        source: where it is from, as JSON values.
    """

    name: str
    title: str
    licence: str
    structures: tuple[str, ...]
    modalities: tuple[Modality, ...]
    records: Sequence[VolumeRecord]
    origin: str = "real_subject"
    source: Mapping[str, object] = field(default_factory=dict)


def renumbered(values: NDArray[np.integer], table: Mapping[int, int], case: str) -> NDArray[np.uint8]:
    """Labels of a file as those of the layout.

    Args:
        values: (I, J, K), not negative.
        table: value in the file -> label; 0 is background. Everything the file may hold is in it.
        case: for the message.

    Raises:
        DataError: for a value that is not in the table.
    """
    found = np.unique(values)
    unknown = [int(value) for value in found if int(value) not in table and value != 0]
    if unknown:
        known = ", ".join(map(str, sorted(key for key in table if key)))
        raise DataError(f"{case}: label {unknown[0]} is unknown; known are {known}")
    labels = np.zeros(values.shape, np.uint8)
    for value in found:
        if value:
            labels[values == value] = table[int(value)]
    return labels

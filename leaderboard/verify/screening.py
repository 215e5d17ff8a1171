"""What a prediction is like, beside its scores: its hash, its mask for quick comparison, whether it is the truth.

Equal bytes are always a copy where chance does not make them: choices are too few to tell anything, and labels of
nothing are what many a method gives. Nearly equal ones are found by masks first, of parts that have an inside, and
then told apart by the family, where it can.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from benchmark.contract import Array, Case, Mask, Prediction, Space, TrainingData
from benchmark.metrics.packed import PackedMasks, pack, packed_dice
from benchmark.observations import observation_hash
from benchmark.observations.agreement import UnsupportedObservationError, observed_inside
from benchmark.spaces import stored_bytes, stored_form
from benchmark.tasks import Family, TellsCopies
from leaderboard.asked import Asked
from medshape_text.hashing import sha256

ALIKE = 0.97
"""Overlap of masks below which two predictions are not compared further; nearly the same ones have more."""
_AT_ONCE = 64
_KEPT_BYTES = 2**29
"""Of packed training examples; a larger training split is read again for every submission."""


def inside(array: Array, space: Space) -> Mask | None:
    """Where an array is inside of something; None where that means nothing."""
    if space.kind == "sdf":
        return np.asarray(array < 0)
    if space.kind == "occupancy":
        return np.asarray(array > 0.5)
    return np.asarray(array > 0) if space.kind == "labels" else None


def mask_of(prediction: Prediction, outputs: Mapping[str, Space]) -> PackedMasks | None:
    """One mask of all parts that have an inside; None if there is none."""
    found = [inside(prediction.parts[name], space) for name, space in outputs.items()]
    masks = [mask.reshape(-1) for mask in found if mask is not None]
    return pack(np.concatenate(masks)[None]) if masks else None


def alike(one: PackedMasks | None, other: PackedMasks | None) -> float | None:
    """Overlap of two masks, 0 to 1; None if there is nothing to compare."""
    if one is None or other is None or one.shape != other.shape:
        return None
    return float(packed_dice(one, other, empty=0)[0])


def telling(prediction: Prediction, outputs: Mapping[str, Space]) -> bool:
    """Whether an equal prediction is a copy of this one: it has a part that chance does not make twice."""
    return any(
        bool((prediction.parts[name] > 0).any()) if space.kind == "labels" else space.kind != "choice"
        for name, space in outputs.items()
    )


def digest_of(prediction: Prediction, outputs: Mapping[str, Space]) -> str:
    """SHA-256 of a prediction as it is stored."""
    return sha256(b"".join(stored_bytes(prediction, outputs)))


def nearly_same(family: Family, first: Prediction, second: Prediction) -> bool:
    """What the family says of two predictions; False where it says nothing."""
    return isinstance(family, TellsCopies) and family.nearly_same(first, second)


@dataclass(frozen=True, eq=False)
class Answer:
    """One case and its answer.

    Attributes:
        case: its id.
        subject, category: of the truth.
        observation: sha256 of what the task lets a method see.
        digest: of the prediction's bytes; empty if there is none.
        telling: whether equal bytes are a copy.
        packed: one mask, or None where nothing has an inside.
        right: overlap with the truth, where both have masks.
        is_truth: whether the prediction tells the truth more precisely than any method could.
        contradicted: share of exactly observed voxels on which it disagrees; None where nothing is exact.
    """

    case: str
    subject: str
    category: str
    observation: str
    digest: str = ""
    telling: bool = False
    packed: PackedMasks | None = None
    right: float | None = None
    is_truth: bool = False
    contradicted: float | None = None


def answer_of(asked: Asked, case: Case, prediction: Prediction | None) -> Answer:
    """What the prediction of a case is like."""
    answer = Answer(case.id, case.subject, case.category, observation_hash(case.observations))
    if prediction is None:
        return answer
    packed, digest = mask_of(prediction, asked.outputs), digest_of(prediction, asked.outputs)
    tells = telling(prediction, asked.outputs)
    truth = truth_of(case, asked.outputs)
    right, same = None, False
    if truth is not None:
        right = alike(packed, mask_of(truth, asked.outputs))
        equal = tells and digest == digest_of(truth, asked.outputs)
        same = equal or (right is not None and nearly_same(asked.family, prediction, truth))
    against = contradicted(prediction, case, asked.outputs)
    return replace(
        answer, digest=digest, telling=tells, packed=packed, right=right, is_truth=same, contradicted=against
    )


def truth_of(case: Case, outputs: Mapping[str, Space]) -> Prediction | None:
    """The truth as a prediction is stored; None where a part of it is not a fact of the case."""
    if not outputs.keys() <= case.truth.keys():
        return None
    return Prediction({name: stored_form(case.truth[name], space) for name, space in outputs.items()})


def contradicted(prediction: Prediction, case: Case, outputs: Mapping[str, Space]) -> float | None:
    """Share of the voxels that were read without error on which a prediction disagrees; None where there are none."""
    wrong: list[Array] = []
    for observation in case.observations:
        space = outputs.get(observation.part)
        if not observation.exact or observation.space.kind != "occupancy" or space is None:
            continue
        part = prediction.parts[observation.part]
        solid = inside(part, space)
        if solid is None or not observation.mask.any():
            continue
        try:
            wrong.append((solid != observed_inside(observation, part.shape))[observation.mask])
        except UnsupportedObservationError:
            continue
    return float(np.mean(np.concatenate(wrong))) if wrong else None


class Example(NamedTuple):
    """A training example as a prediction could copy it."""

    id: str
    digest: str


class Block(NamedTuple):
    """Training examples whose masks have one shape; ``packed`` is None where there are no masks."""

    start: int
    examples: Sequence[Example]
    packed: PackedMasks | None


class Training:
    """The training examples of a task, to compare predictions with; masks are kept if they are not too many."""

    def __init__(self, data: TrainingData | None, outputs: Mapping[str, Space]) -> None:
        """Compare with the examples that have all parts that are asked for."""
        fits = data is not None and outputs.keys() <= data.spaces.keys()
        self._data, self._outputs = (data if fits else None), outputs
        self._kept: Sequence[Block] | None = None

    def example(self, index: int) -> Prediction:
        """An example as a prediction is stored.

        Raises:
            IndexError: if there is none.
        """
        if self._data is None:
            raise IndexError(index)
        data = self._data
        return Prediction({n: stored_form(data.part(index, n), space) for n, space in self._outputs.items()})

    def id(self, index: int) -> str:
        """What an example is called.

        Raises:
            IndexError: if there is none.
        """
        if self._data is None:
            raise IndexError(index)
        return str(self._data.ids[index])

    def blocks(self) -> Iterator[Block]:
        """All of them, in order."""
        if self._kept is not None:
            yield from self._kept
            return
        kept: list[Block] = []
        size = 0
        for block in self._read():
            size += 0 if block.packed is None else block.packed.words.nbytes
            if size <= _KEPT_BYTES:
                kept.append(block)
            yield block
        self._kept = kept if size <= _KEPT_BYTES else None

    def _read(self) -> Iterator[Block]:
        start = 0
        examples: list[Example] = []
        masks: list[PackedMasks] = []
        for index in range(0 if self._data is None else len(self._data)):
            shape = self.example(index)
            mask = mask_of(shape, self._outputs)
            if len(examples) == _AT_ONCE or (masks and mask is not None and mask.shape != masks[0].shape):
                yield Block(start, examples, joined(masks))
                start, examples, masks = index, [], []
            told = digest_of(shape, self._outputs) if telling(shape, self._outputs) else ""
            examples.append(Example(self.id(index), told))
            masks += [] if mask is None else [mask]
        if examples:
            yield Block(start, examples, joined(masks))


def joined(masks: Sequence[PackedMasks]) -> PackedMasks | None:
    """Masks of one shape as one; None of none."""
    if not masks:
        return None
    words, counts = (np.concatenate([getattr(mask, name) for mask in masks]) for name in ("words", "counts"))
    return PackedMasks(words, counts, masks[0].shape)

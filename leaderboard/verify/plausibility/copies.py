"""Predictions that are the truth, another submission's, or training shapes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from benchmark.contract import Volume
from benchmark.metrics.packed import PackedMasks, packed_dice, pairwise_packed_dice
from leaderboard.model import Finding
from leaderboard.verify.claims import Claims
from leaderboard.verify.refusal import RefusedError, found, shown
from leaderboard.verify.scoring import Examined
from leaderboard.verify.truth import Truth
from leaderboard.verify.volumes import nearly_same

SHARE = 0.1
"""Of the cases; fewer copies than that may be chance."""
_ALIKE = 0.97
"""Dice below which two shapes are not compared further; nearly the same ones have more."""

Read = Callable[[str], Volume]
"""The prediction of a case."""


@dataclass(frozen=True, eq=False)
class Other:
    """Another submission, as far as it is compared with.

    Attributes:
        id: its name.
        method: name of its method.
        authors: their names, sorted.
        control: whether it is a floor or a ceiling.
        packed: case -> its mask, one each.
        read: gives its prediction of one of these cases.
    """

    id: str
    method: str
    authors: tuple[str, ...]
    control: bool
    packed: Mapping[str, PackedMasks]
    read: Read


@dataclass(frozen=True)
class Memorisation:
    """How near predictions are to training shapes.

    Attributes:
        ratios: case -> (1 - Dice with the nearest training shape) / (1 - Dice with the truth); without the cases that
            are the truth voxel by voxel.
        copies: case -> id of the training shape it nearly is.
    """

    ratios: dict[str, float] = field(default_factory=dict)
    copies: dict[str, str] = field(default_factory=dict)


def truth_findings(examined: Sequence[Examined], told: bool) -> Iterator[Finding]:
    """Predictions that are the truth; ``told`` if the method says it is a control that is given the truth."""
    cases = [one.case for one in examined if one.is_truth]
    if cases and len(cases) >= SHARE * len(examined):
        detail = f"{len(cases)} of {len(examined)} cases, {shown(cases[0])} first"
        yield found("truth-control" if told else "prediction-is-truth", detail)


def copy_findings(
    claims: Claims, examined: Sequence[Examined], read: Read, others: Sequence[Other]
) -> Iterator[Finding]:
    """Predictions that are somebody else's, for every submission they are of.

    The same authors may submit a method again, and anybody may run a control. The name of a method alone is no excuse:
    it would be the easiest way to hand in what others made.
    """
    for other in others:
        if other.method == claims.method and (other.control or other.authors == claims.authors):
            continue
        try:
            cases = [one.case for one in examined if _same_prediction(one, read, other)]
        except RefusedError as refusal:  # of the other one, which was changed since it was first read
            yield found("other-not-read", f"{other.id}: {refusal.code}")
            continue
        if cases and len(cases) >= SHARE * len(examined):
            detail = f"{len(cases)} of {len(examined)} cases are those of {other.id}, {shown(cases[0])} first"
            yield found("copied-predictions", detail)


def memorisation(examined: Sequence[Examined], read: Read, truth: Truth) -> Memorisation:
    """Distance of every prediction to the nearest training shape and to the truth."""
    predicted = [one for one in examined if one.packed is not None]
    if not predicted:
        return Memorisation()
    masks = _joined([one.packed for one in predicted if one.packed is not None])
    best, which = np.full(len(predicted), -1.0), np.zeros(len(predicted), dtype=np.int64)
    for start, block in truth.packed_training():
        dice = pairwise_packed_dice(masks, block, empty=0)
        nearest = dice.argmax(axis=1)
        value = dice[np.arange(len(predicted)), nearest]
        better = value > best
        best[better], which[better] = value[better], start + nearest[better]
    answer = Memorisation()
    for one, dice_of_nearest, index in zip(predicted, best, which, strict=True):
        if dice_of_nearest < 0:
            continue
        if one.dice < 1:
            answer.ratios[one.case] = float((1 - dice_of_nearest) / (1 - one.dice))
        if dice_of_nearest >= _ALIKE and nearly_same(read(one.case), truth.training_shape(int(index))):
            answer.copies[one.case] = truth.training_ids[int(index)]
    return answer


def memorisation_findings(remembered: Memorisation, cases: int) -> Iterator[Finding]:
    """What to say of it."""
    copies = remembered.copies
    if copies and len(copies) >= SHARE * cases:
        case, shape = next(iter(copies.items()))
        yield found(
            "copies-training-shapes", f"{len(copies)} of {cases} cases; {shown(case)} is training shape {shown(shape)}"
        )
    ratios = list(remembered.ratios.values())
    nearer = sum(ratio < 1 for ratio in ratios)
    if ratios and nearer > len(ratios) / 2:
        yield found("nearer-to-training", f"{nearer} of {len(ratios)} cases; median ratio {np.median(ratios):.3f}")


def _same_prediction(one: Examined, read: Read, other: Other) -> bool:
    theirs = other.packed.get(one.case)
    if one.packed is None or theirs is None or packed_dice(one.packed, theirs, empty=0)[0] < _ALIKE:
        return False
    return nearly_same(read(one.case), other.read(one.case))


def _joined(masks: Sequence[PackedMasks]) -> PackedMasks:
    words, counts = (np.concatenate([getattr(mask, name) for mask in masks]) for name in ("words", "counts"))
    return PackedMasks(words, counts, masks[0].shape)

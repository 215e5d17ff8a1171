"""What becomes of copies: of equal files, and of equal shapes from two sources, one stays; the others are flagged.

Equal content is the same measurement twice. Near-equal shapes of two sources are one patient in both. Within one
source they are something to know, not a mistake to mend: an atlas may use one bone for two levels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from medshape_text.curate.dedup.records import DuplicatePair, Entry, joined
from medshape_text.stage import Drop

_HELD_OUT = ("test", "validation", "zero_shot")
_REASON = {"bytes": "duplicate-bytes", "content": "duplicate-content"}


@dataclass(frozen=True)
class Resolution:
    """``drops`` by id say why a shape goes; ``flags`` by id are codes of what is odd about one that stays."""

    drops: dict[str, Drop] = field(default_factory=dict)
    flags: dict[str, tuple[str, ...]] = field(default_factory=dict)


def resolve_duplicates(entries: Sequence[Entry], pairs: Sequence[DuplicatePair]) -> Resolution:
    """Keep of each set of equal shapes the one that is best known, most useful, and first in ``entries``.

    Before their order in the list count: a subject that is known, a licence that allows redistribution, a split
    that the user declared as held out. The others go if their content equals that of another, or if the one that
    is kept is from another source; reasons are ``duplicate-bytes``, ``duplicate-content`` and ``duplicate-shape``.
    If they stay they are flagged ``copy-of:<id>``. A mirror image of a shape that stays is flagged
    ``mirrored-of:<id>``, if it is the later of the two in the list.
    """
    place = {entry.id: number for number, entry in enumerate(entries)}
    rank = {entry.id: (not entry.split_safe, not entry.redistributable, entry.split not in _HELD_OUT, place[entry.id])
            for entry in entries}  # fmt: skip
    source = {entry.id: entry.source for entry in entries}
    original = _best([pair for pair in pairs if pair.kind in _REASON], rank)
    kept = _best([pair for pair in pairs if pair.rigid], rank)
    drops: dict[str, Drop] = {}
    flags: dict[str, set[str]] = {}
    for pair in sorted(pairs, key=lambda pair: (pair.kind not in _REASON, pair.first, pair.second)):
        first, second = sorted((kept[pair.first], kept[pair.second]), key=place.__getitem__)
        if not pair.rigid and first != second:
            flags.setdefault(second, set()).add(f"mirrored-of:{first}")
        for shape_id in (pair.first, pair.second) if pair.rigid else ():
            other = original[shape_id] if pair.kind in _REASON else kept[shape_id]
            if other == shape_id or shape_id in drops:
                continue
            if pair.kind in _REASON and source[kept[other]] != source[other]:
                other = kept[other]  # that copy goes too
            if pair.kind in _REASON or source[other] != source[shape_id]:
                drops[shape_id] = _drop(shape_id, other, pair)
            else:
                flags.setdefault(shape_id, set()).add(f"copy-of:{other}")
    stay = {shape_id: tuple(sorted(codes)) for shape_id, codes in sorted(flags.items()) if shape_id not in drops}
    return Resolution(drops, stay)


def _best(pairs: Sequence[DuplicatePair], rank: Mapping[str, tuple[bool, bool, bool, int]]) -> dict[str, str]:
    """Of each set that pairs join the member of the lowest rank, by id of every shape."""
    sets = joined(rank, (pair.ends for pair in pairs))
    return {shape_id: min(members, key=rank.__getitem__) for members in sets for shape_id in members}


def _drop(shape_id: str, kept: str, pair: DuplicatePair) -> Drop:
    partner = pair.first if pair.second == shape_id else pair.second
    text = f"{pair.kind} pair with {partner}"
    if pair.kind not in _REASON:
        text += f", {pair.distance_voxels:.3f} voxels apart after turning by {pair.degrees:.1f} degrees"
    if partner != kept:
        text += f", like {kept}"
    return Drop(_REASON.get(pair.kind, "duplicate-shape"), f"{text}; {kept} is kept")

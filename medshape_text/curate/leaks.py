"""Does anything that is tested on occur in training? A report that names who and what."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from medshape_text.curate.dedup.records import DuplicatePair
from medshape_text.curate.placement import Member, Placement, strays

_EXAMPLES = 10
_SUBJECT_SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class SubjectLeak:
    """A person with shapes in more than one split of subjects; ``shapes`` are a few examples of "<split>: <id>"."""

    person: str
    subjects: tuple[str, ...]
    splits: tuple[str, ...]
    shapes: tuple[str, ...]


@dataclass(frozen=True)
class PairLeak:
    """Near-equal shapes that were to go to two splits, and the id of the one that was dropped instead, if any.

    Of the ``kind`` "linked" no pair says so, but pairs of others do.
    """

    first: str
    second: str
    kind: str
    first_split: str
    second_split: str
    dropped: str = ""


@dataclass(frozen=True)
class LinkedPerson:
    """Subjects that are one person, because of a few examples of shapes "<id> = <id> (<kind>)"."""

    person: str
    subjects: tuple[str, ...]
    by: tuple[str, ...]


@dataclass(frozen=True)
class LeakReport:
    """What was found.

    ``subjects_in_two_splits`` is about shapes that stay, ``duplicates_across_splits`` also about pairs of which one
    was dropped. ``zero_shot_in_other_splits`` are ids of held-out categories that a declared split puts elsewhere,
    ``unsafe_outside_train`` ids of unknown provenance in a split that is tested on. These four are leaks. The rest is
    to be known: who was linked, which ids of unknown provenance are trained on, and which subjects have held-out
    shapes beside others that are trained on.
    """

    subjects_in_two_splits: tuple[SubjectLeak, ...] = ()
    duplicates_across_splits: tuple[PairLeak, ...] = ()
    zero_shot_in_other_splits: tuple[str, ...] = ()
    unsafe_outside_train: tuple[str, ...] = ()
    linked_persons: tuple[LinkedPerson, ...] = ()
    unsafe_in_train: tuple[str, ...] = ()
    zero_shot_subjects_in_train: tuple[str, ...] = ()

    @property
    def open_leaks(self) -> int:
        """How many leaks the data set still has: those that no drop has closed."""
        pairs = sum(not pair.dropped for pair in self.duplicates_across_splits)
        return (
            len(self.subjects_in_two_splits)
            + pairs
            + len(self.zero_shot_in_other_splits)
            + len(self.unsafe_outside_train)
        )

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it: the number of open leaks, then every list that is not empty."""
        lists = {name: _plain(value) for name, value in asdict(self).items() if value}
        return {"open_leaks": self.open_leaks, **lists}


def leak_report(
    members: Sequence[Member], pairs: Sequence[DuplicatePair], placement: Placement, zero_shot: Iterable[str] = ()
) -> LeakReport:
    """Look at where everything went, not at the rule that sent it there.

    Args:
        members: all shapes, as they were given to :func:`medshape_text.curate.placement.place`.
        pairs: of ids of members.
        placement: what that gave.
        zero_shot: the categories that were to be held out.
    """
    held_out = frozenset(zero_shot)
    splits = placement.splits
    kept = [member for member in members if member.id in splits]
    strays = (member.id for member in kept if member.category in held_out and splits[member.id] != "zero_shot")
    trained = {member.subject for member in kept if splits[member.id] == "train" and not member.synthetic}
    unsafe = [member.id for member in kept if not member.split_safe]
    by_id = {member.id: member for member in members}
    return LeakReport(
        _subject_leaks(kept, placement),
        (*_pair_leaks(pairs, placement), *_chain_leaks(by_id, pairs, placement)),
        tuple(sorted(strays)),
        tuple(sorted(i for i in unsafe if splits[i] not in ("train", "zero_shot"))),
        _linked(by_id, pairs, placement),
        tuple(sorted(i for i in unsafe if splits[i] == "train")),
        tuple(sorted({m.subject for m in kept if splits[m.id] == "zero_shot" and m.subject in trained})),
    )


def _subject_leaks(kept: Sequence[Member], placement: Placement) -> tuple[SubjectLeak, ...]:
    found: dict[str, dict[str, list[Member]]] = {}
    for member in kept:
        split = placement.splits[member.id]
        if split in _SUBJECT_SPLITS and not member.synthetic:
            found.setdefault(placement.persons[member.subject], {}).setdefault(split, []).append(member)
    leaks = []
    for person, by_split in sorted(found.items()):
        if len(by_split) > 1:
            subjects = sorted({member.subject for members in by_split.values() for member in members})
            shapes = [f"{split}: {shape_id}" for split in sorted(by_split)
                      for shape_id in sorted(member.id for member in by_split[split])[:_EXAMPLES]]  # fmt: skip
            leaks.append(SubjectLeak(person, tuple(subjects), tuple(sorted(by_split)), tuple(shapes)))
    return tuple(leaks)


def _pair_leaks(pairs: Sequence[DuplicatePair], placement: Placement) -> Iterable[PairLeak]:
    for pair in sorted(pairs, key=lambda pair: (pair.first, pair.second)):
        first, second = placement.wanted[pair.first], placement.wanted[pair.second]
        if first != second:
            dropped = [shape_id for shape_id in (pair.first, pair.second) if shape_id not in placement.splits]
            yield PairLeak(pair.first, pair.second, pair.kind, first, second, " ".join(dropped))


def _chain_leaks(by_id: dict[str, Member], pairs: Sequence[DuplicatePair], placement: Placement) -> Iterable[PairLeak]:
    told = {frozenset((pair.first, pair.second)) for pair in pairs}
    for ends in strays(by_id, pairs, placement.splits):
        if frozenset(ends) not in told:
            first, second = sorted(ends)
            yield PairLeak(first, second, "linked", placement.splits[first], placement.splits[second])


def _linked(by_id: dict[str, Member], pairs: Sequence[DuplicatePair], placement: Placement) -> tuple[LinkedPerson, ...]:
    names: dict[str, list[str]] = {}
    for subject, person in sorted(placement.persons.items()):
        names.setdefault(person, []).append(subject)
    reasons: dict[str, list[str]] = {}
    for pair in sorted(pairs, key=lambda pair: (pair.first, pair.second)):
        first, second = by_id[pair.first].subject, by_id[pair.second].subject
        if first != second and placement.persons[first] == placement.persons[second]:
            reasons.setdefault(placement.persons[first], []).append(f"{pair.first} = {pair.second} ({pair.kind})")
    return tuple(
        LinkedPerson(person, tuple(subjects), tuple(reasons.get(person, [])[:_EXAMPLES]))
        for person, subjects in sorted(names.items()) if len(subjects) > 1
    )  # fmt: skip


def _plain(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return {name: _plain(item) for name, item in value.items()} if isinstance(value, dict) else value

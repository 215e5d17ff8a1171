"""Where every shape goes: where its person goes, unless its user or category decides, and never beside its own copy.

The pairs of a set of copies are a star: nobody compared its ends, and its middle may be gone. So what is one shape
without a pair that says so counts, too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from medshape_text.curate.dedup.records import DuplicatePair, joined
from medshape_text.curate.split import SplitRule
from medshape_text.stage import Drop

STRICTEST = ("zero_shot", "test", "validation", "train")


@dataclass(frozen=True)
class Member:
    """A shape as the split sees it.

    ``declared`` is the split its user wants, else empty. ``split_safe`` is False where it is not known whose shape it
    is, ``synthetic`` True where it is nobody's.
    """

    id: str
    subject: str
    category: str
    declared: str = ""
    split_safe: bool = True
    synthetic: bool = False

    @property
    def somebody(self) -> bool:
        """Whether it is known to be a person's, so that who shares it is that person."""
        return self.split_safe and not self.synthetic


def chains(pairs: Sequence[DuplicatePair]) -> list[list[str]]:
    """Ids that pairs join, in sets, each in order."""
    return joined({end for pair in pairs for end in pair.ends}, (pair.ends for pair in pairs))


def strays(
    by_id: Mapping[str, Member], pairs: Sequence[DuplicatePair], splits: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """Ids in a looser split than another shape that pairs join them to, and that shape, the strictest of all.

    Two shapes of known persons count only if joined by shapes of known persons: what is between two others, such as a
    synthetic shape, does not make those one.

    Args:
        by_id: all shapes.
        pairs: of ids of them.
        splits: of those that are to be looked at.
    """
    known = [pair for pair in pairs if by_id[pair.first].somebody and by_id[pair.second].somebody]
    person = {shape_id: number for number, chain in enumerate(chains(known)) for shape_id in chain}
    for chain in chains(pairs):
        kept = [shape_id for shape_id in chain if shape_id in splits]
        if len({splits[shape_id] for shape_id in kept}) < 2:
            continue
        rank = {shape_id: STRICTEST.index(splits[shape_id]) for shape_id in kept}
        for shape_id in kept:
            others = [
                other
                for other in kept
                if rank[other] < rank[shape_id]
                and not (
                    by_id[shape_id].somebody
                    and by_id[other].somebody
                    and person.get(shape_id, shape_id) != person.get(other, other)
                )
            ]
            if others:
                yield shape_id, min(others, key=lambda other: (rank[other], other))


@dataclass(frozen=True)
class Placement:
    """Where everything goes.

    ``splits`` by id, of shapes that stay; ``drops`` by id, of shapes that may go nowhere. ``wanted`` by id is the split
    of every shape before any was dropped, also of duplicates. ``persons`` is who each subject is.
    """

    splits: dict[str, str] = field(default_factory=dict)
    drops: dict[str, Drop] = field(default_factory=dict)
    wanted: dict[str, str] = field(default_factory=dict)
    persons: dict[str, str] = field(default_factory=dict)


def place(
    members: Sequence[Member], pairs: Sequence[DuplicatePair], rule: SplitRule, gone: Collection[str] = ()
) -> Placement:
    """Give every shape its split.

    In this order: the declared split; ``zero_shot`` for the categories the rule names; ``train`` for shapes of nobody
    or of nobody known; the strictest split that is declared for other shapes of the same person; the rule.
    Subjects that share a shape, turned or mirrored, are one person: the first of their names that the rule declares,
    else the first. Synthetic shapes and those of unknown provenance link nobody.

    Args:
        members: all shapes, duplicates included, since they tell who is who.
        pairs: of ids of members.
        rule: for persons.
        gone: ids that were dropped as duplicates; they get no split.

    Returns:
        Drops have the reasons ``unsafe-duplicate`` (a shape of unknown provenance whose subject shares a shape with a
        known one) and ``leaks-into-split`` (its near-equal stays in a stricter split).

    Raises:
        ValueError: if a declared split is none.
    """
    wrong = sorted({member.declared for member in members} - {"", *STRICTEST})
    if wrong:
        raise ValueError(f"there is no split {wrong[0]!r}; it has to be one of {', '.join(sorted(STRICTEST))}")
    by_id = {member.id: member for member in members}
    persons = _persons(members, pairs, by_id, rule)
    wanted = _wanted(members, persons, rule)
    drops: dict[str, Drop] = {}
    exposed = _exposed(pairs, by_id)
    for member in members:
        if member.id not in gone and member.subject in exposed and not member.split_safe:
            drops[member.id] = Drop("unsafe-duplicate", f"nobody knows whose it is, and {exposed[member.subject]}")
    drops |= _leaking(pairs, by_id, wanted, {*gone, *drops})
    splits = {shape_id: split for shape_id, split in wanted.items() if shape_id not in gone and shape_id not in drops}
    return Placement(splits, drops, wanted, persons)


def _leaking(
    pairs: Sequence[DuplicatePair], by_id: dict[str, Member], wanted: dict[str, str], gone: Collection[str]
) -> dict[str, Drop]:
    """Of near-equal shapes in two splits the one in the looser, by id: first those of a pair, then those of a chain."""
    drops: dict[str, Drop] = {}
    for pair in sorted(pairs, key=lambda pair: (pair.first, pair.second)):
        ends = sorted((pair.first, pair.second), key=lambda shape_id: STRICTEST.index(wanted[shape_id]))
        if any(end in gone or end in drops for end in ends) or wanted[ends[0]] == wanted[ends[1]]:
            continue
        drops[ends[1]] = Drop(
            "leaks-into-split",
            f"{pair.kind} pair with {ends[0]} of the split {wanted[ends[0]]}; wanted {wanted[ends[1]]}",
        )
    left = {shape_id: split for shape_id, split in wanted.items() if shape_id not in gone and shape_id not in drops}
    for shape_id, other in strays(by_id, pairs, left):
        drops[shape_id] = Drop(
            "leaks-into-split",
            f"by way of others a duplicate of {other} of the split {wanted[other]}; wanted {wanted[shape_id]}",
        )
    return drops


def _persons(
    members: Sequence[Member], pairs: Sequence[DuplicatePair], by_id: dict[str, Member], rule: SplitRule
) -> dict[str, str]:
    ends = [(by_id[pair.first], by_id[pair.second]) for pair in pairs]
    links = [(one.subject, other.subject) for one, other in ends if one.somebody and other.somebody]
    persons: dict[str, str] = {}
    for names in joined({member.subject for member in members}, links):
        key = min(names, key=lambda name: (not rule.is_declared(name), name))
        persons |= dict.fromkeys(names, key)
    return persons


def _wanted(members: Sequence[Member], persons: dict[str, str], rule: SplitRule) -> dict[str, str]:
    assigned = rule.assign(sorted(set(persons.values())))
    strictest: dict[str, str] = {}
    for member in members:
        if member.declared in ("test", "validation", "train"):
            person = persons[member.subject]
            strictest[person] = min(strictest.get(person, "train"), member.declared, key=STRICTEST.index)
    wanted = {}
    for member in members:
        person = persons[member.subject]
        if member.declared:
            wanted[member.id] = member.declared
        elif member.category in rule.zero_shot:
            wanted[member.id] = "zero_shot"
        elif member.synthetic or not member.split_safe:
            wanted[member.id] = "train"
        else:
            wanted[member.id] = strictest.get(person, assigned[person])
    return wanted


def _exposed(pairs: Sequence[DuplicatePair], by_id: dict[str, Member]) -> dict[str, str]:
    """Subjects of unknown provenance that share a shape with known ones, and the first such pair or chain in words."""
    found: dict[str, str] = {}
    for pair in sorted(pairs, key=lambda pair: (pair.first, pair.second)):
        for one, other in ((pair.first, pair.second), (pair.second, pair.first)):
            if not by_id[one].split_safe and by_id[other].split_safe:
                found.setdefault(by_id[one].subject, f"{one} of the same subject and {other} are a {pair.kind} pair")
    for chain in chains(pairs):
        known = [shape_id for shape_id in chain if by_id[shape_id].somebody]
        for shape_id in chain if known else ():
            if not by_id[shape_id].split_safe:
                words = f"{shape_id} of the same subject is by way of others a duplicate of {known[0]}"
                found.setdefault(by_id[shape_id].subject, words)
    return found

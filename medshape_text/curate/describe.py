"""Captions that say only what the source supports, each piece with its provenance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from medshape_text import taxonomy
from medshape_text.curate import phrases
from medshape_text.curate.phrases import Part
from medshape_text.records import Caption, Shape
from medshape_text.seeds import generator_for
from medshape_text.stage import Drop, Stage

_SEXES = {"m": "male", "male": "male", "f": "female", "female": "female"}
_OLDEST = 120


def describe(shape: Shape, *, phrasings: int, adult_sources: Sequence[str]) -> Shape | Drop:
    """Give a shape its captions.

    They are the plain name, its first synonym, the name with its pathology, the name with the subject's age and sex,
    ``phrasings`` sentences, and two or three measured ones. What does not apply is left out. Which sentences is drawn
    from the id. Only ``measured`` captions tell of the geometry. Reason ``no-name``: the taxonomy does not know the
    category.

    Args:
        shape: measured.
        phrasings: sentences wanted beside the names; at least six are possible for every category and origin.
        adult_sources: sources, without their version, all of whose real subjects are known to be adults.

    Raises:
        ValueError: if the shape was not measured or ``phrasings`` is negative.
    """
    if phrasings < 0:
        raise ValueError(f"the number of phrasings cannot be {phrasings}")
    if shape.facts is None:
        raise ValueError(f"{shape.id} has to be measured before it is described")
    try:
        category = taxonomy.get(shape.category)
    except taxonomy.UnknownStructureError as error:
        return Drop("no-name", str(error))
    rng = generator_for(shape.id, "captions")
    person = _person(shape) if shape.origin == "real_subject" else ""
    adult = shape.source.split("==")[0] in adult_sources
    told = (person, "meta") if person else ("an adult" if adult else "one subject", "template")
    words = _words(shape, category, told, rng)

    captions = [Caption(category.text, "name", ((category.text, "name"),))]
    captions += [Caption(synonym, "name", ((synonym, "name"),)) for synonym in category.synonyms[:1]]
    if shape.pathology:
        affected = f"{category.text} with a {shape.pathology}"
        captions.append(Caption(affected, "name", ((affected, "name"),)))
    if person:
        captions.append(_caption("{name} of {person}", words))
    pool = phrases.sentences(shape.origin, frozenset(words))
    chosen = sorted(rng.permutation(len(pool))[:phrasings])
    captions += [_caption(pool[index], words) for index in chosen]
    captions += [_caption(template, words) for template in _measured(shape, category, words, float(rng.random()))]
    return replace(shape, captions=tuple(captions))


def _words(
    shape: Shape, category: taxonomy.Category, person: Part, rng: np.random.Generator
) -> dict[str, tuple[Part, ...]]:
    """What the fields of the sentences stand for, as far as it is known."""
    # Before the name, so that what a sentence goes on to say is not said of the tumour.
    affected = f"{shape.pathology}-bearing " if shape.pathology else ""
    words: dict[str, tuple[Part, ...]] = {
        "name": ((affected + category.text, "name"),),
        "super_class": ((category.super_class, "name"),),
        "person": (person,),
    }
    if category.synonyms:
        synonym = category.synonyms[int(rng.integers(len(category.synonyms)))]
        words["synonym"] = ((affected + synonym, "name"),)
    if category.side != "none":
        words |= {"plain": ((affected + category.plain, "name"),), "side": ((category.side, "name"),)}
    return words


def _person(shape: Shape) -> str:
    """What a table says of the subject, as "a 64-year-old female subject"; nothing is told of what it does not hold.

    An age outside 1 to 120 and a sex other than male and female are not told.
    """
    sex = _SEXES.get(shape.sex.strip().lower(), "")
    age = shape.age if shape.age is not None and 1 <= shape.age <= _OLDEST else None
    if age is not None:
        article = "an" if age in (8, 11, 18) or 80 <= age <= 89 else "a"
        return " ".join(word for word in (article, f"{age}-year-old", sex, "subject") if word)
    return f"a {sex} subject" if sex else ""


def _measured(shape: Shape, category: taxonomy.Category, words: dict[str, tuple[Part, ...]], draw: float) -> list[str]:
    """The measured sentences that apply; what they need is added to ``words``."""
    values = phrases.measures(shape, category)
    words |= {field: ((value, "measured"),) for field, value in values.items()}
    numbers = phrases.number_sentences(frozenset(values))
    chosen = [numbers[int(draw * len(numbers))], phrases.FORM_SENTENCE]
    return chosen + [sentence for field, sentence in phrases.SIZE_SENTENCES if field in values]


def _caption(template: str, words: dict[str, tuple[Part, ...]]) -> Caption:
    parts = phrases.fill(template, words)
    return Caption("".join(text for text, _ in parts), phrases.provenance(parts), parts)


STAGE = Stage("describe", "2", describe, {"phrasings": 3, "adult_sources": ["musculoskeletal-models"]})

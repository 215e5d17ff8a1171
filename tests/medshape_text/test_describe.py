"""Captions: hand-computed facts, provenance of every piece, and nothing said that the source does not support."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import trimesh
from hypothesis import given
from hypothesis import strategies as st

from medshape_text import taxonomy
from medshape_text.curate import describe, phrases
from medshape_text.records import ORIGINS, PROVENANCES, Caption, Facts, Shape
from medshape_text.stage import Drop

ALL = {"phrasings": 99, "adult_sources": ["musculoskeletal-models"]}
EVERY = (*taxonomy.categories(), *taxonomy.supplement())


def bare(sides: tuple[float, float, float] = (20, 40, 90), **changes: Any) -> Shape:
    """A box; of the default 72 cm3, 124 cm2."""
    mesh = trimesh.creation.box(sides).subdivide().subdivide()
    shape = Shape("x", "s", "kidney_left", "left", "organ", "real_subject", "test", "CC0-1.0", "t", True,
                  np.asarray(mesh.vertices, float), np.asarray(mesh.faces))  # fmt: skip
    return replace(shape, **changes)


def measured(sides: tuple[float, float, float] = (20, 40, 90), **changes: Any) -> Shape:
    """The box with the facts it has, computed here and not by the stages before."""
    x, y, z = sides
    shape = bare(sides, **changes)
    facts = Facts(len(shape.vertices), len(shape.faces), 1, True, max(sides) / min(sides))
    if shape.millimetres:
        facts = replace(facts, volume_mm3=x * y * z, area_mm2=2 * (x * y + y * z + z * x), extent_mm=sides)
    return replace(shape, facts=facts)


def kept(result: Shape | Drop) -> Shape:
    assert isinstance(result, Shape), result
    return result


def captions(shape: Shape, **parameters: Any) -> tuple[Caption, ...]:
    return kept(describe.describe(shape, **(ALL | parameters))).captions


def texts(found: Iterable[Caption], *provenances: str) -> list[str]:
    return [caption.text for caption in found if not provenances or caption.provenance in provenances]


def test_the_first_two_captions_of_the_first_data_set_are_what_weights_were_trained_on() -> None:
    trained = {
        "hip_left": ("left hip bone", "left hemipelvis"),
        "hip_right": ("right hip bone", "right hemipelvis"),
        "sacrum": ("sacrum", "sacral bone"),
        "femur_left": ("left femur", "left thigh bone"),
        "patella_left": ("left patella", "left kneecap"),
        "tibia_left": ("left tibia", "left shin bone"),
        "fibula_left": ("left fibula", "left calf bone"),
    }
    for category, (name, synonym) in trained.items():
        for origin in ("real_subject", "synthetic_ssm", "synthetic_warp"):
            found = captions(measured(category=category, origin=origin))
            assert [(caption.text, caption.provenance) for caption in found[:2]] == [(name, "name"), (synonym, "name")]


@pytest.mark.parametrize("origin", ORIGINS)
def test_pieces_join_to_the_text_and_decide_its_provenance(origin: str) -> None:
    shape = measured(origin=origin, category="rib_left_7", age=64, sex="F", pathology="tumour")
    found = captions(shape)
    assert len(texts(found)) == len(set(texts(found)))
    for caption in found:
        assert "".join(text for text, _ in caption.parts) == caption.text
        told = [provenance for _, provenance in caption.parts]
        assert set(told) <= set(PROVENANCES)
        assert all(one != other for one, other in pairwise(told))
        assert all(text for text, _ in caption.parts)
        letters = {kind: sum(len(text) for text, other in caption.parts if other == kind) for kind in told}
        for kind in ("measured", "meta"):
            if kind in letters:
                assert caption.provenance == kind
                break
        else:
            assert letters[caption.provenance] == max(letters.values())


def test_pieces_by_hand() -> None:
    shape = measured(category="femur_left", age=64, sex="M", millimetres=False)
    found = {caption.text: caption.parts for caption in captions(shape)}
    assert found["surface model of the left femur"] == (("surface model of the ", "template"), ("left femur", "name"))
    assert found["the left femur of a 64-year-old male subject"] == (
        ("the ", "template"),
        ("left femur", "name"),
        (" of ", "template"),
        ("a 64-year-old male subject", "meta"),
    )
    form = ("left femur", "name"), (" of ", "template"), ("elongated and flat", "measured"), (" form", "template")
    assert found["left femur of elongated and flat form"] == form


@pytest.mark.parametrize("origin", ORIGINS)
def test_every_category_has_six_phrasings_of_each_origin(origin: str) -> None:
    for category in EVERY:
        shape = bare(category=category.name, origin=origin, facts=Facts(8, 12, 1, True, 4.5))
        names = texts(captions(shape, phrasings=0), "name", "template")
        found = texts(captions(shape), "name", "template")
        assert found[0] == category.text
        assert len(found) - len(names) >= 6
        assert len(set(found)) == len(found)
        for text in found:
            assert text == " ".join(text.split())
            assert "{" not in text


@given(st.integers(0, 6), st.text(min_size=1, max_size=20))
def test_as_many_phrasings_as_asked_for_and_the_same_again(count: int, name: str) -> None:
    shape = bare(id=name, facts=Facts(8, 12, 1, True, 4.5))
    found = captions(shape, phrasings=count)
    assert len(texts(found, "name", "template")) == 1 + count
    assert found == captions(shape, phrasings=count)
    assert set(texts(found, "name", "template")) <= set(texts(captions(shape), "name", "template"))


def test_different_ids_are_told_differently() -> None:
    assert len({captions(measured(id=f"shape {index}"), phrasings=3) for index in range(20)}) > 10


def test_side_and_level_are_said() -> None:
    for text in texts(captions(measured(category="rib_left_7")), "name", "template"):
        assert "left" in text
        assert "seventh" in text or "rib 7" in text
    for text in texts(captions(measured(category="vertebrae_T3")), "name", "template"):
        assert "third thoracic vertebra" in text or "vertebra T3" in text
    assert "kidney, left side" in texts(captions(measured()))


def test_pathology_is_said_where_the_source_says_it() -> None:
    found = texts(captions(measured(category="kidney", pathology="tumour")))
    assert found[:2] == ["kidney", "kidney with a tumour"]
    assert all("tumour-bearing kidney" in text for text in found[2:])
    assert not any("tumour" in text for text in texts(captions(measured(category="kidney"))))


@pytest.mark.parametrize(
    ("age", "sex", "person"),
    [
        (64, "F", "a 64-year-old female subject"),
        (64, "m", "a 64-year-old male subject"),
        (80, "", "an 80-year-old subject"),
        (8, "female", "an 8-year-old female subject"),
        (18, "", "an 18-year-old subject"),
        (11, "", "an 11-year-old subject"),
        (108, "", "a 108-year-old subject"),
        (None, "male", "a male subject"),
        (0, "F", "a female subject"),
        (200, "F", "a female subject"),
        (64, "unknown", "a 64-year-old subject"),
    ],
)
def test_age_and_sex_come_from_the_table_and_are_marked(age: int | None, sex: str, person: str) -> None:
    shape = measured(age=age, sex=sex)
    found = captions(shape, phrasings=0)
    told = [caption for caption in found if caption.provenance == "meta"]
    assert [caption.text for caption in told] == [f"left kidney of {person}"]
    assert (person, "meta") in told[0].parts
    assert not any("one subject" in text or "adult" in text for text in texts(captions(shape)))


def test_without_a_table_nobody_is_described() -> None:
    for age, sex in ((None, ""), (0, ""), (-3, "x"), (121, "?")):
        found = captions(measured(age=age, sex=sex))
        assert "meta" not in {caption.provenance for caption in found}
        assert not any(re.search(r"\byear|\bmale|\bfemale", caption.text) for caption in found)


def test_adult_is_said_of_the_declared_sources_only() -> None:
    adult = texts(captions(measured(source="musculoskeletal-models==0.2.4", category="femur_left")))
    assert "the left femur of an adult" in adult
    for changes in ({"source": "test"}, {"source": "musculoskeletal-models-2==1"}, {"source": "MedShapeNet"}):
        assert not any("adult" in text for text in texts(captions(measured(**changes))))
    for origin in ("template", "mirrored", "synthetic_ssm", "synthetic_warp"):
        other = measured(source="musculoskeletal-models==0.2.4", origin=origin)
        assert not any("adult" in text for text in texts(captions(other)))


@pytest.mark.parametrize("origin", ["synthetic_ssm", "synthetic_warp", "template"])
@pytest.mark.parametrize("category", ["femur_left", "teeth", "vertebrae_L5"])
def test_what_is_not_a_person_is_never_called_one(origin: str, category: str) -> None:
    shape = measured(origin=origin, category=category, age=64, sex="F", millimetres=False)
    for text in texts(captions(shape)):
        words = text.replace("not from a person", "").replace("not of one person", "")
        assert not re.search(r"adult|subject|patient|person|year|female| mm\b| cm\d", words), text


@pytest.mark.parametrize(
    ("origin", "word"), [("template", "template|reference|not of one person"), ("mirrored", "mirror|reflect"),
                         ("synthetic_ssm", "synthetic|generated|artificial|statistical")]
)  # fmt: skip
def test_every_sentence_of_an_origin_says_it(origin: str, word: str) -> None:
    shape = measured(origin=origin)
    names = set(texts(captions(shape, phrasings=0)))
    sentences = [text for text in texts(captions(shape), "name", "template") if text not in names]
    assert len(sentences) >= 6
    assert all(re.search(word, text) for text in sentences)
    real = texts(captions(measured()), "name", "template")
    assert not any(re.search(word, text) for text in real)


def test_only_measured_captions_hold_numbers() -> None:
    for index in range(20):
        for caption in captions(measured(category="femur_left", id=f"shape {index}")):
            if caption.provenance != "measured":
                assert not re.search(r"\d", caption.text)
            for text, provenance in caption.parts:
                assert provenance == "measured" or not re.search(r"\d", text.replace("cm3", "").replace("cm2", ""))


def test_measured_facts_of_a_box_by_hand() -> None:
    possible = {
        "left kidney, 90 mm along its longest side, 72 cm3 in volume",
        "left kidney that fills 72 cm3 and spans 90 mm",
        "left kidney with a bounding box of 20 x 40 x 90 mm",
        "left kidney of 72 cm3 with 124 cm2 of surface",
    }
    found = set()
    for index in range(40):
        told = texts(captions(measured(id=f"box {index}"), phrasings=1), "measured")
        assert told[1:] == [
            "left kidney of elongated and flat form",
            "left kidney, small (90 mm of 60 to 220 mm declared for it)",
        ]
        found.add(told[0])
    assert found == possible


def test_without_a_scale_only_ratios_are_told() -> None:
    found = set()
    for index in range(20):
        found |= set(texts(captions(measured(id=f"box {index}", millimetres=False)), "measured"))
    assert found == {
        "left kidney whose bounding box is 4.5 times as long as it is narrow",
        "left kidney with an elongation of 4.5 (longest over shortest side of its bounding box)",
        "left kidney of elongated and flat form",
    }


def test_an_open_surface_has_an_extent_and_no_volume() -> None:
    shape = bare(facts=Facts(8, 12, 1, False, 4.5, None, 12400.0, (20.0, 40.0, 90.0)))
    for index in range(20):
        told = texts(captions(replace(shape, id=f"open {index}")), "measured")
        assert told[0] == "left kidney with a bounding box of 20 x 40 x 90 mm"
        assert not any("cm3" in text for text in told)


@pytest.mark.parametrize(
    ("sides", "form"),
    [
        ((10, 10, 10), "compact"),
        ((10, 14, 14), "compact"),
        ((10, 14, 20.9), "compact"),
        ((10, 10, 15), "elongated"),
        ((40, 10, 12), "elongated"),
        ((10, 15, 15), "flat"),
        ((30, 31, 4), "flat"),
        ((10, 15, 22.5), "elongated and flat"),
    ],
)
def test_form_in_words(sides: tuple[float, float, float], form: str) -> None:
    assert f"left kidney of {form} form" in texts(captions(measured(sides)), "measured")


@pytest.mark.parametrize(
    ("longest", "size"),
    [
        (59, "smaller than what is declared"),
        (60, "small"),
        (113, "small"),
        (114, "of middle size"),
        (166, "of middle size"),
        (167, "large"),
        (220, "large"),
        (221, "larger than what is declared"),
    ],
)
def test_size_is_relative_to_the_declared_extent_and_to_nothing_else(longest: float, size: str) -> None:
    assert taxonomy.get("kidney_left").extent_mm == (60, 220)
    expected = f"left kidney, {size} ({longest} mm of 60 to 220 mm declared for it)"
    assert expected in texts(captions(measured((20, 40, longest))), "measured")
    assert taxonomy.get("cheek_left").extent_mm is None
    undeclared = texts(captions(measured((20, 40, longest), category="cheek_left")), "measured")
    assert not any(re.search("small|large|middle", text) for text in undeclared)


@pytest.mark.parametrize(
    ("value", "text"),
    [(1023.4, "1023"), (12.34, "12"), (10.0, "10"), (9.96, "10.0"), (1.25, "1.2"), (0.0871, "0.087"), (0.1, "0.1"),
     (0.00012, "0.00012"), (0.0, "less than 0.0001")],
)  # fmt: skip
def test_small_numbers_are_not_rounded_to_nothing(value: float, text: str) -> None:
    assert phrases.number(value) == text


def test_a_category_without_a_name_is_dropped() -> None:
    result = describe.STAGE(measured(category="gizzard"))
    assert isinstance(result, Drop)
    assert result.reason == "no-name"
    assert "gizzard" in result.detail


def test_misuse_is_an_error() -> None:
    with pytest.raises(ValueError, match="measured before"):
        describe.STAGE(bare())
    with pytest.raises(ValueError, match="cannot be -1"):
        describe.describe(measured(), phrasings=-1, adult_sources=[])


def test_the_stage_is_declared_with_its_parameters() -> None:
    assert describe.STAGE.declaration() == {
        "name": "describe",
        "version": "2",
        "parameters": {"phrasings": 3, "adult_sources": ["musculoskeletal-models"]},
    }

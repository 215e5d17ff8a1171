"""File names: every grammar by examples written by hand, traps, refusals, and any category in any spelling."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medshape_text import names, taxonomy
from medshape_text.names import GRAMMARS, ParsedName, Spelling, Unparsable, parse, spell

GIVEN = Path(__file__).parents[3] / "shared/data/medshapenet_names.csv"
TS, SIX = "totalsegmentator-v1", "six-digits"


def parsed(name: str) -> ParsedName:
    found = parse(name)
    assert isinstance(found, ParsedName), found
    assert found.file_name == name
    return found


@pytest.mark.parametrize(
    ("name", "subject", "structure", "side", "level", "pathology", "safe"),
    [
        ("s1273_liver.nii.g_1.stl", f"{TS}:s1273", "liver", "none", "", "", True),
        ("s0677_vertebrae_L3.nii.g_1.stl", f"{TS}:s0677", "vertebrae", "none", "L3", "", True),
        ("s0677_vertebrae_T12.nii.gz", f"{TS}:s0677", "vertebrae", "none", "T12", "", True),
        ("s0238_femur_right.nii.g_1.stl", f"{TS}:s0238", "femur", "right", "", "", True),
        ("s0485_rib_left_2.nii.g_1.stl", f"{TS}:s0485", "rib", "left", "2", "", True),
        ("s0485_rib_right_12.nii.g_1.stl", f"{TS}:s0485", "rib", "right", "12", "", True),
        ("s0034_humerus_left.stl", f"{TS}:s0034", "humerus", "left", "", "", True),
        ("s0001_heart_atrium_left.nii.g_1.stl", f"{TS}:s0001", "heart_atrium", "left", "", "", True),
        ("s0001_lung_upper_lobe_left.nii.gz", f"{TS}:s0001", "lung_upper_lobe", "left", "", "", True),
        ("s0001_portal_vein_and_splenic_vein.stl", f"{TS}:s0001", "portal_vein_and_splenic_vein", "none", "", "", True),
        ("s0001_iliac_artery_left.nii.gz", f"{TS}:s0001", "iliac_artery", "left", "", "", True),
        ("s0001_iliac_vena_left.nii.gz", f"{TS}:s0001", "iliac_vena", "left", "", "", True),
        ("S0001_Femur_LEFT.STL", f"{TS}:s0001", "femur", "left", "", "", True),
        ("045776_liver.stl", f"{SIX}:045776", "liver", "none", "", "", True),
        ("061481_kidneyleft.stl", f"{SIX}:061481", "kidney", "left", "", "", True),
        ("010445_adrenalglandleft.stl", f"{SIX}:010445", "adrenalgland", "left", "", "", True),
        ("037413_costa9left.stl", f"{SIX}:037413", "costa", "left", "9", "", True),
        ("053737_costa12right.stl", f"{SIX}:053737", "costa", "right", "12", "", True),
        ("036676_clavicleleft.stl", f"{SIX}:036676", "clavicle", "left", "", "", True),
        ("053737_gluteusmediusleft.stl", f"{SIX}:053737", "gluteusmedius", "left", "", "", True),
        ("000001_vertebraeT3.stl", f"{SIX}:000001", "vertebrae", "none", "T3", "", True),
        ("000001_vertebraeC1.stl", f"{SIX}:000001", "vertebrae", "none", "C1", "", True),
        ("000001_lungupperlobeleft.stl", f"{SIX}:000001", "lungupperlobe", "left", "", "", True),
        ("000001_hearttissue.stl", f"{SIX}:000001", "hearttissue", "none", "", "", True),
        ("000001_ribcartilage.stl", f"{SIX}:000001", "ribcartilage", "none", "", "", True),
        ("000001_celiactrunk.stl", f"{SIX}:000001", "celiactrunk", "none", "", "", True),
        ("000001_uterocervix.stl", f"{SIX}:000001", "uterocervix", "none", "", "", True),
        ("000000_tumoredbrain.stl", "tumoured-brain:000000", "brain", "none", "", "tumour", True),
        ("000012_tumoredKidney.stl", "tumoured-kidney:000012", "kidney", "none", "", "tumour", True),
        ("000001_tumouredbrain.stl", "tumoured-brain:000001", "brain", "none", "", "tumour", True),
        ("000001_tumoured_kidney.stl", "tumoured-kidney:000001", "kidney", "none", "", "tumour", True),
        ("005001_skull.stl", "skull:005001", "skull", "none", "", "", True),
        ("000004_vessel_tree.stl", "vessel-tree:000004", "vessel_tree", "none", "", "", True),
        ("D1_vessel_tree.stl", "vessel-tree:d1", "vessel_tree", "none", "", "", True),
        ("ct_skull_00.stl", "ct-skull:00", "ct_skull", "none", "", "", True),
        ("face_1.stl", "face:1", "face", "none", "", "", True),
        ("000123_vertebrae.stl", "vertebrae:000123", "vertebrae", "none", "", "", False),
        ("kidney_00102.stl", "renamed:kidney_00102", "kidney", "none", "", "", False),
        ("tumoredKidney_00004.stl", "renamed:tumoredkidney_00004", "kidney", "none", "", "tumour", False),
        ("femur_left_00003.stl", "renamed:femur_left_00003", "femur", "left", "", "", False),
        ("rib_left_2_00017.stl", "renamed:rib_left_2_00017", "rib", "left", "2", "", False),
        ("costa9left_00003.stl", "renamed:costa9left_00003", "costa", "left", "9", "", False),
        ("vertebrae_L3_00010.stl", "renamed:vertebrae_l3_00010", "vertebrae", "none", "L3", "", False),
        ("ct_skull_00000.stl", "renamed:ct_skull_00000", "ct_skull", "none", "", "", False),
        ("vessel_tree_00012.stl", "renamed:vessel_tree_00012", "vessel_tree", "none", "", "", False),
    ],
)  # fmt: skip
def test_every_grammar_by_hand(
    name: str, subject: str, structure: str, side: str, level: str, pathology: str, safe: bool
) -> None:
    found = parsed(name)
    said = (found.subject, found.structure, found.side, found.level, found.pathology, found.split_safe)
    assert said == (subject, structure, side, level, pathology, safe)
    assert found.grammar == subject.split(":")[0]


def test_every_grammar_shows_examples_of_its_own() -> None:
    for grammar in GRAMMARS:
        assert grammar.examples
        for example in grammar.examples:
            assert parsed(example).grammar == grammar.name
    assert len({grammar.name for grammar in GRAMMARS}) == len(GRAMMARS)


def test_one_scan_has_one_subject_and_sets_do_not_share_theirs() -> None:
    assert parsed("053737_gluteusmediusleft.stl").subject == parsed("053737_costa8right.stl").subject
    same_number = ("000012_liver.stl", "000012_skull.stl", "000012_tumoredbrain.stl", "000012_tumoredKidney.stl")
    assert len({parsed(name).subject for name in same_number}) == 4
    assert parsed("s0001_liver.nii.gz").subject != parsed("s0002_liver.nii.gz").subject


@pytest.mark.parametrize(
    ("spelling", "expected"),
    [
        ("glutealcleft", Spelling("glutealcleft")),
        ("glutealcleft1", Spelling("glutealcleft", "none", "1")),
        ("femurleft1", Spelling("femur", "left", "1")),
        ("gluteal_cleft", Spelling("gluteal_cleft")),
        ("gluteal_cleft_left", Spelling("gluteal_cleft", "left")),
        ("ribright", Spelling("rib", "right")),
        ("ribcartilage", Spelling("ribcartilage")),
        ("metatarsal1left", Spelling("metatarsal", "left", "1")),
        ("metatarsal1", Spelling("metatarsal", "none", "1")),
        ("costal1", Spelling("costal", "none", "1")),
        ("spinal_canal", Spelling("spinal_canal")),
        ("heart_t3", Spelling("heart_t3")),
        ("vertebra_T13", Spelling("vertebra", "none", "T13")),
        ("vertebraet03", Spelling("vertebrae", "none", "T3")),
        ("vertebraeT10", Spelling("vertebrae", "none", "T10")),
        ("rib_left_09", Spelling("rib", "left", "9")),
        ("rib_9_left", Spelling("rib", "left", "9")),
        ("rib_left_0", Spelling("rib_left_0")),
        ("vertebraeQ3", Spelling("vertebraeq", "none", "3")),
        ("left", Spelling("left")),
        ("tumoured_kidney", Spelling("kidney", pathology="tumour")),
        ("tumored", Spelling("tumored")),
    ],
)
def test_traps_of_spelling(spelling: str, expected: Spelling) -> None:
    assert spell(spelling) == expected


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "empty"),
        (" \t", "empty"),
        ("s0001_" + "a" * 200 + ".stl", "too-long"),
        ("s0001_liver.stl\n", "control-character"),
        ("s0001_li\x00ver.stl", "control-character"),
        ("s0001_liver\x7f.stl", "control-character"),
        ("s0001_liver\x9b.stl", "control-character"),
        ("s0001_liver\x1f.stl", "control-character"),
        ("s0001_liver\xa0.stl", "non-ascii"),
        ("s0001_liver\x80.stl", "control-character"),
        ("a/s0001_liver.stl", "path-separator"),
        ("..\\s0001_liver.stl", "path-separator"),
        ("ſ0001_liver.stl", "non-ascii"),  # a long s, which is an s to careless matching
        ("٠٠٠٠٠١_liver.stl", "non-ascii"),  # digits, but not ours
        ("..", "unknown-suffix"),
        ("s0001_liver", "unknown-suffix"),
        ("s0001_liver.txt", "unknown-suffix"),
        (".stl", "unknown-suffix"),
        ("001_instrument3DCOSI_BoneForceps.stl", "not-anatomy"),
        ("000123_implant.stl", "not-anatomy"),
        ("liver.stl", "no-subject"),
        ("vertebrae_L3.nii.gz", "no-subject"),
        ("costa9left.stl", "no-subject"),
        ("vessel_tree.stl", "no-subject"),
        ("s001_liver.stl", "no-grammar"),
        ("s00001_liver.stl", "no-grammar"),
        ("12345_liver.stl", "no-grammar"),
        ("1234567_liver.stl", "no-grammar"),
        ("045776_.stl", "no-grammar"),
        ("045776_liver .stl", "no-grammar"),
        ("045776-liver.stl", "no-grammar"),
        ("s0001_liver.v2.stl", "no-grammar"),
    ],
)
def test_every_refusal_has_its_reason(name: str, reason: str) -> None:
    found = parse(name)
    assert isinstance(found, Unparsable)
    assert (found.file_name, found.reason) == (name, reason)
    assert found.detail
    assert found.detail.isprintable()


def test_the_length_limit_is_exact() -> None:
    longest = "s0001_" + "a" * (names.MAX_LENGTH - 10) + ".stl"
    assert parsed(longest).structure == "a" * (names.MAX_LENGTH - 10)
    assert isinstance(parse("a" + longest), Unparsable)


@given(st.text(max_size=300))
def test_no_string_makes_it_fail(name: str) -> None:
    found = parse(name)
    assert found.file_name == name
    if isinstance(found, ParsedName):
        assert found.side in names.SIDES
        assert found.structure == found.structure.lower() != ""


EVERY = st.sampled_from([*taxonomy.categories(), *taxonomy.supplement()])
ENDINGS = st.sampled_from([".nii.g_1.stl", ".nii.gz", ".stl", ".STL", ".ply", ".nrrd"])


def underscored(category: taxonomy.Category, alias: str) -> str:
    """TotalSegmentator's way: structure, side, level, each after an underscore."""
    side = [] if category.side == "none" else [category.side]
    return "_".join([alias, *side, *([category.level] if category.level else [])])


def concatenated(category: taxonomy.Category, alias: str) -> str:
    """The way of the six-digit names: structure, level, side without underscores."""
    return alias.replace("_", "") + category.level + ("" if category.side == "none" else category.side)


@given(EVERY, st.integers(0, 9999), ENDINGS, st.data())
def test_any_category_in_totalsegmentators_spelling_is_read_back(
    category: taxonomy.Category, number: int, ending: str, data: st.DataObject
) -> None:
    alias = data.draw(st.sampled_from(category.aliases))
    found = parsed(f"s{number:04d}_{underscored(category, alias)}{ending}")
    assert (found.subject, found.grammar) == (f"{TS}:s{number:04d}", TS)
    assert (found.side, found.level) == (category.side, category.level)
    assert taxonomy.resolve(found) == category


@given(EVERY, st.integers(0, 999999), ENDINGS, st.data())
def test_any_category_in_the_six_digit_spelling_is_read_back(
    category: taxonomy.Category, number: int, ending: str, data: st.DataObject
) -> None:
    alias = data.draw(st.sampled_from(category.aliases))
    found = parsed(f"{number:06d}_{concatenated(category, alias)}{ending}")
    assert found.subject.endswith(f":{number:06d}")
    assert taxonomy.resolve(found) == category


@given(EVERY, st.integers(0, 99999), st.booleans())
def test_any_renamed_category_is_read_back_and_never_safe(
    category: taxonomy.Category, number: int, joined: bool
) -> None:
    spelled = (concatenated if joined else underscored)(category, category.structure)
    found = parsed(f"{spelled}_{number:05d}.stl")
    assert (found.grammar, found.split_safe) == ("renamed", False)
    assert taxonomy.resolve(found) == category


@pytest.mark.skipif(not GIVEN.exists(), reason="needs ../shared/data/medshapenet_names.csv")
def test_the_7836_given_names_parse_and_say_what_they_were_published_as() -> None:
    with GIVEN.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 7836
    for row in rows:
        found = parsed(row["file_name"])
        assert found.split_safe
        assert found.grammar == (TS if row["file_name"].startswith("s") else SIX)
        published = row["class_in_medshapenet19"]
        assert found.structure.replace("_", "") == published.replace("_", "")
        assert ("left" in row["file_name"], "right" in row["file_name"]) == (
            found.side == "left",
            found.side == "right",
        )
        assert bool(found.level) == (published in ("rib", "costa"))


@pytest.mark.parametrize("filler", ["a_", "left_", "1_", "implant_", "_", "a1", "tumored", "vertebrae"])
def test_no_pattern_backtracks_without_bound(filler: str) -> None:
    for ending in (".stl", "!.stl", "_left_1.stl", "_00001.stl", "_00001!"):
        name = (filler * names.MAX_LENGTH)[: names.MAX_LENGTH - len(ending)] + ending
        assert parse(name).file_name == name  # were a pattern exponential, this would never come back

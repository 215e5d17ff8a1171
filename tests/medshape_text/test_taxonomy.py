"""The categories: exactly 139 by the rule, no wrong merge, and a file that contradicts itself is refused."""

from __future__ import annotations

import csv
import tomllib
from collections import Counter
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from medshape_text import names, taxonomy
from medshape_text.names import Spelling
from medshape_text.taxonomy_file import TaxonomyError, load

SOURCE = Path(taxonomy.__file__).with_name("taxonomy.toml")
GIVEN = Path(__file__).parents[3] / "shared/data/medshapenet_names.csv"


def words(text: str) -> list[str]:
    return text.split()


# Written down from TotalSegmentator v1's class list, not from ours.
PAIRED = words(
    "kidney adrenal_gland lung_upper_lobe lung_lower_lobe heart_atrium heart_ventricle iliac_artery iliac_vena humerus "
    "scapula clavicula femur hip gluteus_maximus gluteus_medius gluteus_minimus autochthon iliopsoas"
)
SINGLE = words(
    "spleen gallbladder liver stomach aorta inferior_vena_cava portal_vein_and_splenic_vein pancreas "
    "lung_middle_lobe_right esophagus trachea heart_myocardium pulmonary_artery brain small_bowel duodenum colon "
    "sacrum face urinary_bladder"
)
VERTEBRAE = [f"vertebrae_{region}{i}" for region, n in (("C", 7), ("T", 12), ("L", 5)) for i in range(1, n + 1)]
SIDES = ("left", "right")
TS_V1 = {
    *SINGLE,
    *VERTEBRAE,
    *(f"{structure}_{side}" for structure in PAIRED for side in SIDES),
    *(f"rib_{side}_{level}" for side in SIDES for level in range(1, 13)),
}
SIX_DIGITS_ONLY = set(
    words(
        "heart heart_tissue bronchus celiac_trunk uterus uterocervix thyroid_left thyroid_right mediastinal_tissue "
        "eyeball_left eyeball_right breast_left breast_right cheek_left cheek_right thymus gonads prostate "
        "rib_cartilage sternum spinal_canal"
    )
)
OTHER_SETS = set(
    words(
        "skull mandible vertebrae kidney teeth aortic_vessel_tree coronary_artery pulmonary_vessel_tree "
        "inferior_alveolar_canal cochlea lung vertebrae_T13 vertebrae_L6 lung_nodule"
    )
)


def resolved(spelling: str) -> str:
    return taxonomy.resolve(names.spell(spelling)).name


def test_there_are_139_and_they_are_those_of_the_rule() -> None:
    assert (len(TS_V1), len(SIX_DIGITS_ONLY), len(OTHER_SETS)) == (104, 21, 14)
    found = [category.name for category in taxonomy.categories()]
    assert len(found) == 139
    assert set(found) == TS_V1 | SIX_DIGITS_ONLY | OTHER_SETS


def test_whoever_opens_the_file_sees_the_139_and_the_rule() -> None:
    data = tomllib.loads(SOURCE.read_text())
    assert [entry["name"] for entry in data["category"]] == [category.name for category in taxonomy.categories()]
    assert data["version"] == taxonomy.VERSION == "1"
    for part in ("(a) 104", "(b) 21", "(c) 14"):
        assert part in taxonomy.RULE
    assert list(data)[-1] == "supplement"  # others append to it


def test_the_supplement_is_not_counted_and_shares_no_name() -> None:
    extra = [category.name for category in taxonomy.supplement()]
    assert not set(extra) & {category.name for category in taxonomy.categories()}
    assert len(set(extra)) == len(extra)
    assert {"patella_left", "tibia_right", "scaphoid_left", "metacarpal_right_5", "talus_left"} <= set(extra)
    assert not any(category.canonical for category in taxonomy.supplement())


def test_names_of_the_first_data_set_stay() -> None:
    for name in ("hip_left", "hip_right", "sacrum", "femur_left", "patella_left", "tibia_left", "fibula_left"):
        category = taxonomy.get(name)
        assert (category.name, category.super_class) == (name, "bone")
        assert category.side == (name.rsplit("_", 1)[1] if "_" in name else "none")


@pytest.mark.parametrize(
    ("spellings", "name"),
    [
        (("rib_left_9", "costa9left", "Costa_left_9", "rib_9_left"), "rib_left_9"),
        (("clavicula_left", "clavicleleft"), "clavicula_left"),
        (("urinary_bladder", "bladder", "urinarybladder"), "urinary_bladder"),
        (("adrenal_gland_left", "adrenalglandleft"), "adrenal_gland_left"),
        (("lung_upper_lobe_left", "lungupperlobeleft"), "lung_upper_lobe_left"),
        (("heart_atrium_right", "heartatriumright"), "heart_atrium_right"),
        (("vertebrae_T3", "vertebraeT3", "vertebra_t3"), "vertebrae_T3"),
        (("iliac_artery_left", "iliacarteryleft"), "iliac_artery_left"),
        (("iliac_vena_left", "iliacvenaleft", "iliac_vein_left"), "iliac_vena_left"),
        (("inferior_vena_cava", "inferiorvenacava"), "inferior_vena_cava"),
        (("portal_vein_and_splenic_vein", "portalveinandsplenicvein"), "portal_vein_and_splenic_vein"),
        (("heart",), "heart"),
        (("hearttissue",), "heart_tissue"),
        (("heartmyocardium",), "heart_myocardium"),
        (("bronchie",), "bronchus"),
        (("celiactrunk",), "celiac_trunk"),
        (("uterus",), "uterus"),
        (("uterocervix",), "uterocervix"),
        (("ribcartilage", "costal_cartilages"), "rib_cartilage"),
        (("spinalcanal",), "spinal_canal"),
        (("skull", "ct_skull"), "skull"),
        (("vessel_tree",), "aortic_vessel_tree"),
        (("tumoredKidney", "kidney"), "kidney"),
        (("tumoredbrain", "brain"), "brain"),
        (("vertebrae",), "vertebrae"),
        (("vertebrae_L6",), "vertebrae_L6"),
        (("vertebrae_S1",), "vertebrae_S1"),
    ],
)
def test_spellings_of_one_structure_meet_and_of_two_do_not(spellings: tuple[str, ...], name: str) -> None:
    assert {resolved(spelling) for spelling in spellings} == {name}


def test_the_published_wrong_merge_is_not_repeated() -> None:
    for side in SIDES:
        artery, vein = resolved(f"iliacartery{side}"), resolved(f"iliacvena{side}")
        assert (artery, vein) == (f"iliac_artery_{side}", f"iliac_vena_{side}")
        assert not set(taxonomy.get(artery).aliases) & set(taxonomy.get(vein).aliases)


@pytest.mark.parametrize(
    ("spelling", "structure", "side", "level"),
    [
        ("gizzard", "gizzard", "none", ""),
        ("iliac", "iliac", "none", ""),
        ("femur", "femur", "none", ""),
        ("rib_left", "rib", "left", ""),
        ("rib_left_13", "rib", "left", "13"),
        ("vertebrae_C8", "vertebrae", "none", "C8"),
        ("lung_middle_lobe_left", "lung_middle_lobe", "left", ""),
        ("liver_left", "liver", "left", ""),
        ("hip_left_2", "hip", "left", "2"),
        ("gluteal_cleft", "gluteal_cleft", "none", ""),
    ],
)
def test_nothing_is_guessed(spelling: str, structure: str, side: str, level: str) -> None:
    with pytest.raises(taxonomy.UnknownStructureError, match=structure) as caught:
        taxonomy.resolve(names.spell(spelling))
    assert (caught.value.structure, caught.value.side, caught.value.level) == (structure, side, level)
    assert isinstance(caught.value, LookupError)


def test_get_knows_canonical_names_only() -> None:
    assert taxonomy.get("rib_left_7").level == "7"
    for name in ("costa7left", "Femur_left", "bladder", ""):
        with pytest.raises(taxonomy.UnknownStructureError):
            taxonomy.get(name)


def test_find_reads_a_spelling_but_no_pathology() -> None:
    assert taxonomy.find("costa9left") == taxonomy.get("rib_left_9")
    with pytest.raises(taxonomy.UnknownStructureError, match="pathology"):
        taxonomy.find("tumoredKidney")


@pytest.mark.parametrize(
    ("name", "text", "synonym", "plain"),
    [
        ("hip_left", "left hip bone", "left hemipelvis", "hip bone"),
        ("hip_right", "right hip bone", "right hemipelvis", "hip bone"),
        ("sacrum", "sacrum", "sacral bone", "sacrum"),
        ("femur_left", "left femur", "left thigh bone", "femur"),
        ("patella_left", "left patella", "left kneecap", "patella"),
        ("tibia_left", "left tibia", "left shin bone", "tibia"),
        ("fibula_left", "left fibula", "left calf bone", "fibula"),
        ("vertebrae_T3", "third thoracic vertebra", "vertebra T3", "third thoracic vertebra"),
        ("vertebrae_C1", "first cervical vertebra", "atlas", "first cervical vertebra"),
        ("vertebrae_L5", "fifth lumbar vertebra", "vertebra L5", "fifth lumbar vertebra"),
        ("rib_left_7", "left seventh rib", "left rib 7", "seventh rib"),
        ("rib_right_12", "right twelfth rib", "right rib 12", "twelfth rib"),
        ("lung_upper_lobe_left", "upper lobe of the left lung", "left upper lung lobe", "upper lobe of the lung"),
        ("metacarpal_right_2", "right second metacarpal bone", "second metacarpal of the right hand",
         "second metacarpal bone"),
    ],
)  # fmt: skip
def test_plain_english(name: str, text: str, synonym: str, plain: str) -> None:
    category = taxonomy.get(name)
    assert (category.text, category.synonyms[0], category.plain) == (text, synonym, plain)


def test_texts_tell_categories_apart_and_hold_no_leftovers() -> None:
    every = [*taxonomy.categories(), *taxonomy.supplement()]
    assert max(Counter(category.text for category in every).values()) == 1
    for category in every:
        for text in (category.text, category.plain, *category.synonyms):
            assert text == " ".join(text.split())
            assert "{" not in text
        assert category.text not in category.synonyms
        assert (category.side in category.text.split()) == (category.side != "none")
        assert not {"left", "right"} & set(category.plain.split())


def test_no_spelling_belongs_to_two_structures() -> None:
    owners: dict[str, set[str]] = {}
    for category in (*taxonomy.categories(), *taxonomy.supplement()):
        for alias in category.aliases:
            owners.setdefault(alias.replace("_", "").lower(), set()).add(category.structure)
    assert {alias: found for alias, found in owners.items() if len(found) > 1} == {}


def test_codes_are_those_of_the_published_table() -> None:
    # From totalsegmentator 2.18.0, resources/totalsegmentator_snomed_mapping.csv.
    published = {
        "femur_left": "71341001", "femur_right": "71341001", "rib_left_9": "22565002", "rib_right_1": "48535007",
        "vertebrae_T3": "1626008", "vertebrae_L5": "49668003", "heart_atrium_left": "82471001",
        "heart_atrium_right": "73829009", "iliac_artery_left": "73634005", "iliac_vena_left": "46027005",
        "spleen": "78961009", "urinary_bladder": "89837001", "sternum": "56873002", "skull": "89546000",
        "lung_middle_lobe_right": "72481006", "gluteus_minimus_left": "75297007", "patella_left": "64234005",
    }  # fmt: skip
    assert {name: taxonomy.get(name).snomed for name in published} == published
    for category in (*taxonomy.categories(), *taxonomy.supplement()):
        assert category.snomed.isdigit() or not category.snomed
    assert [taxonomy.get(name).snomed for name in ("vertebrae_T13", "cochlea", "uterus")] == ["", "", ""]
    assert all(taxonomy.get(name).snomed for name in TS_V1)


def test_extents_have_the_order_of_size_of_anatomy() -> None:
    # Adult textbook lengths in millimetres: each lies inside its range, a tenth and ten times of it outside.
    lengths = {"femur_left": 450, "kidney_left": 110, "eyeball_left": 24, "vertebrae_T3": 60, "tibia_left": 370,
               "liver": 220, "brain": 170, "patella_left": 45, "rib_left_7": 260}  # fmt: skip
    for name, length in lengths.items():
        extent = taxonomy.get(name).extent_mm
        assert extent is not None
        assert extent[0] <= length <= extent[1]
        assert not extent[0] <= length / 10
        assert not 10 * length <= extent[1]


def test_a_category_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        taxonomy.get("liver").name = "spleen"  # type: ignore[misc]


# What the notebook of MedShapeNet 2.0 lists beside TotalSegmentator's names (reference, B.3).
SIX_DIGIT_VOCABULARY = words(
    "adrenalglandleft adrenalglandright autochthonleft autochthonright bladder bronchie celiactrunk clavicleleft "
    "clavicleright femurleft femurright gluteusmaximusleft gluteusmediusright gluteusminimusright heart "
    "heartatriumleft heartmyocardium hearttissue heartventricleright hipleft humerusright iliacarteryleft "
    "iliacvenaright iliopsoasleft inferiorvenacava kidneyleft lunglowerlobeleft lungmiddleloberight lungupperloberight "
    "mediastinaltissue portalveinandsplenicvein prostate pulmonaryartery ribcartilage scapularight smallbowel "
    "spinalcanal sternum thymus thyroidleft thyroidright uterocervix uterus eyeballleft eyeballright "
    "breastleft breastright cheekleft cheekright gonads vertebraeC1 vertebraeT12 vertebraeL5 costa1left costa12right"
)


def test_the_known_six_digit_vocabulary_resolves_to_the_139() -> None:
    for spelling in SIX_DIGIT_VOCABULARY:
        parsed = names.parse(f"012345_{spelling}.stl")
        assert isinstance(parsed, names.ParsedName)
        assert taxonomy.resolve(parsed).canonical


@pytest.mark.skipif(not GIVEN.exists(), reason="needs ../shared/data/medshapenet_names.csv")
def test_every_given_name_has_the_category_of_its_published_class() -> None:
    with GIVEN.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    structures: dict[str, set[str]] = {}
    for row in rows:
        parsed = names.parse(row["file_name"])
        assert isinstance(parsed, names.ParsedName)
        structures.setdefault(row["class_in_medshapenet19"], set()).add(taxonomy.resolve(parsed).structure)
    assert structures.pop("costa") == {"rib"}
    assert structures == {published: {published} for published in structures}
    assert len(structures) == 13


GOOD = """
version = "1"
rule = "r"
category = [{ name = "rib_left_1", structure = "rib", side = "left", level = "1" }]
[[structure]]
name = "rib"
text = "{side} {ordinal} rib"
aliases = ["costa"]
super_class = "bone"
[[supplement]]
structure = "tibia"
text = "{side} tibia"
sides = ["left", "right"]
super_class = "bone"
"""


def test_a_small_file_loads() -> None:
    found = load(GOOD)
    assert list(found.by_name) == ["rib_left_1", "tibia_left", "tibia_right"]
    assert found.by_name["rib_left_1"].text == "left first rib"
    assert found.structure_of == {"rib": "rib", "costa": "rib", "tibia": "tibia"}


def test_a_supplement_may_add_levels_to_a_structure() -> None:
    found = load(GOOD + '[[supplement]]\nstructure = "rib"\nsides = ["right"]\nlevels = ["1", "13"]\n')
    assert [found.by_name[name].canonical for name in ("rib_left_1", "rib_right_1", "rib_right_13")] == [
        True,
        False,
        False,
    ]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('aliases = ["costa"]', 'aliases = ["tibia"]', "already one of 'rib'"),
        ('aliases = ["costa"]', 'aliases = ["RI_B"]', "already one of 'rib'"),
        ('aliases = ["costa"]', 'aliases = "costa"', "aliases must be a list"),
        ('aliases = ["costa"]', 'alias = ["costa"]', "unknown keys"),
        ('name = "rib_left_1"', 'name = "costa_left_1"', "must be called 'rib_left_1'"),
        ('side = "left", ', 'side = "sinister", ', "side must be"),
        ('side = "left", ', 'side = "left", sort = 1, ', "unknown keys"),
        ('structure = "rib"', 'structure = "ribs"', "no declared structure"),
        ('level = "1" }', 'level = "0" }', "must be called|cannot be read back"),
        ('level = "1" }', 'level = "1" }, { structure = "rib", side = "left", level = "1" }', "given twice"),
        ('level = "1" }', 'level = "1" }, { structure = "rib", side = "left", level = "99" }', "cannot fill in"),
        ('super_class = "bone"\n[[s', 'super_class = "stone"\n[[s', "super_class must be"),
        ('super_class = "bone"\n[[s', 'super_class = "bone"\nextent_mm = [9, 3]\n[[s', "extent_mm"),
        ('text = "{side} {ordinal} rib"', 'text = "{colour} rib"', "cannot fill in"),
        ('text = "{side} {ordinal} rib"\n', "", "no text"),
        ('structure = "tibia"', 'structure = "rib"', "given twice"),
        ('sides = ["left", "right"]', 'sides = "left"', "must be a list"),
        ('[[supplement]]', '[[structure]]\nname = "ulna"\ntext = "ulna"\nsuper_class = "bone"\n[[supplement]]',
         "without a category"),
        ('version = "1"', 'version = "1', "no TOML"),
        ('rule = "r"', 'rules = "r"', "unknown keys"),
    ],
)  # fmt: skip
def test_a_file_that_contradicts_itself_is_refused(old: str, new: str, message: str) -> None:
    assert old in GOOD
    with pytest.raises(TaxonomyError, match=message):
        load(GOOD.replace(old, new, 1))


def test_a_name_that_would_be_read_as_another_is_refused() -> None:
    with pytest.raises(TaxonomyError, match="cannot be read back"):
        load(GOOD.replace('structure = "tibia"', 'structure = "shin_left"').replace('["left", "right"]', '["none"]'))


def test_spelling_has_all_that_resolve_needs() -> None:
    assert taxonomy.resolve(Spelling("LIVER")) is taxonomy.get("liver")

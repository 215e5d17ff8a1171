"""The coverage report: hand-counted lists, faults that are named, lists in every form."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from medshape_text import taxonomy_check
from medshape_text.taxonomy_check import NamesError, check_names, read_names

GIVEN = Path(__file__).parents[3] / "shared/data/medshapenet_names.csv"
URL = "https://uni-duisburg-essen.sciebo.de/s/HeShw1G4da15OOZ/download?path=%2F&files="


def test_counts_by_hand() -> None:
    coverage = check_names(
        [
            ("s0001_rib_left_1.nii.g_1.stl", "rib"),
            ("s0001_liver.nii.g_1.stl", "liver"),
            ("000001_costa1left.stl", "costa"),
            ("000001_costa1left.stl", "costa"),
            ("000002_tumoredKidney.stl", "kidney"),
            ("kidney_00102.stl", None),
            ("s0002_gizzard_left.stl", "gizzard"),
            ("a/b.stl", None),
            ("001_instrument3DCOSI_BoneForceps.stl", None),
        ]
    )
    assert (coverage.names, coverage.parsed, coverage.resolved, coverage.repeated) == (9, 7, 6, 1)
    assert coverage.subjects == 5
    assert coverage.split_safe == 6
    assert coverage.grammars == {"totalsegmentator-v1": 3, "six-digits": 2, "tumoured-kidney": 1, "renamed": 1}
    assert coverage.categories == {"rib_left_1": 3, "liver": 1, "kidney": 2}
    assert coverage.pathologies == {"tumour": 1}
    assert {reason: group.count for reason, group in coverage.unparsable.items()} == {
        "path-separator": 1,
        "not-anatomy": 1,
    }
    assert coverage.unknown["gizzard_left"].examples == ["s0002_gizzard_left.stl"]
    assert coverage.classes["costa"] == {"rib_left_1": 2}
    assert coverage.classes["gizzard"] == {}
    assert coverage.wrong_merges == {}
    assert not coverage.complete


@pytest.mark.parametrize(
    ("rows", "wrong"),
    [
        (
            [("s0001_iliac_artery_left.stl", "iliac_vena"), ("000001_iliacvenaleft.stl", "iliac_vena")],
            {"iliac_vena": {"iliac_artery": 1, "iliac_vena": 1}},
        ),
        ([("s0001_iliac_artery_left.stl", "iliac_vena")], {"iliac_vena": {"iliac_artery": 1}}),
        ([("s0001_liver.stl", "c1"), ("s0001_spleen.stl", "c1")], {"c1": {"liver": 1, "spleen": 1}}),
        ([("s0001_liver.stl", "c1"), ("s0001_spleen.stl", "c2")], {}),
        ([("000001_costa1left.stl", "costa"), ("s0001_rib_left_2.stl", "costa")], {}),
        ([("000001_costa1left.stl", "rib")], {}),
        ([("s0001_kidney_left.stl", "kidney"), ("s0001_kidney_right.stl", "kidney")], {}),
        ([("s0001_liver.stl", None), ("s0001_spleen.stl", None)], {}),
    ],
)
def test_wrong_merges_are_named_and_right_ones_are_not(
    rows: list[tuple[str, str | None]], wrong: dict[str, dict[str, int]]
) -> None:
    coverage = check_names(rows)
    assert coverage.wrong_merges == wrong
    assert coverage.complete == (not wrong)


@pytest.mark.skipif(not GIVEN.exists(), reason="needs ../shared/data/medshapenet_names.csv")
def test_the_given_names_are_covered_wholly() -> None:
    coverage = check_names(read_names(GIVEN))
    assert (coverage.names, coverage.parsed, coverage.resolved, coverage.split_safe) == (7836, 7836, 7836, 7836)
    assert coverage.complete
    assert len(coverage.classes) == 14
    assert set(coverage.classes["costa"]) == set(coverage.classes["rib"])
    assert len(coverage.classes["rib"]) == 24


def test_json_and_text_tell_the_same() -> None:
    coverage = check_names([("s0001_liver.stl", "liver"), ("s0001_gizzard.stl", "liver"), ("a\x1b[31m.stl", None)])
    told = json.loads(json.dumps(coverage.as_dict()))
    assert told["unknown"] == {"gizzard": {"count": 1, "examples": ["s0001_gizzard.stl"]}}
    assert told["unparsable"]["control-character"]["count"] == 1
    assert told["complete"] is False
    assert len(told["categories_absent"]) == 138
    text = coverage.text()
    for word in ("139 categories", "gizzard", "control-character", "3 names", "totalsegmentator-v1"):
        assert word in text
    assert "\x1b" not in text  # a name cannot drive the terminal


def test_only_the_first_examples_are_kept() -> None:
    coverage = check_names((f"s{index:04d}_gizzard.stl", None) for index in range(100))
    group = coverage.unknown["gizzard"]
    assert (group.count, len(group.examples)) == (100, taxonomy_check.EXAMPLES)
    assert group.examples[0] == "s0000_gizzard.stl"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("file_name,class\r\na.stl,liver\r\nb.stl,\r\n", [("a.stl", "liver"), ("b.stl", None)]),
        ("\ufefffile_name\na.stl\n", [("a.stl", None)]),
        ("n,class_in_medshapenet19,file_name\n1,rib,a.stl\n\n", [("a.stl", "rib")]),
        ('file_name,class\n"a,b.stl","x"\n', [("a,b.stl", "x")]),
        ("# a list\r\n\r\na.stl\r\nb.stl # broken\r\n", [("a.stl", None), ("b.stl", None)]),
        (f"{URL}s0001_liver.nii.g_1.stl\n", [("s0001_liver.nii.g_1.stl", None)]),
        (f"{URL}a%2Fb.stl\r\n", [("a/b.stl", None)]),
        ("https://host/folder/a%20b.stl?x=1\n", [("a b.stl", None)]),
        ("http://[broken/a.stl\n", [("http://[broken/a.stl", None)]),
        ("", []),
    ],
)
def test_lists_in_every_form(tmp_path: Path, text: str, expected: list[tuple[str, str | None]]) -> None:
    path = tmp_path / "names"
    path.write_bytes(text.encode())
    assert read_names(path) == expected


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff\xfe\x00a", "not UTF-8"),
        (b"file_name,class\na.stl\n", "line 2: expected 2 columns"),
        (b"file_name,class\n,liver\n", "line 2"),
        (b"class,file_name\n" + b"x" * 200_000 + b",a.stl\n", "line 2"),
    ],
)
def test_lists_that_cannot_be_read_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "names"
    path.write_bytes(content)
    with pytest.raises(NamesError, match=message):
        read_names(path)


def test_a_list_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taxonomy_check, "MAX_BYTES", 10)
    path = tmp_path / "names"
    path.write_bytes(b"a.stl\nb.st")
    assert len(read_names(path)) == 2
    path.write_bytes(b"a.stl\nb.stl")
    with pytest.raises(NamesError, match="more than 10 bytes"):
        read_names(path)

"""Splits: the mini one pinned to the subject, hashing that stays, one person one split, held-out categories."""

from __future__ import annotations

import json

import pytest

from medshape_text.curate.dedup import DuplicatePair
from medshape_text.curate.placement import Member, place
from medshape_text.curate.split import CountSplit, HashSplit, split_subjects

SUBJECTS = tuple(f"llp26_{index:02d}" for index in range(26))
TEST = {"llp26_01", "llp26_06", "llp26_19", "llp26_21", "llp26_22", "llp26_25"}
VALIDATION = {"llp26_10", "llp26_20"}
MINI = CountSplit(SUBJECTS)


def test_mini_split_is_the_published_one() -> None:
    splits = MINI.assign([*SUBJECTS, "colin27", "synthetic"])
    assert {subject for subject, name in splits.items() if name == "test"} == TEST
    assert {subject for subject, name in splits.items() if name == "validation"} == VALIDATION
    assert {subject for subject, name in splits.items() if name == "train"} == (
        {*SUBJECTS, "colin27", "synthetic"} - TEST - VALIDATION
    )


def test_order_of_the_list_does_not_matter() -> None:
    rule = {"rule": "r", "test": 2, "validation": 1}
    subjects = [f"s{index}" for index in range(9)]
    assert split_subjects(subjects, **rule) == split_subjects(subjects[::-1], **rule)


def test_impossible_splits_are_refused() -> None:
    with pytest.raises(ValueError, match="twice"):
        split_subjects(["a", "a", "b"], rule="r", test=1, validation=0)
    with pytest.raises(ValueError, match="none for training"):
        split_subjects(["a", "b"], rule="r", test=1, validation=1)
    with pytest.raises(ValueError, match="leave no training"):
        HashSplit("r", test=0.5, validation=0.5)
    with pytest.raises(ValueError, match="leave no training"):
        HashSplit("r", test=-0.1)
    with pytest.raises(ValueError, match="'testing'"):
        place([Member("a", "a", "liver", declared="testing")], [], MINI)


def test_hashed_splits_are_sha256_and_stay_when_others_come_or_go() -> None:
    rule = HashSplit("r", test=0.1, validation=0.1)
    people = [f"p{index}" for index in range(5000)]
    everyone = rule.assign(people)
    assert rule.assign(people[::7]) == {person: everyone[person] for person in people[::7]}
    counts = [list(everyone.values()).count(name) for name in ("test", "validation", "train")]
    # five standard deviations of a binomial with 5000 draws
    assert counts == pytest.approx([500, 500, 4000], abs=5 * (5000 * 0.16) ** 0.5)
    # sha256sum of r:p0, r:p7 and r:p16 begins with c6d5, 2389 and 14ee: 0.777, 0.139 and 0.082 of the whole range
    assert (everyone["p0"], everyone["p7"], everyone["p16"]) == ("train", "validation", "test")
    assert HashSplit("other").assign(people) != everyone


def test_declarations_are_json() -> None:
    for rule in (MINI, HashSplit("r")):
        assert json.loads(json.dumps(rule.declaration())) == rule.declaration()
    assert MINI.declaration()["kind"] == "count"
    assert HashSplit("r", 0.2).declaration() == {
        "kind": "hash", "rule": "r", "test": 0.2, "validation": 0.1, "zero_shot": ["eyeball_left", "eyeball_right"],
    }  # fmt: skip


def liver(subject: str, **more: object) -> Member:
    return Member(f"{subject}_liver", subject, "liver", **more)  # type: ignore[arg-type]


def pair(first: str, second: str, kind: str = "rotated") -> DuplicatePair:
    return DuplicatePair(first, second, kind)


def test_all_shapes_of_a_subject_go_together() -> None:
    members = [Member(f"{subject}_{what}", subject, what) for subject in SUBJECTS for what in ("liver", "spleen")]
    placed = place(members, [], MINI)
    assert not placed.drops
    assert all(placed.splits[f"{s}_liver"] == placed.splits[f"{s}_spleen"] for s in SUBJECTS)
    assert {s for s in SUBJECTS if placed.splits[f"{s}_liver"] == "test"} == TEST


@pytest.mark.parametrize("kind", ["rotated", "mirrored", "bytes"])
def test_subjects_that_share_a_shape_are_one_person(kind: str) -> None:
    # a chain: amos_7 = llp26_01 (test) = zeta
    members = [liver("amos_7"), liver("llp26_01"), liver("zeta"), liver("other")]
    pairs = [pair("amos_7_liver", "llp26_01_liver", kind), pair("llp26_01_liver", "zeta_liver", kind)]
    placed = place(members, pairs, MINI)
    assert placed.persons == {"amos_7": "llp26_01", "llp26_01": "llp26_01", "zeta": "llp26_01", "other": "other"}
    assert placed.splits == {
        "amos_7_liver": "test",
        "llp26_01_liver": "test",
        "zeta_liver": "test",
        "other_liver": "train",
    }
    assert place(members[::-1], pairs[::-1], MINI).splits == placed.splits


def test_without_a_declared_name_the_first_one_is_the_person() -> None:
    members = [liver("b"), liver("a"), liver("c")]
    placed = place(members, [pair("b_liver", "c_liver")], HashSplit("r"))
    assert placed.persons == {"a": "a", "b": "b", "c": "b"}
    assert placed.splits["c_liver"] == placed.splits["b_liver"] == HashSplit("r").assign(["b"])["b"]


def test_a_dropped_duplicate_still_tells_who_is_who() -> None:
    members = [liver("llp26_01"), liver("s1"), Member("s1_spleen", "s1", "spleen")]
    placed = place(members, [pair("llp26_01_liver", "s1_liver")], MINI, gone={"s1_liver"})
    assert placed.splits == {"llp26_01_liver": "test", "s1_spleen": "test"}


def test_synthetic_shapes_link_nobody_and_give_way() -> None:
    drawn = [Member(name, "synthetic", "liver", synthetic=True) for name in ("x1", "x2", "x3")]
    members = [liver("llp26_01"), liver("llp26_00"), *drawn]
    placed = place(members, [pair("llp26_01_liver", "x1", "mirrored"), pair("llp26_00_liver", "x2", "mirrored")], MINI)
    assert placed.persons["synthetic"] == "synthetic"
    assert placed.splits == {"llp26_01_liver": "test", "llp26_00_liver": "train", "x2": "train", "x3": "train"}
    assert {shape_id: drop.reason for shape_id, drop in placed.drops.items()} == {"x1": "leaks-into-split"}
    assert "llp26_01_liver" in placed.drops["x1"].detail


def test_unknown_provenance_is_trained_on_only_while_it_touches_nobody_known() -> None:
    unsafe = {"split_safe": False}
    members = [liver("llp26_01"), liver("kidney_1", **unsafe), Member("k1_spleen", "kidney_1", "spleen", **unsafe),
               liver("kidney_2", **unsafe), liver("kidney_3", **unsafe)]  # fmt: skip
    pairs = [pair("kidney_1_liver", "llp26_01_liver", "mirrored"), pair("kidney_2_liver", "kidney_3_liver", "mirrored")]
    placed = place(members, pairs, HashSplit("r", test=0.6, validation=0.3))
    assert {i: d.reason for i, d in placed.drops.items()} == {"kidney_1_liver": "unsafe-duplicate",
                                                              "k1_spleen": "unsafe-duplicate"}  # fmt: skip
    assert placed.splits["kidney_2_liver"] == placed.splits["kidney_3_liver"] == "train"
    assert placed.persons["kidney_1"] == "kidney_1"


@pytest.mark.parametrize(
    ("kind", "reason"), [({"synthetic": True}, "leaks-into-split"), ({"split_safe": False}, "unsafe-duplicate")]
)
def test_copies_of_a_copy_that_goes_do_not_stay_beside_the_original(kind: dict[str, bool], reason: str) -> None:
    # the pairs are a star: nobody compared the last two, and what links them is dropped
    members = [Member("a", "a", "liver", **kind), liver("llp26_01"), Member("z", "z", "liver", **kind)]  # type: ignore[arg-type]
    placed = place(members, [pair("a", "llp26_01_liver"), pair("a", "z")], MINI)
    assert placed.splits == {"llp26_01_liver": "test"}
    assert {shape_id: drop.reason for shape_id, drop in placed.drops.items()} == {"a": reason, "z": reason}
    assert "llp26_01_liver" in placed.drops["z"].detail


def test_ends_of_a_star_that_a_user_tears_apart_do_not_both_stay() -> None:
    members = [liver("a", declared="train"), liver("b", declared="test"), liver("c", declared="train")]
    placed = place(members, [pair("a_liver", "b_liver"), pair("a_liver", "c_liver")], MINI)
    assert placed.splits == {"b_liver": "test"}


def test_a_synthetic_shape_between_two_persons_does_not_make_them_one() -> None:
    members = [liver("llp26_00"), liver("llp26_01"), Member("a", "synthetic", "liver", synthetic=True)]
    placed = place(members, [pair("a", "llp26_00_liver"), pair("a", "llp26_01_liver")], MINI)
    assert placed.splits == {"llp26_00_liver": "train", "llp26_01_liver": "test"}


def test_held_out_categories_are_nowhere_else() -> None:
    members = [Member(f"{s}_{c}", s, c) for s in ("llp26_00", "llp26_01") for c in ("eyeball_left", "liver")]
    assert place(members, [], MINI).splits == {
        "llp26_00_eyeball_left": "zero_shot", "llp26_00_liver": "train",
        "llp26_01_eyeball_left": "zero_shot", "llp26_01_liver": "test",
    }  # fmt: skip
    none = place(members, [], CountSplit(SUBJECTS, zero_shot=()))
    assert set(none.splits.values()) == {"train", "test"}


def test_a_mirror_image_of_a_held_out_shape_is_not_trained_on() -> None:
    members = [Member("e", "a", "eyeball_left"), Member("m", "a", "marble")]
    placed = place(members, [pair("e", "m", "mirrored")], CountSplit(SUBJECTS))
    assert placed.splits == {"e": "zero_shot"}
    assert placed.drops["m"].reason == "leaks-into-split"


def test_declared_splits_win_and_take_the_rest_of_the_person_along() -> None:
    members = [liver("a", declared="test"), Member("a_spleen", "a", "spleen"), liver("b"),
               Member("c", "c", "eyeball_left", declared="train")]  # fmt: skip
    placed = place(members, [pair("a_liver", "b_liver", "mirrored")], CountSplit(SUBJECTS))
    assert placed.splits == {"a_liver": "test", "a_spleen": "test", "b_liver": "test", "c": "train"}

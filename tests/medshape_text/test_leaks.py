"""Planted leaks, in words and in real geometry: each is named, and a clean data set has nothing to report."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from test_dedup import Library, bones, decimated, mirrored, turned

from medshape_text.curate.dedup import DuplicatePair, resolve_duplicates
from medshape_text.curate.leaks import LeakReport, PairLeak, leak_report
from medshape_text.curate.placement import Member, Placement, place
from medshape_text.curate.split import CountSplit, HashSplit

SUBJECTS = tuple(f"llp26_{index:02d}" for index in range(26))
MINI = CountSplit(SUBJECTS)


def report(members: list[Member], pairs: list[DuplicatePair], gone: tuple[str, ...] = ()) -> LeakReport:
    return leak_report(members, pairs, place(members, pairs, MINI, gone), MINI.zero_shot)


def test_a_clean_data_set_has_nothing_to_report() -> None:
    members = [Member(f"{subject}_{what}", subject, what) for subject in SUBJECTS for what in ("liver", "spleen")]
    members += [Member("x", "synthetic", "liver", synthetic=True)]
    # a duplicate and a mirror image of one and the same subject are no leaks
    pairs = [DuplicatePair("llp26_01_liver", "llp26_01_spleen", "mirrored")]
    found = report(members, pairs)
    assert found == LeakReport()
    assert found.as_dict() == {"open_leaks": 0}


def test_a_subject_declared_into_two_splits_is_named() -> None:
    members = [
        Member("a1", "ann", "liver", "train"),
        Member("a2", "ann", "spleen", "test"),
        Member("b", "bob", "liver", "test"),
    ]
    (leak,) = report(members, []).subjects_in_two_splits
    assert (leak.person, leak.subjects, leak.splits) == ("ann", ("ann",), ("test", "train"))
    assert leak.shapes == ("test: a2", "train: a1")


def test_one_person_under_two_names_in_two_splits_is_named() -> None:
    members = [Member("a_liver", "ann", "liver", "train"), Member("a_spleen", "ann", "spleen", "train"),
               Member("z_liver", "zoe", "liver", "test"), Member("z_spleen", "zoe", "spleen", "test")]  # fmt: skip
    pairs = [DuplicatePair("a_liver", "z_liver", "rotated")]
    found = report(members, pairs, gone=("a_liver",))
    (leak,) = found.subjects_in_two_splits
    assert leak.subjects == ("ann", "zoe")
    (linked,) = found.linked_persons
    assert (linked.person, linked.subjects, linked.by) == ("ann", ("ann", "zoe"), ("a_liver = z_liver (rotated)",))
    assert found.duplicates_across_splits == (PairLeak("a_liver", "z_liver", "rotated", "train", "test", "a_liver"),)
    assert found.open_leaks == 1  # the pair is closed by the drop, the person is not


def test_a_pair_that_was_left_across_splits_is_an_open_leak() -> None:
    members = [Member("a", "ann", "liver"), Member("b", "bob", "liver")]
    placed = Placement({"a": "train", "b": "test"}, {}, {"a": "train", "b": "test"}, {"ann": "ann", "bob": "bob"})
    found = leak_report(members, [DuplicatePair("a", "b", "mirrored")], placed)
    assert found.duplicates_across_splits == (PairLeak("a", "b", "mirrored", "train", "test"),)
    assert found.open_leaks == 1


def test_shapes_across_splits_that_a_third_one_links_are_an_open_leak() -> None:
    members = [Member("a", "ann", "liver"), Member("b", "bob", "liver"), Member("c", "cid", "liver")]
    wanted = {"a": "train", "b": "test", "c": "train"}
    placed = Placement({"b": "test", "c": "train"}, {}, wanted, {name: name for name in ("ann", "bob", "cid")})
    found = leak_report(members, [DuplicatePair("a", "b", "rotated"), DuplicatePair("a", "c", "rotated")], placed)
    assert found.duplicates_across_splits == (PairLeak("a", "b", "rotated", "train", "test", "a"),
                                              PairLeak("b", "c", "linked", "test", "train"))  # fmt: skip
    assert found.open_leaks == 1


def test_unknown_provenance_is_named_in_training_and_a_leak_elsewhere() -> None:
    members = [Member("k1", "kidney_1", "kidney", split_safe=False),
               Member("k2", "kidney_2", "kidney", "test", split_safe=False)]  # fmt: skip
    found = report(members, [])
    assert found.unsafe_in_train == ("k1",)
    assert found.unsafe_outside_train == ("k2",)
    assert found.open_leaks == 1


def test_held_out_categories_in_training_are_leaks_and_their_subjects_are_told() -> None:
    members = [Member("e1", "ann", "eyeball_left"), Member("l1", "ann", "liver"),
               Member("e2", "bob", "eyeball_right", "train")]  # fmt: skip
    found = report(members, [])
    assert found.zero_shot_in_other_splits == ("e2",)
    assert found.zero_shot_subjects_in_train == ("ann",)
    assert found.open_leaks == 1


def test_it_is_json() -> None:
    members = [
        Member("a1", "ann", "liver", "train"),
        Member("a2", "ann", "spleen", "test"),
        Member("e", "bob", "eyeball_left"),
    ]
    members += [Member("a3", "ann", "rib", "train"), Member("b", "bob", "liver"), Member("z", "zoe", "liver", "test")]
    found = report(members, [DuplicatePair("a1", "z", "mirrored")]).as_dict()
    assert json.loads(json.dumps(found)) == found
    assert {"open_leaks", "subjects_in_two_splits", "linked_persons", "zero_shot_subjects_in_train"} <= set(found)


@pytest.mark.parametrize("rule", [MINI, HashSplit("r")])
def test_planted_leaks_of_real_bones_are_found_and_closed(wheel: Path, rule: CountSplit | HashSplit) -> None:
    """The same people under other names in another source: a turned, a mirrored and a meshed-anew bone."""
    names = {0: "llp26_00", 1: "llp26_01", 10: "llp26_10", 19: "llp26_19"}
    library = Library()
    real = {name: mesh for name, mesh in bones(wheel, range(20)).items() if int(name[6:8]) in names}
    for name, mesh in real.items():
        library.add(name, mesh, subject=name[:8], category=name[9:], source="llp26")
    planted = {
        "s0001_hip": (turned(real["llp26_01_hip_left"]), "llp26_01", "rotated"),
        "s0002_femur": (turned(mirrored(real["llp26_19_femur_left"])), "llp26_19", "mirrored"),
        "s0003_sacrum": (decimated(real["llp26_10_sacrum"]), "llp26_10", "re-meshed"),
    }
    for name, (mesh, _, _) in planted.items():
        library.add(name, mesh, subject=name[:5], category=name[6:], source="elsewhere")
    pairs = library.pairs()
    assert {(pair.first[:8], pair.second, pair.kind) for pair in pairs} == {
        (subject, name, kind) for name, (_, subject, kind) in planted.items()
    }
    resolved = resolve_duplicates(library.entries, pairs)
    assert set(resolved.drops) == {"s0001_hip", "s0003_sacrum"}
    assert resolved.flags == {"s0002_femur": ("mirrored-of:llp26_19_femur_left",)}
    members = [Member(entry.id, entry.subject, entry.category) for entry in library.entries]
    placed = place(members, pairs, rule, resolved.drops)
    assert placed.splits["s0002_femur"] == placed.splits["llp26_19_femur_left"]
    found = leak_report(members, pairs, placed, rule.zero_shot)
    assert found.open_leaks == 0
    assert {linked.subjects for linked in found.linked_persons} == {
        ("llp26_01", "s0001"), ("llp26_10", "s0003"), ("llp26_19", "s0002"),
    }  # fmt: skip
    # the user puts the mirrored femur where he should not: it is named, and taken out of training
    members = [Member(m.id, m.subject, m.category, "train" if m.id == "s0002_femur" else "test") for m in members]
    placed = place(members, pairs, rule, resolved.drops)
    found = leak_report(members, pairs, placed, rule.zero_shot)
    leak = PairLeak("llp26_19_femur_left", "s0002_femur", "mirrored", "test", "train", "s0002_femur")
    assert found.duplicates_across_splits == (leak,)
    assert placed.drops["s0002_femur"].reason == "leaks-into-split"

"""The segmentation family: what is seen, learnt from and asked for, and what an answer scores."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import torch
import volume_sets
from scipy import ndimage

from benchmark.contract import Grid, Prediction
from benchmark.data.hips.bones import STRUCTURES
from benchmark.data.volumes.distances import distances_of_labels
from benchmark.data.volumes.prepared import Facts
from benchmark.data.volumes.writing import PreparedCase
from benchmark.errors import DataError, UnknownNameError
from benchmark.metrics.base import NOT_APPLICABLE, OK
from benchmark.spaces import problem_of
from benchmark.tasks import family_of, find_task, outputs_of, tasks, training_for
from benchmark.tasks.segmentation.degradations import DEGRADATIONS, kept_slices, observe, spread_slices
from benchmark.tasks.segmentation.scoring import METRICS, structure_values
from benchmark.tasks.segmentation.shots import few
from benchmark.tasks.segmentation.spaces import image_space
from medshape_text.sources.packages.lower_limb import mini_splits

NAMES = [name for name, task in tasks().items() if task.family == "segmentation"]


@pytest.fixture(scope="module")
def boxes(tmp_path_factory):
    return volume_sets.write(tmp_path_factory.mktemp("boxes") / "set")


def open_task(name, folder, split="test"):
    task = find_task(name)
    return task, family_of(task), family_of(task).cases(task, folder, split)


def scores_of(task, family, case, labels):
    found = family.score(task, [case], {case.id: Prediction({"labels": labels})}, {})
    return {(score.category, score.metric, score.signature): score for score in found}, found


# What is seen


def test_every_task_opens_and_asks_for_the_structures_of_the_data(boxes):
    assert len(NAMES) == 13
    for name in NAMES:
        task, _, cases = open_task(name, boxes)
        outputs = outputs_of(task, cases)
        assert outputs["labels"].names == ("left", "right")
        for group in cases.groups:
            case = cases.case(group.id)
            (observation,) = case.observations
            assert problem_of(observation.value, observation.space, case.grid) is None
            assert problem_of(case.truth["labels"], outputs["labels"], case.grid) is None


@pytest.mark.parametrize("name", sorted(set(DEGRADATIONS) - {"noisy"}))
def test_exact_degradations_are_their_operators(name):
    image = np.random.default_rng(0).normal(size=(16, 24, 32)).astype(np.float32)
    seen = observe(name, image, image_space(volume_sets.described().modalities[0]), 0)
    np.testing.assert_array_equal(seen.operator(torch.from_numpy(image)).numpy(), seen.value)
    assert seen.exact
    assert seen.mask.all()
    assert (seen.space.names, seen.space.unit) == (("ct",), "HU")


def test_low_resolution_is_means_of_cubes():
    image = np.arange(16**3, dtype=np.float32).reshape(16, 16, 16)
    seen = observe("lowres-x4", image, image_space(volume_sets.described().modalities[0]), 0)
    np.testing.assert_allclose(seen.value[1, 2, 3], image[4:8, 8:12, 12:16].mean())


def test_slices_by_hand():
    assert kept_slices(64, 0.25) == (*range(24), *range(40, 64))
    assert kept_slices(64, 0.5) == (*range(16), *range(48, 64))
    assert spread_slices(64, 8) == tuple(range(4, 64, 8))
    assert spread_slices(48, 16) == tuple(range(1, 48, 3))
    with pytest.raises(DataError, match="8 slices cannot be kept of 4"):
        spread_slices(4, 8)


def test_noise_is_as_strong_as_declared_and_the_same_every_time(boxes):
    _, _, whole = open_task("seg", boxes)
    _, _, noisy = open_task("seg-noisy", boxes)
    clean, seen = whole.case("case07").observation, noisy.case("case07").observation
    low, high = np.percentile(clean.value, (1, 99))
    sigma = seen.parameters["standard_deviation"]
    assert sigma == pytest.approx(0.15 * (high - low))
    assert (seen.value - clean.value).std() == pytest.approx(sigma, rel=0.05)
    assert not seen.exact
    np.testing.assert_array_equal(seen.value, noisy.case("case07").observation.value)
    np.testing.assert_array_equal(noisy.case("case07").truth["labels"], whole.case("case07").truth["labels"])


def test_an_image_that_cannot_be_divided_is_refused():
    image = np.zeros((12, 12, 12), np.float32)
    with pytest.raises(DataError, match="cubes of 8 voxels do not fill"):
        observe("lowres-x8", image, image_space(volume_sets.described().modalities[0]), 0)
    with pytest.raises(UnknownNameError):
        observe("upside-down", image, image_space(volume_sets.described().modalities[0]), 0)


# What is learnt from


def test_the_task_says_which_modality_is_learnt_from_and_which_is_seen(boxes):
    task, _, cases = open_task("seg-ct-to-mr", boxes)
    training = training_for(task, boxes, "train")
    assert training.modality.name == "ct"
    assert training.part(0, "image").mean() < 500 < cases.case("case07").observation.value.mean()
    assert cases.case("case07").observation.space.names == ("mr",)


def test_training_parts_fit_their_spaces(boxes):
    training = training_for(find_task("seg"), boxes, "train")
    assert len(training) == 6
    for name, space in training.spaces.items():
        assert problem_of(training.part(0, name), space, training.grid(0)) is None
    labels, sdf = training.part(0, "labels"), training.part(0, "sdf")
    for index in range(2):
        np.testing.assert_array_equal(sdf[index] < 0, labels == index + 1)
    with pytest.raises(KeyError):
        training.part(0, "shape")


def test_distances_are_the_published_formula():
    labels = volume_sets.case(0, "train").labels
    found = distances_of_labels(labels, 3)
    for index in range(2):
        mask = labels == index + 1
        away = ndimage.distance_transform_edt(~mask) - ndimage.distance_transform_edt(mask)
        np.testing.assert_allclose(found[index], np.clip(away / 32, -0.2, 0.2), atol=1e-7)
    assert (found[2] == np.float32(0.2)).all()


def test_few_shots_are_other_data_and_say_so(boxes):
    whole = training_for(find_task("seg"), boxes, "train")
    two = [training_for(find_task("seg-2shot"), boxes, "train", seed) for seed in range(3)]
    four = training_for(find_task("seg-4shot"), boxes, "train", 0)
    assert [len(each) for each in (*two, four)] == [2, 2, 2, 4]
    assert list(four.ids[:2]) == list(two[0].ids)
    assert len({each.revision for each in (whole, *two, four)}) == 5
    assert whole.revision == open_task("seg", boxes)[2].revision
    assert len(training_for(find_task("seg-2shot"), boxes, "validation")) == 1


def test_the_few_subjects_of_hips_never_change():
    subjects = sorted(subject for subject, split in mini_splits().items() if split == "train")
    facts = [Facts(each, each, "train", "", "", Grid((1, 1, 1)), STRUCTURES, ("ct",)) for each in subjects]
    lists = [[case.id for case in few(facts, 4, "hips", seed)] for seed in range(3)]
    assert len({tuple(each) for each in lists}) == 3
    assert hashlib.sha256(repr(lists).encode()).hexdigest()[:16] == LISTS


LISTS = "53557412497a110e"


def test_few_shots_are_of_different_people():
    facts = [Facts(f"{k}{n}", f"s{k}", "train", "", "", Grid((1, 1, 1)), (), ("ct",)) for k in range(3) for n in "abc"]
    assert len({case.subject for case in few(facts, 3, "x", 0)}) == 3
    with pytest.raises(DataError, match="4 training subjects were asked for, x has 3"):
        few(facts, 4, "x", 0)


# What is scored


def test_values_by_hand_with_unequal_spacing():
    """A box of 4 x 4 x 4 voxels moved by one voxel of 3 mm: every number can be said without a computer."""
    true, found = np.zeros((2, 12, 12, 12), bool)
    true[4:8, 4:8, 4:8] = True
    found[5:9, 4:8, 4:8] = True
    dice, hd95, nsd, relative, millilitres = structure_values(found, true, np.array([3.0, 1.0, 0.5]), 3.0)
    assert (dice, hd95, nsd, relative, millilitres) == (0.75, 3.0, 1.0, 0.0, 0.0)
    *_, nsd, _, _ = structure_values(found, true, np.array([3.0, 1.0, 0.5]), 0.1)
    assert 0 < nsd < 1
    found[5:9, 4:8, 4:6] = False
    *_, relative, millilitres = structure_values(found, true, np.array([3.0, 1.0, 0.5]), 3.0)
    assert relative == 0.5
    assert millilitres == pytest.approx(32 * 1.5 / 1000)


def test_the_truth_scores_best_and_a_failure_worst(boxes):
    task, family, cases = open_task("seg", boxes)
    case = cases.case("case07")
    _, best = scores_of(task, family, case, case.truth["labels"])
    assert [(each.metric, each.signature) for each in best] == [
        (each.name, each.signature) for each in family.expected(task, [case])
    ]
    assert [each.value for each in best] == [1.0, 0.0, 1.0, 0.0, 0.0] * 2
    worst = family.score(task, [case], {}, {case.id: "crashed"})
    assert [each.value for each in worst] == [0.0, pytest.approx(16 * 3**0.5), 0.0, 10.0, pytest.approx(4.096)] * 2
    assert {each.status for each in worst} == {"crashed"}


def test_absent_missed_and_spurious_structures(tmp_path):
    only_left = volume_sets.case(0, "test")
    labels = np.where(only_left.labels == 1, 1, 0).astype(np.uint8)
    folder = volume_sets.write(tmp_path / "set", [PreparedCase(only_left.facts, only_left.images, labels)])
    task, family, cases = open_task("seg", folder)
    case = cases.case("case00")
    _, absent = scores_of(task, family, case, labels)
    assert [(each.value, each.status) for each in absent[5:]] == [(None, NOT_APPLICABLE)] * 5
    _, missed = scores_of(task, family, case, np.zeros_like(labels))
    assert [each.value for each in missed[:3]] == [0.0, pytest.approx(16 * 3**0.5), 0.0]
    assert missed[3].value == 1.0
    _, spurious = scores_of(task, family, case, only_left.labels)
    assert [each.value for each in spurious[5:8]] == [0.0, pytest.approx(16 * 3**0.5), 0.0]
    assert spurious[8].value == 10.0
    assert {each.status for each in spurious} == {OK}


def test_structures_nobody_looked_for_are_not_scored(tmp_path):
    folder = volume_sets.write(tmp_path / "set", [volume_sets.case(0, "test", annotated=("right",))])
    task, family, cases = open_task("seg", folder)
    case = cases.case("case00")
    _, scores = scores_of(task, family, case, case.truth["labels"])
    assert [each.category for each in scores] == ["right"] * len(METRICS)
    assert len(family.expected(task, [case])) == len(METRICS)


def test_shapes_are_no_images(mini_dir):
    with pytest.raises(DataError, match="holds shapes, not images with labels; try --data hips"):
        open_task("seg", mini_dir)


def test_a_missing_modality_is_named(tmp_path):
    cases = [volume_sets.case(0, "test", modalities=("ct",))]
    folder = volume_sets.write(tmp_path / "set", cases)
    _, _, opened = open_task("seg-ct-to-mr", folder)
    with pytest.raises(DataError, match=r"no case of split 'test' of .* has an image of modality 'mr'"):
        _ = opened.groups
    lone = volume_sets.write(tmp_path / "ct", cases, modalities=volume_sets.described().modalities[:1])
    with pytest.raises(DataError, match="the data set boxes has no images of modality 'mr', only ct"):
        open_task("seg-ct-to-mr", lone)


def test_copies_are_told_from_other_answers(boxes):
    _, family, cases = open_task("seg", boxes)
    labels = cases.case("case07").truth["labels"]
    moved = np.roll(labels, 1, axis=0)
    assert family.nearly_same(Prediction({"labels": labels}), Prediction({"labels": labels.copy()}))
    assert not family.nearly_same(Prediction({"labels": labels}), Prediction({"labels": moved}))

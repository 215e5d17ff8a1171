"""Scores of segmentation against the packages whose conventions they follow.

Packages that are installed are asked (``pip install "genmed-bench[peers]" nnunetv2``); what they said once is written
down, with their versions, for everybody else.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import volume_sets
from scipy import ndimage

from benchmark.contract import Prediction
from benchmark.metrics.base import NOT_APPLICABLE, OK
from benchmark.tasks import family_of, find_task
from benchmark.tasks.segmentation.profiles import PROFILES
from benchmark.tasks.segmentation.profiles.diffatlas import shell_agreement
from benchmark.tasks.segmentation.profiles.kits23 import REGIONS
from benchmark.tasks.segmentation.profiles.profile import Answer, answer_of
from benchmark.tasks.segmentation.profiles.volume import METRICS, structure_values

STEPS = (0.8, 1.0, 2.5)
KITS = ("kidney", "tumor", "cyst")


SEEN_VOLUME = (0.7427455186843872, 2.5, 0.9185328467467004)
SEEN_KITS = [
    0.5619516884989785, 0.7068310946538421, 0.3727534945640115, 0.5742588234863223, 0.3072263089571614,
    0.3562896468401872,
]  # fmt: skip


def blobs(seed, structures=3, shape=(20, 22, 16)):
    """A label map of smooth random structures."""
    rng = np.random.default_rng(seed)
    fields = np.stack([ndimage.gaussian_filter(rng.normal(size=shape), 2.5) for _ in range(structures)])
    return np.where(fields.max(axis=0) > 0.035, fields.argmax(axis=0) + 1, 0).astype(np.uint8)


def kits_case(tmp_path, truth, steps=STEPS, structures=KITS):
    """A case whose label map is ``truth``."""
    case = volume_sets.case(0, "test", steps=steps, annotated=structures, modalities=("ct",))
    grid = dataclasses.replace(case.facts.grid, shape=truth.shape)
    facts = dataclasses.replace(case.facts, grid=grid)
    rng = np.random.default_rng(0)
    made = dataclasses.replace(
        case, facts=facts, images={"ct": rng.normal(size=truth.shape).astype(np.float32)}, labels=truth
    )
    folder = volume_sets.write(tmp_path / "set", [made], shape=truth.shape, structures=structures)
    task = find_task("seg")
    return task, family_of(task).cases(task, folder, "test").case("case00")


def values_of(profile, labels, case):
    found = PROFILES[profile].score(answer_of(labels, case))
    return {(score.category, score.metric): score.value for score in found}


def pairs():
    """Truth and prediction: apart, equal, a structure missing, one made up, nothing found."""
    truth, other = blobs(1), blobs(2)
    missing = np.where(other == 2, 0, other)
    yield "apart", truth, np.roll(truth, 1, axis=0)
    yield "other", truth, other
    yield "equal", truth, truth
    yield "missing", truth, missing
    yield "made-up", np.where(truth == 2, 0, truth), other
    yield "absent", np.where(truth == 2, 0, truth), missing
    yield "nothing", truth, np.zeros_like(truth)


PAIRS = [pytest.param(truth, found, id=name) for name, truth, found in pairs()]


# Volume, against packages that define the same numbers


def masks():
    truth = blobs(3, 1) > 0
    return truth, ndimage.shift(truth.astype(float), (1, 0, 1), order=0) > 0.5


def test_volume_numbers_are_those_of_monai():
    torch = pytest.importorskip("torch")
    monai = pytest.importorskip("monai.metrics", reason="MONAI is not installed")
    true, found = masks()
    both = [torch.from_numpy(mask[None, None].copy()) for mask in (found, true)]
    dice, hd95, *_ = structure_values(found, true, np.array(STEPS), 1.0)
    assert float(monai.compute_dice(*both)) == pytest.approx(dice, rel=1e-6)
    said = monai.compute_hausdorff_distance(*both, percentile=95, spacing=STEPS, include_background=True)
    assert float(said) == pytest.approx(hd95, rel=1e-5)


@pytest.mark.parametrize("tolerance", [0.8, 1.0, 2.5])
def test_volume_nsd_is_that_of_surface_distance(tolerance):
    package = pytest.importorskip("surface_distance", reason="surface-distance is not installed")
    true, found = masks()
    said = package.compute_surface_dice_at_tolerance(package.compute_surface_distances(true, found, STEPS), tolerance)
    assert structure_values(found, true, np.array(STEPS), tolerance)[2] == pytest.approx(said, rel=1e-9)


def test_volume_dice_and_distances_against_medpy():
    package = pytest.importorskip("medpy.metric.binary", reason="MedPy is not installed")
    true, found = masks()
    dice, hd95, *_ = structure_values(found, true, np.array(STEPS), 1.0)
    assert package.dc(found, true) == pytest.approx(dice)
    # MedPy pools both directions before it takes the percentile: never more than the larger direction.
    assert package.hd95(found, true, voxelspacing=STEPS) <= hd95 + 1e-9


def test_volume_numbers_as_the_packages_gave_them():
    """MONAI 1.6.1 (Dice, HD95), surface-distance 0.1 (NSD at 1 mm)."""
    true, found = masks()
    dice, hd95, nsd, *_ = structure_values(found, true, np.array(STEPS), 1.0)
    assert (dice, hd95, nsd) == pytest.approx(SEEN_VOLUME, rel=1e-5)


# nnU-Net


@pytest.mark.parametrize(("truth", "found"), PAIRS)
def test_nnunet_gives_the_same_per_label(tmp_path, truth, found):
    package = pytest.importorskip("nnunetv2.evaluation.evaluate_predictions", reason="nnU-Net is not installed")
    sitk = pytest.importorskip("SimpleITK")
    from nnunetv2.imageio.simpleitk_reader_writer import SimpleITKIO

    for name, labels in (("truth", truth), ("found", found)):
        image = sitk.GetImageFromArray(labels.transpose(2, 1, 0))
        image.SetSpacing(STEPS)
        sitk.WriteImage(image, str(tmp_path / f"{name}.nii.gz"))
    with np.errstate(invalid="ignore"):
        said = package.compute_metrics(
            str(tmp_path / "truth.nii.gz"), str(tmp_path / "found.nii.gz"), SimpleITKIO(), [1, 2, 3]
        )["metrics"]
    _, case = kits_case(tmp_path, truth)
    ours = values_of("nnunet", found, case)
    for label, name in enumerate(KITS, 1):
        for metric, theirs in (("dice", "Dice"), ("iou", "IoU")):
            value = ours[name, metric]
            assert (np.nan if value is None else value) == pytest.approx(said[label][theirs], nan_ok=True, abs=1e-12)


def test_nnunet_rules(tmp_path):
    truth = np.where(blobs(1) == 2, 0, blobs(1))
    task, case = kits_case(tmp_path, truth)
    ours = values_of("nnunet", truth, case)
    assert ours["kidney", "dice"] == ours["kidney", "iou"] == 1
    assert ours["tumor", "dice"] is None
    family = family_of(task)
    scores = family.score(task, [case], {case.id: Prediction({"labels": truth})}, {})
    assert {s.status for s in scores if s.signature.profile == "nnunet"} == {OK, NOT_APPLICABLE}
    failed = family.score(task, [case], {}, {case.id: "crashed"})
    assert {s.value for s in failed if s.signature.profile == "nnunet"} == {0.0}


# KiTS23


def kits_metrics(found, truth, values, tolerance):
    """What ``compute_metrics_for_label`` of the challenge does, on arrays as SimpleITK hands them out."""
    package = pytest.importorskip("surface_distance", reason="surface-distance is not installed")
    masks = [np.isin(labels.transpose(2, 1, 0), values) for labels in (found, truth)]
    if not masks[0].any() and not masks[1].any():
        return 1, 1
    if not masks[0].any() or not masks[1].any():
        return 0, 0
    overlap = 2 * np.count_nonzero(masks[0] & masks[1]) / sum(map(np.count_nonzero, masks))
    distances = package.compute_surface_distances(masks[1], masks[0], STEPS[::-1])
    return overlap, package.compute_surface_dice_at_tolerance(distances, tolerance_mm=tolerance)


@pytest.mark.parametrize(("truth", "found"), PAIRS)
def test_kits23_gives_the_same_per_region(tmp_path, truth, found):
    _, case = kits_case(tmp_path, truth)
    ours = values_of("kits23", found, case)
    for region, values in (("kidney_and_mass", (1, 2, 3)), ("mass", (2, 3)), ("tumor", (2,))):
        said = kits_metrics(found, truth, values, REGIONS[region][1])
        assert (ours[region, "dice"], ours[region, "nsd"]) == pytest.approx(said, rel=1e-9)


def test_kits23_numbers_as_surface_distance_gave_them(tmp_path):
    """surface-distance 0.1, arrays and spacing reversed."""
    _, case = kits_case(tmp_path, blobs(1))
    ours = values_of("kits23", blobs(2), case)
    assert [ours[region, metric] for region in REGIONS for metric in ("dice", "nsd")] == pytest.approx(
        SEEN_KITS, rel=1e-6
    )


def test_kits23_applies_only_where_all_its_structures_were_looked_for(tmp_path):
    task, case = kits_case(tmp_path, blobs(1))
    expected = family_of(task).expected(task, [case])
    assert sum(metric.profile == "kits23" for metric in expected) == 6
    without = dataclasses.replace(case, annotated=("kidney", "tumor"))
    assert not any(metric.profile == "kits23" for metric in family_of(task).expected(task, [without]))


# DiffAtlas


def diffatlas_script(found, true):
    """``get_dice`` and ``compute_surface_dice`` of the published script, for one structure."""
    dice = 1.0 if not found.any() and not true.any() else 2 * (found & true).sum() / (found.sum() + true.sum())
    edges = [ndimage.binary_dilation(mask).astype(bool) ^ mask for mask in (found, true)]
    to_found, to_true = (ndimage.distance_transform_edt(~edge, sampling=(1.0, 1.0, 1.0)) for edge in edges)
    distances = [to_true[edges[0]], to_found[edges[1]]]
    complete = sum(map(len, distances))
    return dice, np.nan if not complete else sum((each <= 1.0).sum() for each in distances) / complete


@pytest.mark.parametrize(("truth", "found"), PAIRS)
def test_diffatlas_gives_the_same_per_structure(tmp_path, truth, found):
    _, case = kits_case(tmp_path, truth)
    ours = values_of("diffatlas", found, case)
    for label, name in enumerate(KITS, 1):
        said = diffatlas_script(found == label, truth == label)
        value = ours[name, "nsd"]
        assert (ours[name, "dice"], np.nan if value is None else value) == pytest.approx(said, nan_ok=True)


def test_diffatlas_keeps_what_scipy_does_without_a_surface():
    corner = np.zeros((6, 6, 6), bool)
    corner[1, 0, 0] = True  # its shell goes through the first voxel
    for pair in ((corner, np.zeros_like(corner)), (np.zeros_like(corner), corner)):
        assert shell_agreement(*pair) == pytest.approx(diffatlas_script(*pair)[1])
        assert shell_agreement(*pair) > 0
    full = np.ones((4, 4, 4), bool)  # no shell at all
    assert shell_agreement(full, full) is None
    assert np.isnan(diffatlas_script(full, full)[1])


# All together


def test_every_score_is_expected_and_signatures_tell_profiles_apart(tmp_path):
    truth = blobs(1)
    task, case = kits_case(tmp_path, truth)
    family = family_of(task)
    for found, failures in ((Prediction({"labels": blobs(2)}), {}), (None, {case.id: "crashed"})):
        answers = {} if found is None else {case.id: found}
        scores = family.score(task, [case], answers, failures)
        assert [score.signature for score in scores] == [metric.signature for metric in family.expected(task, [case])]
    metrics = family.metrics(task)
    assert len({metric.signature for metric in metrics}) == len(metrics)
    assert metrics[: len(METRICS)] == METRICS
    assert {metric.signature.profile for metric in metrics} == set(PROFILES)


def test_grids_are_those_the_profiles_say(tmp_path):
    """Labels came on a finer grid: only DiffAtlas looks at the task's."""
    truth = blobs(1)
    _, case = kits_case(tmp_path, truth)
    answer = answer_of(blobs(2), case)
    emptied = Answer(case, answer.labels, np.zeros_like(answer.mapped))
    for name in ("nnunet", "kits23", "volume"):
        assert {s.value for s in PROFILES[name].score(emptied) if s.metric == "dice"} == {0.0}
    assert PROFILES["diffatlas"].score(emptied) == PROFILES["diffatlas"].score(answer)

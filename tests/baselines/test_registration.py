"""Registration: known maps are found again, whatever the contrast."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813  (what everyone calls it)
from scipy.ndimage import gaussian_filter
from segmentation_material import AFFINE, ArrayImages, anatomy, dice, picture, request_for

from baselines.registration.align import Demons, Mapping, affine, deformable
from baselines.registration.bias import without_bias
from baselines.registration.fusion import fused, local_correlation
from baselines.registration.images import resampled, spacing_of, to_array, to_image
from baselines.registration.method import Registration
from baselines.segmenting import stretched
from benchmark.contract import Grid
from benchmark.data.volumes.distances import distances_of_labels, labels_of_distances

STEPS = (2.0, 2.0, 2.0)


def blobs(seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(size=(32, 32, 32))
    return stretched(gaussian_filter(noise, 3).astype(np.float32))


def test_arrays_and_images_are_the_same_voxels() -> None:
    array = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    image = to_image(array, (1.0, 2.0, 3.0))
    assert image.GetSize() == (2, 3, 4)
    assert image.GetPixel(1, 2, 3) == array[1, 2, 3]
    np.testing.assert_array_equal(to_array(image), array)
    both = np.stack([array, -array])
    assert to_image(both, STEPS).GetPixel(1, 2, 3) == (23.0, -23.0)
    np.testing.assert_array_equal(to_array(to_image(both, STEPS)), both)
    assert spacing_of(Grid((32,) * 3, AFFINE)) == STEPS
    assert spacing_of(None) == (1.0, 1.0, 1.0)


@pytest.mark.parametrize("invert", [False, True])
def test_a_known_affine_map_is_found(invert: bool) -> None:
    truth = sitk.AffineTransform(3)
    truth.Rotate(0, 1, 0.12)
    truth.Scale((1.1, 1.0, 0.93))
    truth.SetTranslation((4.0, -3.0, 2.0))
    moving = to_image(blobs(), STEPS)
    seen = to_array(resampled(moving, moving, truth))
    fixed = to_image(1 - seen if invert else seen, STEPS)
    found = affine(fixed, moving, (0.0, 0.0, 0.0), seed=1)
    points = [(x, y, z) for x in (-15.0, 15.0) for y in (-15.0, 15.0) for z in (-15.0, 15.0)]
    errors = [np.linalg.norm(np.subtract(found.TransformPoint(p), truth.TransformPoint(p))) for p in points]
    assert np.mean(errors) < 1.0  # mm, half a voxel
    assert np.mean([np.linalg.norm(np.subtract(p, truth.TransformPoint(p))) for p in points]) > 5


def test_a_constant_image_keeps_the_start() -> None:
    nothing = to_image(np.zeros((32, 32, 32), np.float32), STEPS)
    found = affine(nothing, to_image(blobs(), STEPS), (2.0, 0.0, 0.0), seed=0)
    assert found.TransformPoint((0.0, 0.0, 0.0)) == (-2.0, 0.0, 0.0)


def test_intensities_are_mapped_by_their_conditional_mean() -> None:
    moving = np.repeat(np.linspace(0.01, 0.99, 64, dtype=np.float32), 64).reshape(16, 16, 16)
    np.testing.assert_allclose(Mapping.of(moving, 1 - moving**2)(moving), 1 - moving**2, atol=0.03)
    independent = np.random.default_rng(0).random(moving.shape, np.float32)
    assert Mapping.of(moving, independent)(moving).mean() == pytest.approx(independent.mean(), abs=0.02)


def test_demons_align_what_was_deformed_in_another_contrast() -> None:
    moving = to_image(blobs(), STEPS)
    bent = 3.0 * np.stack([gaussian_filter(np.random.default_rng(k).normal(size=(32,) * 3), 5) * 40 for k in range(3)])
    field = sitk.Cast(to_image(bent.astype(np.float32), STEPS), sitk.sitkVectorFloat64)
    seen = to_array(resampled(moving, moving, sitk.DisplacementFieldTransform(field)))
    fixed = to_image(1 - seen, STEPS)
    found = deformable(fixed, moving, sitk.Transform(3, sitk.sitkIdentity), Demons(1.0))
    middle = (slice(6, -6),) * 3
    after = np.abs(to_array(resampled(moving, fixed, found)) - seen)[middle].mean()
    before = np.abs(to_array(moving) - seen)[middle].mean()
    assert after < before / 8


def test_fusion_is_the_weighted_mean_and_takes_the_case_that_agrees() -> None:
    one, two = anatomy(), anatomy((6, 0, 0))
    maps = [distances_of_labels(each, 2) for each in (one, two)]
    weights = [np.full(one.shape, 3.0, np.float32), np.full(one.shape, 1.0, np.float32)]
    np.testing.assert_allclose(fused(maps, weights), (3 * maps[0] + maps[1]) / 4, atol=1e-6)
    np.testing.assert_array_equal(labels_of_distances(fused(maps, [weights[0], np.full(one.shape, 1e-6)])), one)
    image = stretched(picture(one))
    assert local_correlation(image, 1 - image)[8:12, 10:20, 10:20].max() > 0.9
    flat = np.full(image.shape, 0.5, np.float32)
    assert local_correlation(image, flat).max() == 0


def test_a_bias_field_is_taken_out() -> None:
    body = np.zeros((32, 32, 32), np.float32)
    body[3:-3, 3:-3, 3:-3] = 0.4
    body[10:20, 10:20, 10:20] = 0.8
    slope = np.linspace(0.6, 1.4, 32, dtype=np.float32)[:, None, None]
    corrected = to_array(without_bias(to_image(stretched(body * slope), STEPS)))
    there = (body > 0.3) & (body < 0.5)

    def spread(image: np.ndarray) -> float:
        return float(image[there].std() / image[there].mean())

    assert spread(corrected) < spread(body * slope) / 2
    nothing = to_image(np.zeros((32, 32, 32), np.float32), STEPS)
    assert without_bias(nothing) is nothing


def test_registered_cases_find_the_structures_in_another_contrast(tmp_path) -> None:
    maps = [anatomy(shift, scale) for shift, scale in [((0, 0, 0), 0.9), ((2, 0, 1), 1.0), ((-1, 2, 0), 1.15)]]
    control = Registration()
    control.fit(ArrayImages(maps, [picture(m, seed=k) for k, m in enumerate(maps)]), tmp_path)
    truth = anatomy((3, -1, -2), 1.07)
    for levels, modality in [((0.0, 300.0, 700.0), "ct"), ((100.0, 800.0, 400.0), "mr")]:
        request = request_for(picture(truth, levels, seed=9), modality=modality)
        found = control.predict(request).parts["labels"]
        assert min(dice(found, truth, label) for label in (1, 2)) > 0.9
        np.testing.assert_array_equal(found, control.predict(request).parts["labels"])

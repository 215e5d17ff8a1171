"""MAE, PSNR and SSIM by hand and against scikit-image on the preparation SynthRAD2023 describes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from benchmark.metrics.image import SYNTHRAD2023_CLIP, SYNTHRAD2023_DATA_RANGE, mae, psnr, ssim

SYNTHRAD = {"clip": SYNTHRAD2023_CLIP, "data_range": SYNTHRAD2023_DATA_RANGE}
SHAPES = [(24, 30, 19), (40, 33)]


def make_case(shape, seed=0):
    """Prediction, truth (both beyond the clip in places) and a mask with a ragged border."""
    generator = np.random.default_rng(seed)
    truth = ndimage.gaussian_filter(generator.standard_normal(shape), 2) * (30000 if len(shape) == 3 else 12000)
    prediction = truth + generator.standard_normal(shape) * 150
    return prediction, truth, ndimage.gaussian_filter(generator.standard_normal(shape), 3) > 0


def test_the_window_of_synthrad():
    assert SYNTHRAD2023_CLIP[1] - SYNTHRAD2023_CLIP[0] == SYNTHRAD2023_DATA_RANGE == 4024


def test_mae_by_hand():
    truth, prediction = np.array([[0, 100.0], [-2000, 7]]), np.array([[10, 100.0], [4000, 9999]])
    assert mae(prediction, truth, np.array([[1, 1], [1, 0]])) == (10 + 0 + 6000) / 3  # nothing is clipped
    assert mae(prediction, truth, None) == (10 + 0 + 6000 + 9992) / 4


def test_psnr_by_hand():
    truth, prediction = np.array([[0, 100.0], [-2000, 7]]), np.array([[10, 70.0], [-1500, 9999]])
    mask = np.array([[1, 1], [1, 0]])
    # -2000 and -1500 both become -1024, so the squared errors are 100, 900 and 0.
    assert float(psnr(prediction, truth, mask, **SYNTHRAD)) == pytest.approx(10 * np.log10(4024**2 / (1000 / 3)))
    unclipped = psnr(prediction, truth, mask, clip=None, data_range=1000)
    assert float(unclipped) == pytest.approx(10 * np.log10(1e6 / ((100 + 900 + 500**2) / 3)))


def test_ssim_of_constant_images_by_hand():
    # Without variance only the luminance term is left; air is 0 after the shift.
    truth, prediction = np.full((9, 9, 9), 1000.0 - 1024), np.full((9, 9, 9), 500.0 - 1024)
    c = (0.01 * 4024) ** 2
    expected = (2 * 1000 * 500 + c) / (1000**2 + 500**2 + c)
    assert float(ssim(prediction, truth, None, **SYNTHRAD)) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("seed", [0, 1])
def test_against_skimage(shape, seed):
    prediction, truth, mask = make_case(shape, seed)
    assert truth[mask].min() < -1024
    assert truth[mask].max() > 3000
    p, t = np.clip(prediction, -1024, 3000), np.clip(truth, -1024, 3000)
    reference = peak_signal_noise_ratio(t[mask], p[mask], data_range=4024)
    assert float(psnr(prediction, truth, mask, **SYNTHRAD)) == pytest.approx(reference, rel=1e-12)

    p, t = np.where(mask, p, -1024) + 1024, np.where(mask, t, -1024) + 1024
    local = structural_similarity(t, p, data_range=4024, full=True)[1]
    inner = (slice(3, -3),) * len(shape)
    reference = local[inner][mask[inner]].mean()
    assert float(ssim(prediction, truth, mask, **SYNTHRAD)) == pytest.approx(reference, rel=1e-12)


@pytest.mark.parametrize("shape", SHAPES)
def test_without_a_mask_it_is_the_mean_of_skimage(shape):
    prediction, truth, _ = make_case(shape)
    prepared = [np.clip(image, -1024, 3000) + 1024 for image in (truth, prediction)]
    reference = structural_similarity(*prepared, data_range=4024)
    assert float(ssim(prediction, truth, None, **SYNTHRAD)) == pytest.approx(reference, rel=1e-12)


@pytest.mark.parametrize("shape", SHAPES)
def test_identical_images(shape):
    _, truth, mask = make_case(shape)
    assert mae(truth, truth, mask) == 0
    assert psnr(truth, truth, mask, **SYNTHRAD) == np.inf
    assert float(ssim(truth, truth, mask, **SYNTHRAD)) == pytest.approx(1, abs=1e-12)


@given(seed=st.integers(0, 1000), elsewhere=st.sampled_from([np.nan, np.inf, -1e6, 0.0]))
@settings(deadline=None, max_examples=20)
def test_voxels_outside_the_mask_do_not_matter(seed, elsewhere):
    prediction, truth, mask = make_case((12, 11, 10), seed)
    mask[6, 5, 5] = True  # so that there is something to score
    changed = np.where(mask, prediction, elsewhere)
    assert mae(changed, truth, mask) == mae(prediction, truth, mask)
    for score in (psnr, ssim):
        assert score(changed, truth, mask, **SYNTHRAD) == score(prediction, truth, mask, **SYNTHRAD)
        assert score(truth, changed, mask, **SYNTHRAD) == pytest.approx(
            float(score(prediction, truth, mask, **SYNTHRAD)), rel=1e-12
        )


def test_kinds_of_input():
    prediction, truth, mask = (array.round() for array in make_case((12, 11, 10)))
    tensors = [torch.from_numpy(each) for each in (prediction, truth, mask != 0)]
    for score, options in ((mae, {}), (psnr, SYNTHRAD), (ssim, SYNTHRAD)):
        expected = score(prediction, truth, mask != 0, **options)
        assert expected.dtype == np.float64
        assert expected.shape == ()
        assert score(prediction.astype(np.int16), truth.astype(np.int16), mask.astype(np.uint8), **options) == expected
        found = score(*tensors, **options)
        assert isinstance(found, torch.Tensor)
        assert found.item() == expected


class TestBadInput:
    image, mask = np.zeros((8, 8, 8)), np.ones((8, 8, 8), bool)

    @pytest.mark.parametrize(("score", "options"), [(mae, {}), (psnr, SYNTHRAD), (ssim, SYNTHRAD)])
    @pytest.mark.parametrize("position", [0, 1])
    @pytest.mark.parametrize("value", [np.nan, np.inf])
    def test_voxels_that_are_no_numbers(self, score, options, position, value):
        images = [self.image, self.image.copy()]
        images[1][4, 4, 4] = value
        with pytest.raises(ValueError, match=["truth", "prediction"][position]):
            score(*images[:: 1 - 2 * position], self.mask, **options)

    @pytest.mark.parametrize(("score", "options"), [(mae, {}), (psnr, SYNTHRAD), (ssim, SYNTHRAD)])
    def test_shapes_and_masks(self, score, options):
        with pytest.raises(ValueError, match="shapes differ"):
            score(self.image, self.image[1:], self.mask, **options)
        with pytest.raises(ValueError, match="shapes differ"):
            score(self.image, self.image, self.mask[1:], **options)
        with pytest.raises(ValueError, match="the mask is empty"):
            score(self.image, self.image, ~self.mask, **options)
        with pytest.raises(ValueError, match="threshold"):
            score(self.image, self.image, self.image, **options)
        with pytest.raises(ValueError, match="expected images"):
            score(self.image[0, 0], self.image[0, 0], self.mask[0, 0], **options)

    @pytest.mark.parametrize("score", [psnr, ssim])
    def test_intervals(self, score):
        for data_range in (0, -1, np.nan, np.inf):
            with pytest.raises(ValueError, match="data_range"):
                score(self.image, self.image, self.mask, clip=(-1024, 3000), data_range=data_range)
        for clip in ((1, 1), (2, 1), (np.nan, 1), (0, np.inf)):
            with pytest.raises(ValueError, match="clip"):
                score(self.image, self.image, self.mask, clip=clip, data_range=1)

    def test_nothing_a_window_fits_around(self):
        with pytest.raises(ValueError, match="no window"):
            ssim(self.image[:6], self.image[:6], self.mask[:6], **SYNTHRAD)
        rim = self.mask.copy()
        rim[3:-3, 3:-3, 3:-3] = False
        with pytest.raises(ValueError, match="no voxel of the mask"):
            ssim(self.image, self.image, rim, **SYNTHRAD)

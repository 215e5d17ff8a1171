"""What counts as inside: every function that takes a mask reads it alike, and floats are never guessed at."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmark import metrics
from benchmark.metrics.inside import inside

LEFT, RIGHT = np.zeros((2, 8, 8, 8), bool)
LEFT[1:3, 1:3, 1:3] = RIGHT[5:7, 5:7, 5:7] = True

TAKES_MASKS = {
    "dice": lambda a, b, **more: metrics.dice(a, b, empty=1, **more),
    "pack": lambda a, b, **more: metrics.packed_dice(*(metrics.pack(each[None], **more) for each in (a, b)))[0],
    "surface_distances": lambda a, b, **more: metrics.surface_distances(a, b, (1, 1, 1), "voxel", **more).hausdorff,
}
TAKES_A_MASK = {
    "mae": lambda image, mask: metrics.mae(image, image, mask),
    "psnr": lambda image, mask: metrics.psnr(image, image, mask, clip=None, data_range=1),
    "ssim": lambda image, mask: metrics.ssim(image, image, mask, clip=(0, 1), data_range=1),
}


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("name", TAKES_MASKS)
def test_a_mask_of_floats_is_refused_with_advice(name, kind):
    """Read as SDFs, disjoint cubes of ones are both empty (Dice 1 with empty=1) and equal ones are too (NaN)."""
    score = TAKES_MASKS[name]
    for a, b in ((LEFT.astype(kind), RIGHT.astype(kind)), (LEFT, RIGHT.astype(kind)), (LEFT.astype(kind), RIGHT)):
        with pytest.raises(ValueError, match=r"threshold.*array > 0\.5.*sdf=True"):
            score(a, b)
        with pytest.raises(ValueError, match=r"array > 0\.5"):
            score(torch.from_numpy(a), torch.from_numpy(b))


@pytest.mark.parametrize("name", TAKES_A_MASK)
def test_the_mask_of_an_image_is_read_alike(name):
    image = np.random.default_rng(0).random((8, 8, 8))
    with pytest.raises(ValueError, match=r"array > 0\.5"):
        TAKES_A_MASK[name](image, np.ones(image.shape))
    assert TAKES_A_MASK[name](image, np.full(image.shape, 7)) == TAKES_A_MASK[name](image, np.ones(image.shape, bool))


@pytest.mark.parametrize("name", TAKES_MASKS)
def test_an_sdf_scores_as_its_inside(name):
    score = TAKES_MASKS[name]
    sdfs = [np.where(mask, np.float32(-0.1), np.float32(0.1)) for mask in (LEFT, RIGHT)]
    expected = score(LEFT, RIGHT)
    assert score(*sdfs, sdf=True) == expected
    assert score(LEFT, sdfs[1], sdf=True) == expected, "a mask beside an SDF stays a mask"
    assert score(LEFT.astype(np.uint8), RIGHT, sdf=True) == expected
    sdfs[0][0, 0, 0] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        score(*sdfs, sdf=True)


@pytest.mark.parametrize("name", TAKES_MASKS)
def test_labels_together_are_one_mask(name):
    labels = LEFT * 1 + RIGHT * 3
    assert TAKES_MASKS[name](labels, LEFT | RIGHT) == TAKES_MASKS[name](LEFT | RIGHT, LEFT | RIGHT)
    assert TAKES_MASKS[name](labels == 3, LEFT) == TAKES_MASKS[name](RIGHT, LEFT)


def test_zero_is_outside_of_an_sdf_and_of_a_mask():
    assert inside(np.array([-1e-7, 0.0, -0.0, np.inf, -np.inf]), sdf=True).tolist() == [True, False, False, False, True]
    assert inside(np.array([-1, 0, 1, 255])).tolist() == [True, False, True, True]


@pytest.mark.parametrize("values", [np.array([1j]), np.array(["1"]), np.array([None])])
def test_other_values_are_refused(values):
    with pytest.raises(ValueError, match="expected a mask"):
        inside(values, sdf=True)

"""The constant label map."""

from __future__ import annotations

import numpy as np
import pytest
from segmentation_material import ArrayImages, anatomy, picture, request_for

from baselines.mean_label.method import MeanLabel, claims, constant_labels
from baselines.random.method import RandomExample
from baselines.training import NotFittedError


def test_of_equal_labels_it_is_those_labels(tmp_path) -> None:
    labels = anatomy()
    control = MeanLabel()
    control.fit(ArrayImages([labels] * 3, [picture(labels)] * 3), tmp_path)
    one = control.predict(request_for(picture(labels))).parts["labels"]
    np.testing.assert_array_equal(one, labels)
    other = control.predict(request_for(picture(anatomy((4, 0, 0))), "slices-4")).parts["labels"]
    np.testing.assert_array_equal(one, other)
    assert one.dtype == np.uint8


def test_the_mean_distance_of_slabs_is_the_slab_of_mean_position() -> None:
    """Half spaces x < a have distances that are linear in x: their mean is zero where x is the mean of a."""
    masks = np.zeros((3, 32, 4, 4), bool)
    for mask, end in zip(masks, (14, 16, 18), strict=True):
        mask[:end] = True
    inside, occupancy = claims(masks)
    np.testing.assert_array_equal(inside[:, 0, 0], np.arange(32) < 16)
    np.testing.assert_allclose(occupancy[[13, 14, 16, 18], 0, 0], [1, 2 / 3, 1 / 3, 0])


def test_structures_nobody_looked_for_are_not_learnt_as_absent() -> None:
    whole, half = anatomy(), anatomy()
    half[half == 2] = 0
    told = [[True, True], [True, False], [True, False], [True, False]]
    data = ArrayImages([whole, half, half, half], [picture(whole)] * 4, told)
    np.testing.assert_array_equal(constant_labels(data), whole)


def test_a_voxel_two_structures_claim_goes_to_the_more_frequent() -> None:
    one, two = np.zeros((32,) * 3, np.uint8), np.zeros((32,) * 3, np.uint8)
    one[8:20, 8:20, 8:20], two[8:20, 8:20, 8:20] = 1, 2
    data = ArrayImages([one, one, two], [picture(one)] * 3)
    assert set(np.unique(constant_labels(data))) <= {0, 1}


def test_random_returns_labels_of_a_training_case(tmp_path) -> None:
    maps = [anatomy((k, 0, 0)) for k in range(3)]
    control = RandomExample()
    control.fit(ArrayImages(maps, [picture(m) for m in maps]), tmp_path)
    found = control.predict(request_for(picture(maps[0]))).parts["labels"]
    assert any((found == each).all() for each in maps)


def test_predicting_before_fitting_is_refused() -> None:
    with pytest.raises(NotFittedError, match="call fit before predict"):
        MeanLabel().predict(request_for(picture(anatomy())))

"""The nearest image: agreement, shifts, and which case is taken."""

from __future__ import annotations

import numpy as np
import pytest
from segmentation_material import ArrayImages, anatomy, dice, picture, request_for

from baselines.nearest_image.agreement import BINS, Agreement, mutual_information, shifted
from baselines.nearest_image.method import NearestImage
from baselines.segmenting import complete_first


def test_mutual_information_of_known_distributions() -> None:
    same = np.arange(4096) % BINS
    assert mutual_information(same, same) == pytest.approx(2)
    assert mutual_information(same, BINS - 1 - same) == pytest.approx(2)  # any one-to-one map of intensities
    assert mutual_information(same, np.arange(4096) // BINS % BINS) == pytest.approx(1)  # independent
    assert mutual_information(same, np.zeros(4096, np.int64)) == pytest.approx(1)
    assert mutual_information(same[:0], same[:0]) == 1
    # A two-valued variable seen through a table that merges nothing but halves what is known: H = ln 4, ln 2, ln 4
    assert mutual_information(same % 4, same % 4 // 2) == pytest.approx((np.log(4) + np.log(2)) / np.log(4))


@pytest.mark.parametrize("degradation", ["whole", "lowres-x4", "slices-8", "noisy"])
@pytest.mark.parametrize("levels", [(0.0, 300.0, 700.0), (900.0, 100.0, 400.0)])
def test_a_shift_is_found_through_any_operator_and_contrast(degradation: str, levels: tuple[float, ...]) -> None:
    labels = anatomy()
    observed = request_for(picture(anatomy((3, -2, 0)), levels), degradation).observation
    _, shift = Agreement(observed).best_shift(picture(labels, seed=1))
    assert shift == (3, -2, 0)


def test_the_case_of_the_same_size_is_taken_and_moved(tmp_path) -> None:
    maps = [anatomy(scale=scale) for scale in (0.8, 1.0, 1.2)]
    control = NearestImage()
    control.fit(ArrayImages(maps, [picture(m, seed=k) for k, m in enumerate(maps)]), tmp_path)
    truth = anatomy((2, 1, -1), scale=1.2)
    found = control.predict(request_for(picture(truth, (800.0, 100.0, 400.0), seed=9), modality="mr")).parts["labels"]
    np.testing.assert_array_equal(found, shifted(maps[2], (2, 1, -1)))
    assert dice(found, truth, 1) > 0.95


def test_incomplete_cases_are_used_only_where_there_are_no_others() -> None:
    maps = [anatomy()] * 3
    some = ArrayImages(maps, maps, [[True, False], [True, True], [False, True]])
    assert complete_first(some) == [1]
    assert complete_first(ArrayImages(maps, maps, [[True, False]] * 3)) == [0, 1, 2]

"""Total mutual difference by hand and against the published codes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from golden_sets import golden_sets
from scipy.spatial.distance import cdist

from benchmark.metrics import chamfer
from benchmark.metrics.diversity import TMD_GENMED, TMD_MPC, total_mutual_difference

GOLDEN = json.loads((Path(__file__).parent / "data" / "golden_public_metrics.json").read_text())


@pytest.fixture(scope="module")
def completions():
    return golden_sets()["completions/generated"].astype(np.float64)


def at(*places):
    """Clouds of one point on the x axis: between two of them CD is twice the squared distance."""
    return np.array([[[place, 0.0, 0.0]] for place in places])


def test_by_hand():
    assert total_mutual_difference(at(0, 1)) == 4  # each has 2 to the other
    assert total_mutual_difference(at(0, 1, 3)) == (2 + 18 + 8) * 2 / 2
    assert total_mutual_difference(at(0, 1, 3), reduce="mean") == (2 + 18 + 8) / 3
    assert total_mutual_difference(at(0, 1, 3), reduce="mean", squared=False) == (2 + 6 + 4) / 3
    assert total_mutual_difference(at(2, 2, 2)) == 0


def test_equals_mpc(completions):
    expected = GOLDEN["MPC"]["values"]["completions"]
    got = total_mutual_difference(completions)
    np.testing.assert_allclose(got, expected["TMD per shape"], rtol=1e-9)
    assert got.mean() == pytest.approx(expected["TMD"], rel=1e-9)


def test_equals_the_unused_function_of_genmed(completions):
    values = GOLDEN["GenMed"]["values"]["completions"]["float64"]
    expected = values["compute_tmd per shape (unused: mean pair, unsquared)"]
    got = total_mutual_difference(completions, reduce="mean", squared=False)
    np.testing.assert_allclose(got, expected, rtol=1e-9)


def test_equals_full_matrices_in_any_order():
    rng = np.random.default_rng(0)
    clouds = [rng.normal(size=(count, 3)) for count in (7, 9, 12, 5)]
    pairs = []
    for i in range(4):
        for j in range(i):
            squared = cdist(clouds[i], clouds[j], "sqeuclidean")
            pairs.append(squared.min(axis=0).mean() + squared.min(axis=1).mean())
    assert float(total_mutual_difference(clouds)) == pytest.approx(sum(pairs) * 2 / 3, rel=1e-12)
    assert float(total_mutual_difference(tuple(clouds[::-1]))) == pytest.approx(4 * np.mean(pairs), rel=1e-12)
    assert float(total_mutual_difference(clouds[:2])) == pytest.approx(2 * float(chamfer(*clouds[:2])), rel=1e-12)


def test_batches_and_torch(completions):
    few = completions[:4, :3, :20].reshape(2, 2, 3, 20, 3)
    got = total_mutual_difference(few)
    assert got.shape == (2, 2)
    assert got[1, 0] == total_mutual_difference(few[1, 0])
    np.testing.assert_array_equal(total_mutual_difference(list(np.moveaxis(few, 2, 0))), got)
    tensor = total_mutual_difference(torch.from_numpy(few).requires_grad_())
    assert isinstance(tensor, torch.Tensor)
    np.testing.assert_array_equal(tensor.numpy(), got)
    assert isinstance(total_mutual_difference(list(torch.from_numpy(few[0, 0]))), torch.Tensor)


def test_signatures():
    assert TMD_MPC == "tmd|mpc|cd:l2-squared|directions:sum|reduce:sum-of-means|v1"
    assert TMD_GENMED == "tmd|genmed|cd:l2|directions:sum|reduce:mean-over-pairs|v1"


@pytest.mark.parametrize(
    ("completions", "options", "complaint"),
    [
        (at(0), {}, "at least two"),
        ([], {}, "at least two"),
        (at(0, 1)[0], {}, "shape"),
        (at(0, 1), {"reduce": "sum"}, "reduce"),
        (at(0, np.nan), {}, "finite"),
        (np.zeros((2, 0, 3)), {}, "without points"),
        ([np.zeros((2, 4, 3)), np.zeros((3, 4, 3))], {}, "batches differ"),
    ],
)
def test_bad_input_is_refused(completions, options, complaint):
    with pytest.raises(ValueError, match=complaint):
        total_mutual_difference(completions, **options)

"""The accelerator's path gives the bits of the CPU's; it is plain torch, so most of it can be tested on a CPU."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark import metrics
from benchmark.metrics.clouds.on_device import nearest_squared_on_device
from benchmark.metrics.clouds.pairs import nearest_squared_both_ways


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(1, 90), st.integers(1, 90), st.integers(1, 200),
    st.sampled_from([np.float32, np.float64]),
)  # fmt: skip
def test_bits_of_the_compiled_search_whatever_the_slices(seed, batch, p, q, slices, dtype):
    rng = np.random.default_rng(seed)
    a, b = (rng.normal(size=(batch, n, 3)).astype(dtype) + dtype(3) for n in (p, q))
    forth, back = nearest_squared_on_device(torch.from_numpy(a), torch.from_numpy(b), 3 * q * a.itemsize * slices)
    for index in range(batch):
        wanted_forth, wanted_back = nearest_squared_both_ways(a[index], b[index])
        np.testing.assert_array_equal(forth[index], wanted_forth)
        np.testing.assert_array_equal(back[index], wanted_back)


def test_too_little_memory_is_said():
    a = torch.zeros(1, 5, 3)
    with pytest.raises(ValueError, match="max_bytes=59 is too little for 5 points; 60 is the least"):
        nearest_squared_on_device(a, a, 59)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_cuda_equals_cpu(dtype):
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.randn(3, n, 3, generator=generator, dtype=dtype) for n in (2048, 1500))
    for function in (metrics.chamfer, metrics.hausdorff, metrics.unidirectional_hausdorff):
        there = function(a.cuda(), b.cuda())
        assert there.is_cuda
        assert torch.equal(there.cpu(), function(a, b))
    ours = metrics.generation_scores(a.cuda(), b.cuda())
    assert ours.as_dict() == metrics.generation_scores(a, b).as_dict()

"""Packed masks: counts by hand, and to the last bit the Dice of unpacked masks."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from benchmark.metrics.overlap import dice
from benchmark.metrics.packed import pack, packed_dice, pairwise_packed_dice
from benchmark.metrics.voxels.words import pack_rows, shift_down, shift_up, unpack_rows


@st.composite
def batches(draw):
    shape = draw(array_shapes(min_dims=1, max_dims=3, max_side=9))
    return draw(arrays(bool, (3, *shape))), draw(arrays(bool, (3, *shape)))


def test_by_hand():
    squares = np.zeros((3, 8, 8), bool)
    squares[0, 2:6, 2:6] = squares[1, 3:7, 2:6] = squares[2, 3:7, 3:7] = True
    packed = pack(squares)
    assert packed.counts.tolist() == [16, 16, 16]
    assert (len(packed), packed.shape) == (3, (8, 8))
    expected = [[1, 2 * 12 / 32, 2 * 9 / 32], [2 * 12 / 32, 1, 2 * 12 / 32], [2 * 9 / 32, 2 * 12 / 32, 1]]
    np.testing.assert_array_equal(pairwise_packed_dice(packed, packed), expected)
    np.testing.assert_array_equal(packed_dice(packed, pack(squares[[1, 2, 0]])), [0.75, 0.75, 2 * 9 / 32])


@given(batches(), st.sampled_from(["nan", 0, 1]))
@settings(deadline=None)
def test_equals_dice_bit_for_bit(masks, empty):
    a, b = (pack(each) for each in masks)
    np.testing.assert_array_equal(packed_dice(a, b, empty), dice(*masks, empty, batched=True))
    each_with_each = [[float(dice(p, q, empty)) for q in masks[1]] for p in masks[0]]
    np.testing.assert_array_equal(pairwise_packed_dice(a, b, empty), each_with_each)


@pytest.mark.parametrize("voxels", [63, 64, 65, 64 * 1024 - 1, 64 * 1024, 200_000])
def test_sizes_around_words_and_blocks(voxels):
    masks = np.random.default_rng(voxels).random((4, voxels)) < 0.4
    each_with_each = [[float(dice(p, q)) for q in masks[1:]] for p in masks]
    np.testing.assert_array_equal(pairwise_packed_dice(pack(masks), pack(masks[1:])), each_with_each)


@pytest.mark.parametrize(("empty", "expected"), [("nan", np.nan), (0, 0.0), (1, 1.0)])
def test_empty_rules(empty, expected):
    nothing, something = pack(np.zeros((1, 4), bool)), pack(np.array([[True, False, False, False]]))
    np.testing.assert_equal(packed_dice(nothing, nothing, empty), [expected])
    np.testing.assert_equal(pairwise_packed_dice(nothing, nothing, empty), [[expected]])
    for pair in ((nothing, something), (something, nothing)):
        assert packed_dice(*pair, empty) == 0


def test_kinds_of_input():
    masks = np.random.default_rng(0).integers(0, 3, (2, 5, 6, 7))
    expected = pack(masks != 0)
    for same in (masks, torch.from_numpy(masks), np.asfortranarray(masks), masks.astype(np.uint8)):
        np.testing.assert_array_equal(pack(same).words, expected.words)


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="threshold"):
        pack(np.zeros((2, 3)))
    with pytest.raises(ValueError, match="expected masks of shape"):
        pack(np.zeros(3, bool))
    two, three, other = (pack(np.zeros(shape, bool)) for shape in ((2, 4), (3, 4), (2, 5)))
    with pytest.raises(ValueError, match="cannot be paired"):
        packed_dice(two, three)
    for score in (packed_dice, pairwise_packed_dice):
        with pytest.raises(ValueError, match="shapes differ"):
            score(two, other)


@given(arrays(bool, st.tuples(st.integers(1, 3), st.integers(1, 140))))
def test_rows_unpack_and_shift(mask):
    rows, length = pack_rows(mask), mask.shape[1]
    assert unpack_rows(rows).shape[1] > length
    np.testing.assert_array_equal(unpack_rows(rows)[:, :length], mask)
    assert not unpack_rows(rows)[:, length:].any()
    np.testing.assert_array_equal(unpack_rows(shift_up(rows))[:, 1 : length + 1], mask)
    assert not unpack_rows(shift_up(rows))[:, 0].any()
    np.testing.assert_array_equal(unpack_rows(shift_down(rows))[:, : length - 1], mask[:, 1:])

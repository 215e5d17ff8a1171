"""Arrays by their Space: what is refused and why, the bytes on disk, and how many there can be."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from benchmark import spaces
from benchmark.contract import Grid, Prediction, Space
from benchmark.spaces import (
    OCCUPANCY,
    SDF,
    check_space,
    from_stored,
    most_bytes,
    prediction_problem,
    problem_of,
    shape_of,
    stored_form,
    stored_type,
    to_stored,
)

GRID = Grid((2, 3, 4), ((2.0, 0, 0, 0), (0, 1.0, 0, 0), (0, 0, 1.0, 0), (0, 0, 0, 1.0)))
HU = Space("image", "float32", unit="HU", limits=(-1024.0, 3071.0))
FREE = Space("image", "float32")
TWO_CHANNELS = Space("image", "float32", names=("flair", "t1"))
ORGANS = Space("labels", "uint8", names=("liver", "spleen"))
MANY = Space("labels", "int64", names=tuple(map(str, range(300))))
CLOUD = Space("points", "float32", unit="mm")
CHOICE = Space("choice", "int64", names=("yes", "no", "maybe"))
ALL = (SDF, OCCUPANCY, HU, FREE, TWO_CHANNELS, ORGANS, MANY, CLOUD, CHOICE)


def full(value, dtype="float32", shape=GRID.shape):
    return np.full(shape, value, dtype)


@pytest.mark.parametrize(
    ("space", "array", "problem"),
    [
        (SDF, full(-0.1), None),
        (SDF, full(-1e30), None),  # truncated, whatever it is
        (SDF, full(-0.1, "float16"), None),
        (SDF, full(-1, "int32"), "wrong_type"),
        (SDF, [[-0.1]], "wrong_type"),
        (SDF, full(-0.1).astype(object), "wrong_type"),
        (SDF, full(-0.1).astype(complex), "wrong_type"),
        (SDF, full(-0.1, shape=(2, 3, 5)), "wrong_shape"),
        (SDF, full(-0.1, shape=(1, 2, 3, 4)), "wrong_shape"),
        (SDF, full(np.nan), "not_finite"),
        (SDF, full(-np.inf), "not_finite"),
        (SDF, full(0.1), "empty"),
        (SDF, full(-0.0), "empty"),
        (Space("sdf", "float32"), full(-7e4), "out_of_range"),  # more than half precision holds
        (OCCUPANCY, full(0.7), None),
        (OCCUPANCY, full(1.0), None),
        (OCCUPANCY, full(0.5), "empty"),
        (OCCUPANCY, full(0.5001), "empty"),  # 0.5 as it is stored
        (OCCUPANCY, full(1.01), "out_of_range"),
        (OCCUPANCY, full(-0.01), "out_of_range"),
        (OCCUPANCY, full(True, bool), "wrong_type"),
        (HU, full(-1024.0), None),
        (HU, full(3071.5), "out_of_range"),
        (HU, full(-1e9), "out_of_range"),
        (HU, full(np.nan), "not_finite"),
        (HU, full(40, "int16"), "wrong_type"),
        (FREE, full(3e38), None),
        (FREE, full(65504.0, "float16"), None),
        (FREE, full(1e39, "float64"), "out_of_range"),
        (FREE, full(1e300, "float64"), "out_of_range"),
        (TWO_CHANNELS, full(0.0, shape=(2, *GRID.shape)), None),
        (TWO_CHANNELS, full(0.0), "wrong_shape"),
        (ORGANS, full(0, "uint8"), None),
        (ORGANS, full(2, "int64"), None),
        (ORGANS, full(3, "uint8"), "out_of_range"),
        (ORGANS, full(-1, "int8"), "out_of_range"),
        (ORGANS, full(2**64 - 1, "uint64"), "out_of_range"),
        (ORGANS, full(1.0), "wrong_type"),
        (ORGANS, full(True, bool), "wrong_type"),
        (MANY, full(300, "int32"), None),
        (MANY, full(301, "int32"), "out_of_range"),
        (CLOUD, full(1.0, shape=(7, 3)), None),
        (CLOUD, full(1.0, shape=(7, 2)), "wrong_shape"),
        (CLOUD, full(1.0, shape=(0, 3)), "empty"),
        (CLOUD, full(np.inf, shape=(7, 3)), "not_finite"),
        (CLOUD, full(1e39, "float64", (7, 3)), "out_of_range"),  # would be stored as infinity
        (CLOUD, np.broadcast_to(np.float32(1), (spaces.MOST_POINTS + 1, 3)), "wrong_shape"),
        (CHOICE, np.array(2), None),
        (CHOICE, np.int32(0), None),
        (CHOICE, np.array(3), "out_of_range"),
        (CHOICE, np.array(-1), "out_of_range"),
        (CHOICE, np.array([1]), "wrong_shape"),
        (CHOICE, np.array(1.0), "wrong_type"),
        (CHOICE, 1, "wrong_type"),
        (CHOICE, "yes", "wrong_type"),
    ],
)
def test_problems(space, array, problem):
    assert problem_of(array, space, GRID) == problem


def test_an_open_axis_is_no_way_around_the_most_that_is_stored():
    row = Space("image", "float32", (None,))
    long = np.broadcast_to(np.float32(1), (spaces.MOST_POINTS + 1,))
    assert problem_of(long[:-1], row, None) is None
    assert most_bytes(row, None) == to_stored(long[:-1], row).nbytes
    assert problem_of(long, row, None) == "wrong_shape"


def test_shapes():
    assert [shape_of(space, GRID) for space in (SDF, TWO_CHANNELS, ORGANS, CLOUD, CHOICE)] == [
        (2, 3, 4), (2, 2, 3, 4), (2, 3, 4), (None, 3), ()
    ]  # fmt: skip
    assert shape_of(Space("image", "float32", (5, None)), GRID) == (5, None)
    assert shape_of(CLOUD, None) == (None, 3)
    with pytest.raises(ValueError, match="the case has none"):
        shape_of(ORGANS, None)


def test_stored_bytes_by_hand():
    # Half precision of -0.1 is 0xAE66, of 0.2 0x3266 (0.19995), of the smallest number below zero 0x8001.
    sdf = np.array([-0.1, 0.7, -1e-12, 0.0, -0.0, -9.0], "float32")
    line = Space("sdf", "float32", (6,), limits=(-0.2, 0.2))
    assert to_stored(sdf, line).tobytes() == bytes.fromhex("66ae 6632 0180 0000 0000 66b2")
    assert to_stored(np.array([0.5, 1.0], "float64"), OCCUPANCY).tobytes() == bytes.fromhex("0038 003c")
    assert to_stored(np.array([1.5, -0.0], "float64"), HU).tobytes() == bytes.fromhex("0000c03f 00000000")
    assert to_stored(np.array([[1.0, 2.0, -2.0]], ">f8"), CLOUD).tobytes() == bytes.fromhex(
        "0000803f 00000040 000000c0"
    )
    assert to_stored(np.array([0, 2], "int64"), ORGANS).tobytes() == bytes([0, 2])
    assert to_stored(np.array([1, 258], "int64"), MANY).tobytes() == bytes([1, 0, 2, 1])
    assert to_stored(np.int64(2), CHOICE).tobytes() == bytes([2])


def test_the_smallest_integers_that_hold_all_names():
    def kind(names, of="labels"):
        return str(stored_type(Space(of, "int64", names=tuple(map(str, range(names))))))

    assert [kind(2), kind(255), kind(256)] == ["uint8", "uint8", "uint16"]
    last = Space("labels", "int64", (1,), tuple(map(str, range(255))))
    assert problem_of(np.array([255]), last, None) is None
    assert stored_form(np.array([255]), last).tolist() == [255]


def test_most_bytes_by_hand():
    assert [most_bytes(space, GRID) for space in ALL] == [
        48, 48, 96, 96, 192, 24, 48, 12 * spaces.MOST_POINTS, 1
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("space", "complaint"),
    [
        (Space("mesh", "float32"), "not 'mesh'"),
        (Space("labels", "uint8"), "needs the names"),
        (Space("choice", "int64"), "needs the names"),
        (Space("labels", "float32", names=("a",)), "cannot be of type float32"),
        (Space("sdf", "int16"), "cannot be of type int16"),
    ],
)
def test_spaces_that_make_no_sense(space, complaint):
    with pytest.raises(ValueError, match=complaint):
        check_space(space)


def test_spaces_that_make_sense():
    assert [check_space(space) for space in ALL] == list(ALL)


def test_parts_that_are_missing_or_that_nobody_asked_for():
    outputs = {"image": HU, "labels": ORGANS}
    image, labels = full(0.0), full(1, "uint8")
    assert prediction_problem(Prediction({"labels": labels, "image": image}), outputs, GRID) is None
    assert prediction_problem(Prediction({"image": image}), outputs, GRID) == "missing_part"
    extra = {"image": image, "labels": labels, "confidence": image}
    assert prediction_problem(Prediction(extra), outputs, GRID) == "unknown_part"
    assert prediction_problem(Prediction({"image": image, "labels": labels + 2}), outputs, GRID) == "out_of_range"
    assert prediction_problem({"image": image, "labels": labels}, outputs, GRID) == "wrong_type"
    assert prediction_problem(Prediction([image, labels]), outputs, GRID) == "wrong_type"


FINITE = {"allow_nan": False, "allow_infinity": False}


def arrays_of(space):
    shape = tuple(3 if size is None else size for size in shape_of(space, GRID))
    if space.kind in ("labels", "choice"):
        most = len(space.names) - (space.kind == "choice")
        return hnp.arrays(np.int64, shape, elements=st.integers(0, most))
    values = {
        "sdf": st.floats(width=64, **FINITE) | st.floats(-1e-6, 1e-6),
        "occupancy": st.floats(0, 1),
        "image": st.floats(*(space.limits or (-1e30, 1e30))),
        "points": st.floats(-1e30, 1e30),
    }
    return hnp.arrays(np.float64, shape, elements=values[space.kind])


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_what_is_stored_is_stored_again_as_it_is(data):
    space = data.draw(st.sampled_from((*ALL, Space("image", "float64", limits=(-0.7, 0.1)))))
    array = data.draw(arrays_of(space))
    if problem_of(array, space, GRID) is not None:
        return
    form = stored_form(array, space)
    assert form.dtype == space.dtype
    assert form.shape == array.shape
    assert problem_of(form, space, GRID) is None
    assert stored_form(form, space).tobytes() == form.tobytes()
    assert to_stored(array, space).nbytes <= most_bytes(space, GRID)
    assert from_stored(to_stored(array, space), space).tobytes() == form.tobytes()
    if space.kind in ("labels", "choice"):
        np.testing.assert_array_equal(form, array)


@settings(max_examples=200, deadline=None)
@given(arrays_of(SDF))
def test_no_voxel_of_a_distance_changes_sides(array):
    form = stored_form(array, SDF)
    np.testing.assert_array_equal(form < 0, array < 0)
    assert not np.signbit(form[form == 0]).any()
    np.testing.assert_allclose(form, np.clip(array, -0.2, 0.2), atol=2**-13)


def test_a_half_is_not_more_than_a_half_wherever_it_was_rounded():
    for value in (0.5, 0.50001, math.nextafter(0.5, 1)):
        assert problem_of(full(value, "float64"), OCCUPANCY, GRID) == "empty"
        assert not (stored_form(full(value, "float64"), OCCUPANCY) > 0.5).any()

"""Forward operators against numpy, their gradients against finite differences, and what pins them in a record."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import torch

from benchmark.contract import Observation, Space
from benchmark.observations import (
    AveragePool,
    Compose,
    Crop,
    Identity,
    Planes,
    Slices,
    Sphere,
    SphereDamage,
    observation_hash,
)

SHAPE = (4, 6, 8)
OPERATORS = (
    Identity(),
    AveragePool(2),
    Slices(0, (0, 3)),
    Slices(1, (5, 2, 2)),
    Slices(2, (7,)),
    Crop((1, 0, 2), (3, 6, 7)),
    Planes(((1,), (), (0, 7)), sharpness=3.0),
    SphereDamage((Sphere((1, 2, 3), 1.3, carve=False), Sphere((2, 4, 5), 1.7, carve=True))),
    Compose((Crop((0, 0, 0), (2, 4, 8)), AveragePool(2), Slices(2, (3, 1)))),
    Compose((AveragePool(2), Crop((0, 0, 0), (2, 2, 4)))),
    Compose(()),
)


@pytest.fixture
def part():
    return np.random.default_rng(0).normal(size=(2, 3, *SHAPE))


def read(operator, part):
    return operator(torch.from_numpy(part)).numpy()


def test_average_pool_is_the_mean_of_each_cube(part):
    blocks = part.reshape(2, 3, 2, 2, 3, 2, 4, 2).mean(axis=(3, 5, 7))
    np.testing.assert_allclose(read(AveragePool(2), part), blocks, rtol=1e-12)
    np.testing.assert_array_equal(read(AveragePool(1), part), part)
    with pytest.raises(ValueError, match=r"cubes of 3 voxels do not fill a grid of \(4, 6, 8\)"):
        AveragePool(3)(torch.from_numpy(part))


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_slices_are_numpys_take_along_the_axis_of_the_grid(axis, part):
    for indices in ((0,), (3, 1, 1)):
        expected = np.take(part, indices, axis=axis + 2)
        np.testing.assert_array_equal(read(Slices(axis, indices), part), expected)
        np.testing.assert_array_equal(read(Slices(axis, indices), part[0, 0]), expected[0, 0])


def test_crop_is_numpys_slicing(part):
    np.testing.assert_array_equal(read(Crop((1, 0, 2), (3, 6, 7)), part), part[:, :, 1:3, 0:6, 2:7])
    np.testing.assert_array_equal(read(Crop((0, 0, 0), SHAPE), part), part)


def test_compose_does_the_first_first(part):
    pooled = part[..., :2, :4, :].reshape(2, 3, 1, 2, 2, 2, 4, 2).mean(axis=(3, 5, 7))
    chain = Compose((Crop((0, 0, 0), (2, 4, 8)), AveragePool(2), Slices(2, (3, 1))))
    np.testing.assert_allclose(read(chain, part), pooled[..., [3, 1]], rtol=1e-12)
    np.testing.assert_array_equal(read(Compose(()), part), part)


@pytest.mark.parametrize("operator", OPERATORS, ids=lambda operator: operator.declared()["operator"])
def test_leading_axes_and_types_are_kept(operator, part):
    whole = read(operator, part)
    assert whole.shape[:2] == (2, 3)
    for i in range(2):
        for j in range(3):
            np.testing.assert_allclose(read(operator, part[i, j]), whole[i, j], rtol=1e-12)
    assert operator(torch.from_numpy(part).float()).dtype == torch.float32


@pytest.mark.parametrize("operator", OPERATORS, ids=lambda operator: operator.declared()["operator"])
def test_gradients(operator):
    part = torch.from_numpy(np.random.default_rng(1).normal(size=SHAPE)).requires_grad_()
    assert torch.autograd.gradcheck(operator, (part,))


def test_operators_declare_themselves_as_json_and_differ_where_they_do():
    others = (
        AveragePool(3),
        Slices(0, (3, 0)),
        Slices(1, (0, 3)),
        Crop((1, 0, 2), (3, 6, 8)),
        Crop((0, 0, 2), (3, 6, 7)),
        Planes(((1,), (0, 7), ()), sharpness=3.0),
        Planes(((1,), (), (0, 7)), sharpness=4.0),
        SphereDamage((Sphere((1, 2, 3), 1.3, carve=True), Sphere((2, 4, 5), 1.7, carve=True))),
        Compose((Crop((0, 0, 0), (2, 2, 4)), AveragePool(2))),
        Compose((Identity(),)),
        Compose((AveragePool(2),)),
    )
    texts = [json.dumps(operator.declared(), sort_keys=True, allow_nan=False) for operator in (*OPERATORS, *others)]
    assert len(set(texts)) == len(texts)
    again = [json.dumps(dataclasses.replace(operator).declared(), sort_keys=True) for operator in (*OPERATORS, *others)]
    assert again == texts
    for operator, text in zip(OPERATORS, texts, strict=False):
        assert json.loads(text) == operator.declared()  # lists, not tuples: the same after it was read


SPACE = Space("image", "float32", names=("a", "b"), unit="HU", limits=(0.0, 1.0))


def observation():
    value = np.arange(8, dtype=np.float32).reshape(2, 2, 2)
    return Observation("image", AveragePool(2), value, value > 2, True, SPACE, {"dose": [1, {"kv": 80}]})


def moved(array):
    changed = array.copy()
    changed.flat[0] = 1 - changed.flat[0]
    return changed


@pytest.mark.parametrize(
    "changes",
    [
        {"part": "labels"},
        {"operator": AveragePool(4)},
        {"operator": Identity()},
        {"value": moved(observation().value)},
        {"value": observation().value.reshape(2, 4, 1), "mask": observation().mask.reshape(2, 4, 1)},
        {"value": observation().value.astype(np.float64)},
        {"mask": moved(observation().mask)},
        {"exact": False},
        {"parameters": {"dose": [1, {"kv": 81}]}},
        {"parameters": {}},
        {"space": dataclasses.replace(SPACE, kind="points")},
        {"space": dataclasses.replace(SPACE, dtype="float64")},
        {"space": dataclasses.replace(SPACE, shape=(2, 2, 2))},
        {"space": dataclasses.replace(SPACE, names=("b", "a"))},
        {"space": dataclasses.replace(SPACE, unit="mm")},
        {"space": dataclasses.replace(SPACE, limits=None)},
    ],
    ids=lambda changes: "+".join(changes),
)
def test_the_hash_of_an_observation_depends_on_all_of_it(changes):
    assert observation_hash([dataclasses.replace(observation(), **changes)]) != observation_hash([observation()])


def test_the_hash_is_of_content_and_of_all_observations_in_order():
    one, other = observation(), dataclasses.replace(observation(), part="labels")
    assert observation_hash([one]) == observation_hash([observation()])
    reordered = dataclasses.replace(one, value=np.asfortranarray(one.value), mask=np.asfortranarray(one.mask))
    assert observation_hash([reordered]) == observation_hash([one])
    swapped = dataclasses.replace(one, value=one.value.astype(">f4"))
    assert observation_hash([swapped]) == observation_hash([one])
    found = [observation_hash(each) for each in ([], [one], [one, one], [one, other], [other, one])]
    assert len(set(found)) == 5

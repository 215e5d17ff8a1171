"""Slices: where values lie, 8 bits and their windows, packing, and the pictures of a segmentation case."""

from __future__ import annotations

import base64
import re
import struct
from importlib.resources import files

import numpy as np
import pytest
import torch
import volume_sets

from benchmark.contract import Grid, Prediction
from benchmark.data.volumes.writing import PreparedCase
from benchmark.drawing.picture import STRUCTURE_COLOURS
from benchmark.drawing.scene import PAINTS, structure_paint
from benchmark.drawing.slices import (
    pack_image,
    pack_labels,
    raster,
    start_of,
    unpack_image,
    unpack_labels,
)
from benchmark.observations.operators import AveragePool, Compose, Crop, Identity, Planes, Slices
from benchmark.observations.places import places_of
from benchmark.tasks import family_of, find_task

SHAPE = (8, 12, 16)


class Blur:
    """Means of three neighbours along z: values overlap."""

    def __call__(self, part):
        return (part[..., :-2] + part[..., 1:-1] + part[..., 2:]) / 3

    def declared(self):
        return {"operator": "blur"}


class Turned:
    """The other way round along x."""

    def __call__(self, part):
        return part.flip(-3)

    def declared(self):
        return {"operator": "turned"}


class Projection:
    """A mean over everything along y."""

    def __call__(self, part):
        return part.mean(-2)

    def declared(self):
        return {"operator": "projection"}


class Twisted:
    """Two axes exchanged: nothing that runs along the axes of the case."""

    def __call__(self, part):
        return part.transpose(-3, -2)

    def declared(self):
        return {"operator": "twisted"}


EXACT = [
    Identity(), AveragePool(2), AveragePool(4), Slices(2, (0, 5, 15)), Slices(0, (7, 2)), Crop((1, 2, 3), (7, 9, 16)),
    Compose((Crop((0, 0, 4), (8, 12, 12)), AveragePool(4))), Compose((AveragePool(2), Slices(1, (1, 4)))), Turned(),
]  # fmt: skip


@pytest.mark.parametrize("operator", EXACT, ids=lambda each: str(each.declared()))
def test_a_voxel_lies_in_the_value_that_changes_when_it_changes(operator):
    """Against the operator's own derivative: which values depend on a voxel."""
    part = torch.zeros(SHAPE, dtype=torch.float64)
    shape = tuple(operator(part).shape)
    places = places_of(operator, SHAPE, shape)
    rng = np.random.default_rng(0)
    for voxel in rng.integers(0, SHAPE, (40, 3)):
        changed = part.clone()
        changed[tuple(voxel)] = 1.0
        depends = np.argwhere(operator(changed).numpy() != 0)
        own = [places[axis][voxel[axis]] for axis in range(3)]
        if len(depends):
            (where,) = depends
            assert own == where.tolist()
        else:
            assert -1 in own


def test_values_that_overlap_go_to_the_nearest():
    places = places_of(Blur(), (2, 2, 5), (2, 2, 3))
    assert places == ((0, 1), (0, 1), (0, 0, 1, 2, 2))


@pytest.mark.parametrize(
    "operator", [Projection(), Twisted(), Planes(((1,), (), ()))], ids=lambda each: type(each).__name__
)
def test_what_reads_no_voxels_along_the_axes_has_no_places(operator):
    shape = (4, 4, 4)
    assert places_of(operator, shape, tuple(operator(torch.zeros(shape)).shape)) is None


def test_images_and_labels_come_back_from_their_packing():
    rng = np.random.default_rng(1)
    image = rng.integers(0, 256, SHAPE).astype(np.uint8)
    assert (unpack_image(pack_image(image), SHAPE) == image).all()
    labels = (rng.random(SHAPE) > 0.8).astype(np.uint8) * rng.integers(1, 251, SHAPE).astype(np.uint8)
    assert (unpack_labels(pack_labels(labels), SHAPE) == labels).all()
    empty = np.zeros((70, 70, 70), np.uint8)  # a run of more than 16 bits
    assert (unpack_labels(pack_labels(empty), empty.shape) == 0).all()
    assert len(pack_labels(empty)) < 60
    assert pack_image(image) == pack_image(image.copy())


def whole(shape):
    return tuple(tuple(range(side)) for side in shape)


def test_grey_levels_are_values_within_half_a_step():
    rng = np.random.default_rng(2)
    values = rng.normal(40, 300, SHAPE)
    mask = rng.random(SHAPE) > 0.1
    made = raster(values, mask, whole(SHAPE), "HU", (-250.0, 800.0))
    assert ((made.values == 0) == ~mask).all()
    inner = mask & (values >= made.low) & (values <= made.high)
    back = made.low + (made.values.astype(float) - 1) * (made.high - made.low) / 254
    assert np.abs(back - values)[inner].max() <= (made.high - made.low) / 254 / 2 + 1e-9
    assert inner.sum() > 0.99 * mask.sum()
    assert [each.name for each in made.windows] == [
        "declared", "percentiles", "bone", "soft tissue", "lung", "everything",
    ]  # fmt: skip
    low, high = np.percentile(values[mask], (1, 99))
    assert (made.windows[1].low, made.windows[1].high) == pytest.approx((low, high))


@pytest.mark.parametrize("values", [np.full(SHAPE, 7.0), np.full(SHAPE, np.nan)])
def test_constant_and_unreadable_images_are_drawn_all_the_same(values):
    made = raster(values, np.ones(SHAPE, bool), whole(SHAPE))
    assert made.high > made.low
    assert all(each.high > each.low for each in made.windows)
    assert set(np.unique(made.values)) <= {0, 1}


def test_the_first_voxel_is_observed_and_amid_the_labels():
    labels = np.zeros(SHAPE, np.uint8)
    labels[2:4, 6:9, 10:13] = 1
    places = (tuple(range(8)), tuple(range(12)), (0, *[-1] * 13, 1, 2))
    assert start_of(labels, None)[1:] == (7, 11)
    assert start_of(labels, places)[2] == 14
    assert start_of(np.zeros(SHAPE, np.uint8), None) in {(3, 5, 7), (4, 6, 8), (3, 6, 8)}


def test_colours_of_structures_are_those_of_the_style_sheet():
    style = files("benchmark.report").joinpath("static", "slices.css").read_text("utf-8")
    found = dict(re.findall(r"--structure-(\d+): #([0-9a-f]{6});", style))
    assert [tuple(bytes.fromhex(found[str(i)])) for i in range(PAINTS)] == list(STRUCTURE_COLOURS)
    assert structure_paint(PAINTS) == structure_paint(0)


# The pictures of a case


def boxes(tmp_path, task="seg", steps=(1, 1, 1), **changes):
    case = volume_sets.case(0, "test", steps=steps, **changes)
    if "right" not in case.facts.annotated:
        case.labels[case.labels == 2] = 0
    folder = volume_sets.write(tmp_path / "set", [volume_sets.case(1, "train"), case])
    definition = find_task(task)
    return family_of(definition), family_of(definition).cases(definition, folder, "test").case("case00")


def drawn(family, case, labels):
    answer = None if labels is None else Prediction({"labels": labels})
    return family.scene(case, {"mine": answer}, {}, "mine")


def test_distances_are_none_for_the_truth_and_a_voxel_for_one_that_moved_by_one(tmp_path):
    family, case = boxes(tmp_path)
    truth = case.truth["labels"]
    same = drawn(family, case, truth)
    for view in same.views:
        for layer in view.layers:
            if layer.mesh.startswith("prediction"):
                assert set(np.unique(same.surfaces[layer.mesh].value)) <= {127, 128}
    moved = drawn(family, case, np.roll(truth, 1, axis=0))
    (view,) = (each for each in moved.views if each.kind == "prediction")
    for layer in view.layers:
        value = (moved.surfaces[layer.mesh].value - 127.5) / 63.75
        assert np.abs(value).max() == pytest.approx(1, abs=0.05)
        assert value.max() > 0.9 > -0.9 > value.min()
    (error,) = (each for each in moved.views if each.kind == "error")
    assert [layer.mesh for layer in error.layers] == [layer.mesh for layer in view.layers]
    assert {layer.paint for layer in error.layers} == {"error"}


def test_the_subjects_right_is_where_the_viewer_expects_it_and_millimetres_are_kept(tmp_path):
    family, case = boxes(tmp_path, steps=(1, 1, 3))
    scene = drawn(family, case, case.truth["labels"])
    first, second = (scene.surfaces[f"truth-{index}"].vertices for index in range(2))
    # Label 2 lies farther along x, which is right; in the viewer x runs to the left.
    assert second[:, 0].mean() < first[:, 0].mean()
    inside = np.argwhere(case.truth["labels"] == 1)
    sides = np.ptp(inside, axis=0) + 1
    assert np.ptp(first, axis=0) == pytest.approx(sides * [1, 1, 3], rel=0.15)
    corners = first[scene.surfaces["truth-0"].faces]
    volume = np.einsum("ij,ij->i", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])).sum() / 6
    assert volume == pytest.approx(3 * len(inside), rel=0.15)  # positive: turned outward
    assert scene.scale == "1 voxel = 1 x 1 x 3 mm"
    assert scene.slices.spacing == (1.0, 1.0, 3.0)


def test_missing_failed_and_made_up_structures(tmp_path):
    family, case = boxes(tmp_path, annotated=("left",))
    truth = case.truth["labels"]
    assert not (truth == 2).any()
    assert "nobody looked for right" in drawn(family, case, truth).slices.note
    made_up = truth.copy()
    made_up[12:14, 12:14, 12:14] = 2
    scene = drawn(family, case, made_up)
    assert (scene.surfaces["prediction-0-1"].value == 255).all()
    nothing = drawn(family, case, np.zeros_like(truth))
    assert nothing.views[0].note == "no structure predicted"
    failed = family.scene(case, {"mine": None}, {"mine": "crashed"}, "mine")
    assert failed.views[0].note == "no prediction: crashed, scored worst"
    assert failed.slices.predictions == {}
    assert [view.kind for view in failed.views] == ["prediction", "truth", "error"]


@pytest.mark.parametrize(
    ("task", "missing"), [("seg", 0), ("seg-missing-50", 8), ("seg-slices-4", 12), ("seg-lowres-x4", 0)]
)
def test_the_image_is_what_the_method_was_given(tmp_path, task, missing):
    family, case = boxes(tmp_path, task)
    slices = drawn(family, case, case.truth["labels"]).slices
    image = slices.image
    assert image.values.shape == case.observation.value.shape
    assert sum(place < 0 for place in image.places[2]) == missing
    back = image.low + (image.values.astype(float) - 1) * (image.high - image.low) / 254
    given = np.clip(case.observation.value, image.low, image.high)
    assert np.abs(back - given).max() <= (image.high - image.low) / 254 / 2 + 1e-3
    assert (unpack_labels(slices.data()["truth"], slices.shape) == case.truth["labels"]).all()


def test_the_small_picture_is_a_png_with_the_subjects_right_on_the_left(tmp_path):
    family, case = boxes(tmp_path)
    picture = drawn(family, case, None).thumbnail
    raw = base64.b64decode(picture.partition(",")[2])
    assert raw[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", raw[16:24]) == (64, 64)
    assert len(raw) < 6000


def test_a_case_of_64_cubed_takes_less_than_half_a_megabyte():
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 1, (64, 64, 64))  # the worst there is
    made = raster(noise, np.ones(noise.shape, bool), whole(noise.shape))
    assert len(made.data()["data"]) < 360_000
    labels = np.zeros(noise.shape, np.uint8)
    labels[10:50, 10:50, 10:50] = 1
    assert len(pack_labels(labels)) < 2000


def test_grids_that_are_not_cubes(tmp_path):
    labels = np.zeros((16, 16, 16), np.uint8)[:, :, :8].copy()
    labels[4:8, 4:8, 2:6] = 1
    facts = volume_sets.case(0, "test").facts
    facts = type(facts)(**{**facts.__dict__, "grid": Grid(labels.shape, facts.grid.affine), "modalities": ("ct",)})
    case = PreparedCase(facts, {"ct": labels.astype(np.float32)}, labels)
    folder = volume_sets.write(tmp_path / "flat", [case], shape=labels.shape)
    definition = find_task("seg")
    opened = family_of(definition).cases(definition, folder, "test").case("case00")
    scene = drawn(family_of(definition), opened, labels)
    assert scene.slices.shape == (16, 16, 8)
    assert len(scene.surfaces["prediction-0-0"].faces)

"""Which vertices are observed, spurious or cut, on shapes made by hand."""

import numpy as np
import pytest

from benchmark.contract import Observation
from benchmark.drawing.surfaces import surface
from benchmark.observations import Identity
from benchmark.spaces import SDF
from benchmark.tasks.shape_completion.observed import (
    CUT,
    OBSERVED,
    SPURIOUS,
    corrupted_surfaces,
    label_vertices,
    observed_planes,
    plane_sheets,
)
from benchmark.tasks.shape_completion.prompts import observe
from medshape_text.curate.sdf import sdf_from_mask


@pytest.fixture
def damaged(shapes):
    """A cube (voxels 16..47) with a block added on top (z 48..55) and a notch cut into its low-x side."""
    box = shapes["box"]
    truth = box((16, 16, 16), (48, 48, 48))
    prompt = (truth | box((28, 28, 48), (36, 36, 56))) & ~box((16, 28, 28), (22, 36, 36))
    return truth, prompt


def test_labels_of_a_cube_with_a_block_added_and_a_notch_cut(damaged):
    truth, prompt = damaged
    vertices = surface(sdf_from_mask(prompt)).vertices + 31.5
    labels = label_vertices(vertices - 31.5, prompt, truth)
    x, y, z = vertices.T
    on_block = z > 48.6
    in_notch = (x > 16.6) & (x < 22.6) & (y > 27) & (y < 37) & (z > 27) & (z < 37)
    far_from_both = (z < 47) & ~((x < 23) & (y > 26) & (y < 38) & (z > 26) & (z < 38))
    assert (labels[on_block] == SPURIOUS).all()
    assert (labels[in_notch] == CUT).all()
    assert (labels[far_from_both] == OBSERVED).all()
    assert min(on_block.sum(), in_notch.sum(), far_from_both.sum()) > 50


def test_missing_part_is_the_notch(damaged):
    truth, prompt = damaged
    everywhere = np.ones((64,) * 3, dtype=bool)
    observation = Observation("shape", Identity(), sdf_from_mask(prompt), everywhere, False, SDF)
    shown, missing = corrupted_surfaces(observation, sdf_from_mask(truth))
    centre = missing.vertices.mean(axis=0) + 31.5
    assert centre == pytest.approx([18.5, 31.5, 31.5], abs=0.5)
    assert set(np.unique(shown.value)) == {OBSERVED, SPURIOUS, CUT}


def test_an_undamaged_prompt_is_all_observed_and_lacks_nothing(shapes):
    truth = shapes["ellipsoid"]((20, 16, 26))
    observation = Observation("shape", Identity(), sdf_from_mask(truth < 0), np.ones((64,) * 3, dtype=bool), False, SDF)
    shown, missing = corrupted_surfaces(observation, truth)
    assert (shown.value == OBSERVED).all()
    assert len(missing.faces) == 0


@pytest.mark.parametrize("prompt", ["oneplane", "triplane", "multiplane"])
def test_sheets_lie_on_the_observed_planes_and_have_the_area_of_the_section(shapes, prompt):
    observation = observe(prompt, shapes["ellipsoid"]((20, 24, 28)), 0)
    sheets = plane_sheets(observation)
    index = sheets.vertices + 31.5
    planes = list(observed_planes(observation))
    on_plane = [np.abs(index[:, axis] - place) <= 0.51 for axis, place in planes]
    assert np.any(on_plane, axis=0).all()
    corners = sheets.vertices[sheets.faces]
    # One voxel thick and turned outward: the volume is the number of observed voxels, less rounded edges.
    volume = np.einsum("ij,ij->i", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])).sum() / 6
    section = sum((np.take(observation.value, place, axis) > 0.5).sum() for axis, place in planes)
    assert volume == pytest.approx(section, rel=0.06)


def test_planes_that_miss_the_shape_give_no_sheet(shapes):
    observation = observe("oneplane", shapes["ellipsoid"]((4, 4, 4), (20, 0, 0)), 0)
    assert observation.empty
    assert len(plane_sheets(observation).faces) == 0

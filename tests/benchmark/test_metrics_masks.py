"""Surface distances of masks: by hand, against scipy's distance transform, and against other tools' figures."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy import ndimage

from benchmark.metrics.masks import surface_distances

SURFACES = ("voxel", "surfel")
SPACINGS = st.sampled_from([0.1, 0.3, 0.7, 1.0, 2.5])

# The masks of make_pair measured by surface-distance 0.1, MONAI 1.6.1 and MedPy 0.5.2.
# surface-distance: directed means, percentiles 50 and 95, Hausdorff, NSD at 1 and 3.9 mm; total area.
SURFEL_FIGURES = {
    ((40, 33, 70), (1.0, 1.0, 1.0)): (
        (0.6167950306855674, 2.52788908436446, 1.0, 8.94427190999916, 18.0, 0.6220313266012129, 0.8319378644496099),
        10603.433157055286,
    ),
    ((40, 33, 70), (0.7, 1.3, 2.5)): (
        (
            *(0.6220419226544792, 3.215187353978247, 1.4, 11.749893616539683),
            *(18.848076824970764, 0.5196057610958082, 0.7928157304533556),
        ),
        21442.066375520175,
    ),
    ((60, 50), (0.8, 1.5)): (
        (
            *(1.0882770480624557, 2.6143231033148218, 1.6, 7.82368199762746),
            *(10.650821564555478, 0.3745408631772268, 0.8380968778696051),
        ),
        340.79999999999995,
    ),
}
# MedPy's pooled HD95 and ASSD; MONAI's HD95, Hausdorff and NSD at 1 and 3.7 mm (at 3.9 mm, three steps of 1.3 mm are
# within for MONAI, which rounds to float32, and not in float64).
VOXEL_FIGURES = {
    ((40, 33, 70), (1.0, 1.0, 1.0)): (
        (8.54400374531753, 2.0609480095312978),
        (9.848857879638672, 18.0, 0.5570599436759949, 0.8076356053352356),
    ),
    ((40, 33, 70), (0.7, 1.3, 2.5)): (
        (10.911461863563469, 2.429922246867075),
        (12.5, 18.87432098388672, 0.47545361518859863, 0.7769641876220703),
    ),
    ((60, 50), (0.8, 1.5)): (
        (8.076675663927412, 2.218293108486137),
        (8.77814769744873, 10.965856552124023, 0.3426229655742645, 0.8098360896110535),
    ),
}


def make_blob(seed, shape):
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).standard_normal(shape), 4)
    return noise > np.quantile(noise, 0.8)


def make_pair(shape):
    first = make_blob(0, shape)
    return first, make_blob(1, shape) | np.roll(first, 2, axis=0)


def box(shape, *ranges):
    mask = np.zeros(shape, bool)
    mask[tuple(slice(*each) for each in ranges)] = True
    return mask


def border(mask):
    return mask & ~ndimage.binary_erosion(mask)


def corners(mask):
    """Corners whose 2x2x2 voxels are not all alike, by counting them."""
    padded = np.pad(mask, 1).astype(int)
    for axis in range(mask.ndim):
        padded = padded.take(range(1, padded.shape[axis]), axis) + padded.take(range(padded.shape[axis] - 1), axis)
    return (padded > 0) & (padded < 2**mask.ndim)


def by_distance_transform(first, second, spacing):
    return ndimage.distance_transform_edt(~second, sampling=spacing)[first]


@st.composite
def pairs(draw, side=7):
    shape = draw(array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=side))
    spacing = tuple(draw(SPACINGS) for _ in shape)
    return draw(arrays(bool, shape)), draw(arrays(bool, shape)), spacing


class TestByHand:
    def test_two_squares_one_voxel_apart(self):
        # Each border has 12 voxels. The outer column of 4 is 1 away from the other square, and so are the two inner
        # voxels of the opposite column, which lie inside the other square.
        found = surface_distances(box((9, 9), (2, 6), (2, 6)), box((9, 9), (3, 7), (2, 6)), (1, 1), "voxel")
        for distances in (found.a_to_b, found.b_to_a):
            assert sorted(distances) == [0] * 6 + [1] * 6
        assert found.assd("pooled") == found.assd("mean_of_directions") == 0.5
        assert found.directed_means == (0.5, 0.5)
        assert found.hausdorff == 1
        assert (found.nsd(0), found.nsd(0.99), found.nsd(1)) == (0.5, 0.5, 1)
        assert found.percentile(50, "pooled") == found.percentile(50, "max_of_directions") == 0.5

    def test_single_voxels_with_unequal_spacing(self):
        first, second = box((9, 9, 9), (1, 2), (1, 2), (7, 8)), box((9, 9, 9), (4, 5), (5, 6), (1, 2))
        found = surface_distances(first, second, (1, 0.5, 2), "voxel")
        assert found.hausdorff == found.percentile(95, "pooled") == found.assd("pooled") == np.sqrt(9 + 4 + 144)
        assert surface_distances(first, second, (1, 0.5, 2), "surfel").hausdorff == np.sqrt(9 + 4 + 144)

    def test_surfels_of_a_voxel_moved_by_one(self):
        # Eight corners, four of them shared, each with a triangle through the middles of three edges.
        first, second = box((5, 5, 5), (1, 2), (2, 3), (2, 3)), box((5, 5, 5), (2, 3), (2, 3), (2, 3))
        found = surface_distances(first, second, (1, 1, 1), "surfel")
        np.testing.assert_allclose(found.weights_a, np.sqrt(3) / 8)
        assert sorted(found.a_to_b) == [0] * 4 + [1] * 4
        assert found.nsd(0) == pytest.approx(0.5)
        assert (found.percentile(49, "pooled"), found.percentile(51, "pooled")) == (0, 1)

    def test_surfels_of_a_pixel_are_half_diagonals(self):
        pixel = box((3, 3), (1, 2), (1, 2))
        found = surface_distances(pixel, pixel, (3, 4), "surfel")
        np.testing.assert_array_equal(found.weights_a, [2.5] * 4)

    def test_area_of_a_box_is_that_of_its_faces_less_the_cut_edges(self):
        spacing, size = np.array([1.0, 2.0, 3.0]), np.array([10, 8, 9])
        mask = box((16, 16, 16), *((3, 3 + n) for n in size))
        found = surface_distances(mask, mask, spacing, "surfel")
        inner = {spacing[i] * spacing[j]: 2 * (size[i] - 1) * (size[j] - 1) for i, j in ((0, 1), (0, 2), (1, 2))}
        for area, count in inner.items():
            assert np.isclose(found.weights_a, area).sum() == count

    def test_directions_differ(self):
        # All 4 points of the first are in the second, whose other point is 10 away.
        first = box((20,) * 2, (2, 4), (2, 4))
        second = first | box((20,) * 2, (13, 14), (3, 4))
        found = surface_distances(first, second, (1, 1), "voxel")
        assert found.directed_means == (0, 2)
        assert (found.assd("pooled"), found.assd("mean_of_directions")) == (10 / 9, 1)
        assert found.percentile(75, "max_of_directions") == 0
        assert found.percentile(87.5, "max_of_directions") == 5
        assert found.percentile(87.5, "pooled") == 0

    def test_the_edge_of_the_volume_is_a_surface(self):
        full = np.ones((6, 5, 4), bool)
        found = surface_distances(full, full, (1, 1, 1), "voxel")
        assert len(found.a_to_b) == 6 * 5 * 4 - 4 * 3 * 2
        assert len(surface_distances(full, full, (1, 1, 1), "surfel").a_to_b) == 7 * 6 * 5 - 5 * 4 * 3


class TestEmptyMasks:
    nothing, something = np.zeros((4, 4, 4), bool), box((4, 4, 4), (1, 3), (1, 3), (1, 3))

    @pytest.mark.parametrize("surface", SURFACES)
    @pytest.mark.parametrize("worst", [np.inf, 7.5])
    @pytest.mark.parametrize("swapped", [False, True])
    def test_one_empty_is_the_worst(self, surface, worst, swapped):
        masks = (self.something, self.nothing) if swapped else (self.nothing, self.something)
        found = surface_distances(*masks, (1, 1, 1), surface, worst=worst)
        for variant in ("pooled", "max_of_directions"):
            assert found.percentile(95, variant) == worst
        assert found.assd("pooled") == found.assd("mean_of_directions") == found.hausdorff == worst
        assert found.directed_means == (worst, worst)
        assert found.nsd(100) == 0

    @pytest.mark.parametrize("surface", SURFACES)
    @pytest.mark.parametrize(("empty", "distance", "nsd"), [("nan", np.nan, np.nan), ("perfect", 0, 1)])
    def test_both_empty(self, surface, empty, distance, nsd):
        found = surface_distances(self.nothing, self.nothing, (1, 1, 1), surface, empty=empty)
        np.testing.assert_equal(found.percentile(95, "pooled"), distance)
        np.testing.assert_equal(found.assd("pooled"), distance)
        np.testing.assert_equal(found.hausdorff, distance)
        np.testing.assert_equal(found.directed_means, (distance, distance))
        np.testing.assert_equal(found.nsd(1), nsd)


class TestDistanceTransform:
    @given(pairs())
    @settings(deadline=None, max_examples=150)
    def test_small_masks(self, case):
        first, second, spacing = case
        for surface, points in (("voxel", border), ("surfel", corners)):
            found = surface_distances(first, second, spacing, surface)
            if first.any() and second.any():
                on = points(first), points(second)
                np.testing.assert_allclose(found.a_to_b, by_distance_transform(*on, spacing), rtol=1e-14)
                np.testing.assert_allclose(found.b_to_a, by_distance_transform(*on[::-1], spacing), rtol=1e-14)

    @pytest.mark.parametrize("spacing", [(1, 1, 1), (0.7, 0.7, 3.0), (3.0, 0.9, 0.2)])
    @pytest.mark.parametrize("length", [63, 64, 65, 150])
    def test_columns_of_several_words_and_distant_points(self, length, spacing):
        first = make_blob(0, (50, 20, length))
        second = np.zeros_like(first)
        second[-6:, :3, -5:] = make_blob(1, (6, 3, 5))
        for surface, points in (("voxel", border), ("surfel", corners)):
            found = surface_distances(first, second, spacing, surface)
            on = points(first), points(second)
            np.testing.assert_allclose(found.a_to_b, by_distance_transform(*on, spacing), rtol=1e-14)
            np.testing.assert_allclose(found.b_to_a, by_distance_transform(*on[::-1], spacing), rtol=1e-14)

    def test_whole_steps_are_within_a_tolerance_of_as_many(self):
        for steps in (3, 40):  # found near by, and by the tree
            first, second = (
                box((90, 3, 3), (6, 7), (1, 2), (1, 2)),
                box((90, 3, 3), (6 + steps, 7 + steps), (1, 2), (1, 2)),
            )
            for spacing in (0.1, 0.7, 1.1):
                found = surface_distances(first, second, (spacing, 1, 1), "voxel")
                assert found.hausdorff == steps * spacing
                assert found.nsd(steps * spacing) == 1


class TestOtherTools:
    @pytest.mark.parametrize("case", SURFEL_FIGURES, ids=str)
    def test_surfels_of_surface_distance(self, case):
        shape, spacing = case
        expected, area = SURFEL_FIGURES[case]
        found = surface_distances(*make_pair(shape), spacing, "surfel")
        percentiles = [found.percentile(percent, "max_of_directions") for percent in (50, 95)]
        values = [*found.directed_means, *percentiles, found.hausdorff, found.nsd(1.0), found.nsd(3.9)]
        assert values == pytest.approx(expected, rel=1e-12)
        assert found.weights_a.sum() == pytest.approx(area, rel=1e-12)

    @pytest.mark.parametrize("case", VOXEL_FIGURES, ids=str)
    def test_voxels_of_medpy_and_monai(self, case):
        shape, spacing = case
        pooled, directed = VOXEL_FIGURES[case]
        found = surface_distances(*make_pair(shape), spacing, "voxel")
        assert [found.percentile(95, "pooled"), found.assd("pooled")] == pytest.approx(pooled, rel=1e-12)
        values = [found.percentile(95, "max_of_directions"), found.hausdorff, found.nsd(1.0), found.nsd(3.7)]
        assert values == pytest.approx(directed, rel=1e-6)

    def test_all_neighbour_codes(self):
        # Every code once, as voxels of their own; sums over the table of surface-distance 0.1.
        for spacing, total, weighted in (
            ((1, 1, 1), 241.34313970553745, 30771.250312456017),
            ((1, 2, 3), 950.4895895094021, 121187.42266244878),
        ):
            areas = np.zeros(256)
            for code in range(1, 255):
                cube = np.array([code >> (7 - bit) & 1 for bit in range(8)], bool).reshape(2, 2, 2)
                found = surface_distances(cube, cube, spacing, "surfel")
                areas[code] = found.weights_a[np.flatnonzero(corners(cube)) == 13].sum()  # the middle of 3x3x3
            assert areas.sum() == pytest.approx(total, rel=1e-12)
            assert (areas * np.arange(256)).sum() == pytest.approx(weighted, rel=1e-12)


class TestProperties:
    @given(pairs(), st.sampled_from(SURFACES))
    @settings(deadline=None)
    def test_swapping_the_masks_swaps_the_directions(self, case, surface):
        first, second, spacing = case
        forth = surface_distances(first, second, spacing, surface)
        back = surface_distances(second, first, spacing, surface)
        np.testing.assert_array_equal(forth.a_to_b, back.b_to_a)
        np.testing.assert_array_equal(forth.weights_a, back.weights_b)

    @given(pairs(), st.sampled_from(SURFACES), st.data())
    @settings(deadline=None)
    def test_moving_flipping_and_turning_both_changes_nothing(self, case, surface, data):
        first, second, spacing = case
        order = data.draw(st.permutations(range(first.ndim)))
        flips = [axis for axis in range(first.ndim) if data.draw(st.booleans())]
        pads = [(data.draw(st.integers(0, 70)), 1) for _ in order]
        moved = [np.pad(np.flip(mask.transpose(order), flips), pads) for mask in (first, second)]
        before = surface_distances(first, second, spacing, surface)
        after = surface_distances(*moved, [spacing[axis] for axis in order], surface)
        for tolerance in (0, 0.45, 1.05, 2.95):
            assert after.nsd(tolerance) == pytest.approx(before.nsd(tolerance), nan_ok=True)
        assert after.assd("pooled") == pytest.approx(before.assd("pooled"), nan_ok=True)
        assert after.hausdorff == pytest.approx(before.hausdorff, nan_ok=True)

    @given(pairs(), st.sampled_from(SURFACES))
    @settings(deadline=None)
    def test_numbers_are_in_order(self, case, surface):
        first, second, spacing = case
        if not (first.any() and second.any()):
            return
        found = surface_distances(first, second, spacing, surface)
        for variant in ("pooled", "max_of_directions"):
            values = [found.percentile(percent, variant) for percent in (0, 50, 95, 100)]
            assert values == sorted(values)
            assert values[-1] == found.hausdorff
        assert 0 <= found.nsd(0) <= found.nsd(1) <= found.nsd(100) == 1
        same = surface_distances(first, first, spacing, surface)
        assert (same.hausdorff, same.assd("pooled")) == (0, 0)
        assert same.nsd(0) == 1

    def test_kinds_of_input(self):
        first, second = make_pair((20, 20, 20))
        expected = surface_distances(first, second, (1, 1, 2), "voxel").assd("pooled")
        for a, b in (
            (torch.from_numpy(first), torch.from_numpy(second)),
            (first.astype(np.uint8) * 3, second.astype(np.int64)),
            (np.asfortranarray(first), second[::-1][::-1]),
        ):
            assert surface_distances(a, b, np.array([1, 1, 2]), "voxel").assd("pooled") == expected


class TestBadInput:
    mask = np.ones((4, 4, 4), bool)

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"mask_b": np.ones((4, 4, 5), bool)}, "shapes differ"),
            ({"mask_a": np.ones(4, bool), "mask_b": np.ones(4, bool)}, "expected masks of shape"),
            ({"mask_b": np.ones((4, 4, 4))}, "threshold"),
            ({"spacing": (1, 1)}, "spacing"),
            ({"spacing": (1, 1, np.nan)}, "spacing"),
            ({"spacing": (1, 0, 1)}, "spacing"),
            ({"spacing": (1, 1, -1)}, "spacing"),
            ({"spacing": (1, 1, np.inf)}, "spacing"),
            ({"surface": "face"}, "surface must be one of"),
            ({"empty": "skip"}, "empty must be one of"),
            ({"worst": np.nan}, "worst"),
            ({"worst": -1.0}, "worst"),
        ],
    )
    def test_refused(self, arguments, message):
        good = {"mask_a": self.mask, "mask_b": self.mask, "spacing": (1, 1, 1), "surface": "voxel"}
        with pytest.raises(ValueError, match=message):
            surface_distances(**{**good, **arguments})

    def test_refused_readings(self):
        found = surface_distances(self.mask, self.mask, (1, 1, 1), "voxel")
        with pytest.raises(ValueError, match="variant must be one of"):
            found.percentile(95, "surfel")
        with pytest.raises(ValueError, match="variant must be one of"):
            found.assd("max_of_directions")
        for percent in (-1, 101, np.nan):
            with pytest.raises(ValueError, match="percent must"):
                found.percentile(percent, "pooled")
        for tolerance in (-1, np.nan, np.inf):
            with pytest.raises(ValueError, match="tolerance"):
                found.nsd(tolerance)


def test_three_conventions_of_hd95():
    """A cube and the same with a spike of 6: MONAI, MedPy and surface-distance, see findings/hd95-three-numbers.sh."""
    cube = np.zeros((24, 24, 24), bool)
    cube[8:16, 8:16, 8:16] = True
    spike = cube.copy()
    spike[11:13, 11:13, 16:22] = True
    voxel, surfel = (surface_distances(cube, spike, (1, 1, 1), surface) for surface in SURFACES)
    assert voxel.percentile(95, "max_of_directions") == 2.25
    assert voxel.percentile(95, "pooled") == 0
    assert surfel.percentile(95, "max_of_directions") == 3
    assert voxel.percentile(100, "max_of_directions") == 6

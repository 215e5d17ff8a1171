"""Our numbers against those of the code people copy, run once in a scratch environment on the same arrays.

``data/golden_public_metrics.json`` says which commits, what was stubbed, and how; ``golden_sets`` makes the arrays.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from golden_sets import digest, golden_sets

from benchmark import metrics

GOLDEN = json.loads((Path(__file__).parent / "data" / "golden_public_metrics.json").read_text())
SETS = golden_sets()
RELATIVE = 1e-6


@pytest.fixture(params=["varied", "unequal"])
def name(request):
    return request.param


def scores(name, **options):
    return metrics.generation_scores(SETS[f"{name}/generated"], SETS[f"{name}/reference"], **options)


def close(value):
    return pytest.approx(value, rel=RELATIVE)


def test_the_arrays_are_those_the_values_were_made_from():
    assert {key: digest(array) for key, array in SETS.items()} == GOLDEN["sets"]


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_pointflow_chamfer(name, precision):
    published, ours = GOLDEN["PointFlow"]["values"][name][precision], scores(name)
    assert ours.mmd_ref == close(published["lgan_mmd-CD"])
    assert ours.mmd_gen == close(published["lgan_mmd_smp-CD"])
    assert ours.cov == close(published["lgan_cov-CD"])
    assert ours.nna == close(published["1-NN-CD-acc"])
    assert ours.nna_reference == close(published["1-NN-CD-acc_t"])
    assert ours.nna_generated == close(published["1-NN-CD-acc_f"])


def test_pointflow_with_copies_where_its_ties_are_arbitrary():
    published, ours = GOLDEN["PointFlow"]["values"]["duplicates"], scores("duplicates")
    assert ours.mmd_ref == close(published["float64"]["lgan_mmd-CD"])
    assert ours.mmd_gen == close(published["float64"]["lgan_mmd_smp-CD"])
    assert ours.cov == close(published["float64"]["lgan_cov-CD"])
    low, high = published["1-NN-acc, lowest and highest over every way to break ties"]["CD"]
    assert low <= ours.nna <= high


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_genmed_unconditional(name, precision):
    published, ours = GOLDEN["GenMed"]["values"][name][precision]["compute_metrics_uncond"], scores(name)
    assert ours.mmd_gen == close(published["mmd"])
    assert 100 * ours.cov == close(published["cov"])
    assert 100 * ours.nna == close(published["nna"])


def test_genmed_conditional():
    published = GOLDEN["GenMed"]["values"]["pairs"]["float64"]
    a, b = SETS["pairs/generated"], SETS["pairs/reference"]
    np.testing.assert_allclose(metrics.chamfer(a, b), published["cd per pair"], rtol=RELATIVE)
    np.testing.assert_allclose(metrics.hausdorff(a, b), published["batch_uhd_manual per pair"], rtol=RELATIVE)


def test_pointflow_paired_chamfer():
    published = GOLDEN["PointFlow"]["values"]["pairs"]["float64"]["EMD_CD(reduced=False)"]["MMD-CD"]
    np.testing.assert_allclose(
        metrics.chamfer(SETS["pairs/generated"], SETS["pairs/reference"]), published, rtol=RELATIVE
    )


def test_mpc_completions():
    published = GOLDEN["MPC"]["values"]["completions"]
    partial, completions = SETS["completions/partial"], SETS["completions/generated"]
    uhd = metrics.unidirectional_hausdorff(np.repeat(partial[:, None], 10, axis=1), completions)
    np.testing.assert_allclose(uhd.mean(axis=1), published["UHD per shape"], rtol=RELATIVE)
    assert uhd.mean() == close(published["UHD"])


def test_mpc_mmd(name):
    published, ours = GOLDEN["MPC"]["values"][name], scores(name)
    assert ours.mmd_ref == close(published["MMD"])


def test_far_from_the_origin_where_the_expanded_quadratic_fails():
    """PointFlow's float32 path is wrong by up to 110 % there (see the JSON); direct differences are not."""
    offset = np.float32(100)
    there = metrics.generation_scores(
        SETS["varied/generated"].astype(np.float64) + 100, SETS["varied/reference"].astype(np.float64) + 100
    )
    assert there.mmd_ref == pytest.approx(scores("varied").mmd_ref, rel=1e-8)
    rounded = metrics.generation_scores(SETS["varied/generated"] + offset, SETS["varied/reference"] + offset)
    # The float32 coordinates themselves are rounded by 4e-6 there; nothing is added to that.
    assert rounded.mmd_ref == pytest.approx(scores("varied").mmd_ref, rel=1e-3)
    assert (rounded.generated_distance > 0).all()

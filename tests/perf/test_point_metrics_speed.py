"""One Chamfer pair, and sets of shapes, against the packages people use: same inputs, same run, same answer.

Peers whose sets would take hours are timed on some pairs and multiplied; the tables say so.
"""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch
from scipy.spatial import cKDTree
from shape_sets import alike, one_class, varied

from benchmark import metrics

pytestmark = pytest.mark.slow
PAIRS = 16
KINDS = {"varied": varied, "one class": one_class}


def trees_of_scipy(a, b, trees=None):
    ta, tb = trees or (cKDTree(a), cKDTree(b))
    return (tb.query(a)[0] ** 2).mean() + (ta.query(b)[0] ** 2).mean()


def pykdtree(a, b, trees=None):
    from pykdtree.kdtree import KDTree

    ta, tb = trees or (KDTree(a), KDTree(b))
    return (tb.query(a)[0].astype(float) ** 2).mean() + (ta.query(b)[0].astype(float) ** 2).mean()


def torch_cdist(a, b, trees=None):
    squared = torch.cdist(torch.from_numpy(a), torch.from_numpy(b), compute_mode="donot_use_mm_for_euclid_dist") ** 2
    return float(squared.min(1).values.double().mean() + squared.min(0).values.double().mean())


def pointflow(a, b, trees=None):
    """The CPU path of PointFlow's distChamfer, in our words: three products, then both minima."""
    x, y = torch.from_numpy(a)[None], torch.from_numpy(b)[None]
    xx, yy, xy = x @ x.transpose(2, 1), y @ y.transpose(2, 1), x @ y.transpose(2, 1)
    rx = torch.diagonal(xx, dim1=1, dim2=2)[:, None].expand_as(xx)
    ry = torch.diagonal(yy, dim1=1, dim2=2)[:, None].expand_as(yy)
    squared = rx.transpose(2, 1) + ry - 2 * xy
    return float(squared.min(1).values.double().mean() + squared.min(2).values.double().mean())


def faiss(a, b, trees=None):
    import faiss as package

    package.omp_set_num_threads(1)

    def directed(p, q):
        index = package.IndexFlatL2(3)
        index.add(q)
        return index.search(p, 1)[0].astype(float).mean()

    return directed(a, b) + directed(b, a)


def point_cloud_utils(a, b, trees=None):
    import point_cloud_utils as package

    return sum((package.k_nearest_neighbors(p, q, 1)[0].astype(float) ** 2).mean() for p, q in ((a, b), (b, a)))


PEERS = {
    "scipy cKDTree": (trees_of_scipy, None), "pykdtree": (pykdtree, "pykdtree"), "torch.cdist": (torch_cdist, None),
    "PointFlow's path": (pointflow, None), "faiss IndexFlatL2": (faiss, "faiss"),
    "point-cloud-utils": (point_cloud_utils, "point_cloud_utils"),
}  # fmt: skip


def fastest(call, rounds):
    """Least CPU-bound seconds of some calls on one thread, after one to warm up."""
    call()
    best = float("inf")
    for _ in range(rounds):
        start = time.process_time()
        call()
        best = min(best, time.process_time() - start)
    return best


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("peer", ["ours", *PEERS])
def test_one_chamfer_pair(benchmark, note_time, kind, peer):
    torch.set_num_threads(1)
    a, b = KINDS[kind](PAIRS, 0), KINDS[kind](PAIRS, 1)
    if peer == "ours":
        call = lambda: [float(metrics.chamfer(p, q)) for p, q in zip(a, b, strict=True)]  # noqa: E731
    else:
        function, package = PEERS[peer]
        if package:
            pytest.importorskip(package, reason=f"{package} is not installed")
        call = lambda: [function(p, q) for p, q in zip(a, b, strict=True)]  # noqa: E731
        np.testing.assert_allclose(call(), metrics.chamfer(a, b), rtol=1e-4)
    benchmark.group = f"one Chamfer pair of 2048 points, {kind}, x{PAIRS}"
    benchmark.pedantic(call, rounds=3, warmup_rounds=1)
    note_time(f"one Chamfer pair of 2048 points, trees built anew, {kind}", peer, benchmark.stats.stats.min / PAIRS)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [500, 1000])
def test_generation_scores(benchmark, note_time, kind, count):
    """MMD, COV and 1-NNA at count x count x 2048, on one thread; peers scaled from pairs with trees built once."""
    torch.set_num_threads(1)
    generated, reference = KINDS[kind](count, 0), KINDS[kind](count, 1)
    metrics.generation_scores(generated[:60], reference[:60], search="pruned")  # compiles
    found = []
    benchmark.group = f"MMD + COV + 1-NNA, {count} x {count} x 2048, {kind}"
    benchmark.pedantic(
        lambda: found.append(metrics.generation_scores(generated, reference, workers=1)), rounds=1 if count > 500 else 2
    )
    table = f"MMD + COV + 1-NNA of {count} x {count} x 2048, {kind}, one thread"
    work = found[-1].work
    remark = f"{(work.finished + work.abandoned) / work.pairs:.2%} of the pairs begun, {work.finished} finished"
    note_time(table, "ours", benchmark.stats.stats.min, remark)
    start = time.perf_counter()
    metrics.generation_scores(generated, reference)
    note_time(table, "ours, all cores", time.perf_counter() - start)
    pairs = count * count + count * (count - 1)
    a, b = generated[:PAIRS], reference[:PAIRS]
    for peer in ("pykdtree", "scipy cKDTree"):
        function, package = PEERS[peer]
        if package:
            pytest.importorskip(package, reason=f"{package} is not installed")
        make = __import__("pykdtree.kdtree", fromlist=["KDTree"]).KDTree if package else cKDTree
        trees = [(make(p), make(q)) for p, q in zip(a, b, strict=True)]
        seconds = fastest(lambda f=function, t=trees: [f(p, q, w) for p, q, w in zip(a, b, t, strict=True)], 3)
        note_time(table, f"{peer}, trees reused", seconds / PAIRS * pairs, f"scaled from {PAIRS} pairs")
    seconds = fastest(lambda: [pointflow(p, q) for p, q in zip(a, b, strict=True)], 2)
    note_time(table, "PointFlow's path", seconds / PAIRS * 3 * count**2, f"scaled from {PAIRS} pairs; 3 full matrices")
    seconds = fastest(lambda: _exhaustive(generated[:40], reference[:40]), 2)
    note_time(table, "ours, exhaustive", seconds / (80 * 79 / 2) * pairs, "scaled from 40 x 40")


def _exhaustive(generated, reference):
    return metrics.generation_scores(generated, reference, search="exhaustive", workers=1)


def test_shapes_that_are_all_alike(benchmark, note_time):
    """Where bounds prune nothing, the search may not cost more than a tenth over all pairs."""
    generated, reference = alike(150, 0), alike(150, 1)
    _exhaustive(generated[:30], reference[:30])
    whole = fastest(lambda: _exhaustive(generated, reference), 2)
    auto = benchmark.pedantic(
        lambda: metrics.generation_scores(generated, reference, workers=1), rounds=2, warmup_rounds=1
    )
    np.testing.assert_array_equal(auto.nearest_reference, _exhaustive(generated, reference).nearest_reference)
    table = "MMD + COV + 1-NNA of 150 x 150 x 2048 look-alikes, one thread"
    note_time(table, "ours", benchmark.stats.stats.min)
    note_time(table, "ours, exhaustive", whole)

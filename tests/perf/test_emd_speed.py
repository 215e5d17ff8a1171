"""One Earth Mover's Distance, and sets of shapes under it, against exact solvers people use: same pairs, same answer.

Peers whose sets would take hours are timed on some pairs and multiplied; the tables say so.
"""

from __future__ import annotations

import time

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist
from shape_sets import alike, one_class, varied

from benchmark.metrics.emd import emd
from benchmark.metrics.generation.neighbours import Budget
from benchmark.metrics.generation.sets import read_sets
from benchmark.metrics.generation.transport import find_neighbours_by_emd

pytestmark = pytest.mark.slow
KINDS = {"varied": varied, "one class": one_class, "alike": alike}
SHAPES, TIMED_PAIRS = 60, 8


def scipy(a, b):
    costs = cdist(a, b)
    return costs[linear_sum_assignment(costs)].mean()


def pot(a, b):
    import ot

    weights = np.full(len(a), 1 / len(a))
    return ot.emd2(weights, weights, cdist(a, b), numItermax=10**7)


PEERS = {"scipy linear_sum_assignment": (scipy, "scipy"), "POT emd2": (pot, "ot")}


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture
def pairs(kind):
    return list(zip(*(KINDS[kind](4, seed).astype(np.float64) for seed in (0, 1)), strict=True))


def timed(function, *arguments):
    begun = time.process_time()
    value = function(*arguments)
    return time.process_time() - begun, value


@pytest.mark.benchmark(group="one EMD, 2048 points")
class TestPair:
    def test_ours(self, benchmark, kind, pairs, note_time):
        emd(*pairs[0])  # compiles
        benchmark(emd, *pairs[0])
        note_time(f"one EMD, 2048 points, {kind}", "ours", min(timed(emd, *pair)[0] for pair in pairs))

    @pytest.mark.parametrize("name", PEERS)
    def test_peer(self, benchmark, kind, pairs, name, note_time):
        solve, package = PEERS[name]
        pytest.importorskip(package, reason=f"{package} is not installed")
        seconds, values = zip(*(timed(solve, *pair) for pair in pairs), strict=True)
        benchmark.pedantic(solve, pairs[0], rounds=1)
        assert values == pytest.approx([float(emd(*pair)) for pair in pairs], rel=1e-9)
        note_time(f"one EMD, 2048 points, {kind}", name, min(seconds))


@pytest.mark.benchmark(group=f"EMD neighbours, {SHAPES} against {SHAPES} shapes")
def test_sets(benchmark, kind, note_time):
    if kind == "alike":
        pytest.skip("nothing can be left out among look-alikes; all pairs take ten minutes")
    pair, budget = read_sets(*(KINDS[kind](SHAPES, seed) for seed in (0, 1))), Budget(1, 2**32)
    small = read_sets(*(KINDS[kind](2, seed)[:, :128] for seed in (0, 1)))
    find_neighbours_by_emd(small, 1, True, "pruned", budget)  # compiles
    seconds, found = timed(find_neighbours_by_emd, pair, 1, True, "pruned", budget)
    work, table = found.work, f"EMD neighbours, {SHAPES} against {SHAPES} shapes, {kind}"
    begun = (work.finished + work.abandoned) / work.pairs
    note_time(table, "ours", seconds, f"{begun:.1%} of {work.pairs} pairs matched")
    assert begun < 0.2
    rng, clouds = np.random.default_rng(0), [*pair.generated.clouds, *pair.reference.clouds]
    some = [[clouds[at] for at in rng.choice(len(clouds), 2, replace=False)] for _ in range(TIMED_PAIRS)]
    solvers = {"ours, all pairs": emd, "scipy, all pairs": scipy}
    for name, solve in solvers.items():
        each = sum(timed(solve, *two)[0] for two in some) / TIMED_PAIRS
        note_time(table, name, each * work.pairs, f"{TIMED_PAIRS} pairs timed and multiplied")
    benchmark.pedantic(find_neighbours_by_emd, (pair, 1, True, "pruned", budget), rounds=1)

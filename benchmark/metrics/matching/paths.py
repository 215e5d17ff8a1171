"""Shortest augmenting paths: the Hungarian method, started from prices that are nearly right.

Rows are the points of a, columns those of b. Potentials stay feasible, u_i + v_j <= cost_ij, and matched
pairs tight, so the matching is optimal once it is complete, and mean(u) + mean(v) is a lower bound of the
optimal mean cost at any time. Every path found raises it.

Source:
    Jonker and Volgenant 1987 (shortest augmenting paths); the lazy lists are explained in ``arcs``.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from benchmark.metrics.matching.arcs import CAPACITY, Columns, Floats, Indices, list_arcs
from benchmark.metrics.matching.heap import pop, push
from benchmark.metrics.matching.scales import Cloud

_SLACK = 1e-9


@njit(cache=True, nogil=True)
def certain(u: Floats, v: Floats) -> float:
    """mean(u) + mean(v), less than the optimal mean cost in spite of rounding.

    u_i is the minimum of rounded numbers cost_ij - v_j, each within a few units of 1e-16 (cost + |v|) of the
    truth; sums and the updates along at most P paths add at most P such units each. For P up to 1e6 the
    margin, 1e-9 of the mean sizes of u and v, is larger than all of it.
    """
    total, size = 0.0, 0.0
    for index in range(len(u)):
        total += u[index] + v[index]
        size += abs(u[index]) + abs(v[index])
    return (total - _SLACK * size) / len(u)


@njit(cache=True, nogil=True)
def solve(a: Cloud, b: Cloud, u: Floats, v: Floats, match: Indices, limit: float) -> bool:
    """Match all points at the least sum of distances.

    Args:
        a: (3, P).
        b: (3, P).
        u: (P,) result: potentials of a.
        v: (P,) prices to start from, any at all; result: potentials of b.
        match: (P,) result: the point of b of every point of a.
        limit: give up when the mean cost is certainly larger.

    Returns:
        Whether it was finished; if not, u and v are feasible and :func:`certain` of them exceeds the limit.
    """
    size = len(u)
    net, least = np.empty(size), np.empty(64)
    columns, costs = np.empty((size, CAPACITY), np.int32), np.empty((size, CAPACITY))
    count, floor = np.empty(size, np.int64), np.empty(size)
    owner, free, unmatched = np.full(size, -1), np.empty(size, np.int64), 0
    for row in range(size):
        list_arcs(a, row, b, v, net, least, columns, costs, count, floor)
        best, at = np.inf, 0
        for arc in range(count[row]):
            value = costs[row, arc] - v[columns[row, arc]]
            if value < best:
                best, at = value, columns[row, arc]
        # More than a list holds can be equal; then what is best may be beyond it.
        u[row], match[row] = min(best, floor[row]), -1
        if owner[at] < 0 and best <= floor[row]:
            owner[at], match[row] = row, at
        else:
            free[unmatched] = row
            unmatched += 1
    lists = (columns, costs, count, floor, net, least)
    distance, before = np.full(2 * size, np.inf), np.empty(size, np.int64)
    heap, place = np.empty(2 * size, np.int64), np.full(2 * size, -1)
    seen = np.empty(2 * size, np.int64)
    total = u.sum() + v.sum()
    for index in range(unmatched):
        if total > limit * size and certain(u, v) > limit:
            return False
        total += _augment(a, b, u, v, match, owner, free[index], lists, distance, before, heap, place, seen)
    return True


@njit(cache=True, nogil=True)
def _augment(
    a: Cloud, b: Cloud, u: Floats, v: Floats, match: Indices, owner: Indices, root: int,
    lists: tuple[Columns, Floats, Indices, Floats, Floats, Floats],
    distance: Floats, before: Indices, heap: Indices, place: Indices, seen: Indices,
) -> float:  # fmt: skip
    """Dijkstra from a free row to the nearest free column under reduced costs; returns the length of the path.

    Items of the heap are the columns and, P higher, rows whose lists may not be enough: their key is the least
    that anything beyond the list could lead to, and only when it comes up are all columns looked at.
    ``distance`` is inf and ``place`` -1 everywhere before and after; ``seen`` are the items to undo.
    """
    columns, costs, count, floor, net, least = lists
    size = len(u)
    waiting, noted = 0, 0
    goal, sink = np.inf, -1
    row, reach = root, 0.0
    while True:
        for arc in range(count[row]):
            column = columns[row, arc]
            # Rounding must not lead back to what is already reached: no step is shorter than nothing.
            value = reach + max(costs[row, arc] - v[column] - u[row], 0.0)
            if value < distance[column] and value < goal:
                if distance[column] == np.inf:
                    seen[noted] = column
                    noted += 1
                distance[column], before[column] = value, row
                if owner[column] < 0:
                    goal, sink = value, column
                else:
                    waiting = push(distance, heap, place, waiting, column)
        beyond = reach + max(floor[row] - u[row], 0.0)
        if beyond < goal:
            seen[noted] = size + row
            noted += 1
            distance[size + row] = beyond
            waiting = push(distance, heap, place, waiting, size + row)
        # Take rows whose lists ran out until a column comes up, whose owner is next.
        while waiting and distance[heap[0]] < goal and heap[0] >= size:
            row, level = heap[0] - size, distance[heap[0]]
            waiting = pop(distance, heap, place, waiting)
            reach = 0.0 if row == root else distance[match[row]]
            list_arcs(a, row, b, v, net, least, columns, costs, count, floor)
            for column in range(size):
                value = max(reach + (net[column] - u[row]), level)
                if value < distance[column] and value < goal:
                    if distance[column] == np.inf:
                        seen[noted] = column
                        noted += 1
                    distance[column], before[column] = value, row
                    if owner[column] < 0:
                        goal, sink = value, column
                    else:
                        waiting = push(distance, heap, place, waiting, column)
        if waiting == 0 or distance[heap[0]] >= goal:
            break
        row, reach = owner[heap[0]], distance[heap[0]]
        waiting = pop(distance, heap, place, waiting)
    # Columns nearer than the goal were scanned, as were the rows they belong to.
    u[root] += goal
    for index in range(noted):
        item = seen[index]
        if item < size and owner[item] >= 0 and distance[item] < goal:
            u[owner[item]] += goal - distance[item]
            v[item] -= goal - distance[item]
        distance[item], place[item] = np.inf, -1
    column = sink
    while True:
        row = before[column]
        owner[column] = row
        match[row], column = column, match[row]
        if row == root:
            return goal

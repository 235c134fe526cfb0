#!/usr/bin/python3
"""Writes tests/topology/data/diagram_distances.txt: random diagrams and their distances by independent tools.
Bottleneck: the least entry of the cost matrix below for which scipy's maximum_bipartite_matching is perfect,
checked against python3-gudhi's bottleneck_distance (with its default e; gudhi 3.7.1's e = 0 is wrong on two of
the cases here). Wasserstein: scipy's linear_sum_assignment on the
full (n + m) x (n + m) cost matrix with diagonal copies, L-infinity ground metric.
Each case: n m bottleneck W1 W2 W3, then n + m lines "birth death". Run once; the output is committed."""
import os
import numpy as np
import scipy
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import maximum_bipartite_matching
import gudhi


def cost_matrix(a, b, p):
    n, m = len(a), len(b)
    cost = np.zeros((n + m, n + m))
    if n and m:
        cost[:n, :m] = np.maximum(abs(a[:, None, 0] - b[None, :, 0]), abs(a[:, None, 1] - b[None, :, 1])) ** p
    if n:
        cost[:n, m:] = ((a[:, 1] - a[:, 0]) / 2)[:, None] ** p
    if m:
        cost[n:, :m] = ((b[:, 1] - b[:, 0]) / 2)[None, :] ** p
    return cost


def bottleneck(a, b):
    cost = cost_matrix(a, b, 1)
    values = np.unique(cost)
    low, high = -1, len(values) - 1
    while high - low > 1:
        middle = (low + high) // 2
        if (maximum_bipartite_matching(csr_matrix(cost <= values[middle])) >= 0).all():
            high = middle
        else:
            low = middle
    value = values[high] if len(values) else 0.0
    assert abs(gudhi.bottleneck_distance(a, b) - value) < 1e-9
    return value


def wasserstein(a, b, p):
    cost = cost_matrix(a, b, p)
    rows, columns = linear_sum_assignment(cost)
    return cost[rows, columns].sum() ** (1 / p)


def diagram(rng, count, kind):
    birth = rng.normal(size=count)
    if kind == 0:
        length = rng.exponential(0.5, count)
    elif kind == 1:
        length = rng.exponential(0.02, count) + (rng.random(count) < 0.1) * rng.exponential(1.0, count)
    else:
        birth, length = rng.integers(0, 8, count) / 4, rng.integers(1, 6, count) / 4
    return np.round(np.stack([birth, birth + length], 1), 6) if count else np.zeros((0, 2))


rng = np.random.default_rng(20)
here = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(here, "..", "topology", "data", "diagram_distances.txt"), "w") as out:
    print(f"# gudhi {gudhi.__version__}, scipy {scipy.__version__}, numpy {np.__version__}; diagram_distances.py", file=out)
    for case in range(60):
        most = [4, 12, 60, 250][case % 4] if case < 56 else 250
        n, m = int(rng.integers(0, most + 1)), int(rng.integers(0, most + 1))
        a, b = diagram(rng, n, case % 3), diagram(rng, m, case % 3)
        w = [wasserstein(a, b, p) for p in (1, 2, 3)]
        print(n, m, *(f"{x:.17g}" for x in [bottleneck(a, b)] + w), file=out)
        for x, y in np.concatenate([a, b]):
            print(f"{x:.6f} {y:.6f}", file=out)

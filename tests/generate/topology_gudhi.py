#!/usr/bin/python3
"""Persistence of small random fields from GUDHI, for tests/topology/test_gudhi.c.

usage: topology_gudhi.py > tests/topology/data/gudhi_pairs.txt   (Debian: python3-gudhi, python3-numpy)

Every connectivity as an explicit complex in a SimplexTree: `freudenthal` and `freudenthal-plus` are the
cliques of their graph, `axis` the barycentric subdivision of the cubical complex with vertices as 0-cells;
`box` is CubicalComplex(top_dimensional_cells). H0 of the last two once more from the graph alone. NaN cells
are left out (box: infinite). Values are integers with many ties; only pairs with death > birth are listed.

Format, one item a line: "field RANK EXTENTS...", "values V...", and per connectivity
"pairs NAME COUNT" followed by COUNT lines "DIMENSION BIRTH DEATH" (nan: a hole; inf: never dies).
"""
import itertools

import gudhi
import numpy


def offsets(connectivity, rank):
    for step in itertools.product((-1, 0, 1), repeat=rank):
        facing = list(step)
        if connectivity == "freudenthal":
            facing[-1] = -facing[-1]
        moved = sum(s != 0 for s in step)
        if moved == 0:
            continue
        if connectivity == "axis" and moved != 1:
            continue
        if connectivity.startswith("freud") and not (min(facing) >= 0 or max(facing) <= 0):
            continue
        yield step


def clique_complex(field, connectivity, top):
    tree = gudhi.SimplexTree()
    shape = field.shape
    ids = numpy.arange(field.size).reshape(shape)
    for place in itertools.product(*map(range, shape)):
        if not numpy.isfinite(field[place]):
            continue
        tree.insert([int(ids[place])], filtration=float(field[place]))
        for step in offsets(connectivity, len(shape)):
            there = tuple(a + b for a, b in zip(place, step))
            if any(t < 0 or t >= n for t, n in zip(there, shape)) or not numpy.isfinite(field[there]):
                continue
            tree.insert([int(ids[place]), int(ids[there])], filtration=float(max(field[place], field[there])))
    tree.expansion(top)
    return tree


def listed(complex_, dimensions):
    pairs = []
    for dimension, (birth, death) in complex_.persistence(homology_coeff_field=2, min_persistence=0):
        if dimension in dimensions and birth < death and numpy.isfinite(birth):
            pairs.append((dimension, float(birth), float(death)))
    return sorted(pairs)


def answer(field, connectivity):
    rank = field.ndim
    higher = set(range(rank)) if rank < 4 else {0}
    holes = numpy.where(numpy.isfinite(field), field, numpy.inf)
    if connectivity.startswith("freud"):
        return listed(clique_complex(field, connectivity, rank if rank < 4 else 1), higher)
    if connectivity == "box":
        pairs = listed(gudhi.CubicalComplex(top_dimensional_cells=holes), higher)
    else:
        pairs = listed(axis_complex(holes), higher)
    again = listed(clique_complex(field, connectivity, 1), {0})
    assert again == [p for p in pairs if p[0] == 0], (field, connectivity)
    return pairs


def axis_complex(values):
    """Barycentric subdivision of the cubical complex: a vertex per cell, a simplex per chain of faces."""
    shape = [2 * n - 1 for n in values.shape]
    tree = gudhi.SimplexTree()

    def level(cell):
        spans = [(c // 2, c // 2 + 1) if c % 2 else (c // 2,) for c in cell]
        return max(float(values[v]) for v in itertools.product(*spans))
    number = {}
    for cell in itertools.product(*map(range, shape)):
        if numpy.isfinite(level(cell)):
            number[cell] = len(number)
    def faces(cell):
        for choice in itertools.product(*[((c - 1, c, c + 1) if c % 2 else (c,)) for c in cell]):
            if choice != cell:
                yield choice
    def chains(cell):
        yield [cell]
        for face in faces(cell):
            for chain in chains(face):
                yield [cell] + chain
    for cell in number:
        for chain in chains(cell):
            tree.insert([number[c] for c in chain], filtration=level(cell))
    return tree


def main():
    print("# GUDHI %s, seed 20240611, made by tests/generate/topology_gudhi.py" % gudhi.__version__)
    random = numpy.random.default_rng(20240611)
    shapes = [(7, 9), (12, 5), (1, 11), (10, 10), (6, 6), (4, 4, 5), (5, 5, 5), (3, 6, 4), (5, 4, 4), (1, 5, 6),
              (3, 3, 3, 3), (2, 4, 3, 3), (4, 3, 3, 4)]
    for index, shape in enumerate(shapes * 2):
        field = random.integers(0, [6, 40, 1000][index % 3], size=shape).astype(float)
        if index % 2 == 1:
            field[random.random(shape) < 0.15] = numpy.nan
        if not numpy.isfinite(field).any():
            continue
        print("field", field.ndim, *shape)
        print("values", *("%g" % v for v in field.ravel()))
        for connectivity in ("freudenthal", "freudenthal-plus", "axis", "box"):
            pairs = answer(field, connectivity)
            print("pairs", connectivity, len(pairs))
            for dimension, birth, death in pairs:
                print("%d %g %g" % (dimension, birth, death))


if __name__ == "__main__":
    main()

#!/usr/bin/python3
"""Times Debian's GUDHI (CubicalComplex of top cells, all dimensions). usage: FIELD.raw REPETITIONS EXTENTS..."""
import sys
import time

import gudhi
import numpy

shape = [int(extent) for extent in sys.argv[3:]]
values = numpy.fromfile(sys.argv[1], dtype=numpy.float32).reshape(shape).astype(float)
best = float("inf")
for _ in range(int(sys.argv[2])):
    start = time.perf_counter()
    cubes = gudhi.CubicalComplex(top_dimensional_cells=values)
    cubes.compute_persistence(min_persistence=0)
    best = min(best, time.perf_counter() - start)
print("%.6f %d" % (best * 1e3, len(cubes.persistence_intervals_in_dimension(0))))

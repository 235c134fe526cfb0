#!/usr/bin/python3
"""Prints the table of src/kernels/native/tanh_avx512.c: per interval the centre and the coefficients of degree 0 to 5 of the
polynomial in |x| - centre that interpolates tanh at Chebyshev nodes, in 30 digits, rounded once to float32."""
import struct

import mpmath as mp

mp.mp.dps = 30
DEGREE, ENTRIES = 5, 32


def nodes(middle, half, count):
    return [middle + half * mp.cos(mp.pi * (2 * k + 1) / (2 * count)) for k in range(count)]


def solve(points, powers, values):
    matrix = mp.matrix(len(points), len(powers))
    for row, x in enumerate(points):
        for column, power in enumerate(powers):
            matrix[row, column] = x**power
    return list(mp.lu_solve(matrix, mp.matrix(values)))


first = mp.mpf(1) / 16
odd = [first * mp.cos(mp.pi * (2 * k + 1) / 8) for k in range(2)]
third, fifth = solve(odd, [2, 4], [mp.tanh(x) / x - 1 for x in odd])
rows = [[0, 0, 1, 0, third, 0, fifth]]
for exponent in range(-4, 3):
    for quarter in range(4):
        width = mp.mpf(2) ** exponent / 4
        centre = (4 + quarter) * width + width / 2
        points = nodes(0, width / 2, DEGREE + 1)
        rows.append([centre] + solve(points, range(DEGREE + 1), [mp.tanh(centre + d) for d in points]))
low, high, centre = mp.mpf(8), mp.mpf("9.3"), mp.mpf(9)
points = [x - centre for x in nodes((low + high) / 2, (high - low) / 2, DEGREE + 1)]
rows.append([centre] + solve(points, range(DEGREE + 1), [mp.tanh(centre + d) for d in points]))
rows += [[9, 1, 0, 0, 0, 0, 0]] * (ENTRIES - len(rows))


def text(value):
    rounded = struct.unpack("f", struct.pack("f", float(value)))[0]
    digits = f"{rounded:.9g}"
    return (digits if "." in digits or "e" in digits else digits + ".0") + "f"


for column in zip(*rows):
    print("    {" + ", ".join(text(value) for value in column) + "},")

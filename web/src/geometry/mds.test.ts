// Expected coordinates: numpy.linalg.eigh of the double-centred squared distances.
import { expect, test } from "vitest";
import { classicalScaling } from "./mds";

const distances = (points: [number, number][]): number[] =>
  points.flatMap((a) => points.map((b) => Math.hypot(a[0] - b[0], a[1] - b[1])));

test("points of the plane keep their distances", () => {
  const points: [number, number][] = [
    [0, 0],
    [3, 0],
    [0, 4],
    [1, 1],
    [5, 2],
  ];
  const wanted = distances(points);
  const found = classicalScaling(wanted, 5);
  const again = distances(points.map((_, i) => [found[2 * i]!, found[2 * i + 1]!]));
  again.forEach((d, i) => expect(d).toBeCloseTo(wanted[i]!, 8));
});

test("distances that no plane has", () => {
  const found = classicalScaling([0, 1, 2, 3, 1, 0, 2, 2.5, 2, 2, 0, 1.2, 3, 2.5, 1.2, 0], 4);
  const wanted = [
    -1.3449571809, -0.3546366813, -0.9207802647, 0.6202809443, 0.6845668065, -0.5734976713, 1.5811706392, 0.3078534083,
  ];
  wanted.forEach((v, i) => expect(found[i]).toBeCloseTo(v, 7));
});

test("what is infinite is not placed", () => {
  const found = classicalScaling([0, Infinity, 1, Infinity, 0, Infinity, 1, Infinity, 0], 3);
  expect(found[2]).toBeNaN();
  expect(Number.isFinite(found[0]!)).toBe(false); // each has an infinite distance: none can stand anywhere
  expect(classicalScaling([0], 1)).toEqual(Float64Array.of(0, 0));
});

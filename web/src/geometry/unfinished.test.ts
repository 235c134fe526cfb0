import { describe, expect, it } from "vitest";
import { gridOf } from "./grid";
import { fillIn, levelOf } from "./unfinished";

const axis = (n: number): Float64Array => Float64Array.from({ length: n }, (_, i) => (2 * i) / (n - 1) - 1);
const upTo = (size: number, level: number): number[] =>
  Array.from({ length: size }, (_, i) => i).filter((i) => levelOf(size, i) <= level);

describe("levels of an axis", () => {
  it("halve the spacing, ends and middle first", () => {
    // written down from the order in which the program samples 41 and 9 points
    expect(upTo(41, 0)).toEqual([0, 16, 20, 32, 40]);
    expect(upTo(41, 1)).toEqual([0, 8, 16, 20, 24, 32, 40]);
    expect(upTo(9, 0)).toEqual([0, 2, 4, 6, 8].filter((i) => i % 2 === 0));
    expect(upTo(41, 4).length).toBe(41);
  });
});

describe("a field that is not finished", () => {
  const [n, m] = [21, 13];
  const plane = (x: number, y: number): number => 3 + 2 * x - 5 * y;
  const bent = (x: number, y: number): number => plane(x, y) + 7 * x * y; // bilinear
  const gridFor = (f: (x: number, y: number) => number) => {
    const [a, b] = [axis(n), axis(m)];
    return gridOf(
      [n, m],
      [a, b],
      Float64Array.from({ length: n * m }, (_, v) => f(a[Math.floor(v / m)]!, b[v % m]!)),
    );
  };
  const stateUpTo = (level: number): Uint8Array =>
    Uint8Array.from({ length: n * m }, (_, v) =>
      Math.max(levelOf(n, Math.floor(v / m)), levelOf(m, v % m)) <= level ? 1 : 0,
    );
  it("is what it will be where it is linear along both axes", () => {
    for (const level of [0, 1, 2]) {
      const whole = gridFor(bent);
      const filled = fillIn(whole, stateUpTo(level));
      whole.values.forEach((v, i) => expect(filled[i]).toBeCloseTo(v, 10));
    }
  });
  it("keeps points of a level that is not complete, and interpolates from the one that is", () => {
    const whole = gridFor((x, y) => Math.sin(5 * x) * Math.cos(4 * y));
    const state = stateUpTo(0);
    const coarse = fillIn(whole, state);
    const finer = 1 * m + 1; // of a later level
    expect(state[finer]).toBe(0);
    state[finer] = 1;
    const filled = fillIn(whole, state);
    expect(filled[finer]).toBe(whole.values[finer]);
    coarse.forEach((v, i) => i !== finer && expect(filled[i]).toBe(v));
  });
  it("stays open before the coarsest level is complete, and beside values that are not finite", () => {
    const state = stateUpTo(0);
    state[0] = 0;
    const open = fillIn(gridFor(plane), state);
    expect(open.filter((v) => v === v).length).toBe(state.reduce((a, b) => a + b, 0));
    const holed = gridFor(plane);
    holed.values[0] = Infinity;
    const filled = fillIn(holed, stateUpTo(0));
    expect(filled[0]).toBe(Infinity);
    expect(Number.isFinite(filled[m + 1]!)).toBe(false);
    expect(Number.isFinite(filled[n * m - 2]!)).toBe(true);
  });
});

// What a rectangle touches, against counting by hand and against trying many levels; what a selection stands for.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type Rectangle, touchedBars, touchedBranches, touchedFunnels, touchedPoints } from "./brush";
import { featuresOf } from "./diagram";
import { hierarchyOf, simplify } from "./hierarchy";
import { layoutTree } from "./layout";
import { orderOfVertices, profileOf, widthAt } from "./profile";
import { pairsBetween, selectedPairs } from "./selection";
import { twinOf } from "./twin";

/** Minima 0 (vertex 2), 1 (vertex 6), 3 (vertex 0); saddles: 3 dies at 5, 1 dies at 4; the highest value is 9. */
const values = [3, 5, 0, 2, 4, 2, 1, 9];
const hierarchy = hierarchyOf(twinOf({ shape: [8], superlevel: false, values }));
const all = simplify(hierarchy.pairs, -1);
const pairOf = (vertex: number): number => Array.from(hierarchy.pairs.birth).indexOf(vertex);
const minima = (pairs: readonly number[]): number[] =>
  pairs.map((p) => hierarchy.pairs.birth[p]!).sort((a, b) => a - b);

describe("a rectangle", () => {
  it("touches points inside it, borders included", () => {
    const points = [
      { pair: 0, x: 1, y: 1 },
      { pair: 1, x: 2, y: 2 },
      { pair: -1, x: 1, y: 1 },
      { pair: 2, x: 3, y: 1 },
    ];
    expect(touchedPoints(points, { x: [1, 2], y: [0, 2] })).toEqual([0, 1]);
  });
  it("touches bars by row and by value", () => {
    const { features } = featuresOf(hierarchy, all, false);
    // rows from above: vertex 2 (0 to 9), vertex 6 (1 to 4), vertex 0 (3 to 5)
    expect(features.map((f) => f.birthVertex)).toEqual([2, 6, 0]);
    expect(minima(touchedBars(features, 3, { x: [-9, 99], y: [1.2, 1.8] }))).toEqual([6]);
    expect(minima(touchedBars(features, 3, { x: [4.5, 4.6], y: [0, 3] }))).toEqual([0, 2]);
    expect(minima(touchedBars(features, 3, { x: [0, 0.9], y: [0, 3] }))).toEqual([2]);
  });
  it("touches the upright parts of branches", () => {
    const { branches } = layoutTree(hierarchy, all);
    const width: [number, number] = [-9, 99];
    expect(minima(touchedBranches(branches, { x: width, y: [0.5, 0.9] }).slice())).toEqual([2]);
    expect(minima(touchedBranches(branches, { x: width, y: [1, 3] }).slice())).toEqual([0, 2, 6]);
    expect(minima(touchedBranches(branches, { x: width, y: [4.5, 6] }).slice())).toEqual([0, 2]);
    const { x } = branches.find((b) => b.pair === pairOf(0))!;
    expect(minima(touchedBranches(branches, { x: [x - 0.1, x + 0.1], y: [0, 9] }).slice())).toEqual([0]);
  });
});

interface Case {
  name: string;
  shape: number[];
  superlevel: boolean;
  values: (number | null)[];
}
const cases = JSON.parse(readFileSync(new URL("./fixtures/topology.json", import.meta.url), "utf8")) as Case[];

describe.each(cases)("funnels of $name, superlevel $superlevel", (c) => {
  it("are touched where one of many levels of theirs is", () => {
    const given = c.values.map((v) => v ?? NaN);
    const field = hierarchyOf(twinOf({ shape: c.shape, superlevel: c.superlevel, values: given }));
    const profile = profileOf(field, simplify(field.pairs, -1), given, orderOfVertices(given, c.superlevel));
    const { nodes } = profile;
    const levels = [...new Set(given.filter((v) => v - v === 0))].sort((a, b) => a - b);
    const between = levels.flatMap((v, i) => (i === 0 ? [v] : [(v + levels[i - 1]!) / 2, v]));
    let touched = 0;
    for (let k = 0; k < 40; k++) {
      const [a, b] = [between[(7 * k) % between.length]!, between[(11 * k + 3) % between.length]!];
      const start = ((13 * k) % 17) / 17;
      const rectangle: Rectangle = {
        x: [start * profile.vertices, Math.min(1, start + 0.1 + (k % 3) / 8) * profile.vertices],
        y: [Math.min(a, b), Math.max(a, b)],
      };
      const slow = new Set<number>();
      for (let i = 0; i < nodes.count; i++) {
        const end = nodes.parent[i]! < 0 ? nodes.value[i]! : nodes.value[nodes.parent[i]!]!;
        const [low, high] = [Math.min(nodes.value[i]!, end), Math.max(nodes.value[i]!, end)];
        for (const level of between) {
          if (level < low || level > high || level < rectangle.y[0] || level > rectangle.y[1]) continue;
          const half = widthAt(profile, i, level) / 2;
          if (profile.centre[i]! - half <= rectangle.x[1] && profile.centre[i]! + half >= rectangle.x[0])
            slow.add(nodes.branch[i]!);
        }
      }
      expect(new Set(touchedFunnels(profile, rectangle))).toEqual(slow);
      touched += slow.size;
    }
    expect(touched).toBeGreaterThan(0);
  });
});

describe("a selection", () => {
  it("stands for what swallowed a minimum that is gone", () => {
    expect(selectedPairs(hierarchy.pairs, all, [0, 6])).toEqual(new Set([pairOf(0), pairOf(6)]));
    // vertex 0 has persistence 2, vertex 6 persistence 3
    const some = simplify(hierarchy.pairs, 2.5);
    expect(selectedPairs(hierarchy.pairs, some, [0, 6])).toEqual(new Set([pairOf(2), pairOf(6)]));
    expect(selectedPairs(hierarchy.pairs, some, [3, 4]).size).toBe(0);
    expect(selectedPairs(undefined, null, [0]).size).toBe(0);
  });
  it("is made by numbers", () => {
    expect(minima(pairsBetween(hierarchy, all, "persistence", 2, 3))).toEqual([0, 6]);
    expect(minima(pairsBetween(hierarchy, all, "birth", 0, 1))).toEqual([2, 6]);
    expect(minima(pairsBetween(hierarchy, all, "death", 0, 99))).toEqual([0, 6]); // the essential pair has none
    // steepest descent: 0 | 1, 2, 3, 4 | 5, 6, 7
    expect(minima(pairsBetween(hierarchy, all, "basin", 3, 99))).toEqual([2, 6]);
    expect(minima(pairsBetween(hierarchy, simplify(hierarchy.pairs, 99), "birth", 0, 9))).toEqual([2]);
  });
});

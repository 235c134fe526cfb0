import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { featuresOf } from "./diagram";
import {
  basinOf,
  basinSizes,
  countAbove,
  hierarchyOf,
  persistenceRange,
  significanceLevel,
  simplifiedTree,
  simplify,
} from "./hierarchy";
import type { Hierarchy } from "./hierarchy";
import { layoutTree } from "./layout";
import { orderOfVertices, outlinesOf, profileOf, widthAt } from "./profile";
import { flood, ranksOf, twinOf } from "./twin";
import type { TwinField } from "./twin";

type PairRow = [number, number, boolean];
type TreeRow = [number, number, number];
interface Case {
  name: string;
  shape: number[];
  superlevel: boolean;
  values: (number | null)[];
  pairs: PairRow[];
  tree: TreeRow[];
  simplified: { threshold: number; pairs: PairRow[]; tree: TreeRow[] }[];
}
const cases = JSON.parse(readFileSync(new URL("./fixtures/topology.json", import.meta.url), "utf8")) as Case[];

const fieldOf = (c: Case): TwinField => ({
  shape: c.shape,
  superlevel: c.superlevel,
  values: c.values.map((v) => v ?? NaN),
});
const treeRows = (h: Hierarchy, nodes = h.nodes): TreeRow[] =>
  Array.from(
    nodes.vertex,
    (v, i): TreeRow => [v, nodes.parent[i]! < 0 ? -1 : nodes.vertex[nodes.parent[i]!]!, nodes.size[i]!],
  );
const byVertex = (a: readonly unknown[], b: readonly unknown[]): number => (a[0] as number) - (b[0] as number);

describe.each(cases)("$name, superlevel $superlevel", (c) => {
  const field = fieldOf(c);
  const hierarchy = hierarchyOf(twinOf(field));
  const ranks = ranksOf(field);
  const order = orderOfVertices(field.values, c.superlevel);

  it("the flood-fill twin and the program say the same of the field", () => {
    const { pairs } = hierarchy;
    const rows = Array.from(pairs.birth, (b, i): PairRow => [b, pairs.death[i]!, pairs.essential[i] === 1]);
    expect(rows.sort(byVertex)).toEqual([...c.pairs].sort(byVertex));
    expect(treeRows(hierarchy).sort(byVertex)).toEqual([...c.tree].sort(byVertex));
  });

  it("simplifies as the program does", () => {
    for (const { threshold, pairs, tree } of c.simplified) {
      const simplified = simplify(hierarchy.pairs, threshold);
      expect(simplified.count).toBe(pairs.length);
      expect(countAbove(hierarchy.pairs, threshold)).toBe(pairs.length);
      const kept = pairs.map(([birth]) => birth).sort((a, b) => a - b);
      expect(
        Array.from(hierarchy.pairs.birth)
          .filter((_, i) => simplified.kept[i])
          .sort((a, b) => a - b),
      ).toEqual(kept);
      const nodes = simplifiedTree(hierarchy, simplified).nodes;
      expect(treeRows(hierarchy, nodes).sort(byVertex)).toEqual([...tree].sort(byVertex));
    }
  });

  it("survivors are the minima that hold the component when a cut pair dies", () => {
    for (const { threshold } of c.simplified) {
      const simplified = simplify(hierarchy.pairs, threshold);
      const { birth, death } = hierarchy.pairs;
      for (let i = 0; i < birth.length; i++) {
        // rise from the minimum until the component holds a kept minimum: the lowest of them swallowed it
        let level = i;
        let kept = simplified.kept[i] ? [i] : [];
        while (kept.length === 0) {
          const at = ranks[death[level]!]!;
          const component = flood(c.shape, birth[i]!, (w) => ranks[w]! >= 0 && ranks[w]! <= at);
          kept = [...component].map((w) => birth.indexOf(w)).filter((p) => p >= 0 && simplified.kept[p] === 1);
          level = [...component]
            .map((w) => birth.indexOf(w))
            .filter((p) => p >= 0)
            .reduce((a, b) => (ranks[birth[a]!]! < ranks[birth[b]!]! ? a : b));
        }
        const lowest = kept.reduce((a, b) => (ranks[birth[a]!]! < ranks[birth[b]!]! ? a : b));
        expect(simplified.survivor[i]).toBe(lowest);
      }
      const sizes = basinSizes(hierarchy, simplified);
      expect(sizes.reduce((a, b) => a + b, 0)).toBe(order.length);
      for (let v = 0; v < field.values.length; v++) {
        const basin = basinOf(hierarchy, simplified, v);
        expect(basin < 0).toBe(ranks[v]! < 0);
        if (basin >= 0) expect(simplified.kept[basin]).toBe(1);
      }
    }
  });

  it("the profile is at each level as wide as the flooded component", () => {
    const sign = c.superlevel ? -1 : 1;
    for (const { threshold } of [{ threshold: -1 }, ...c.simplified]) {
      const simplified = simplify(hierarchy.pairs, threshold);
      const profile = profileOf(hierarchy, simplified, field.values, order);
      // the field with its cut basins flooded: each vertex at the highest saddle of the cut components that hold it
      const flooded = [...field.values];
      const { birth, death, deathValue } = hierarchy.pairs;
      for (let i = 0; i < birth.length; i++) {
        if (simplified.kept[i]) continue;
        for (const v of flood(c.shape, birth[i]!, (w) => ranks[w]! >= 0 && ranks[w]! < ranks[death[i]!]!))
          if (sign * (deathValue[i]! - flooded[v]!) > 0) flooded[v] = deathValue[i]!;
      }
      const { nodes } = profile;
      let total = 0;
      for (let i = 0; i < nodes.count; i++) {
        const parent = nodes.parent[i]!;
        if (parent < 0) total += profile.width[i]!;
        if (parent < 0) continue;
        const top = nodes.value[parent]!;
        for (const y of new Set([
          nodes.value[i]!,
          ...profile.levels.slice(profile.offsets[i]!, profile.offsets[i + 1]!),
        ])) {
          if (!(sign * (top - y) > 0)) continue; // at the parent's own level the components may have met already
          const component = flood(c.shape, nodes.vertex[i]!, (w) => ranks[w]! >= 0 && sign * (flooded[w]! - y) <= 0);
          expect(widthAt(profile, i, y)).toBe(component.size);
        }
        // slots of the children are side by side under the parent
        const start = profile.centre[i]! - profile.width[i]! / 2;
        expect(start).toBeGreaterThanOrEqual(profile.centre[parent]! - profile.floor[parent]! / 2);
        expect(start + profile.width[i]!).toBeLessThanOrEqual(profile.centre[parent]! + profile.floor[parent]! / 2);
      }
      expect(total).toBe(order.length);
      for (let i = 0; i < nodes.count; i++)
        for (let j = 0; j < i; j++)
          if (nodes.parent[i] === nodes.parent[j])
            expect(Math.abs(profile.centre[i]! - profile.centre[j]!) * 2).toBeGreaterThanOrEqual(
              profile.width[i]! + profile.width[j]!,
            );
    }
  });

  it("the drawn profile is within the tolerance of the exact one", () => {
    const profile = profileOf(hierarchy, simplify(hierarchy.pairs, -1), field.values, order);
    const xScale = 400 / profile.vertices;
    const row = (y: number): number => (300 * (y - hierarchy.low)) / (hierarchy.high - hierarchy.low);
    const { outlines, slivers } = outlinesOf(profile, xScale, row, 0.25);
    expect(slivers).toEqual([]);
    expect(outlines.length).toBe(profile.nodes.count);
    for (const outline of outlines) {
      const exact: [number, number][] = [[profile.floor[outline.node]! / 2, profile.nodes.value[outline.node]!]];
      let count = profile.floor[outline.node]!;
      for (const level of profile.levels.slice(profile.offsets[outline.node]!, profile.offsets[outline.node + 1]!)) {
        exact.push([count / 2, level]);
        exact.push([++count / 2, level]);
      }
      for (const [w, y] of exact) {
        let nearest = Infinity;
        for (let k = 0; k + 3 < outline.half.length; k += 2) {
          const ax = outline.half[k]! * xScale,
            ay = row(outline.half[k + 1]!);
          const bx = outline.half[k + 2]! * xScale,
            by = row(outline.half[k + 3]!);
          const length = (bx - ax) ** 2 + (by - ay) ** 2;
          const t =
            length > 0
              ? Math.max(0, Math.min(1, ((w * xScale - ax) * (bx - ax) + (row(y) - ay) * (by - ay)) / length))
              : 0;
          nearest = Math.min(nearest, Math.hypot(ax + t * (bx - ax) - w * xScale, ay + t * (by - ay) - row(y)));
        }
        expect(nearest).toBeLessThanOrEqual(0.5);
      }
    }
  });

  it("no two segments of the planar layout cross", () => {
    for (const threshold of [-1, 0.5]) {
      const simplified = simplify(hierarchy.pairs, threshold);
      const layout = layoutTree(hierarchy, simplified);
      expect(layout.branches.length).toBe(simplified.count);
      expect(layout.width).toBe(simplified.count);
      const trunks = layout.branches.map((b) => ({
        x: b.x,
        low: Math.min(b.birthValue, b.deathValue),
        high: Math.max(b.birthValue, b.deathValue),
        pair: b.pair,
      }));
      for (const b of layout.branches) {
        if (b.parent < 0) continue;
        const from = Math.min(b.x, b.parentX);
        const to = Math.max(b.x, b.parentX);
        for (const t of trunks)
          if (t.x > from && t.x < to) {
            const inside = t.low < b.deathValue && b.deathValue < t.high;
            expect(inside, `connector of ${b.pair} crosses ${t.pair}`).toBe(false);
          }
      }
      expect(new Set(trunks.map((t) => t.x)).size).toBe(trunks.length);
    }
  });

  it("features lead with the essential pairs, then fall in persistence", () => {
    const { features, left } = featuresOf(hierarchy, simplify(hierarchy.pairs, -1), false, 5);
    expect(features.length + left).toBe(c.pairs.length);
    expect(features[0]!.essential).toBe(true);
    const finite = features.filter((f) => !f.essential);
    expect(finite.map((f) => f.persistence)).toEqual(finite.map((f) => f.persistence).sort((a, b) => b - a));
    for (const f of features)
      expect(f.persistence).toBe(Math.abs(field.values[f.deathVertex]! - field.values[f.birthVertex]!));
  });
});

describe("significance", () => {
  it("is the largest unresolved persistence; unknown when everything is resolved", () => {
    const hierarchy = hierarchyOf(twinOf(fieldOf(cases[0]!)));
    expect(significanceLevel(hierarchy.pairs)).toBeUndefined();
    const resolved = Uint8Array.from(hierarchy.pairs.persistence, (p) => (p > 2.5 ? 1 : 0));
    const level = significanceLevel({ ...hierarchy.pairs, resolved })!;
    const expected = Math.max(
      ...Array.from(hierarchy.pairs.persistence).filter((p, i) => p <= 2.5 && !hierarchy.pairs.essential[i]),
    );
    expect(level).toBe(expected);
    expect(
      simplify(hierarchy.pairs, level).kept.every(
        (k, i) => k === 0 || resolved[i] === 1 || hierarchy.pairs.essential[i] === 1,
      ),
    ).toBe(true);
    const range = persistenceRange(hierarchy.pairs)!;
    expect(range.low).toBe(1); // integers: the smallest step
    expect(range.high).toBe(
      Math.max(...Array.from(hierarchy.pairs.persistence).filter((_, i) => !hierarchy.pairs.essential[i])),
    );
  });
});

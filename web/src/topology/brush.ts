/** Features that a rectangle in a drawing touches: pairs, each once. Bounds are in the drawing's own units. */
import type { Feature } from "./diagram";
import type { LayoutBranch } from "./layout";
import { type Profile, widthAt } from "./profile";

export interface Rectangle {
  readonly x: readonly [low: number, high: number];
  readonly y: readonly [low: number, high: number];
}

const meet = (a: number, b: number, [low, high]: readonly [number, number]): boolean =>
  Math.min(a, b) <= high && Math.max(a, b) >= low;

/** Points: minima on a map, features in a diagram. */
export function touchedPoints(
  points: readonly { readonly pair: number; readonly x: number; readonly y: number }[],
  rectangle: Rectangle,
): number[] {
  return points
    .filter((p) => p.pair >= 0 && meet(p.x, p.x, rectangle.x) && meet(p.y, p.y, rectangle.y))
    .map((p) => p.pair);
}

/** Bars in rows: bar i fills the row from rows - i - 1 to rows - i. */
export function touchedBars(features: readonly Feature[], rows: number, rectangle: Rectangle): number[] {
  return features
    .filter((f, i) => f.pair >= 0 && meet(f.birth, f.death, rectangle.x) && meet(rows - i - 1, rows - i, rectangle.y))
    .map((f) => f.pair);
}

/** Upright branches of a merge tree; the connectors to their parents do not count. */
export function touchedBranches(branches: readonly LayoutBranch[], rectangle: Rectangle): number[] {
  return branches
    .filter((b) => meet(b.x, b.x, rectangle.x) && meet(b.birthValue, b.deathValue, rectangle.y))
    .map((b) => b.pair);
}

/** Funnels of a landscape profile. A funnel widens towards its saddle: it is widest at the end of what is common. */
export function touchedFunnels(profile: Profile, rectangle: Rectangle): number[] {
  const { nodes, centre, superlevel } = profile;
  const found = new Set<number>();
  for (let i = 0; i < nodes.count; i++) {
    const own = nodes.value[i]!;
    const end = nodes.parent[i]! < 0 ? own : nodes.value[nodes.parent[i]!]!;
    if (!meet(own, end, rectangle.y)) continue;
    const level = superlevel
      ? Math.max(Math.min(own, end), rectangle.y[0])
      : Math.min(Math.max(own, end), rectangle.y[1]);
    const half = widthAt(profile, i, level) / 2;
    if (meet(centre[i]! - half, centre[i]! + half, rectangle.x)) found.add(nodes.branch[i]!);
  }
  return [...found];
}

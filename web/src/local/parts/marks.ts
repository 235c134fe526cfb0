// Minima and critical points that lie in the shown plane.
import type { Simplified } from "../../topology/hierarchy";
import type { Topology } from "../model";
import type { Plane } from "./plane";

const MOST_MARKS = 400;

export interface Mark {
  readonly pair: number;
  readonly vertex: number; // of the field
  readonly v: number; // of the plane
  readonly essential: boolean;
  readonly resolved: boolean;
}

/** Kept minima in the plane, the most persistent ones if there are very many. */
export function marksOf(plane: Plane, topology: Topology | null, simplified: Simplified | null): readonly Mark[] {
  if (!topology || !simplified) return [];
  const { pairs } = topology.hierarchy;
  const marks: Mark[] = [];
  for (let pair = 0; pair < pairs.count; pair++) {
    if (!simplified.kept[pair]) continue;
    const v = plane.planeVertexOf(pairs.birth[pair]!);
    if (v >= 0)
      marks.push({
        pair,
        vertex: pairs.birth[pair]!,
        v,
        essential: pairs.essential[pair] === 1,
        resolved: pairs.resolved[pair] === 1,
      });
  }
  if (marks.length > MOST_MARKS) {
    marks.sort((a, b) => pairs.persistence[b.pair]! - pairs.persistence[a.pair]!);
    marks.length = MOST_MARKS;
  }
  return marks;
}

/** Crosses for saddles, triangles for maxima, diamonds for what is several at once. */
export function criticalGlyph(kind: string, x: number, y: number): string {
  switch (kind) {
    case "maximum":
      return `M${x} ${y - 4.5}l4.2 7.6h-8.4Z`;
    case "degenerate":
      return `M${x} ${y - 4}l4 4l-4 4l-4 -4Z`;
    default:
      return `M${x - 3.4} ${y - 3.4}l6.8 6.8m0 -6.8l-6.8 6.8`;
  }
}

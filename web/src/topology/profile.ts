/** Topological landscape profile: each arc of the merge tree as a symmetric polygon that is, at level y, as wide as the
 * component has vertices up to y. Definitions: DEFINITIONS of the project, section "profile"; the exact geometry is
 * `profileOf`, what is drawn `outlineOf`. */
import type { Hierarchy, Nodes, Simplified } from "./hierarchy";
import { simplifiedTree } from "./hierarchy";

export interface Profile {
  /** Vertices with a value: the total width. */
  readonly vertices: number;
  readonly superlevel: boolean;
  readonly nodes: Nodes; // of the simplified tree
  readonly minima: number;
  readonly centre: Float64Array; // per node; multiples of 1/2
  readonly floor: Float64Array; // width at the node: its children's
  readonly width: Float64Array; // width at the parent
  /** Node i widens by one at each of levels[offsets[i] .. offsets[i + 1] - 1]. */
  readonly offsets: Int32Array;
  readonly levels: Float64Array;
}

/** Vertices in the order of the field, lowest first (ties by id): made once a field, used at every threshold. */
export function orderOfVertices(values: ArrayLike<number>, superlevel: boolean): Int32Array {
  const finite: number[] = [];
  for (let v = 0; v < values.length; v++) if (values[v]! - values[v]! === 0) finite.push(v);
  const order = Int32Array.from(finite);
  const sign = superlevel ? -1 : 1;
  return order.sort((a, b) => sign * (values[a]! - values[b]!) || a - b);
}

export function profileOf(
  hierarchy: Hierarchy,
  simplified: Simplified,
  values: ArrayLike<number>,
  order: Int32Array,
): Profile {
  const tree = simplifiedTree(hierarchy, simplified);
  const { nodes } = tree;
  const n = nodes.count;
  const { arcs } = hierarchy;

  // Levels of each node, ascending: own vertices in the field's order, cut ones at the level of their cut.
  const offsets = new Int32Array(n + 1);
  let vertices = 0;
  for (const v of order)
    if (arcs[v]! >= 0) {
      offsets[tree.target[arcs[v]!]! + 1]! += 1;
      vertices++;
    }
  for (let i = 0; i < n; i++) offsets[i + 1]! += offsets[i]!;
  const next = offsets.slice(0, n);
  const levels = new Float64Array(vertices);
  const flooded = new Uint8Array(n);
  for (const v of order) {
    const arc = arcs[v]!;
    if (arc < 0) continue;
    const node = tree.target[arc]!;
    const flood = tree.flood[arc]!;
    if (flood === flood) flooded[node] = 1;
    levels[next[node]!++] = flood === flood ? flood : values[v]!;
  }
  for (let i = 0; i < n; i++)
    if (flooded[i]) {
      const own = levels.subarray(offsets[i]!, offsets[i + 1]!);
      own.sort();
      if (hierarchy.superlevel) own.reverse();
    }

  const floor = new Float64Array(n);
  const width = new Float64Array(n);
  const upwards = childrenFirst(nodes);
  for (const i of upwards) {
    width[i] = floor[i]! + offsets[i + 1]! - offsets[i]!;
    if (nodes.parent[i]! >= 0) floor[nodes.parent[i]!]! += width[i]!;
  }
  // Widest first (ties: smaller vertex): each row of siblings is packed in this order, parents before children.
  const byWidth = Int32Array.from({ length: n }, (_, i) => i).sort(
    (a, b) => width[b]! - width[a]! || nodes.vertex[a]! - nodes.vertex[b]!,
  );
  const used = new Float64Array(n + 1);
  const centre = new Float64Array(n);
  for (const i of byWidth) {
    const parent = nodes.parent[i]!;
    const row = parent < 0 ? n : parent;
    const start = parent < 0 ? 0 : centre[parent]! - floor[parent]! / 2;
    centre[i] = start + used[row]! + width[i]! / 2;
    used[row]! += width[i]!;
  }
  return {
    vertices,
    superlevel: hierarchy.superlevel,
    nodes,
    minima: tree.minima,
    centre,
    floor,
    width,
    offsets,
    levels,
  };
}

/** Roots that were spliced to the end come last; elsewhere children have smaller numbers than parents. */
function childrenFirst(nodes: Nodes): Int32Array {
  const depth = new Int32Array(nodes.count);
  for (let i = nodes.count - 1; i >= 0; i--) depth[i] = nodes.parent[i]! < 0 ? 0 : depth[nodes.parent[i]!]! + 1;
  return Int32Array.from({ length: nodes.count }, (_, i) => i).sort((a, b) => depth[b]! - depth[a]! || a - b);
}

/** Width of node i's polygon at level y, from its own value up to (excluding) its parent's. */
export function widthAt(profile: Profile, node: number, y: number): number {
  let low = profile.offsets[node]!;
  let high = profile.offsets[node + 1]!;
  while (low < high) {
    const middle = (low + high) >> 1;
    const beyond = profile.superlevel ? profile.levels[middle]! < y : profile.levels[middle]! > y;
    if (beyond) high = middle;
    else low = middle + 1;
  }
  return profile.floor[node]! + low - profile.offsets[node]!;
}

export interface Outline {
  readonly node: number;
  readonly pair: number;
  /** Right half, from the node's level to the parent's: pairs of half-width (vertices) and level. */
  readonly half: Float64Array;
  readonly centre: number;
}

/** What is drawn: no point of the exact outline farther than `tolerance` pixels from it, given pixels per vertex and the
 * pixel row of a level. Polygons narrower than the tolerance are left to `slivers`. */
export function outlinesOf(
  profile: Profile,
  xScale: number,
  row: (level: number) => number,
  tolerance = 0.25,
): { readonly outlines: readonly Outline[]; readonly slivers: readonly Sliver[] } {
  const outlines: Outline[] = [];
  const thin = new Map<number, Sliver>();
  const { nodes } = profile;
  for (const i of childrenFirst(nodes).reverse()) {
    const base = nodes.value[i]!;
    const top = nodes.parent[i]! < 0 ? base : nodes.value[nodes.parent[i]!]!;
    if (profile.width[i]! * xScale < tolerance) {
      const column = Math.floor((profile.centre[i]! * xScale) / tolerance);
      const before = thin.get(column);
      const lowest = profile.superlevel ? Math.max : Math.min;
      const highest = profile.superlevel ? Math.min : Math.max;
      thin.set(column, {
        x: profile.centre[i]!,
        low: before ? lowest(before.low, base) : base,
        high: before ? highest(before.high, top) : top,
        pair: before && before.low === lowest(before.low, base) ? before.pair : nodes.branch[i]!,
      });
      continue;
    }
    const half: number[] = [profile.floor[i]! / 2, base];
    let keptX = profile.floor[i]! / 2;
    let keptRow = row(base);
    const end = profile.offsets[i + 1]!;
    let count = profile.floor[i]!;
    for (let at = profile.offsets[i]!; at < end; at++) {
      const level = profile.levels[at]!;
      const levelRow = row(level);
      // the outline runs up to `level` at the width so far, then steps outwards
      if (Math.abs(levelRow - keptRow) > tolerance) {
        half.push(count / 2, level);
        keptX = count / 2;
        keptRow = levelRow;
      }
      count++;
      if ((count / 2 - keptX) * xScale > tolerance) {
        half.push(count / 2, level);
        keptX = count / 2;
        keptRow = levelRow;
      }
    }
    half.push(profile.width[i]! / 2, at(profile, end - 1, base), profile.width[i]! / 2, top);
    outlines.push({ node: i, pair: nodes.branch[i]!, half: Float64Array.from(half), centre: profile.centre[i]! });
  }
  return { outlines, slivers: [...thin.values()] };
}

const at = (profile: Profile, index: number, fallback: number): number => profile.levels[index] ?? fallback;

/** Branches too thin to be drawn as polygons, one for each column as wide as the tolerance. */
export interface Sliver {
  readonly x: number;
  readonly low: number;
  readonly high: number;
  readonly pair: number;
}

export function outlinePath(outline: Outline, x: (vertices: number) => number, y: (level: number) => number): string {
  const { half, centre } = outline;
  const round = (value: number): number => Math.round(value * 100) / 100;
  let text = "";
  for (let i = 0; i < half.length; i += 2)
    text += `${text ? "L" : "M"}${round(x(centre + half[i]!))} ${round(y(half[i + 1]!))}`;
  for (let i = half.length - 2; i >= 0; i -= 2) text += `L${round(x(centre - half[i]!))} ${round(y(half[i + 1]!))}`;
  return `${text}Z`;
}

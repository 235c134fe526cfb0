/** The hierarchy of a field's minima, as the server sends it once: every simplification, basin, tree and diagram is read
 * off it here, without the field. Definitions: include/losslens/topology.h; a superlevel hierarchy has maxima for
 * minima and everything turned upside down. */

export interface Pairs {
  readonly count: number;
  readonly birth: Int32Array; // vertices
  readonly death: Int32Array; // -1: never
  readonly birthValue: Float64Array;
  readonly deathValue: Float64Array;
  /** Index of the pair whose component swallowed this one; -1: essential. */
  readonly elder: Int32Array;
  readonly essential: Uint8Array;
  /** 0: below the difference of two halves of the data, at birth and at death. */
  readonly resolved: Uint8Array;
  readonly persistence: Float64Array;
}

/** A loop (dimension 1) or void (2) of the sublevel sets. */
export interface Cycle {
  readonly dimension: number;
  readonly birth: number;
  readonly death: number; // -1: never filled
  readonly birthValue: number;
  readonly deathValue: number;
}

export interface Nodes {
  readonly count: number;
  readonly vertex: Int32Array;
  readonly parent: Int32Array; // greater than the node's own index; -1: root
  readonly size: Float64Array;
  readonly value: Float64Array;
  /** Pair whose branch the node's arc lies on. */
  readonly branch: Int32Array;
}

export interface CriticalPoint {
  readonly vertex: number;
  readonly kind: CriticalKind;
}
export const CRITICAL_KINDS = ["minimum", "saddle", "second saddle", "maximum", "degenerate"] as const;
export type CriticalKind = (typeof CRITICAL_KINDS)[number];

export interface Hierarchy {
  readonly superlevel: boolean;
  readonly connectivity: string;
  readonly vertices: number;
  readonly pairs: Pairs; // node i is the birth of pair i
  readonly cycles: readonly Cycle[];
  readonly nodes: Nodes;
  readonly low: number; // lowest and highest finite value
  readonly high: number;
  /** Per vertex: index of the pair of its minimum (steepest descent); -1: excluded. Empty: not sent. */
  readonly basins: Int32Array;
  /** Per vertex: node whose arc holds it; -1: excluded. Empty: not sent. */
  readonly arcs: Int32Array;
  readonly critical: readonly CriticalPoint[];
}

/** What a topology record gives; the API's record fits. */
export interface TopologySource {
  readonly text: (name: string) => string;
  readonly real: (name: string) => number;
  readonly has: (name: string) => boolean;
  readonly numbers: (name: string) => ArrayLike<number>;
}

export function hierarchyOf(source: TopologySource): Hierarchy {
  const birth = source.numbers("pair_birth");
  const death = source.numbers("pair_death");
  const birthValue = source.numbers("pair_birth_value");
  const deathValue = source.numbers("pair_death_value");
  const elder = source.numbers("pair_elder");
  const essential = source.numbers("pair_essential");
  const resolved = source.numbers("pair_resolved");
  const dimension = source.numbers("pair_dimension");
  const superlevel = source.real("superlevel") === 1;
  const flat: number[] = []; // entries of dimension 0
  const cycles: Cycle[] = [];
  const position = new Map<number, number>();
  for (let i = 0; i < birth.length; i++)
    if ((dimension[i] ?? 0) === 0) {
      position.set(i, flat.length);
      flat.push(i);
    } else
      cycles.push({
        dimension: dimension[i]!,
        birth: birth[i]!,
        death: death[i]!,
        birthValue: birthValue[i]!,
        deathValue: deathValue[i]!,
      });
  const pick = (from: ArrayLike<number>, i: number, none: number): number => from[flat[i]!] ?? none;
  const count = flat.length;
  const pairs: Pairs = {
    count,
    birth: Int32Array.from({ length: count }, (_, i) => pick(birth, i, -1)),
    death: Int32Array.from({ length: count }, (_, i) => pick(death, i, -1)),
    birthValue: Float64Array.from({ length: count }, (_, i) => pick(birthValue, i, NaN)),
    deathValue: Float64Array.from({ length: count }, (_, i) => pick(deathValue, i, NaN)),
    elder: Int32Array.from({ length: count }, (_, i) => position.get(pick(elder, i, -1)) ?? -1),
    essential: Uint8Array.from({ length: count }, (_, i) => pick(essential, i, 0)),
    resolved: Uint8Array.from({ length: count }, (_, i) => pick(resolved, i, 1)),
    persistence: Float64Array.from({ length: count }, (_, i) =>
      Math.abs(pick(deathValue, i, NaN) - pick(birthValue, i, NaN)),
    ),
  };
  const vertexOf = Int32Array.from(source.numbers("node_vertex"));
  const parent = Int32Array.from(source.numbers("node_parent"));
  const nodes: Nodes = {
    count: vertexOf.length,
    vertex: vertexOf,
    parent,
    size: Float64Array.from(source.numbers("node_size")),
    value: Float64Array.from(source.numbers("node_value")),
    branch: branchesOfNodes(pairs, vertexOf, parent),
  };
  let low = Infinity;
  let high = -Infinity;
  for (let i = 0; i < count; i++)
    if (pairs.essential[i]) {
      low = Math.min(low, pairs.birthValue[i]!, pairs.deathValue[i]!);
      high = Math.max(high, pairs.birthValue[i]!, pairs.deathValue[i]!);
    }
  const criticalVertex = source.numbers("critical_vertex");
  const criticalKind = source.numbers("critical_kind");
  return {
    superlevel,
    connectivity: source.text("connectivity"),
    vertices: source.numbers("basins").length,
    pairs,
    cycles,
    nodes,
    low: low <= high ? low : NaN,
    high: low <= high ? high : NaN,
    basins: pairsOfBasins(pairs, source.numbers("basins")),
    arcs: Int32Array.from(source.numbers("arcs")),
    critical: Array.from(criticalVertex, (vertex, i) => ({
      vertex,
      kind: CRITICAL_KINDS[criticalKind[i] ?? 4] ?? "degenerate",
    })),
  };
}

/** A node's arc lies on the branch of the lowest minimum below it: upwards a branch goes on until its pair dies. */
function branchesOfNodes(pairs: Pairs, vertex: Int32Array, parent: Int32Array): Int32Array {
  const branch = new Int32Array(vertex.length).fill(-1);
  for (let n = 0; n < vertex.length; n++) {
    if (n < pairs.count) branch[n] = n;
    const up = parent[n]!;
    if (up < 0) continue;
    const pair = branch[n]!;
    if (pairs.essential[pair] || pairs.death[pair] !== vertex[up]) branch[up] = pair;
  }
  return branch;
}

/** The server names a basin by its minimum's vertex. */
function pairsOfBasins(pairs: Pairs, basins: ArrayLike<number>): Int32Array {
  const pairOf = new Map<number, number>();
  for (let i = 0; i < pairs.count; i++) pairOf.set(pairs.birth[i]!, i);
  const result = new Int32Array(basins.length);
  let lastVertex = -1;
  let lastPair = -1;
  for (let v = 0; v < basins.length; v++) {
    const minimum = basins[v]!;
    if (minimum !== lastVertex) {
      lastVertex = minimum;
      lastPair = pairOf.get(minimum) ?? -1;
    }
    result[v] = lastPair;
  }
  return result;
}

/* ------------------------------------------------------------------ simplification */

export interface Simplified {
  readonly threshold: number;
  readonly kept: Uint8Array; // per pair
  readonly count: number; // kept pairs = minima
  /** Per pair: itself if kept, else the kept pair that swallowed it in the end. */
  readonly survivor: Int32Array;
}

/** A pair stays iff its persistence exceeds the threshold; essential pairs stay; a threshold below 0 keeps all. What
 * swallows a kept pair is kept too. O(pairs). */
export function simplify(pairs: Pairs, threshold: number): Simplified {
  const { count } = pairs;
  const kept = new Uint8Array(count);
  const survivor = new Int32Array(count).fill(-1);
  let total = 0;
  for (let i = 0; i < count; i++)
    if (stays(pairs, i, threshold)) {
      kept[i] = 1;
      survivor[i] = i;
      total++;
    }
  for (let i = 0; i < count; i++) {
    let top = i;
    while (survivor[top]! < 0) top = pairs.elder[top]!;
    const found = survivor[top]!;
    for (let at = i; survivor[at]! < 0; at = pairs.elder[at]!) survivor[at] = found;
  }
  return { threshold, kept, count: total, survivor };
}

function stays(pairs: Pairs, i: number, threshold: number): boolean {
  return threshold < 0 || pairs.essential[i] === 1 || pairs.persistence[i]! > threshold;
}

export function countAbove(pairs: Pairs, threshold: number): number {
  let count = 0;
  for (let i = 0; i < pairs.count; i++) count += stays(pairs, i, threshold) ? 1 : 0;
  return count;
}

/** Largest persistence of an unresolved pair: a threshold there removes all that may be noise. undefined: nothing is
 * known of the noise, or all is resolved. */
export function significanceLevel(pairs: Pairs): number | undefined {
  let level: number | undefined;
  for (let i = 0; i < pairs.count; i++)
    if (!pairs.resolved[i] && !pairs.essential[i]) level = Math.max(level ?? 0, pairs.persistence[i]!);
  return level;
}

/** Smallest positive and largest persistence of finite pairs: the slider's range. */
export function persistenceRange(pairs: Pairs): { low: number; high: number } | undefined {
  let low = Infinity;
  let high = 0;
  for (let i = 0; i < pairs.count; i++) {
    const p = pairs.persistence[i]!;
    if (pairs.essential[i] || !(p > 0)) continue;
    low = Math.min(low, p);
    high = Math.max(high, p);
  }
  return high > 0 ? { low, high } : undefined;
}

/* ------------------------------------------------------------------ the simplified tree */

export interface SimplifiedTree {
  readonly nodes: Nodes;
  readonly minima: number;
  /** Per node of the full tree: node of this tree whose arc took its vertices. */
  readonly target: Int32Array;
  /** Per node of the full tree: value at which its vertices count now if they were cut (the saddle's); NaN if not. */
  readonly flood: Float64Array;
}

/** Branches that are not kept are cut, saddles left with one child are spliced out; cut vertices count in the arc that
 * swallowed them, at the level of the cut. O(nodes). */
export function simplifiedTree(hierarchy: Hierarchy, simplified: Simplified): SimplifiedTree {
  const { nodes, pairs } = hierarchy;
  const n = nodes.count;
  const keptChildren = new Int32Array(n);
  for (let i = 0; i < n; i++)
    if (nodes.parent[i]! >= 0 && simplified.kept[nodes.branch[i]!]) keptChildren[nodes.parent[i]!]! += 1;
  const isRoot = (i: number): boolean => nodes.parent[i]! < 0;
  const becomesNode = (i: number): boolean =>
    i < pairs.count ? simplified.kept[i] === 1 : keptChildren[i]! > 1 || (keptChildren[i] === 1 && isRoot(i));
  const target = new Int32Array(n).fill(-1);
  const below = new Int32Array(n).fill(-1); // node of the result whose arc comes up to i on the branch that goes on
  const vertex: number[] = [];
  const value: number[] = [];
  const size: number[] = [];
  const branch: number[] = [];
  const parent: number[] = [];
  const create = (i: number): void => {
    target[i] = vertex.length;
    vertex.push(nodes.vertex[i]!);
    value.push(nodes.value[i]!);
    size.push(0);
    branch.push(nodes.branch[i]!);
    parent.push(-1);
  };
  const last = (i: number): boolean => i >= pairs.count && keptChildren[i] === 1;
  for (let i = 0; i < n; i++) if (becomesNode(i) && !last(i)) create(i);
  for (let i = 0; i < n; i++) if (becomesNode(i) && last(i)) create(i);
  for (let i = 0; i < n; i++) {
    const alive = simplified.kept[nodes.branch[i]!] === 1;
    if (!alive) continue;
    if (!becomesNode(i)) target[i] = below[i]!;
    const up = nodes.parent[i]!;
    if (up < 0) continue;
    if (nodes.branch[i] === nodes.branch[up]) below[up] = target[i]!;
    if (becomesNode(up)) parent[target[i]!] = target[up]!;
  }
  const flood = new Float64Array(n).fill(NaN);
  for (let i = n - 1; i >= 0; i--) {
    if (target[i]! >= 0) continue;
    const up = nodes.parent[i]!; // roots survive
    const inner = !(simplified.kept[nodes.branch[up]!] === 1);
    target[i] = inner ? target[up]! : below[up]!;
    flood[i] = inner ? flood[up]! : nodes.value[up]!;
  }
  for (let i = 0; i < n; i++) size[target[i]!]! += nodes.size[i] ?? 0;
  return {
    nodes: {
      count: vertex.length,
      vertex: Int32Array.from(vertex),
      parent: Int32Array.from(parent),
      size: Float64Array.from(size),
      value: Float64Array.from(value),
      branch: Int32Array.from(branch),
    },
    minima: simplified.count,
    target,
    flood,
  };
}

/** Pair of the basin that vertex v belongs to after simplification; -1 for excluded ones. */
export function basinOf(hierarchy: Hierarchy, simplified: Simplified, vertex: number): number {
  const pair = hierarchy.basins[vertex] ?? -1;
  return pair < 0 ? -1 : simplified.survivor[pair]!;
}

/** Vertices in each kept pair's basin. */
export function basinSizes(hierarchy: Hierarchy, simplified: Simplified): Int32Array {
  const sizes = new Int32Array(hierarchy.pairs.count);
  for (let v = 0; v < hierarchy.basins.length; v++) {
    const pair = hierarchy.basins[v]!;
    if (pair >= 0) sizes[simplified.survivor[pair]!]! += 1;
  }
  return sizes;
}

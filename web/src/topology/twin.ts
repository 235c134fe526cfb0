/** A slow twin of the C program's merge tree for tests: flood fills, nothing shared with the code under test. */
import type { TopologySource } from "./hierarchy";

export interface TwinField {
  readonly shape: readonly number[];
  readonly values: readonly number[];
  readonly superlevel: boolean;
}

const known = new Map<string, Map<number, number[]>>();

/** Freudenthal neighbours: offsets in {-1, 0, 1}^n that, the last axis negated, are all >= 0 or all <= 0. */
export function neighboursOf(shape: readonly number[], v: number): number[] {
  const key = shape.join();
  const table = known.get(key) ?? new Map<number, number[]>();
  known.set(key, table);
  const found = table.get(v) ?? computeNeighbours(shape, v);
  table.set(v, found);
  return found;
}

function computeNeighbours(shape: readonly number[], v: number): number[] {
  const n = shape.length;
  const at: number[] = new Array<number>(n).fill(0);
  for (let k = n - 1, rest = v; k >= 0; k--) {
    at[k] = rest % shape[k]!;
    rest = Math.floor(rest / shape[k]!);
  }
  const found: number[] = [];
  for (let code = 0; code < 3 ** n; code++) {
    const offset = Array.from({ length: n }, (_, k) => (Math.floor(code / 3 ** k) % 3) - 1);
    const turned = offset.map((o, k) => (k === n - 1 ? -o : o));
    const oneSided = turned.every((o) => o >= 0) || turned.every((o) => o <= 0);
    if (!oneSided || offset.every((o) => o === 0)) continue;
    const to = at.map((a, k) => a + offset[k]!);
    if (to.some((a, k) => a < 0 || a >= shape[k]!)) continue;
    found.push(to.reduce((index, a, k) => index * shape[k]! + a, 0));
  }
  return found;
}

/** Position of each vertex in the order of the field; -1 for holes. */
export function ranksOf(field: TwinField): number[] {
  const sign = field.superlevel ? -1 : 1;
  const order = field.values
    .map((_, v) => v)
    .filter((v) => Number.isFinite(field.values[v]!))
    .sort((a, b) => sign * (field.values[a]! - field.values[b]!) || a - b);
  const ranks = field.values.map(() => -1);
  order.forEach((v, r) => (ranks[v] = r));
  return ranks;
}

/** Vertices reachable from `start` over vertices that `allowed` lets through. */
export function flood(shape: readonly number[], start: number, allowed: (v: number) => boolean): Set<number> {
  const seen = new Set<number>([start]);
  const open = [start];
  while (open.length > 0)
    for (const u of neighboursOf(shape, open.pop()!))
      if (!seen.has(u) && allowed(u)) {
        seen.add(u);
        open.push(u);
      }
  return seen;
}

/** The record of a field's topology, made of flood fills at every vertex: O(vertices^2). */
export function twinOf(field: TwinField): TopologySource {
  const { shape, values } = field;
  const ranks = ranksOf(field);
  const order = values
    .map((_, v) => v)
    .filter((v) => ranks[v]! >= 0)
    .sort((a, b) => ranks[a]! - ranks[b]!);
  const lowest = (set: Iterable<number>): number => [...set].reduce((a, b) => (ranks[a]! < ranks[b]! ? a : b));
  const minima = order.filter((v) => neighboursOf(shape, v).every((u) => ranks[u]! < 0 || ranks[u]! > ranks[v]!));
  minima.sort((a, b) => a - b);

  const death = new Map<number, number>();
  const elder = new Map<number, number>();
  const saddles: number[] = [];
  const roots: number[] = [];
  // components of what lies strictly below v that touch v, each by its lowest minimum
  for (const v of order) {
    const below = new Map<number, Set<number>>();
    for (const u of neighboursOf(shape, v)) {
      if (ranks[u]! < 0 || ranks[u]! > ranks[v]!) continue;
      const component = flood(shape, u, (w) => ranks[w]! >= 0 && ranks[w]! < ranks[v]!);
      below.set(lowest(component), component);
    }
    if (below.size > 1) {
      saddles.push(v);
      const heads = [...below.keys()].sort((a, b) => ranks[a]! - ranks[b]!);
      for (const head of heads.slice(1)) {
        death.set(head, v);
        elder.set(head, heads[0]!);
      }
    }
  }
  const done = new Set<number>();
  for (const v of [...order].reverse()) {
    if (done.has(v)) continue;
    const component = flood(shape, v, (w) => ranks[w]! >= 0);
    component.forEach((w) => done.add(w));
    const head = lowest(component);
    death.set(head, v);
    elder.set(head, -1);
    if (!saddles.includes(v) && !minima.includes(v)) roots.push(v);
  }
  const nodes = [...minima, ...saddles, ...roots.sort((a, b) => ranks[a]! - ranks[b]!)];
  const nodeOf = new Map(nodes.map((v, i) => [v, i] as const));
  // arc of v: the highest node in the component of what is not above v (v included) that contains v
  const arcs = values.map((_, v) => {
    if (ranks[v]! < 0) return -1;
    const component = flood(shape, v, (w) => ranks[w]! >= 0 && ranks[w]! <= ranks[v]!);
    return nodeOf.get([...component].filter((w) => nodeOf.has(w)).reduce((a, b) => (ranks[a]! > ranks[b]! ? a : b)))!;
  });
  const parents = nodes.map((v) => {
    // the lowest node above whose component from below holds v
    const above = nodes.filter((u) => ranks[u]! > ranks[v]!).sort((a, b) => ranks[a]! - ranks[b]!);
    for (const u of above)
      if (flood(shape, u, (w) => ranks[w]! >= 0 && ranks[w]! <= ranks[u]!).has(v)) return nodeOf.get(u)!;
    return -1;
  });
  const basins = values.map((_, v) => {
    if (ranks[v]! < 0) return -1;
    let at = v;
    for (;;) {
      const down = neighboursOf(shape, at).filter((u) => ranks[u]! >= 0 && ranks[u]! < ranks[at]!);
      if (down.length === 0) return at;
      at = lowest(down);
    }
  });
  const pairOf = new Map(minima.map((v, i) => [v, i] as const));
  const columns: Record<string, number[]> = {
    pair_birth: minima,
    pair_death: minima.map((v) => death.get(v)!),
    pair_birth_value: minima.map((v) => values[v]!),
    pair_death_value: minima.map((v) => values[death.get(v)!]!),
    pair_elder: minima.map((v) => pairOf.get(elder.get(v)!) ?? -1),
    pair_essential: minima.map((v) => (elder.get(v) === -1 ? 1 : 0)),
    pair_resolved: minima.map(() => 1),
    pair_dimension: minima.map(() => 0),
    node_vertex: nodes,
    node_parent: parents,
    node_size: nodes.map((_, i) => arcs.filter((a) => a === i).length),
    node_value: nodes.map((v) => values[v]!),
    basins,
    arcs,
  };
  return {
    text: (name) => (name === "connectivity" ? "freudenthal" : ""),
    real: (name) => (name === "superlevel" ? Number(field.superlevel) : NaN),
    has: (name) => name in columns,
    numbers: (name) => columns[name] ?? [],
  };
}

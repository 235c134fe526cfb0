/** Planar layout of a merge tree: a branch is a vertical segment from its minimum to its saddle, with a horizontal
 * connector at the saddle's level to its parent. On a parent, children by saddle ascending, the lowest saddle nearest
 * to the trunk, each on the side with less width so far (ties right); components side by side by minimum. No two
 * segments cross: a child's connector passes only above subtrees that end at a lower saddle. */
import type { Hierarchy, Simplified } from "./hierarchy";

export interface LayoutBranch {
  readonly pair: number;
  readonly parent: number; // pair; -1: a component's trunk
  readonly x: number; // in branch widths
  readonly parentX: number;
  readonly birthValue: number;
  readonly deathValue: number;
}

export interface TreeLayout {
  readonly width: number; // number of branches
  readonly branches: readonly LayoutBranch[]; // by pair, ascending
}

export function layoutTree(hierarchy: Hierarchy, simplified: Simplified): TreeLayout {
  const { pairs, superlevel } = hierarchy;
  const sign = superlevel ? -1 : 1;
  const children = new Map<number, number[]>();
  const trunks: number[] = [];
  for (let i = 0; i < pairs.count; i++) {
    if (!simplified.kept[i]) continue;
    const elder = pairs.elder[i]!;
    if (elder < 0) trunks.push(i);
    else {
      const list = children.get(elder);
      if (list) list.push(i);
      else children.set(elder, [i]);
    }
  }
  const byBirth = (a: number, b: number): number =>
    sign * (pairs.birthValue[a]! - pairs.birthValue[b]!) || pairs.birth[a]! - pairs.birth[b]!;
  for (const list of children.values())
    list.sort(
      (a, b) =>
        sign * (pairs.deathValue[a]! - pairs.deathValue[b]!) || pairs.death[a]! - pairs.death[b]! || byBirth(a, b),
    );
  trunks.sort(byBirth);

  // Parents before children; walked backwards, children before parents. No recursion: trees may be deep.
  const order: number[] = [...trunks];
  for (let at = 0; at < order.length; at++) for (const child of children.get(order[at]!) ?? []) order.push(child);
  const left = new Float64Array(pairs.count);
  const right = new Float64Array(pairs.count);
  const offset = new Float64Array(pairs.count);
  for (let at = order.length - 1; at >= 0; at--) {
    const branch = order[at]!;
    let l = 0.5;
    let r = 0.5;
    for (const child of children.get(branch) ?? []) {
      const width = left[child]! + right[child]!;
      if (r <= l) {
        offset[child] = r + left[child]!;
        r += width;
      } else {
        offset[child] = -l - right[child]!;
        l += width;
      }
    }
    left[branch] = l;
    right[branch] = r;
  }
  const x = new Float64Array(pairs.count);
  let width = 0;
  for (const trunk of trunks) {
    x[trunk] = width + left[trunk]!;
    width += left[trunk]! + right[trunk]!;
  }
  for (const branch of order) if (pairs.elder[branch]! >= 0) x[branch] = x[pairs.elder[branch]!]! + offset[branch]!;
  order.sort((a, b) => a - b);
  return {
    width,
    branches: order.map((pair) => ({
      pair,
      parent: pairs.elder[pair]!,
      x: x[pair]!,
      parentX: pairs.elder[pair]! >= 0 ? x[pairs.elder[pair]!]! : x[pair]!,
      birthValue: pairs.birthValue[pair]!,
      deathValue: pairs.deathValue[pair]!,
    })),
  };
}

/** Selected features: minima that were chosen, as the pairs that stand for them at the present simplification. */
import type { Hierarchy, Pairs, Simplified } from "./hierarchy";
import { basinSizes } from "./hierarchy";

const NONE: ReadonlySet<number> = new Set();

/** A minimum that was removed is stood for by what swallowed it; a vertex that is no minimum by nothing. */
export function selectedPairs(
  pairs: Pairs | undefined,
  simplified: Simplified | null,
  minima: readonly number[],
): ReadonlySet<number> {
  if (!pairs || !simplified || minima.length === 0) return NONE;
  const wanted = new Set(minima);
  const found = new Set<number>();
  for (let i = 0; i < pairs.count; i++) if (wanted.has(pairs.birth[i]!)) found.add(simplified.survivor[i]!);
  return found;
}

/** Numbers of a feature by which features can be selected. */
export const QUANTITIES = {
  persistence: "Persistence",
  birth: "Minimum",
  death: "Saddle",
  basin: "Points of the basin",
} as const;
export type Quantity = keyof typeof QUANTITIES;

/** Kept pairs whose quantity lies between two numbers (both included). An essential pair has no saddle. */
export function pairsBetween(
  hierarchy: Hierarchy,
  simplified: Simplified,
  quantity: Quantity,
  low: number,
  high: number,
): number[] {
  const { pairs } = hierarchy;
  const sizes = quantity === "basin" ? basinSizes(hierarchy, simplified) : null;
  const value = (i: number): number => {
    if (sizes) return sizes[i]!;
    if (quantity === "birth") return pairs.birthValue[i]!;
    if (quantity === "persistence") return pairs.persistence[i]!;
    return pairs.essential[i] ? NaN : pairs.deathValue[i]!;
  };
  const found: number[] = [];
  for (let i = 0; i < pairs.count; i++) if (simplified.kept[i] && value(i) >= low && value(i) <= high) found.push(i);
  return found;
}

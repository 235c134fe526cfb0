/** What a persistence diagram and a barcode show. */
import type { Hierarchy, Simplified } from "./hierarchy";

export interface Feature {
  readonly pair: number; // index into pairs; -1 for loops and voids
  readonly dimension: number;
  readonly birth: number; // values
  readonly death: number;
  readonly birthVertex: number;
  readonly deathVertex: number;
  readonly persistence: number;
  readonly essential: boolean;
  readonly resolved: boolean;
}

/** The kept pairs and, on request, loops and voids above the threshold, most persistent first (ties: smaller birth
 * vertex); essential ones lead. At most `most` are given; `left` says how many were not. */
export function featuresOf(
  hierarchy: Hierarchy,
  simplified: Simplified,
  cycles: boolean,
  most = Infinity,
): { readonly features: readonly Feature[]; readonly left: number } {
  const { pairs } = hierarchy;
  const all: Feature[] = [];
  for (let i = 0; i < pairs.count; i++)
    if (simplified.kept[i])
      all.push({
        pair: i,
        dimension: 0,
        birth: pairs.birthValue[i]!,
        death: pairs.deathValue[i]!,
        birthVertex: pairs.birth[i]!,
        deathVertex: pairs.death[i]!,
        persistence: pairs.persistence[i]!,
        essential: pairs.essential[i] === 1,
        resolved: pairs.resolved[i] === 1,
      });
  if (cycles)
    for (const cycle of hierarchy.cycles) {
      const persistence = Math.abs(cycle.deathValue - cycle.birthValue);
      if (!(persistence > simplified.threshold)) continue;
      all.push({
        pair: -1,
        dimension: cycle.dimension,
        birth: cycle.birthValue,
        death: cycle.deathValue,
        birthVertex: cycle.birth,
        deathVertex: cycle.death,
        persistence,
        essential: cycle.death < 0,
        resolved: true,
      });
    }
  all.sort(
    (a, b) =>
      Number(b.essential) - Number(a.essential) || b.persistence - a.persistence || a.birthVertex - b.birthVertex,
  );
  return { features: all.slice(0, most), left: Math.max(0, all.length - most) };
}

/** "the whole component": what an essential pair's death means. */
export function featureTitle(feature: Feature, superlevel: boolean): string {
  if (feature.dimension === 1) return "loop";
  if (feature.dimension === 2) return "void";
  return superlevel ? "maximum" : "minimum";
}

// Pairs as rows of a table file.
import type { Cell } from "../../base/csv";
import type { Feature } from "../../topology/diagram";

export const FEATURE_HEADER = [
  "dimension",
  "birth_vertex",
  "death_vertex",
  "birth",
  "death",
  "persistence",
  "essential",
  "resolved",
] as const;

export function featureRows(features: readonly Feature[]): Cell[][] {
  return features.map((f) => [
    f.dimension,
    f.birthVertex,
    f.deathVertex,
    f.birth,
    f.death,
    f.persistence,
    f.essential,
    f.resolved,
  ]);
}

// Numbers of models as columns: what the table lists, relations plot and the quick choices rank.
import { isNumber } from "../base/statistics";
import type { LossRecord } from "../api/record";
import type { Study } from "../api/types";
import { largestEigenvalue } from "./facts";
import { meanOverPairs } from "./pairs";

export interface Column {
  key: string;
  title: string;
  unit: string;
  better: "higher" | "lower" | null;
  values: number[]; // one a model, NaN where there is none
  /** What values can be at all: intervals are not drawn beyond. */
  bounds?: readonly [number, number];
  /** A swept or set parameter, not a result. */
  parameter?: boolean;
}

/** Numbers of the comparison record whose names do not say enough. */
const TITLES: Readonly<Record<string, string>> = Object.freeze({
  cka_within_group: "mean CKA within the group",
  relative_barrier: "mean relative barrier",
  negative_mass: "share of negative curvature",
  relative_rise: "relative rise of the loss nearby",
  average_persistence: "average persistence",
  smad: "SMAD of the merge tree",
});

/** Columns that have any number. `comparison`: the study's comparison record, which knows what other records say.
 *  `members`: only of these models. */
export function modelColumns(
  study: Study,
  comparison: LossRecord | null = null,
  members: readonly number[] | null = null,
): Column[] {
  const inside = members && new Set(members);
  const columns: Column[] = [];
  const count = study.models.length;
  const add = (whole: Column): void => {
    const column = inside ? { ...whole, values: whole.values.map((v, i) => (inside.has(i) ? v : NaN)) } : whole;
    if (column.values.some(isNumber) && !columns.some((c) => c.key === column.key || c.title === column.title))
      columns.push(column);
  };
  for (const metric of study.metrics)
    add({
      key: metric.name,
      title: metric.title || metric.name,
      unit: metric.unit,
      better: metric.better,
      ...(metric.scale === "score" && { bounds: [0, metric.unit === "%" ? 100 : 1] as const }),
      ...(metric.scale === "error" && { bounds: [0, Infinity] as const }),
      values: study.models.map((m) => m.metrics[metric.name] ?? NaN),
    });
  add({
    key: "top_eigenvalue",
    title: "largest eigenvalue",
    unit: "",
    better: null,
    values: study.models.map(largestEigenvalue),
  });
  add({ key: "trace", title: "Hessian trace", unit: "", better: null, values: study.models.map((m) => m.trace) });
  add({
    key: "mc",
    title: "mean mode connectivity",
    unit: "",
    better: "higher",
    values: meanOverPairs(study.pairs, "mc_loss", count),
  });
  add({
    key: "mc_error",
    title: "mean mode connectivity, error",
    unit: "%",
    better: "higher",
    values: meanOverPairs(study.pairs, "mc_error", count),
  });
  if (comparison) {
    const order = new Map(comparison.lines("model_names").map((name, i) => [name, i]));
    for (const name of comparison.lines("metric_names")) {
      const values = comparison.numbers(`${name}_values`);
      add({
        key: name,
        title: TITLES[name] ?? name.replaceAll("_", " "),
        unit: comparison.unit(`${name}_values`),
        better: null,
        values: study.models.map((m) => {
          const at = order.get(m.name);
          return at === undefined ? NaN : (values[at] ?? NaN);
        }),
      });
    }
  }
  if (!columns.some((c) => c.key === "cka_within_group"))
    add({
      key: "cka",
      title: "mean CKA with others",
      unit: "",
      better: null,
      values: meanOverPairs(study.pairs, "cka", count),
    });
  const settings = new Set<string>();
  for (const group of study.groups) for (const key of Object.keys(group.sweep)) settings.add(key);
  for (const key of settings)
    add({
      key: `sweep.${key}`,
      title: key,
      unit: "",
      better: null,
      parameter: true,
      values: study.models.map((m) => {
        const value = study.groups[m.group]?.sweep[key];
        return typeof value === "number" ? value : NaN;
      }),
    });
  return columns;
}

/** The metric that (some) models are judged by: accuracy or the relative error where there is one, else the first. */
export function leadingColumn(all: readonly Column[], members: readonly number[] | null = null): Column | null {
  const columns = members === null ? all : all.filter((c) => members.some((m) => isNumber(c.values[m])));
  const preferred = ["accuracy", "top1", "relative_error", "relative_l2", "mean_iou"];
  for (const key of preferred) {
    const column = columns.find((c) => c.key === key);
    if (column) return column;
  }
  return columns.find((c) => c.better !== null && c.key !== "mc") ?? null;
}

/** The member whose metrics are nearest to the others': least sum of distances in 1 - CKA where known, else of ranks. */
export function medoid(study: Study, members: readonly number[], column: Column | null): number | null {
  const inside = new Set(members);
  const sum = new Map<number, { total: number; count: number }>();
  study.pairs.a.forEach((a, i) => {
    const b = study.pairs.b[i] as number;
    const cka = study.pairs.cka[i];
    if (!inside.has(a) || !inside.has(b) || !isNumber(cka)) return;
    for (const end of [a, b]) {
      const entry = sum.get(end) ?? { total: 0, count: 0 };
      entry.total += 1 - cka;
      entry.count++;
      sum.set(end, entry);
    }
  });
  const full = members.filter((m) => sum.get(m)?.count === members.length - 1);
  if (full.length > 0 && members.length > 1)
    return full.reduce((best, m) => ((sum.get(m)?.total ?? 0) < (sum.get(best)?.total ?? 0) ? m : best));
  if (!column) return members[0] ?? null;
  const known = members
    .filter((m) => isNumber(column.values[m]))
    .sort((a, b) => (column.values[a] as number) - (column.values[b] as number));
  return known[Math.floor((known.length - 1) / 2)] ?? null;
}

/** Index of the best (or worst) of `members` in a column; null if none has a number. */
export function extreme(column: Column | null, members: readonly number[], best: boolean): number | null {
  if (!column) return null;
  const sign = (column.better === "lower" ? -1 : 1) * (best ? 1 : -1);
  let found: number | null = null;
  for (const m of members) {
    const value = column.values[m];
    if (!isNumber(value)) continue;
    if (found === null || sign * value > sign * (column.values[found] as number)) found = m;
  }
  return found;
}

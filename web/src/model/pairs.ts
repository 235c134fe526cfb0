// What edges show: one number a pair, with the sense "how well connected".
import { isNumber } from "../base/statistics";
import { finiteRange, makeScale, type Scale } from "../geometry/scales";
import type { Pairs } from "../api/types";
import type { EdgeField } from "../state";

export interface EdgeFieldInfo {
  field: EdgeField;
  title: string;
  unit: string;
  /** +1: 0 is well connected and negative values are barriers (mc). -1: the number is the barrier itself. */
  sign: 1 | -1;
}

export const EDGE_FIELDS: readonly EdgeFieldInfo[] = [
  { field: "mc_loss", title: "mode connectivity, loss", unit: "", sign: 1 },
  { field: "mc_error", title: "mode connectivity, error", unit: "%", sign: 1 },
  { field: "relative_barrier", title: "barrier ÷ fall of the loss in training", unit: "", sign: -1 },
  { field: "barrier", title: "barrier of the loss", unit: "", sign: -1 },
];

export function edgeFieldInfo(field: EdgeField): EdgeFieldInfo {
  return EDGE_FIELDS.find((info) => info.field === field) ?? (EDGE_FIELDS[0] as EdgeFieldInfo);
}

/** Fields for which the study has any number. */
export function availableFields(pairs: Pairs): EdgeFieldInfo[] {
  return EDGE_FIELDS.filter((info) => pairs[info.field].some(isNumber));
}

export interface EdgeQuality {
  /** 0 worst .. 1 no barrier, on one scale over all groups. */
  quality: (value: number) => number;
  /** Beyond "connected": a better path than the ends exists (mc > 0), by more than rounding. */
  better: (value: number) => boolean;
  scale: Scale; // of the values themselves
}

export function edgeQuality(values: readonly number[], info: EdgeFieldInfo, kind: "linear" | "symlog"): EdgeQuality {
  const range = finiteRange(values) ?? { low: 0, high: 0 };
  const scale = makeScale(kind, range);
  const worst = info.sign > 0 ? Math.min(0, range.low) : -Math.max(0, range.high); // as mc, <= 0
  const span = makeScale(kind, { low: 0, high: worst < 0 ? -worst : 1 });
  const negligible = 1e-6 * Math.max(-worst, Math.abs(range.high), 1e-300);
  return {
    scale,
    quality: (value) => {
      const mc = info.sign > 0 ? value : -value;
      if (!isNumber(mc)) return NaN;
      return mc >= 0 || worst === 0 ? 1 : Math.max(0, Math.min(1, 1 - span.share(-mc)));
    },
    better: (value) => (info.sign > 0 ? value > negligible : false),
  };
}

/** Mean of a pair's number over the pairs of each model; NaN where a model has none. */
export function meanOverPairs(pairs: Pairs, field: keyof Pairs, models: number): number[] {
  const sum = new Array<number>(models).fill(0);
  const count = new Array<number>(models).fill(0);
  const values = pairs[field] as (number | null)[];
  pairs.a.forEach((a, i) => {
    const value = values[i];
    if (!isNumber(value)) return;
    for (const end of [a, pairs.b[i] as number]) {
      sum[end] = (sum[end] as number) + value;
      count[end] = (count[end] as number) + 1;
    }
  });
  return sum.map((s, i) => ((count[i] as number) > 0 ? s / (count[i] as number) : NaN));
}

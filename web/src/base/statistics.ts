// Small statistics, each checked against values of another tool in statistics.test.ts.

export const isNumber = (value: number | null | undefined): value is number =>
  value !== null && value !== undefined && Number.isFinite(value);

export function mean(values: readonly number[]): number {
  return values.length === 0 ? NaN : values.reduce((sum, v) => sum + v, 0) / values.length;
}

/** Linear interpolation between order statistics (R's type 7). */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.filter(isNumber).sort((a, b) => a - b);
  if (sorted.length === 0) return NaN;
  const at = (sorted.length - 1) * share;
  const low = Math.floor(at);
  const a = sorted[low] as number;
  const b = sorted[Math.min(low + 1, sorted.length - 1)] as number;
  return a + (at - low) * (b - a);
}

/** Ranks from 1; ties share their mean rank. */
export function ranks(values: readonly number[]): number[] {
  const order = values.map((_, i) => i).sort((i, j) => (values[i] as number) - (values[j] as number));
  const result = new Array<number>(values.length);
  for (let i = 0; i < order.length; ) {
    let j = i;
    while (j + 1 < order.length && values[order[j + 1] as number] === values[order[i] as number]) j++;
    for (let k = i; k <= j; k++) result[order[k] as number] = (i + j) / 2 + 1;
    i = j + 1;
  }
  return result;
}

export function correlation(x: readonly number[], y: readonly number[]): number {
  const mx = mean(x);
  const my = mean(y);
  let xy = 0,
    xx = 0,
    yy = 0;
  x.forEach((v, i) => {
    const dx = v - mx;
    const dy = (y[i] as number) - my;
    xy += dx * dy;
    xx += dx * dx;
    yy += dy * dy;
  });
  return xx > 0 && yy > 0 ? xy / Math.sqrt(xx * yy) : NaN;
}

/** Spearman's rank correlation over the places where both are numbers, and how many those are. */
export function rankCorrelation(x: readonly number[], y: readonly number[]): { rho: number; count: number } {
  const both = x.map((v, i) => [v, y[i] as number] as const).filter(([a, b]) => isNumber(a) && isNumber(b));
  return {
    rho: both.length < 3 ? NaN : correlation(ranks(both.map((p) => p[0])), ranks(both.map((p) => p[1]))),
    count: both.length,
  };
}

/** Two-sided 97.5 % point of Student's t: tabulated for few, a series in 1/df beyond. */
export function studentT975(degrees: number): number {
  const table = [12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.306, 2.2622, 2.2281];
  if (degrees < 1) return NaN;
  if (degrees <= 10) return table[degrees - 1] as number;
  const z = 1.959964;
  // Abramowitz and Stegun 26.7.5
  const z3 = z ** 3,
    z5 = z ** 5,
    z7 = z ** 7;
  return (
    z +
    (z3 + z) / (4 * degrees) +
    (5 * z5 + 16 * z3 + 3 * z) / (96 * degrees ** 2) +
    (3 * z7 + 19 * z5 + 17 * z3 - 15 * z) / (384 * degrees ** 3)
  );
}

export interface Interval {
  mean: number;
  low: number;
  high: number;
  count: number;
}

/** Mean with its 95 % interval (Student's t); no interval below two values. */
export function meanInterval(values: readonly number[]): Interval {
  const kept = values.filter(isNumber);
  const centre = mean(kept);
  if (kept.length < 2) return { mean: centre, low: NaN, high: NaN, count: kept.length };
  const variance = kept.reduce((sum, v) => sum + (v - centre) ** 2, 0) / (kept.length - 1);
  const half = studentT975(kept.length - 1) * Math.sqrt(variance / kept.length);
  return { mean: centre, low: centre - half, high: centre + half, count: kept.length };
}

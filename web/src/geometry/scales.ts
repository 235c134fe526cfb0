/** Value scales: a value to a share of a range and back. A scale is plain data made once; nothing here draws. */

export const SCALE_KINDS = ["linear", "log", "symlog", "quantile"] as const;
export type ScaleKind = (typeof SCALE_KINDS)[number];

export interface Range {
  readonly low: number;
  readonly high: number;
}

export interface Scale {
  readonly kind: ScaleKind;
  readonly low: number;
  readonly high: number;
  /** Symmetric-log: |value| below which the scale is linear. */
  readonly linear: number;
  /** 0 at low, 1 at high, beyond them outside 0..1; NaN stays NaN. */
  readonly share: (value: number) => number;
  readonly value: (share: number) => number;
}

/** Finite minimum and maximum of any number of arrays; undefined if there is none. */
export function finiteRange(...arrays: readonly ArrayLike<number>[]): Range | undefined {
  let low = Infinity;
  let high = -Infinity;
  for (const array of arrays)
    for (let i = 0; i < array.length; i++) {
      const value = array[i]!;
      if (value - value !== 0) continue; // NaN, +-infinity
      if (value < low) low = value;
      if (value > high) high = value;
    }
  return low <= high ? { low, high } : undefined;
}

export function unionRange(ranges: readonly (Range | undefined)[]): Range | undefined {
  let union: Range | undefined;
  for (const range of ranges) {
    if (!range) continue;
    union = union ? { low: Math.min(union.low, range.low), high: Math.max(union.high, range.high) } : range;
  }
  return union;
}

/** Decades between two positive values; 0 where a logarithm does not exist. */
export function decades(range: Range): number {
  return range.low > 0 ? Math.log10(range.high / range.low) : 0;
}

/** Log where all values are positive and span more than three decades, else linear. */
export function suggestedScale(range: Range | undefined): ScaleKind {
  return range && decades(range) > 3 ? "log" : "linear";
}

/** Sorted finite values, thinned to at most `most` of them: the support of a quantile scale. */
export function quantileSupport(arrays: readonly ArrayLike<number>[], most = 4096): Float64Array {
  let count = 0;
  for (const array of arrays) for (let i = 0; i < array.length; i++) if (array[i]! - array[i]! === 0) count++;
  const all = new Float64Array(count);
  let at = 0;
  for (const array of arrays)
    for (let i = 0; i < array.length; i++) if (array[i]! - array[i]! === 0) all[at++] = array[i]!;
  all.sort();
  if (count <= most) return all;
  const thin = new Float64Array(most);
  for (let i = 0; i < most; i++) thin[i] = all[Math.round((i * (count - 1)) / (most - 1))]!;
  return thin;
}

/** Share of the support below a value, linear between its entries; equal entries share their middle rank. */
function rankOf(support: Float64Array, value: number): number {
  const n = support.length;
  if (n < 2) return 0.5;
  if (value <= support[0]!) return 0;
  if (value >= support[n - 1]!) return 1;
  let low = 0; // first entry >= value
  let high = n;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (support[middle]! < value) low = middle + 1;
    else high = middle;
  }
  if (support[low] === value) {
    let end = low;
    while (end + 1 < n && support[end + 1] === value) end++;
    return (low + end) / 2 / (n - 1);
  }
  const a = support[low - 1]!;
  return (low - 1 + (value - a) / (support[low]! - a)) / (n - 1);
}

/** A scale over `range`. log of a range that is not positive becomes symlog (callers offer it only where it exists;
 * the kind in the answer says what was made). A range of one value is widened so that shares stay finite. */
export function makeScale(kind: ScaleKind, range: Range, support?: Float64Array): Scale {
  let { low, high } = range;
  if (!(high > low)) {
    const pad = Math.abs(low) > 0 ? Math.abs(low) * 0.05 : 0.5;
    low -= pad;
    high += pad;
  }
  const made =
    kind === "log" && !(low > 0) ? "symlog" : kind === "quantile" && !(support && support.length > 1) ? "linear" : kind;
  const largest = Math.max(Math.abs(low), Math.abs(high));
  const linear = made === "symlog" ? largest * 1e-3 : 0;
  const frame = (
    forward: (value: number) => number,
    backward: (value: number) => number,
  ): Pick<Scale, "share" | "value"> => {
    const a = forward(low);
    const span = forward(high) - a;
    return {
      share: (value) => (forward(value) - a) / span,
      value: (share) => backward(a + share * span),
    };
  };
  const base = { kind: made, low, high, linear } as const;
  switch (made) {
    case "linear":
      return {
        ...base,
        ...frame(
          (v) => v,
          (v) => v,
        ),
      };
    case "log":
      return { ...base, ...frame((v) => (v > 0 ? Math.log(v) : v === v ? -Infinity : NaN), Math.exp) };
    case "symlog":
      return {
        ...base,
        ...frame(
          (v) => Math.sign(v) * Math.log1p(Math.abs(v) / linear),
          (v) => Math.sign(v) * linear * Math.expm1(Math.abs(v)),
        ),
      };
    case "quantile": {
      const sorted = support!;
      const at = (share: number): number => {
        const position = Math.max(0, Math.min(1, share)) * (sorted.length - 1);
        const i = Math.min(Math.floor(position), sorted.length - 2);
        return sorted[i]! + (position - i) * (sorted[i + 1]! - sorted[i]!);
      };
      const a = rankOf(sorted, low);
      const span = rankOf(sorted, high) - a || 1;
      return {
        ...base,
        share: (value) => (value === value ? (rankOf(sorted, value) - a) / span : NaN),
        value: (share) => at(a + share * span),
      };
    }
  }
}

/** `count` strictly ascending levels inside the scale's range, at equal steps of the scale. */
export function levelsOf(scale: Scale, count: number): Float64Array {
  const levels: number[] = [];
  for (let i = 1; i <= count; i++) {
    const level = scale.value(i / (count + 1));
    if (level > scale.low && level < scale.high && (levels.length === 0 || level > levels[levels.length - 1]!))
      levels.push(level);
  }
  return Float64Array.from(levels);
}

/** Share -> pixels. */
export interface PixelScale extends Scale {
  readonly from: number;
  readonly to: number;
  readonly px: (value: number) => number;
  readonly invert: (px: number) => number;
}

export function pixelScale(scale: Scale, from: number, to: number): PixelScale {
  return {
    ...scale,
    from,
    to,
    px: (value) => from + scale.share(value) * (to - from),
    invert: (px) => scale.value((px - from) / (to - from)),
  };
}

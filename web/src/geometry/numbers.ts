/** Ticks and numbers as a person reads them: 1, 2, 5 steps; as many digits as the step or the precision asks for. */
import type { Scale } from "./scales";

const SUPERSCRIPT: Readonly<Record<string, string>> = Object.freeze({
  "-": "⁻",
  "0": "⁰",
  "1": "¹",
  "2": "²",
  "3": "³",
  "4": "⁴",
  "5": "⁵",
  "6": "⁶",
  "7": "⁷",
  "8": "⁸",
  "9": "⁹",
});

const superscript = (n: number): string =>
  String(n)
    .split("")
    .map((c) => SUPERSCRIPT[c] ?? c)
    .join("");

const trimZeros = (text: string): string => (text.includes(".") ? text.replace(/0+$/, "").replace(/\.$/, "") : text);
const properMinus = (text: string): string => text.replace(/^-/, "−");

/** m × 10ⁿ; 1 × 10ⁿ is written 10ⁿ. */
function power(value: number, digits: number): string {
  const [mantissa, exponent] = value.toExponential(Math.max(0, digits - 1)).split("e") as [string, string];
  const m = trimZeros(mantissa);
  const tail = `10${superscript(Number(exponent))}`;
  return properMinus(m === "1" ? tail : m === "-1" ? `-${tail}` : `${m}×${tail}`);
}

/** A value with `digits` significant digits (default 4): 0.0123, 12.35, 1.2×10⁻⁷, 12,346; never more than it has. */
export function formatNumber(value: number | null | undefined, digits = 4): string {
  if (value === null || value === undefined) return "–";
  if (Number.isNaN(value)) return "not a number";
  if (value === Infinity) return "∞";
  if (value === -Infinity) return "−∞";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-3) {
    if (size >= 1e6 && size < 1e9 && Number.isInteger(value) && digits > 6) return formatInteger(value);
    return power(value, digits);
  }
  if (size >= 10 ** digits) return formatInteger(Math.round(value));
  const text = trimZeros(value.toPrecision(digits));
  return properMinus(text);
}

/** 12,345 with thin grouping commas. */
export function formatInteger(value: number): string {
  return properMinus(
    Math.round(value)
      .toString()
      .replace(/\B(?=(\d{3})+(?!\d))/g, ","),
  );
}

/** "1 minimum", "1,234 minima". */
export function formatCount(count: number, one: string, many: string): string {
  return `${formatInteger(count)} ${count === 1 ? one : many}`;
}

export function formatPercent(share: number, digits = 3): string {
  return `${formatNumber(share * 100, digits)} %`;
}

/** value ± error, both to the error's second significant digit. */
export function formatWithError(value: number, error: number | null | undefined): string {
  if (error === null || error === undefined || !Number.isFinite(error) || error <= 0 || !Number.isFinite(value))
    return formatNumber(value);
  const lead = Math.floor(Math.log10(Math.max(Math.abs(value), error)));
  const digits = Math.max(2, Math.min(12, lead - Math.floor(Math.log10(error)) + 2));
  if (lead < -3 || lead >= 6) {
    const unit = 10 ** lead;
    return `(${formatNumber(value / unit, digits)} ± ${formatNumber(error / unit, 2)})×10${superscript(lead)}`;
  }
  return `${formatNumber(value, digits)} ± ${formatNumber(error, 2)}`;
}

export function formatWithUnit(value: number | null | undefined, unit: string | undefined, digits = 4): string {
  const text = formatNumber(value, digits);
  if (!unit) return text;
  return `${text} ${unit}`;
}

/** Step of 1, 2 or 5 times a power of ten for about `count` ticks. */
export function niceStep(span: number, count: number): number {
  if (!(span > 0) || !Number.isFinite(span)) return 1;
  const raw = span / Math.max(1, count);
  const base = 10 ** Math.floor(Math.log10(raw));
  const part = raw / base;
  return base * (part < Math.SQRT2 ? 1 : part < Math.sqrt(10) ? 2 : part < Math.sqrt(50) ? 5 : 10);
}

export interface Tick {
  readonly value: number;
  readonly label: string;
  /** Minor ticks have no label. */
  readonly major: boolean;
}

/** Ticks of [low, high] at multiples of a nice step; labels share their number of decimals, and a common power of ten
 * where values are tiny or huge. */
export function linearTicks(low: number, high: number, count = 5): readonly Tick[] {
  if (!(high > low)) return [{ value: low, label: formatNumber(low), major: true }];
  const step = niceStep(high - low, count);
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  const largest = Math.max(Math.abs(low), Math.abs(high));
  // tiny and huge values share one power of ten
  const exponent = largest >= 1e6 || largest < 1e-3 ? Math.floor(Math.log10(largest) + 1e-9) : 0;
  const decimals = Math.max(0, exponent - Math.floor(Math.log10(step) + 1e-9));
  const ticks: Tick[] = [];
  for (let i = first; i <= last; i++) {
    // i * step, free of the rounding of step: step is 1, 2 or 5 times a power of ten
    const value = i === 0 ? 0 : Number((i * step).toPrecision(12));
    const mantissa = groupThousands((value / 10 ** exponent).toFixed(decimals), largest >= 1e4);
    const tail = exponent === 0 ? "" : `10${superscript(exponent)}`;
    const bare = tail && /^-?1$/.test(mantissa) ? mantissa.replace("1", tail) : `${mantissa}${tail && "×"}${tail}`;
    const label = value === 0 ? "0" : properMinus(bare);
    ticks.push({ value, label, major: true });
  }
  return ticks;
}

/** Four digits stand alone, unless longer numbers stand beside them. */
const groupThousands = (text: string, always: boolean): string => {
  const [whole, part] = text.split(".") as [string, string?];
  const grouped = always || whole.replace("-", "").length > 4 ? whole.replace(/\B(?=(\d{3})+(?!\d))/g, ",") : whole;
  return part ? `${grouped}.${part}` : grouped;
};

/** Ticks of a positive range: decades, with 2 and 5 between where there are few, minor ticks at 2..9. Under one
 * decade: the linear ticks. */
export function logTicks(low: number, high: number, count = 6): readonly Tick[] {
  const span = Math.log10(high / low);
  if (!(span > 0)) return linearTicks(low, high, count);
  if (span < 1) return linearTicks(low, high, count);
  const ticks: Tick[] = [];
  const first = Math.floor(Math.log10(low) + 1e-12);
  const last = Math.ceil(Math.log10(high) - 1e-12);
  const every = Math.max(1, Math.ceil((last - first + 1) / count));
  const mantissas = span <= 2.2 ? [1, 2, 5] : [1];
  for (let e = first; e <= last; e++)
    for (let m = 1; m <= 9; m++) {
      const value = Number(`${m}e${e}`);
      if (value < low * (1 - 1e-12) || value > high * (1 + 1e-12)) continue;
      const major = mantissas.includes(m) && (m !== 1 || (e - Math.ceil(first / every) * every) % every === 0);
      if (!major && every > 1 && m !== 1) continue;
      ticks.push({ value, label: major ? decadeLabel(value, m, e) : "", major });
    }
  return ticks;
}

function decadeLabel(value: number, m: number, e: number): string {
  if (e >= -3 && e <= 3) return formatNumber(value, 6);
  return m === 1 ? `10${superscript(e)}` : power(value, 1);
}

/** Ticks that suit a scale: 0 and decades on both sides for symlog, values at equal ranks for quantiles. */
export function ticksOf(scale: Scale, count = 5): readonly Tick[] {
  switch (scale.kind) {
    case "linear":
      return linearTicks(scale.low, scale.high, count);
    case "log":
      return logTicks(scale.low, scale.high, count + 1);
    case "symlog":
      return symlogTicks(scale, count);
    case "quantile":
      return quantileTicks(scale, count);
  }
}

function symlogTicks(scale: Scale, count: number): readonly Tick[] {
  const values: number[] = [];
  const side = (largest: number, sign: number): void => {
    const top = Math.floor(Math.log10(largest));
    const bottom = Math.ceil(Math.log10(scale.linear));
    const every = Math.max(1, Math.ceil((2 * (top - bottom + 1)) / Math.max(2, count)));
    for (let e = top; e >= bottom; e -= every) values.push(sign * Number(`1e${e}`));
  };
  if (scale.low < 0) side(-scale.low, -1);
  if (scale.low <= 0 && scale.high >= 0) values.push(0);
  if (scale.high > 0) side(scale.high, 1);
  const inside = values.filter((v) => v >= scale.low && v <= scale.high).sort((a, b) => a - b);
  const kept: number[] = [];
  for (const v of inside) {
    const last = kept[kept.length - 1];
    const room = last === undefined || scale.share(v) - scale.share(last) > 0.5 / count;
    if (room) kept.push(v);
    else if (v === 0) kept[kept.length - 1] = 0;
  }
  return kept.map((value) => ({ value, label: formatNumber(value, 3), major: true }));
}

function quantileTicks(scale: Scale, count: number): readonly Tick[] {
  const ticks: Tick[] = [];
  for (let i = 0; i < count; i++) {
    const value = scale.value(i / (count - 1));
    if (ticks.length > 0 && value <= ticks[ticks.length - 1]!.value) continue;
    ticks.push({ value, label: formatNumber(value, 3), major: true });
  }
  return ticks;
}

/** Drops labels that would come nearer than `gap` pixels to their neighbour; the tick marks stay. */
export function thinLabels(
  ticks: readonly Tick[],
  px: (value: number) => number,
  extent: (label: string) => number,
  gap = 6,
): readonly Tick[] {
  let last = -Infinity;
  const ascending = [...ticks].sort((a, b) => px(a.value) - px(b.value));
  return ascending.map((tick) => {
    if (!tick.label) return tick;
    const half = extent(tick.label) / 2;
    const at = px(tick.value);
    if (at - half < last + gap) return { ...tick, label: "" };
    last = at + half;
    return tick;
  });
}

/** A title in the room that it has: whole, or what stands before its colon ("α₀: random direction"), or cut. */
export function fitTitle(title: string, room: number, size = 12): string {
  if (labelWidth(title, size) <= room) return title;
  const [short, more] = title.split(": ");
  if (more !== undefined && labelWidth(short!, size) <= room) return short!;
  let cut = title.length;
  while (cut > 1 && labelWidth(`${title.slice(0, cut)}…`, size) > room) cut--;
  return `${title.slice(0, cut)}…`;
}

/** The end of a name, which tells it from its neighbours, cut in front to fit the room in pixels. */
export function fitTail(name: string, room: number, size = 11): string {
  if (labelWidth(name, size) <= room) return name;
  let from = 1;
  while (from < name.length - 1 && labelWidth(`…${name.slice(from).trimStart()}`, size) > room) from++;
  return `…${name.slice(from).trimStart()}`;
}

/** Width of a label in pixels at a font size, near enough for thinning (digits are tabular). */
export function labelWidth(label: string, size = 11): number {
  let width = 0;
  for (const c of label) width += ".,:|i⁻".includes(c) ? 0.3 : "⁰¹²³⁴⁵⁶⁷⁸⁹".includes(c) ? 0.42 : 0.58;
  return width * size;
}

// The glyph of a model: outer ring of metrics, middle ring of Hessian eigenvalues, inner disc of the group.
import type { Metric, Model, Study } from "../../api/types";
import { isNumber } from "../../base/statistics";
import type { Painter } from "../../base/painter";
import { makeScale } from "../../geometry/scales";
import type { Palette } from "../../model/palette";
import { metricColors } from "../../model/palette";
import type { GlobalState } from "../../state";

export interface MetricArc {
  metric: Metric;
  color: string;
  error: boolean; // longer = worse
  low: number; // value at length 0
  high: number; // value at full length
  share: (value: number) => number;
}

export interface GlyphScales {
  arcs: MetricArc[];
  bars: number; // eigenvalues shown at most
  largest: number; // |eigenvalue| of the longest bar
  negative: boolean; // any negative one
  barShare: (value: number) => number; // -1..1
  barScale: "linear" | "symlog"; // as drawn: "auto" decides by the span
  halfway: number; // |eigenvalue| of a bar of half the length
}

const PREFERRED = ["accuracy", "top1", "relative_error", "mean_iou", "loss"];

/** The metrics of the outer ring: those chosen, or all; of many the leading ones, so that arcs stay readable. */
export function ringMetrics(study: Study, state: GlobalState): string[] {
  if (state.metrics !== null) return state.metrics;
  const names = study.metrics.map((m) => m.name);
  if (names.length <= 5) return names;
  // Terms of the loss are its parts: they are shown on request.
  const rest = names.filter((n) => !PREFERRED.includes(n) && !n.startsWith("loss_"));
  return [...names.filter((n) => PREFERRED.includes(n)), ...rest].slice(0, 4);
}

export function glyphScales(study: Study, state: GlobalState, palette: Palette): GlyphScales {
  const arcs: MetricArc[] = [];
  const shown = ringMetrics(study, state);
  const indices = study.metrics.map((_, i) => i).filter((i) => shown.includes(study.metrics[i]?.name ?? ""));
  const colors = metricColors(indices, palette.dark);
  study.metrics.forEach((metric, index) => {
    if (!shown.includes(metric.name)) return;
    const values = study.models.map((model) => model.metrics[metric.name]).filter(isNumber);
    if (values.length === 0) return;
    const error = metric.better === "lower";
    const color = colors[indices.indexOf(index)] as string;
    if (metric.scale === "score") {
      // Scores run from 0 to 1 (or to 100 where they are in percent), whatever the shown models reach.
      const high = metric.unit === "%" ? 100 : 1;
      arcs.push({ metric, color, error, low: 0, high, share: (value) => value / high });
      return;
    }
    const high = Math.max(...values, 0);
    const positive = values.filter((v) => v > 0);
    const low = Math.min(...positive);
    if (state.errorScale === "log" && positive.length > 0 && high > low) {
      // A tenth of the ring for the smallest, so that it can be seen.
      const scale = makeScale("log", { low, high });
      arcs.push({ metric, color, error, low, high, share: (value) => 0.1 + 0.9 * scale.share(value) });
    } else {
      arcs.push({
        metric,
        color,
        error,
        low: 0,
        high: high > 0 ? high : 1,
        share: (value) => value / (high > 0 ? high : 1),
      });
    }
  });
  let largest = 0;
  let smallest = Infinity;
  let negative = false;
  let bars = 0;
  for (const model of study.models) {
    const shown = shownEigenvalues(model, state.eigenvalues);
    bars = Math.max(bars, shown.length);
    for (const value of shown) {
      if (!isNumber(value)) continue;
      largest = Math.max(largest, Math.abs(value));
      if (value !== 0) smallest = Math.min(smallest, Math.abs(value));
      if (value < 0) negative = true;
    }
  }
  const barScale =
    state.eigenvalueScale !== "auto" ? state.eigenvalueScale : largest > 1e3 * smallest ? "symlog" : "linear";
  if (barScale === "linear" || largest === 0) {
    const high = largest > 0 ? largest : 1;
    return { arcs, bars, largest, negative, barScale, barShare: (value) => value / high, halfway: high / 2 };
  }
  // Linear below the smallest bar, or a millionth of the largest: spectra of different models span many decades.
  const linear = Math.max(smallest, 1e-6 * largest);
  const full = Math.log1p(largest / linear);
  return {
    arcs,
    bars,
    largest,
    negative,
    barScale,
    barShare: (value) => (Math.sign(value) * Math.log1p(Math.abs(value) / linear)) / full,
    halfway: linear * Math.expm1(full / 2),
  };
}

/** The top k, descending. */
export function shownEigenvalues(model: Model, count: number): number[] {
  return [...model.eigenvalues].sort((a, b) => b - a).slice(0, count);
}

const TURN = 2 * Math.PI;

/** Radii as shares of the glyph's. */
export const RADII = { disc: 0.4, bars: [0.45, 0.75], metrics: [0.8, 1] } as const;

export interface GlyphStyle {
  groupColor: string;
  selected: boolean;
  hovered: boolean;
}

export function drawGlyph(
  painter: Painter,
  model: Model,
  x: number,
  y: number,
  radius: number,
  scales: GlyphScales,
  state: GlobalState,
  palette: Palette,
  style: GlyphStyle,
): void {
  const detailed = radius >= 9;
  const color = style.groupColor;
  painter.circle(x, y, radius + 1.5, palette.surface);
  if (style.selected) painter.circle(x, y, radius + 3.5, null, { color: palette.select, width: 2.5 });
  else if (style.hovered) painter.circle(x, y, radius + 3, null, { color: palette.text, width: 1.5 });
  if (!detailed || (!state.metricRing && !state.hessianRing)) {
    painter.circle(x, y, radius * (detailed ? RADII.disc : 0.85), color);
    return;
  }
  painter.circle(x, y, radius * RADII.disc, color);
  if (state.hessianRing && scales.bars > 0) {
    const [inner, outer] = [radius * RADII.bars[0], radius * RADII.bars[1]];
    // Where a shown eigenvalue is negative the base line moves out, and negative bars point inwards.
    const base = scales.negative ? inner + 0.35 * (outer - inner) : inner;
    painter.circle(x, y, base, null, { color: palette.line, width: 0.7 });
    const values = shownEigenvalues(model, state.eigenvalues);
    const step = TURN / Math.max(scales.bars, 1);
    const gap = Math.min(0.25 * step, 1 / radius);
    values.forEach((value, i) => {
      if (!isNumber(value)) return;
      const share = scales.barShare(value);
      const room = share >= 0 ? outer - base : base - inner;
      const length = Math.sign(share) * Math.max(Math.abs(share) * room, value === 0 ? 0 : 0.4);
      painter.sector(
        x,
        y,
        Math.min(base, base + length),
        Math.max(base, base + length),
        i * step + gap / 2,
        (i + 1) * step - gap / 2,
        share >= 0 ? palette.ink : palette.negative,
      );
    });
  }
  if (state.metricRing && scales.arcs.length > 0) {
    const [inner, outer] = [radius * RADII.metrics[0], radius * RADII.metrics[1]];
    const step = TURN / scales.arcs.length;
    const gap = scales.arcs.length > 1 ? Math.min(0.12 * step, 2.5 / radius) : 0;
    scales.arcs.forEach((arc, i) => {
      const from = i * step + gap / 2;
      const full = step - gap;
      const value = model.metrics[arc.metric.name];
      if (!isNumber(value)) return; // not even an empty arc: unknown is not 0
      painter.sector(x, y, inner, outer, from, from + full, palette.grid);
      const share = Math.max(0, Math.min(1, arc.share(value)));
      if (share > 0) painter.sector(x, y, inner, outer, from, from + share * full, arc.color);
      // Errors carry a notch on their inside: longer is worse there.
      if (arc.error && radius >= 14)
        painter.sector(x, y, inner, inner + 0.35 * (outer - inner), from, from + full, palette.surface);
    });
  }
}

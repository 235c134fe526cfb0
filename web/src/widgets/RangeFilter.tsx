// A range with two handles over a histogram of what it filters, with typed limits.
import { type PointerEvent, useMemo, useRef } from "react";
import { isNumber } from "../base/statistics";
import { formatNumber, thinLabels, labelWidth, ticksOf } from "../geometry/numbers";
import { finiteRange, makeScale } from "../geometry/scales";
import { NumberInput } from "./controls";

export interface RangeFilterProps {
  label: string;
  unit: string;
  values: readonly number[];
  scale: "linear" | "symlog" | "log";
  range: readonly [number, number] | null;
  onChange: (range: [number, number] | null) => void;
  width?: number;
}

const HEIGHT = 40;
const BINS = 48;

export function RangeFilter({ label, unit, values, scale: kind, range, onChange, width = 300 }: RangeFilterProps) {
  const svg = useRef<SVGSVGElement>(null);
  const drag = useRef<0 | 1 | null>(null);
  const real = useMemo(() => finiteRange(values), [values]);
  const scale = useMemo(() => (real ? makeScale(kind, real) : null), [real, kind]);
  const bins = useMemo(() => {
    const counts = new Array<number>(BINS).fill(0);
    if (scale)
      for (const value of values) {
        if (!isNumber(value)) continue;
        const bin = Math.max(0, Math.min(BINS - 1, Math.floor(scale.share(value) * BINS)));
        counts[bin] = (counts[bin] as number) + 1;
      }
    return counts;
  }, [values, scale]);
  if (!real || !scale) return null;

  const low = range?.[0] ?? real.low;
  const high = range?.[1] ?? real.high;
  const pad = 8;
  const inner = width - 2 * pad;
  const px = (value: number): number => pad + Math.max(0, Math.min(1, scale.share(value))) * inner;
  const most = Math.max(1, ...bins);
  const shown = values.filter((v) => isNumber(v) && v >= low && v <= high).length;
  const total = values.filter(isNumber).length;

  const set = (side: 0 | 1, value: number): void => {
    const bounded = Math.max(real.low, Math.min(real.high, value));
    const next: [number, number] = side === 0 ? [Math.min(bounded, high), high] : [low, Math.max(bounded, low)];
    onChange(next[0] <= real.low && next[1] >= real.high ? null : next);
  };
  const valueAt = (event: PointerEvent): number => {
    const box = svg.current?.getBoundingClientRect();
    if (!box) return low;
    const share = (event.clientX - box.left - pad) / inner;
    return share <= 0 ? real.low : share >= 1 ? real.high : scale.value(share);
  };
  const handle = (side: 0 | 1) => {
    const value = side === 0 ? low : high;
    const x = px(value);
    return (
      <g
        key={side}
        className="handle"
        role="slider"
        tabIndex={0}
        aria-label={`${label}, ${side === 0 ? "lowest" : "highest"} shown`}
        aria-valuemin={real.low}
        aria-valuemax={real.high}
        aria-valuenow={value}
        aria-valuetext={`${formatNumber(value)} ${unit}`.trim()}
        onKeyDown={(event) => {
          const step = {
            ArrowLeft: -0.02,
            ArrowDown: -0.02,
            ArrowRight: 0.02,
            ArrowUp: 0.02,
            PageDown: -0.1,
            PageUp: 0.1,
          }[event.key];
          if (event.key === "Home") set(side, real.low);
          else if (event.key === "End") set(side, real.high);
          else if (step !== undefined) {
            const share = scale.share(value) + step;
            set(side, share <= 0 ? real.low : share >= 1 ? real.high : scale.value(share));
          } else return;
          event.preventDefault();
        }}
      >
        <rect x={x - 10} y={0} width={20} height={HEIGHT + 4} fill="transparent" />
        <line x1={x} x2={x} y1={2} y2={HEIGHT} />
        <circle cx={x} cy={HEIGHT / 2 + 1} r={5.5} />
      </g>
    );
  };
  const ticks = thinLabels(ticksOf(scale, 5), px, (text) => labelWidth(text, 10.5), 8);

  return (
    <div className="range-filter">
      <svg
        ref={svg}
        width={width}
        height={HEIGHT + 18}
        role="group"
        aria-label={`${label}: range shown`}
        onPointerDown={(event) => {
          const at = valueAt(event);
          const x = px(at);
          drag.current =
            Math.abs(x - px(low)) < Math.abs(x - px(high)) || (px(low) === px(high) && x < px(low)) ? 0 : 1;
          event.currentTarget.setPointerCapture(event.pointerId);
          set(drag.current, at);
        }}
        onPointerMove={(event) => drag.current !== null && set(drag.current, valueAt(event))}
        onPointerUp={() => (drag.current = null)}
        onPointerCancel={() => (drag.current = null)}
      >
        {bins.map((count, i) => {
          const x = pad + (i / BINS) * inner;
          const height = count === 0 ? 0 : Math.max(1.5, (count / most) * (HEIGHT - 4));
          const middle = x + inner / BINS / 2;
          const inside = middle >= px(low) - inner / BINS / 2 && middle <= px(high) + inner / BINS / 2;
          return (
            <rect
              key={i}
              className={inside ? "bar" : "bar out"}
              x={x}
              y={HEIGHT - height}
              width={inner / BINS - 0.6}
              height={height}
            />
          );
        })}
        <line className="axis" x1={pad} x2={width - pad} y1={HEIGHT} y2={HEIGHT} />
        {ticks.map((tick) => (
          <g key={tick.value}>
            <line className="axis" x1={px(tick.value)} x2={px(tick.value)} y1={HEIGHT} y2={HEIGHT + 3} />
            {tick.label && (
              <text x={px(tick.value)} y={HEIGHT + 14} textAnchor="middle">
                {tick.label}
              </text>
            )}
          </g>
        ))}
        {handle(0)}
        {handle(1)}
      </svg>
      <div className="range-typed">
        <NumberInput label={`${label}: lowest shown`} hideLabel width={9} value={low} onChange={(v) => set(0, v)} />
        <span>to</span>
        <NumberInput label={`${label}: highest shown`} hideLabel width={9} value={high} onChange={(v) => set(1, v)} />
        <span>{unit}</span>
        <button type="button" className="button quiet" disabled={range === null} onClick={() => onChange(null)}>
          All
        </button>
        <output className="count" data-shown={shown} data-total={total}>
          {shown.toLocaleString("en")} of {total.toLocaleString("en")} shown
        </output>
      </div>
    </div>
  );
}

// Bars with two errors: numerical within, sampling without.
import { type ReactNode, useMemo } from "react";
import { type Cell, toCsv } from "../../base/csv";
import { formatNumber } from "../../geometry/numbers";
import { type Range, type ScaleKind, makeScale } from "../../geometry/scales";
import type { LocalKind } from "../../state";
import type { Exports } from "../../widgets/Panel";
import { Facts, hideTooltip, showTooltip } from "../../widgets/Tooltip";
import { Drawing } from "./drawing";
import { ViewPanel } from "./panel";
import { AxisBottom, AxisLeft, HINT, useFrame } from "./plot";
import { shorten } from "./series";

export interface Bar {
  readonly label: string;
  readonly value: number;
  readonly inner: number; // half-length of the inner whisker; NaN: none
  readonly outer: number;
  readonly facts: readonly (readonly [string, string])[];
}

export function rangeOfBars(bars: readonly Bar[]): Range {
  let low = 0;
  let high = 0;
  for (const bar of bars) {
    if (!Number.isFinite(bar.value)) continue;
    const e = Math.max(Number.isFinite(bar.inner) ? bar.inner : 0, Number.isFinite(bar.outer) ? bar.outer : 0);
    low = Math.min(low, bar.value - e);
    high = Math.max(high, bar.value + e);
  }
  return high > low ? { low, high } : { low: 0, high: 1 };
}

/** Upright bars (few, numbered) or lying ones (many, named). */
export function BarPlot({
  kind,
  model,
  bars,
  range,
  scaleKind,
  valueTitle,
  labelTitle,
  lying = false,
  note,
  variant,
  controls,
  links,
  csv,
}: {
  kind: LocalKind;
  model: string;
  bars: readonly Bar[];
  range: Range;
  scaleKind: ScaleKind;
  valueTitle: string;
  labelTitle: string;
  lying?: boolean;
  note?: ReactNode;
  variant?: ReactNode;
  controls?: ReactNode;
  links?: Exports["links"];
  csv: { header: readonly string[]; rows: readonly (readonly Cell[])[] };
}) {
  const values = useMemo(() => {
    const base = makeScale(scaleKind, range);
    return makeScale(scaleKind, { low: range.low < 0 ? base.value(-0.05) : range.low, high: base.value(1.05) });
  }, [scaleKind, range]);
  const places = useMemo(() => makeScale("linear", { low: 0, high: Math.max(1, bars.length) }), [bars.length]);
  const frame = useFrame({
    kind,
    model,
    margins: { top: 14, right: 18, bottom: 44, left: lying ? 150 : 74 },
    x: lying ? values : places,
    y: lying ? places : values,
  });
  const { x, y, inner } = frame;
  const scale = lying ? x : y;
  const zero = scale.px(Math.max(scale.low, Math.min(0, scale.high)));
  const pitch = lying ? Math.abs(y.px(1) - y.px(0)) : x.px(1) - x.px(0);
  const thick = Math.max(1, Math.min(30, pitch * 0.7));
  const place = (i: number): number => (lying ? y.px(bars.length - i - 0.5) : x.px(i + 0.5));
  const whisker = (i: number, half: number, width: number): string => {
    const at = place(i);
    const [a, b] = [scale.px(bars[i]!.value - half), scale.px(bars[i]!.value + half)];
    return lying
      ? `M${a} ${at}H${b}M${a} ${at - width}v${2 * width}M${b} ${at - width}v${2 * width}`
      : `M${at} ${a}V${b}M${at - width} ${a}h${2 * width}M${at - width} ${b}h${2 * width}`;
  };
  return (
    <ViewPanel
      kind={kind}
      model={model}
      note={note}
      variant={
        <>
          {variant}
          <p>{HINT}</p>
        </>
      }
      controls={controls}
      exports={{
        name: `${kind}-${model}`,
        svg: frame.text,
        csv: () => toCsv(csv.header, csv.rows),
        ...(links ? { links } : {}),
      }}
    >
      <Drawing
        frame={frame}
        data={{ bars: bars.length }}
        label={`${valueTitle} of ${model}: ${bars
          .slice(0, 12)
          .map((b) => `${b.label} ${formatNumber(b.value, 3)}`)
          .join(", ")}`}
        around={
          lying ? (
            <>
              <AxisBottom scale={x} frame={frame} title={valueTitle} />
              <g className="axis" aria-hidden="true">
                {pitch >= 11 &&
                  bars.map((bar, i) => {
                    const at = place(i);
                    return (
                      at > inner.y &&
                      at < inner.y + inner.height && (
                        <text key={i} x={inner.x - 7} y={at + 4} textAnchor="end">
                          {shorten(bar.label, 138, 11)}
                          <title>{bar.label}</title>
                        </text>
                      )
                    );
                  })}
                <line x1={inner.x} x2={inner.x} y1={inner.y} y2={inner.y + inner.height} />
              </g>
            </>
          ) : (
            <>
              <AxisLeft scale={y} frame={frame} title={valueTitle} />
              <AxisBottom
                scale={x}
                frame={frame}
                title={labelTitle}
                ticks={bars.map((bar, i) => ({ value: i + 0.5, label: bar.label, major: true }))}
              />
            </>
          )
        }
      >
        {bars.map((bar, i) => {
          const end = scale.px(bar.value);
          if (!Number.isFinite(end)) return null;
          const at = place(i) - thick / 2;
          const box = lying
            ? { x: Math.min(zero, end), y: at, width: Math.max(0.8, Math.abs(end - zero)), height: thick }
            : { x: at, y: Math.min(zero, end), width: thick, height: Math.max(0.8, Math.abs(end - zero)) };
          return (
            <g
              key={i}
              className={`value-bar${bar.value < 0 ? " negative" : ""}`}
              onPointerMove={(event) => showTooltip(event.clientX, event.clientY, <Facts facts={bar.facts} />)}
              onPointerLeave={hideTooltip}
            >
              <rect {...box} />
              {Number.isFinite(bar.outer) && bar.outer > 0 && (
                <path className="outer" d={whisker(i, bar.outer, Math.min(6, thick / 3))} />
              )}
              {Number.isFinite(bar.inner) && bar.inner > 0 && (
                <path className="inner" d={whisker(i, bar.inner, Math.min(3, thick / 5))} />
              )}
            </g>
          );
        })}
        <line
          className="zero"
          {...(lying
            ? { x1: zero, x2: zero, y1: inner.y, y2: inner.y + inner.height }
            : { x1: inner.x, x2: inner.x + inner.width, y1: zero, y2: zero })}
        />
      </Drawing>
    </ViewPanel>
  );
}

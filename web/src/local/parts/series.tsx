// Lines over a common axis, with bands, a legend and the values under the pointer.
import { type ReactNode, useMemo, useState } from "react";
import { toCsv } from "../../base/csv";
import { formatNumber, labelWidth } from "../../geometry/numbers";
import { type ScaleKind, finiteRange, makeScale, suggestedScale, unionRange } from "../../geometry/scales";
import { groupColor, usePalette } from "../../model/palette";
import type { LocalKind } from "../../state";
import { type Exports } from "../../widgets/Panel";
import { Facts, hideTooltip, showTooltip } from "../../widgets/Tooltip";
import { bandPath, linePath } from "./lines";
import { Drawing } from "./drawing";
import { ViewPanel } from "./panel";
import { AxisBottom, AxisLeft, HINT, useFrame } from "./plot";

export interface Series {
  readonly name: string;
  readonly color: number; // index of the model in the comparison
  readonly dashed?: boolean;
  readonly x: ArrayLike<number>;
  readonly y: ArrayLike<number>;
  readonly low?: ArrayLike<number>;
  readonly high?: ArrayLike<number>;
  readonly dots?: boolean;
}

/** Colours of compared models, by their place in the comparison. */
export function useSeriesColor(count: number): (index: number) => string {
  const { dark } = usePalette();
  return (index) => groupColor(index, count, dark);
}

export interface SeriesPlotProps {
  readonly kind: LocalKind;
  readonly title: string; // for files and screen readers
  readonly model?: string;
  readonly series: readonly Series[];
  readonly models: number;
  readonly xTitle: string;
  readonly yTitle: string;
  readonly xScale?: ScaleKind;
  readonly yScale?: ScaleKind | "auto";
  readonly floor?: number; // lowest value on a logarithmic axis
  readonly range?: { readonly low: number; readonly high: number }; // of y, where several panels share it
  readonly xRange?: { readonly low: number; readonly high: number };
  readonly zero?: boolean; // mark x = 0
  readonly note?: ReactNode;
  readonly variant?: ReactNode;
  readonly controls?: ReactNode;
  readonly links?: Exports["links"];
}

/** Scale of y: as asked, or logarithmic beyond three decades. */
export function seriesScale(series: readonly Series[], asked: ScaleKind | "auto"): ScaleKind {
  return asked === "auto" ? suggestedScale(unionRange(series.map((s) => finiteRange(s.y)))) : asked;
}

export function SeriesPlot(props: SeriesPlotProps) {
  const {
    kind,
    title,
    model = "",
    series,
    models,
    xTitle,
    yTitle,
    xScale = "linear",
    yScale = "auto",
    floor,
    zero,
    note,
    variant,
    controls,
    links,
  } = props;
  const color = useSeriesColor(models);
  const scaleKind = seriesScale(series, yScale);
  const ranges = useMemo(() => {
    const x = props.xRange ?? unionRange(series.map((s) => finiteRange(s.x))) ?? { low: 0, high: 1 };
    let y = props.range ??
      unionRange(
        series.flatMap((s) => [
          finiteRange(s.y),
          ...(s.high ? [finiteRange(s.high)] : []),
          ...(s.low && scaleKind !== "log" ? [finiteRange(s.low)] : []),
        ]),
      ) ?? { low: 0, high: 1 };
    if (scaleKind === "log") {
      const lowest = Math.min(
        ...series.map((s) => Array.from(s.y).reduce((a, b) => (b > 0 && b < a ? b : a), Infinity)),
      );
      y = { low: Math.max(floor ?? 0, lowest), high: y.high };
    }
    return { x, y };
  }, [series, scaleKind, floor, props.range, props.xRange]);
  const pad = (kindOf: ScaleKind, range: { low: number; high: number }) => {
    const base = makeScale(kindOf, range);
    return makeScale(kindOf, { low: base.value(-0.04), high: base.value(1.06) });
  };
  const legendWidth = Math.min(260, 34 + Math.max(0, ...series.map((s) => labelWidth(s.name, 11.5))));
  const frame = useFrame({
    kind,
    model: model || "*",
    margins: { top: 14, right: series.length > 1 ? legendWidth + 12 : 18, bottom: 44, left: 70 },
    x: useMemo(() => (zero ? pad(xScale, ranges.x) : makeScale(xScale, ranges.x)), [ranges.x, xScale, zero]),
    y: useMemo(() => pad(scaleKind, ranges.y), [ranges.y, scaleKind]),
  });
  const { x, y, inner } = frame;
  const [guide, setGuide] = useState<number | null>(null);
  const csv = (): string =>
    toCsv(
      ["series", xTitle, yTitle, ...(series.some((s) => s.low) ? ["low", "high"] : [])],
      series.flatMap((s) =>
        Array.from(s.x, (v, i) => [s.name, v, s.y[i] ?? NaN, ...(s.low ? [s.low[i] ?? NaN, s.high?.[i] ?? NaN] : [])]),
      ),
    );
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
        name: title,
        svg: frame.text,
        csv,
        ...(links ? { links } : {}),
      }}
    >
      <Drawing
        frame={frame}
        data={{ series: series.length, scale: scaleKind }}
        label={`${title}: ${series.map((s) => s.name).join(", ")}`}
        onLeave={() => setGuide(null)}
        onMove={(event) => {
          const at = frame.at(event);
          if (!at) {
            setGuide(null);
            return hideTooltip();
          }
          const rows = series.map((s) => {
            let best = 0;
            for (let i = 1; i < s.x.length; i++) if (Math.abs(s.x[i]! - at.x) < Math.abs(s.x[best]! - at.x)) best = i;
            return { s, best };
          });
          const first = rows[0];
          if (!first) return;
          setGuide(first.s.x[first.best] ?? null);
          showTooltip(
            event.clientX,
            event.clientY,
            <Facts
              facts={[
                [xTitle, formatNumber(first.s.x[first.best], 4)],
                ...rows.map(({ s, best }): readonly [string, string] => [
                  s.name,
                  `${formatNumber(s.y[best], 4)}${
                    s.low && s.high ? ` (${formatNumber(s.low[best], 3)} to ${formatNumber(s.high[best], 3)})` : ""
                  }`,
                ]),
              ]}
            />,
          );
        }}
        around={
          <>
            <AxisBottom scale={x} frame={frame} title={xTitle} />
            <AxisLeft scale={y} frame={frame} title={yTitle} />
            {series.length > 1 && (
              <g className="legend" aria-hidden="true">
                {series.slice(0, Math.floor(inner.height / 18)).map((s, i) => (
                  <g key={i} transform={`translate(${inner.x + inner.width + 14} ${inner.y + 8 + 18 * i})`}>
                    <line
                      x1={0}
                      x2={20}
                      y1={0}
                      y2={0}
                      stroke={color(s.color)}
                      strokeWidth={2}
                      strokeDasharray={s.dashed ? "6 4" : undefined}
                    />
                    <text x={26} y={4}>
                      {shorten(s.name, legendWidth - 30)}
                      <title>{s.name}</title>
                    </text>
                  </g>
                ))}
              </g>
            )}
          </>
        }
      >
        {zero && <line className="zero" x1={x.px(0)} x2={x.px(0)} y1={inner.y} y2={inner.y + inner.height} />}
        {scaleKind !== "log" && y.share(0) > 0 && y.share(0) < 1 && (
          <line className="zero" x1={inner.x} x2={inner.x + inner.width} y1={y.px(0)} y2={y.px(0)} />
        )}
        {guide !== null && (
          <line
            className="guide"
            data-no-export=""
            x1={x.px(guide)}
            x2={x.px(guide)}
            y1={inner.y}
            y2={inner.y + inner.height}
          />
        )}
        {series.map(
          (s, i) =>
            s.low &&
            s.high && (
              <path
                key={i}
                className="band"
                fill={color(s.color)}
                d={bandPath(
                  s.x,
                  Array.from(s.low, (v) => (scaleKind === "log" ? Math.max(v, y.low) : v)),
                  s.high,
                  x.px,
                  y.px,
                )}
              />
            ),
        )}
        {series.map((s, i) => (
          <path
            key={i}
            className="series"
            stroke={color(s.color)}
            strokeDasharray={s.dashed ? "6 4" : undefined}
            style={{ stroke: color(s.color) }}
            d={linePath(s.x, s.y, x.px, y.px)}
          >
            <title>{s.name}</title>
          </path>
        ))}
        {series.map(
          (s, i) =>
            s.dots &&
            Array.from(
              s.x,
              (v, k) =>
                s.y[k]! - s.y[k]! === 0 && (
                  <circle key={`${i}.${k}`} cx={x.px(v)} cy={y.px(s.y[k]!)} r={2.4} fill={color(s.color)} />
                ),
            ),
        )}
      </Drawing>
    </ViewPanel>
  );
}

export function shorten(text: string, width: number, size = 11.5): string {
  if (labelWidth(text, size) <= width) return text;
  let cut = text.length;
  while (cut > 1 && labelWidth(`${text.slice(0, cut)}…`, size) > width) cut--;
  return `${text.slice(0, cut)}…`;
}

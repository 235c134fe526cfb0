// A plane as bands with axes and legend, where nothing else is to be marked: differences, solutions.
import { type ReactNode, useEffect, useId, useMemo, useRef } from "react";
import { svgText } from "../../base/svg_export";
import type { MapName } from "../../geometry/colormaps";
import { holeRectangles } from "../../geometry/contours";
import { type Grid2, interpolate } from "../../geometry/grid";
import { formatNumber } from "../../geometry/numbers";
import { type Scale, makeScale } from "../../geometry/scales";
import type { LocalKind } from "../../state";
import { Facts, hideTooltip, showTooltip } from "../../widgets/Tooltip";
import { ColorBar } from "./colorbar";
import { bandPaths, bandsSvg, drawBands, makeBands } from "./layers";
import { AxisBottom, AxisLeft, Clip, HINT, useFrame } from "./plot";

export interface FieldPlotProps {
  readonly kind: LocalKind;
  readonly model: string;
  readonly grid: Grid2;
  readonly scale: Scale;
  readonly map: MapName;
  readonly levels: number;
  readonly lines?: boolean;
  readonly square?: boolean; // as wide as its coordinates say
  readonly xTitle: string;
  readonly yTitle: string;
  readonly valueTitle: string;
  readonly label: string;
  readonly facts?: (x: number, y: number) => readonly (readonly [string, ReactNode])[];
  /** Receives what makes the SVG, for the panel's files. */
  readonly onSvg?: (make: () => string | null) => void;
}

export function FieldPlot(props: FieldPlotProps) {
  const { grid, scale, map, levels, lines = false } = props;
  const ratio = (grid.x[grid.columns - 1]! - grid.x[0]!) / (grid.y[grid.rows - 1]! - grid.y[0]!);
  const frame = useFrame({
    kind: props.kind,
    model: props.model,
    margins: { top: 12, right: 92, bottom: 44, left: 58 },
    x: useMemo(() => makeScale("linear", { low: grid.x[0]!, high: grid.x[grid.columns - 1]! }), [grid]),
    y: useMemo(() => makeScale("linear", { low: grid.y[0]!, high: grid.y[grid.rows - 1]! }), [grid]),
    ...(props.square && ratio > 0.4 && ratio < 2.5 ? { aspect: ratio } : {}),
  });
  const canvas = useRef<HTMLCanvasElement>(null);
  const id = useId().replace(/:/g, "");
  const bands = useMemo(() => makeBands(grid, scale, levels, map), [grid, scale, levels, map]);
  const paths = useMemo(() => bandPaths(bands), [bands]);
  const holes = useMemo(() => holeRectangles(grid), [grid]);
  const { x, y, inner } = frame;
  useEffect(() => {
    const element = canvas.current;
    const context = element?.getContext("2d");
    if (!element || !context) return;
    const ratioOfPixels = Math.min(2, window.devicePixelRatio || 1);
    element.width = Math.max(1, Math.round(inner.width * ratioOfPixels));
    element.height = Math.max(1, Math.round(inner.height * ratioOfPixels));
    drawBands(
      context,
      bands,
      paths,
      { a: x.px(1) - x.px(0), e: x.px(0) - inner.x, d: y.px(1) - y.px(0), f: y.px(0) - inner.y },
      element.width / inner.width,
      lines,
    );
  }, [bands, paths, x, y, inner, lines]);
  props.onSvg?.(() => {
    const svg = frame.svg.current;
    const slot = svg?.querySelector("[data-bands]");
    if (!svg || !slot) return null;
    slot.innerHTML = bandsSvg(bands, x.px, y.px, lines);
    try {
      return svgText(svg);
    } finally {
      slot.innerHTML = "";
    }
  });
  return (
    <div className="plot" ref={frame.box}>
      <canvas
        ref={canvas}
        aria-hidden="true"
        style={{ left: inner.x, top: inner.y, width: inner.width, height: inner.height }}
      />
      <svg
        ref={frame.svg}
        width={frame.width}
        height={frame.height}
        {...frame.bind}
        role="img"
        aria-label={`${props.label}. ${HINT}`}
        onPointerLeave={hideTooltip}
        onPointerMove={(event) => {
          const at = frame.at(event);
          if (!at) return hideTooltip();
          const value = interpolate(grid, at.x, at.y);
          showTooltip(
            event.clientX,
            event.clientY,
            <Facts
              facts={[
                ["here", `(${formatNumber(at.x, 3)}, ${formatNumber(at.y, 3)})`],
                [props.valueTitle, formatNumber(value, 4)],
                ...(props.facts?.(at.x, at.y) ?? []),
              ]}
            />,
          );
        }}
      >
        <defs>
          <Clip id={`clip${id}`} frame={frame} />
          <pattern id={`hatch${id}`} width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
            <rect width="7" height="7" className="hatch-ground" />
            <line x1="0" x2="0" y1="0" y2="7" className="hatch-line" />
          </pattern>
        </defs>
        <g clipPath={`url(#clip${id})`}>
          <g data-bands="" />
          {holes.map(([x0, y0, x1, y1], i) => (
            <rect
              key={i}
              className="hole"
              fill={`url(#hatch${id})`}
              x={x.px(x0)}
              y={y.px(y1)}
              width={Math.max(0, x.px(x1) - x.px(x0))}
              height={Math.max(0, y.px(y0) - y.px(y1))}
            />
          ))}
        </g>
        <AxisBottom scale={x} frame={frame} title={props.xTitle} />
        <AxisLeft scale={y} frame={frame} title={props.yTitle} />
        <ColorBar frame={frame} scale={scale} colors={bands.colors} levels={bands.levels} title={props.valueTitle} />
      </svg>
    </div>
  );
}

/** Symmetric about zero, for diverging maps. */
export function diverging(low: number, high: number, kind: "linear" | "symlog" = "linear"): Scale {
  const most = Math.max(Math.abs(low), Math.abs(high)) || 1;
  return makeScale(kind, { low: -most, high: most });
}

// A plane as bands with axes and legend, where nothing else is to be marked: differences, solutions.
import { type ReactNode, useMemo } from "react";
import type { MapName } from "../../geometry/colormaps";
import { type Grid2, interpolate } from "../../geometry/grid";
import { formatNumber } from "../../geometry/numbers";
import { type Scale, makeScale } from "../../geometry/scales";
import type { LocalKind } from "../../state";
import { Facts, hideTooltip, showTooltip } from "../../widgets/Tooltip";
import { HatchPattern, Holes, planeAspect, useBands } from "./bands";
import { ColorBar } from "./colorbar";
import { Drawing, useName } from "./drawing";
import { AxisBottom, AxisLeft, useFrame } from "./plot";

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
  const frame = useFrame({
    kind: props.kind,
    model: props.model,
    margins: { top: 12, right: 92, bottom: 44, left: 58 },
    x: useMemo(() => makeScale("linear", { low: grid.x[0]!, high: grid.x[grid.columns - 1]! }), [grid]),
    y: useMemo(() => makeScale("linear", { low: grid.y[0]!, high: grid.y[grid.rows - 1]! }), [grid]),
    ...(props.square ? planeAspect(grid) : {}),
  });
  const hatch = `hatch${useName()}`;
  const { bands, canvas, slot, text } = useBands(frame, { grid, scale, levels, map, lines });
  const { x, y } = frame;
  props.onSvg?.(text);
  return (
    <Drawing
      frame={frame}
      pad={0}
      label={props.label}
      under={canvas}
      defs={<HatchPattern id={hatch} />}
      onMove={(event) => {
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
      around={
        <>
          <AxisBottom scale={x} frame={frame} title={props.xTitle} />
          <AxisLeft scale={y} frame={frame} title={props.yTitle} />
          <ColorBar frame={frame} scale={scale} colors={bands.colors} levels={bands.levels} title={props.valueTitle} />
        </>
      }
    >
      {slot}
      <Holes grid={grid} x={x} y={y} hatch={hatch} />
    </Drawing>
  );
}

/** Symmetric about zero, for diverging maps. */
export function diverging(low: number, high: number, kind: "linear" | "symlog" = "linear"): Scale {
  const most = Math.max(Math.abs(low), Math.abs(high)) || 1;
  return makeScale(kind, { low: -most, high: most });
}

// A plane as filled bands and lines in a frame: on a canvas below the drawing for the screen, as paths in it for a file.
import { type ReactNode, useEffect, useMemo, useRef } from "react";
import type { MapName } from "../../geometry/colormaps";
import { holeRectangles } from "../../geometry/contours";
import type { Grid2 } from "../../geometry/grid";
import type { PixelScale, Scale } from "../../geometry/scales";
import { svgText } from "../../base/svg_export";
import { type Bands, bandPaths, bandsSvg, drawBands, makeBands } from "./layers";
import type { Frame } from "./plot";

export interface BandsInFrame {
  readonly bands: Bands;
  readonly canvas: ReactNode; // goes under the drawing
  readonly slot: ReactNode; // goes first into it: where the paths of a file stand
  readonly text: () => string | null; // the drawing as a file
}

export function useBands(
  frame: Frame,
  options: {
    readonly grid: Grid2;
    readonly scale: Scale;
    readonly levels: number;
    readonly map: MapName;
    readonly lines: boolean;
  },
): BandsInFrame {
  const { grid, scale, levels, map, lines } = options;
  const { x, y, inner } = frame;
  const canvas = useRef<HTMLCanvasElement>(null);
  const bands = useMemo(() => makeBands(grid, scale, levels, map), [grid, scale, levels, map]);
  const paths = useMemo(() => bandPaths(bands), [bands]);
  useEffect(() => {
    const element = canvas.current;
    const context = element?.getContext("2d");
    if (!element || !context) return;
    const pixels = Math.min(2, window.devicePixelRatio || 1);
    // a new size also clears
    element.width = Math.max(1, Math.round(inner.width * pixels));
    element.height = Math.max(1, Math.round(inner.height * pixels));
    drawBands(
      context,
      bands,
      paths,
      { a: x.px(1) - x.px(0), e: x.px(0) - inner.x, d: y.px(1) - y.px(0), f: y.px(0) - inner.y },
      element.width / inner.width,
      lines,
    );
  }, [bands, paths, x, y, inner, lines]);
  return {
    bands,
    canvas: (
      <canvas
        ref={canvas}
        aria-hidden="true"
        style={{ left: inner.x, top: inner.y, width: inner.width, height: inner.height }}
      />
    ),
    slot: <g data-bands="" />,
    text: () => {
      const svg = frame.svg.current;
      const slot = svg?.querySelector("[data-bands]");
      if (!svg || !slot) return null;
      slot.innerHTML = bandsSvg(bands, x.px, y.px, lines);
      try {
        return svgText(svg);
      } finally {
        slot.innerHTML = "";
      }
    },
  };
}

/** What stands for values that are not there. */
export function HatchPattern({ id }: { id: string }) {
  return (
    <pattern id={id} width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
      <rect width="7" height="7" className="hatch-ground" />
      <line x1="0" x2="0" y1="0" y2="7" className="hatch-line" />
    </pattern>
  );
}

export function Holes({ grid, x, y, hatch }: { grid: Grid2; x: PixelScale; y: PixelScale; hatch: string }) {
  const holes = useMemo(() => holeRectangles(grid), [grid]);
  return (
    <>
      {holes.map(([x0, y0, x1, y1], i) => (
        <rect
          key={i}
          className="hole"
          fill={`url(#${hatch})`}
          x={x.px(x0)}
          y={y.px(y1)}
          width={Math.max(0, x.px(x1) - x.px(x0))}
          height={Math.max(0, y.px(y0) - y.px(y1))}
        />
      ))}
    </>
  );
}

/** How wide a plane is beside its height, where that is drawable as it is. */
export function planeAspect(grid: Grid2): { readonly aspect?: number } {
  const ratio = (grid.x[grid.columns - 1]! - grid.x[0]!) / (grid.y[grid.rows - 1]! - grid.y[0]!);
  return ratio > 0.4 && ratio < 2.5 ? { aspect: ratio } : {};
}

// What a contour view draws: bands and lines as paths, on a canvas for the screen and as SVG for a file.
import type { MapName } from "../../geometry/colormaps";
import { colorAt, cssColor, inkOn } from "../../geometry/colormaps";
import { type LevelLines, contourLayers, pathOf } from "../../geometry/contours";
import type { Grid2 } from "../../geometry/grid";
import { type Scale, levelsOf } from "../../geometry/scales";

export interface Bands {
  readonly grid: Grid2;
  readonly levels: Float64Array;
  readonly bands: readonly LevelLines[];
  readonly lines: readonly LevelLines[];
  /** Per band, the lowest first. */
  readonly colors: readonly string[];
  readonly inks: readonly string[]; // of the line below each band
}

/** Colours follow the scale: a band's is that of its middle. */
export function makeBands(grid: Grid2, scale: Scale, count: number, map: MapName): Bands {
  const levels = levelsOf(scale, count);
  const edges = [0, ...Array.from(levels, scale.share), 1];
  const rgb = edges.slice(1).map((edge, i) => colorAt(map, (edge + edges[i]!) / 2));
  // the ends of the map belong to the first and the last band
  if (rgb.length > 1) {
    rgb[0] = colorAt(map, 0);
    rgb[rgb.length - 1] = colorAt(map, 1);
  }
  return {
    grid,
    levels,
    ...contourLayers(grid, levels),
    colors: rgb.map(cssColor),
    inks: rgb.map(inkOn),
  };
}

/** Paths in grid coordinates, made once for all zooms. */
export interface BandPaths {
  readonly fills: readonly Path2D[];
  readonly lines: readonly Path2D[];
}

function path2d(level: LevelLines): Path2D {
  const path = new Path2D();
  for (const { points, closed } of level.chains) {
    if (points.length < 4) continue;
    path.moveTo(points[0]!, points[1]!);
    for (let i = 2; i < points.length; i += 2) path.lineTo(points[i]!, points[i + 1]!);
    if (closed) path.closePath();
  }
  return path;
}

export function bandPaths(bands: Bands): BandPaths {
  return { fills: bands.bands.map(path2d), lines: bands.lines.map(path2d) };
}

export interface Affine {
  readonly a: number; // px = a x + e
  readonly e: number;
  readonly d: number; // py = d y + f
  readonly f: number;
}

export const LINE_OPACITY = 0.45;

/** Draws bands and lines; the context's unit is CSS pixels times `ratio`. */
export function drawBands(
  context: CanvasRenderingContext2D,
  bands: Bands,
  paths: BandPaths,
  affine: Affine,
  ratio: number,
  lines: boolean,
): void {
  const matrix = new DOMMatrix([affine.a * ratio, 0, 0, affine.d * ratio, affine.e * ratio, affine.f * ratio]);
  context.save();
  context.setTransform(matrix);
  paths.fills.forEach((path, i) => {
    context.fillStyle = bands.colors[i]!;
    context.fill(path, "evenodd");
  });
  context.restore();
  if (!lines) return;
  context.save();
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.globalAlpha = LINE_OPACITY;
  context.lineWidth = 0.9 * ratio;
  paths.lines.forEach((path, i) => {
    const placed = new Path2D();
    placed.addPath(path, matrix);
    context.strokeStyle = bands.inks[i + 1]!;
    context.stroke(placed);
  });
  context.restore();
}

/** The same as SVG elements. */
export function bandsSvg(bands: Bands, x: (v: number) => number, y: (v: number) => number, lines: boolean): string {
  const parts = bands.bands.map(
    (band, i) => `<path d="${pathOf(band.chains, x, y)}" fill="${bands.colors[i]}" fill-rule="evenodd"/>`,
  );
  if (lines)
    bands.lines.forEach((line, i) =>
      parts.push(
        `<path d="${pathOf(line.chains, x, y)}" fill="none" stroke="${bands.inks[i + 1]}" stroke-opacity="${LINE_OPACITY}" stroke-width="0.9"/>`,
      ),
    );
  return parts.join("");
}

/** Surfaces over a plane: triangles split along the diagonal of the default connectivity (Freudenthal), cut exactly at a
 * clip level, with contour lines that lie on those triangles. Cells with a corner that is not finite are left open. */
import type { Grid2 } from "./grid";

export interface SurfaceMesh {
  /** x, y, height per vertex: x and y in grid coordinates, height as given. */
  readonly positions: Float32Array;
  /** Field value per vertex. */
  readonly values: Float32Array;
  /** Nearest vertex of the field per vertex: for what is known per vertex, such as basins. */
  readonly source: Int32Array;
  readonly triangles: Uint32Array;
}

/** Every `stride`-th index of an axis, the last always with it. */
export function strided(count: number, stride: number): Int32Array {
  const kept: number[] = [];
  for (let i = 0; i < count; i += stride) kept.push(i);
  if (count > 0 && kept[kept.length - 1] !== count - 1) kept.push(count - 1);
  return Int32Array.from(kept);
}

/** `height` of a value; `clip`: what lies above it is cut away. A stride above 1 is for drawing while moving. */
export function surfaceMesh(
  grid: Grid2,
  height: (value: number) => number,
  options: { readonly stride?: number; readonly clip?: number } = {},
): SurfaceMesh {
  const { stride = 1, clip = Infinity } = options;
  const rows = strided(grid.rows, stride);
  const columns = strided(grid.columns, stride);
  const n = rows.length * columns.length;
  const positions: number[] = new Array<number>(3 * n);
  const values: number[] = new Array<number>(n);
  const source: number[] = new Array<number>(n);
  for (let i = 0; i < rows.length; i++)
    for (let j = 0; j < columns.length; j++) {
      const v = rows[i]! * grid.columns + columns[j]!;
      const at = i * columns.length + j;
      const value = grid.values[v]!;
      positions[3 * at] = grid.x[columns[j]!]!;
      positions[3 * at + 1] = grid.y[rows[i]!]!;
      positions[3 * at + 2] = value - value === 0 ? height(Math.min(value, clip)) : 0;
      values[at] = value;
      source[at] = v;
    }
  const triangles: number[] = [];
  const cutAt = new Map<number, number>();
  const clipHeight = clip < Infinity ? height(clip) : 0;
  /** The point where side a-b passes the clip level, a below. */
  const cut = (a: number, b: number): number => {
    const key = Math.min(a, b) * n + Math.max(a, b);
    const known = cutAt.get(key);
    if (known !== undefined) return known;
    const ha = height(values[a]!);
    const t = (clipHeight - ha) / (height(values[b]!) - ha);
    const made = values.length;
    positions.push(
      positions[3 * a]! + t * (positions[3 * b]! - positions[3 * a]!),
      positions[3 * a + 1]! + t * (positions[3 * b + 1]! - positions[3 * a + 1]!),
      clipHeight,
    );
    values.push(clip);
    source.push(source[t < 0.5 ? a : b]!);
    cutAt.set(key, made);
    return made;
  };
  const triangle = (a: number, b: number, c: number): void => {
    const above = [a, b, c].filter((v) => values[v]! > clip).length;
    if (above === 0) triangles.push(a, b, c);
    if (above === 0 || above === 3) return;
    // turn until the odd one out is first
    let [p, q, r] = [a, b, c];
    while (values[p]! > clip !== (above === 1)) [p, q, r] = [q, r, p];
    while (values[q]! > clip !== values[r]! > clip) [p, q, r] = [q, r, p];
    if (above === 2) triangles.push(p, cut(p, q), cut(p, r));
    else {
      const u = cut(q, p);
      const w = cut(r, p);
      triangles.push(u, q, r, u, r, w);
    }
  };
  const finite = (v: number): boolean => values[v]! - values[v]! === 0;
  for (let i = 0; i + 1 < rows.length; i++)
    for (let j = 0; j + 1 < columns.length; j++) {
      const a = i * columns.length + j;
      const b = a + 1;
      const c = a + columns.length;
      const d = c + 1;
      if (!finite(a) || !finite(b) || !finite(c) || !finite(d)) continue;
      triangle(a, b, c);
      triangle(b, d, c);
    }
  return {
    positions: Float32Array.from(positions),
    values: Float32Array.from(values),
    source: Int32Array.from(source),
    triangles: Uint32Array.from(triangles),
  };
}

/** Pieces of contour lines on the triangles of a mesh: x, y, height of both ends each, and the level's index a piece. */
export function linesOnSurface(
  mesh: SurfaceMesh,
  heights: ArrayLike<number>,
): { readonly points: Float32Array; readonly level: Uint16Array } {
  const { positions, triangles } = mesh;
  const points: number[] = [];
  const level: number[] = [];
  const corner = [0, 0, 0];
  for (let t = 0; t < triangles.length; t += 3) {
    for (let k = 0; k < 3; k++) corner[k] = triangles[t + k]!;
    const z = corner.map((v) => positions[3 * v + 2]!);
    const low = Math.min(z[0]!, z[1]!, z[2]!);
    const high = Math.max(z[0]!, z[1]!, z[2]!);
    if (!(high > low)) continue;
    for (let l = firstAbove(heights, low); l < heights.length && heights[l]! <= high; l++) {
      const h = heights[l]!;
      let found = 0;
      for (let k = 0; k < 3; k++) {
        const za = z[k]!;
        const zb = z[(k + 1) % 3]!;
        if (za > h === zb > h) continue;
        const a = corner[k]!;
        const b = corner[(k + 1) % 3]!;
        const s = (h - za) / (zb - za);
        points.push(
          positions[3 * a]! + s * (positions[3 * b]! - positions[3 * a]!),
          positions[3 * a + 1]! + s * (positions[3 * b + 1]! - positions[3 * a + 1]!),
          h,
        );
        found++;
      }
      if (found === 2) level.push(l);
      else points.length -= 3 * found;
    }
  }
  return { points: Float32Array.from(points), level: Uint16Array.from(level) };
}

function firstAbove(sorted: ArrayLike<number>, value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Rows and columns of the grid as line pieces (x, y, height of both ends): what "mesh only" shows. Holes and what lies
 * above the clip level are left out. */
export function gridLines(
  grid: Grid2,
  height: (value: number) => number,
  stride: number,
  clip = Infinity,
): { readonly points: Float32Array; readonly values: Float32Array } {
  const points: number[] = [];
  const values: number[] = [];
  const push = (a: number, b: number): void => {
    const va = grid.values[a]!;
    const vb = grid.values[b]!;
    if (va - va !== 0 || vb - vb !== 0 || va > clip || vb > clip) return;
    for (const v of [a, b]) {
      points.push(grid.x[v % grid.columns]!, grid.y[Math.floor(v / grid.columns)]!, height(grid.values[v]!));
      values.push(grid.values[v]!);
    }
  };
  for (const i of strided(grid.rows, stride))
    for (let j = 0; j + 1 < grid.columns; j++) push(i * grid.columns + j, i * grid.columns + j + 1);
  for (const j of strided(grid.columns, stride))
    for (let i = 0; i + 1 < grid.rows; i++) push(i * grid.columns + j, (i + 1) * grid.columns + j);
  return { points: Float32Array.from(points), values: Float32Array.from(values) };
}

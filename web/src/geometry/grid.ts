/** A field on a regular grid: positions along each axis and values in C order (the last axis runs fastest). */

export interface Grid {
  readonly shape: readonly number[];
  readonly axes: readonly Float64Array[];
  readonly values: Float64Array | Float32Array;
}

/** 2-D: x runs along axis 1, y along axis 0, as in the static figures. */
export interface Grid2 {
  readonly columns: number;
  readonly rows: number;
  readonly x: Float64Array;
  readonly y: Float64Array;
  readonly values: Float64Array | Float32Array;
}

export function countOf(shape: readonly number[]): number {
  return shape.reduce((product, extent) => product * extent, 1);
}

export function gridOf(shape: readonly number[], axes: readonly Float64Array[], values: Grid["values"]): Grid {
  if (countOf(shape) !== values.length) throw new Error(`${values.length} values for a grid of ${shape.join(" × ")}`);
  shape.forEach((extent, k) => {
    if (axes[k]?.length !== extent)
      throw new Error(`axis ${k} has ${axes[k]?.length ?? 0} positions; ${extent} are wanted`);
  });
  return { shape, axes, values };
}

export function grid2(grid: Grid): Grid2 {
  if (grid.shape.length !== 2) throw new Error(`a plane is wanted; the grid has ${grid.shape.length} axes`);
  return {
    rows: grid.shape[0]!,
    columns: grid.shape[1]!,
    y: grid.axes[0]!,
    x: grid.axes[1]!,
    values: grid.values,
  };
}

/** Distance between neighbours in the linear index, per axis. */
export function stridesOf(shape: readonly number[]): readonly number[] {
  const strides = new Array<number>(shape.length).fill(1);
  for (let k = shape.length - 2; k >= 0; k--) strides[k] = strides[k + 1]! * shape[k + 1]!;
  return strides;
}

export function indicesOf(shape: readonly number[], vertex: number): readonly number[] {
  return stridesOf(shape).map((stride, k) => Math.floor(vertex / stride) % shape[k]!);
}

export function positionOf(grid: Pick<Grid, "shape" | "axes">, vertex: number): readonly number[] {
  return indicesOf(grid.shape, vertex).map((i, k) => grid.axes[k]![i]!);
}

/** The plane through a grid along `rowAxis` and `columnAxis`, the other axes fixed at `at` (indices). */
export function slice(grid: Grid, rowAxis: number, columnAxis: number, at: readonly number[]): Grid2 {
  const strides = stridesOf(grid.shape);
  const rows = grid.shape[rowAxis]!;
  const columns = grid.shape[columnAxis]!;
  let start = 0;
  for (let k = 0; k < grid.shape.length; k++)
    if (k !== rowAxis && k !== columnAxis) start += strides[k]! * Math.max(0, Math.min(grid.shape[k]! - 1, at[k] ?? 0));
  const values = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++)
      values[i * columns + j] = grid.values[start + i * strides[rowAxis]! + j * strides[columnAxis]!]!;
  return { rows, columns, y: grid.axes[rowAxis]!, x: grid.axes[columnAxis]!, values };
}

/** The line through a grid along `axis`, the other axes fixed at `at`. */
export function line(grid: Grid, axis: number, at: readonly number[]): Float64Array {
  const strides = stridesOf(grid.shape);
  let start = 0;
  for (let k = 0; k < grid.shape.length; k++) if (k !== axis) start += strides[k]! * (at[k] ?? 0);
  return Float64Array.from({ length: grid.shape[axis]! }, (_, i) => grid.values[start + i * strides[axis]!]!);
}

/** The three-dimensional block along `axes3`, the other axes fixed at `at`. */
export function block(grid: Grid, axes3: readonly [number, number, number], at: readonly number[]): Grid {
  const strides = stridesOf(grid.shape);
  const shape = axes3.map((k) => grid.shape[k]!);
  let start = 0;
  for (let k = 0; k < grid.shape.length; k++) if (!axes3.includes(k)) start += strides[k]! * (at[k] ?? 0);
  const values = new Float64Array(countOf(shape));
  let out = 0;
  for (let i = 0; i < shape[0]!; i++)
    for (let j = 0; j < shape[1]!; j++)
      for (let l = 0; l < shape[2]!; l++)
        values[out++] = grid.values[start + i * strides[axes3[0]]! + j * strides[axes3[1]]! + l * strides[axes3[2]]!]!;
  return { shape, axes: axes3.map((k) => grid.axes[k]!), values };
}

/** Index of the position nearest to `at`; positions ascend or descend. */
export function nearestIndex(axis: Float64Array, at: number): number {
  let best = 0;
  for (let i = 1; i < axis.length; i++) if (Math.abs(axis[i]! - at) < Math.abs(axis[best]! - at)) best = i;
  return best;
}

/** Fractional index of `at` along an axis whose positions ascend; undefined outside. */
export function fractionalIndex(axis: Float64Array, at: number): number | undefined {
  const n = axis.length;
  if (n < 2 || !(at >= axis[0]!) || !(at <= axis[n - 1]!)) return undefined;
  let low = 0;
  let high = n - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (axis[middle]! <= at) low = middle;
    else high = middle;
  }
  return low + (at - axis[low]!) / (axis[low + 1]! - axis[low]!);
}

/** Bilinear value inside the grid; NaN in a cell with a corner that is not finite, undefined outside. */
export function interpolate(grid: Grid2, x: number, y: number): number | undefined {
  const u = fractionalIndex(grid.x, x);
  const v = fractionalIndex(grid.y, y);
  if (u === undefined || v === undefined) return undefined;
  const j = Math.min(Math.floor(u), grid.columns - 2);
  const i = Math.min(Math.floor(v), grid.rows - 2);
  const s = u - j;
  const t = v - i;
  const at = i * grid.columns + j;
  const value =
    (1 - t) * ((1 - s) * grid.values[at]! + s * grid.values[at + 1]!) +
    t * ((1 - s) * grid.values[at + grid.columns]! + s * grid.values[at + grid.columns + 1]!);
  return value - value === 0 ? value : NaN;
}

/** The difference a - b of two fields on the same coordinates; undefined where the coordinates differ. */
export function difference(a: Grid, b: Grid): Grid | undefined {
  if (!sameCoordinates(a, b)) return undefined;
  return { ...a, values: Float64Array.from(a.values, (value, i) => value - b.values[i]!) };
}

export function sameCoordinates(a: Pick<Grid, "shape" | "axes">, b: Pick<Grid, "shape" | "axes">): boolean {
  return (
    a.shape.length === b.shape.length &&
    a.shape.every((extent, k) => extent === b.shape[k]) &&
    a.axes.every((axis, k) => axis.every((at, i) => at === b.axes[k]![i]))
  );
}

/** How many values are not finite. */
export function countHoles(values: ArrayLike<number>): number {
  let holes = 0;
  for (let i = 0; i < values.length; i++) if (values[i]! - values[i]! !== 0) holes++;
  return holes;
}

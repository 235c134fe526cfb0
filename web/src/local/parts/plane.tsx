// The two-dimensional part of a field that contour and surface show: the field itself, or a slice of it.
import { useMemo } from "react";
import { type Grid2, slice, stridesOf } from "../../geometry/grid";
import { formatNumber } from "../../geometry/numbers";
import { Select } from "../../widgets/controls";
import { useOption } from "../comparison";
import type { Landscape } from "../model";

export interface Plane {
  readonly grid: Grid2;
  readonly rowAxis: number;
  readonly columnAxis: number;
  readonly at: readonly number[]; // indices along the other axes
  /** Vertex of the whole field at a vertex of the plane, and back (-1: not in the plane). */
  readonly vertexOf: (planeVertex: number) => number;
  readonly planeVertexOf: (vertex: number) => number;
}

export function planeOf(landscape: Landscape, rowAxis: number, columnAxis: number, at: readonly number[]): Plane {
  const { grid } = landscape;
  const strides = stridesOf(grid.shape);
  const fixed = grid.shape.map((extent, k) => Math.max(0, Math.min(extent - 1, at[k] ?? Math.floor(extent / 2))));
  const start = fixed.reduce((sum, i, k) => (k === rowAxis || k === columnAxis ? sum : sum + i * strides[k]!), 0);
  const columns = grid.shape[columnAxis]!;
  return {
    grid: slice(grid, rowAxis, columnAxis, fixed),
    rowAxis,
    columnAxis,
    at: fixed,
    vertexOf: (v) => start + Math.floor(v / columns) * strides[rowAxis]! + (v % columns) * strides[columnAxis]!,
    planeVertexOf: (vertex) => {
      const index = grid.shape.map((extent, k) => Math.floor(vertex / strides[k]!) % extent);
      if (index.some((i, k) => k !== rowAxis && k !== columnAxis && i !== fixed[k])) return -1;
      return index[rowAxis]! * columns + index[columnAxis]!;
    },
  };
}

export function usePlane(landscape: Landscape): Plane {
  const [pair] = useOption("slice.axes", "0,1");
  const [positions] = useOption("slice.at", "");
  return useMemo(() => {
    const rank = landscape.grid.shape.length;
    let [row, column] = pair.split(",").map(Number) as [number, number];
    if (!(row < rank) || !(column < rank) || row === column) [row, column] = [0, 1];
    const at = positions === "" ? [] : positions.split(",").map((t) => (t === "" ? NaN : Number(t)));
    return planeOf(
      landscape,
      row,
      column,
      at.map((i, k) => (Number.isFinite(i) ? i : Math.floor((landscape.grid.shape[k] ?? 1) / 2))),
    );
  }, [landscape, pair, positions]);
}

/** Which plane, and where it lies along the other axes. */
export function PlaneControls({ landscape, plane }: { landscape: Landscape; plane: Plane }) {
  const [pair, setPair] = useOption("slice.axes", "0,1");
  const [, setPositions] = useOption("slice.at", "");
  const { shape, axes } = landscape.grid;
  if (shape.length < 3) return null;
  const pairs: [string, string][] = [];
  for (let a = 0; a < shape.length; a++)
    for (let b = a + 1; b < shape.length; b++) pairs.push([`${a},${b}`, `axes ${a} and ${b}`]);
  return (
    <>
      <Select label="Slice" value={pair} options={pairs} onChange={setPair} />
      {shape.map((extent, k) =>
        k === plane.rowAxis || k === plane.columnAxis ? null : (
          <label className="control" key={k}>
            <span>
              axis {k} = {formatNumber(axes[k]![plane.at[k]!], 3)}
            </span>
            <input
              type="range"
              min={0}
              max={extent - 1}
              step={1}
              value={plane.at[k]}
              aria-label={`Position of the slice on axis ${k}`}
              aria-valuetext={formatNumber(axes[k]![plane.at[k]!], 3)}
              onChange={(event) =>
                setPositions(plane.at.map((i, l) => (l === k ? Number(event.target.value) : i)).join(","))
              }
            />
          </label>
        ),
      )}
    </>
  );
}

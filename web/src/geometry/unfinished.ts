/** A field that is still being computed: coarse points first, then the spacing halved again and again. What is missing is
 * interpolated between the points of the finest level that is complete. */
import { type Grid, countOf, stridesOf } from "./grid";

/** Level of an index along an axis of `size` points: both ends, the middle and every 2^s-th point are level 0, each further
 * level halves the spacing. The order in which the program samples (docs/method/landscape.md). */
export function levelOf(size: number, index: number): number {
  if (index === size - 1 || index === Math.floor((size - 1) / 2)) return 0;
  let shift = 0;
  while ((size - 1) >> shift > 4) shift++;
  let level = 0;
  while (index & ((1 << (shift - level)) - 1)) level++;
  return level;
}

interface Between {
  readonly below: number; // indices along the axis
  readonly above: number;
  readonly share: number; // of the way from below to above
}

/** For each index of an axis, the indices of levels up to `level` around it. */
function around(axis: Float64Array, level: number): readonly Between[] {
  const size = axis.length;
  const made: Between[] = [];
  let below = 0;
  for (let i = 0; i < size; i++) {
    if (levelOf(size, i) <= level) below = i;
    let above = i;
    while (above < size - 1 && levelOf(size, above) > level) above++;
    const span = axis[above]! - axis[below]!;
    made.push({ below, above, share: span === 0 ? 0 : (axis[i]! - axis[below]!) / span });
  }
  return made;
}

/** `state`: 0 where a point is missing. Points that are there keep their values; where not even the coarsest level is
 * complete nothing is interpolated (NaN). */
export function fillIn(grid: Grid, state: ArrayLike<number>): Float64Array {
  const { shape, axes } = grid;
  const values = Float64Array.from(grid.values);
  const strides = stridesOf(shape);
  const count = countOf(shape);
  const levels = shape.map((size) => Array.from({ length: size }, (_, i) => levelOf(size, i)));
  const indexOf = (v: number, k: number): number => Math.floor(v / strides[k]!) % shape[k]!;
  let complete = Infinity;
  for (let v = 0; v < count; v++)
    if (state[v] === 0) {
      values[v] = NaN;
      let level = 0;
      for (let k = 0; k < shape.length; k++) level = Math.max(level, levels[k]![indexOf(v, k)]!);
      complete = Math.min(complete, level - 1);
    }
  if (complete < 0 || complete === Infinity) return values;
  const between = axes.map((axis) => around(axis, complete));
  const known = values.slice();
  for (let v = 0; v < count; v++) {
    if (state[v] !== 0) continue;
    const sides = shape.map((_, k) => between[k]![indexOf(v, k)]!);
    let sum = 0;
    for (let corner = 0; corner < 1 << shape.length; corner++) {
      let at = 0;
      let weight = 1;
      sides.forEach(({ below, above, share }, k) => {
        const upper = ((corner >> k) & 1) === 1;
        at += (upper ? above : below) * strides[k]!;
        weight *= upper ? share : 1 - share;
      });
      if (weight > 0) sum += weight * known[at]!;
    }
    values[v] = sum;
  }
  return values;
}

/** Isolines and filled bands of a plane by marching squares, on any ascending axes and with holes.
 *
 * The field varies linearly along cell sides; where two corners across a diagonal are above a level and the two others
 * below, the mean of the corners decides (as in the static figures). A cell with a corner that is not finite is a hole.
 * Points are named by the grid corner or cell side they lie on, so chains are joined exactly, whatever the rounding.
 * Higher values lie to the left of a line (y upwards). Cost O(cells + pieces of lines), all levels together: a cell
 * looks only at the levels between its corners. */
import type { Grid2 } from "./grid";

export interface Chain {
  /** x, y pairs in grid coordinates; a closed chain does not repeat its first point. */
  readonly points: Float64Array;
  readonly closed: boolean;
}

export interface LevelLines {
  readonly level: number;
  readonly chains: readonly Chain[];
}

/** Directed pieces from named point to named point. Names: vertex v -> v; side from v to the right -> n + v; side from v
 * downwards in index (next row) -> 2 n + v. */
class Pieces {
  from: Int32Array = new Int32Array(256);
  to: Int32Array = new Int32Array(256);
  count = 0;
  push(from: number, to: number): void {
    if (this.count === this.from.length) {
      const grow = (old: Int32Array): Int32Array => {
        const next = new Int32Array(old.length * 2);
        next.set(old);
        return next;
      };
      this.from = grow(this.from);
      this.to = grow(this.to);
    }
    this.from[this.count] = from;
    this.to[this.count++] = to;
  }
}

/** Number of levels <= value, by bisection; 0xffff for a value that is not finite. */
function bandOf(levels: Float64Array, value: number): number {
  if (value - value !== 0) return 0xffff;
  let low = 0;
  let high = levels.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (levels[middle]! <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Band index of each vertex: i levels are at or below its value. */
export function bandsOfVertices(values: ArrayLike<number>, levels: Float64Array): Uint16Array {
  const bands = new Uint16Array(values.length);
  for (let v = 0; v < values.length; v++) bands[v] = bandOf(levels, values[v]!);
  return bands;
}

const HOLE = 0xffff;

class Joiner {
  private readonly head: Int32Array;
  private next: Int32Array = new Int32Array(0);
  private incoming: Uint8Array;
  constructor(
    private readonly grid: Grid2,
    private readonly n: number,
  ) {
    this.head = new Int32Array(3 * n).fill(-1);
    this.incoming = new Uint8Array(3 * n);
  }

  private coordinate(name: number, level: number, out: Float64Array, at: number): void {
    const { n, grid } = this;
    const { columns, x, y, values } = grid;
    const side = name < n ? 0 : name < 2 * n ? 1 : 2;
    const v = name - side * n;
    const i = Math.floor(v / columns);
    const j = v - i * columns;
    if (side === 0) {
      out[at] = x[j]!;
      out[at + 1] = y[i]!;
      return;
    }
    const a = values[v]!;
    const b = values[side === 1 ? v + 1 : v + columns]!;
    const t = (level - a) / (b - a);
    if (side === 1) {
      out[at] = x[j]! + t * (x[j + 1]! - x[j]!);
      out[at + 1] = y[i]!;
    } else {
      out[at] = x[j]!;
      out[at + 1] = y[i]! + t * (y[i + 1]! - y[i]!);
    }
  }

  /** Chains of the pieces: open ones from points that nothing leads to, then the closed ones. */
  join(pieces: Pieces, level: number): Chain[] {
    const { from, to, count } = pieces;
    if (this.next.length < count) this.next = new Int32Array(Math.max(count, 2 * this.next.length));
    const { head, next, incoming } = this;
    for (let p = count - 1; p >= 0; p--) {
      next[p] = head[from[p]!]!;
      head[from[p]!] = p;
      incoming[to[p]!] = 1;
    }
    const chains: Chain[] = [];
    let names: number[] = [];
    const walk = (start: number): boolean => {
      names = [start];
      let at = start;
      for (;;) {
        const p = head[at]!;
        if (p < 0) return false;
        head[at] = next[p]!;
        at = to[p]!;
        if (at === start) return true;
        names.push(at);
      }
    };
    const emit = (closed: boolean): void => {
      const points = new Float64Array(2 * names.length);
      names.forEach((name, i) => this.coordinate(name, level, points, 2 * i));
      chains.push({ points, closed });
    };
    for (let p = 0; p < count; p++) if (!incoming[from[p]!] && head[from[p]!]! >= 0) emit(walk(from[p]!));
    for (let p = 0; p < count; p++) while (head[from[p]!]! >= 0) emit(walk(from[p]!));
    for (let p = 0; p < count; p++) incoming[to[p]!] = 0;
    return chains;
  }
}

/** Calls `visit(v, low, high)` for each cell (first corner v) that levels low..high-1 cross. */
function crossedCells(grid: Grid2, bands: Uint16Array, visit: (v: number, low: number, high: number) => void): void {
  const { columns, rows } = grid;
  for (let i = 0; i + 1 < rows; i++) {
    const end = i * columns + columns - 1;
    for (let v = i * columns; v < end; v++) {
      const a = bands[v]!;
      const b = bands[v + 1]!;
      const c = bands[v + columns]!;
      const d = bands[v + columns + 1]!;
      if (a === b && b === c && c === d) continue;
      const high = Math.max(a, b, c, d);
      if (high === HOLE) continue;
      visit(v, Math.min(a, b, c, d), high);
    }
  }
}

function cutCells(grid: Grid2, levels: Float64Array, bands: Uint16Array): Pieces[] {
  const { columns, values } = grid;
  const n = values.length;
  const pieces = Array.from(levels, () => new Pieces());
  crossedCells(grid, bands, (v, low, high) => {
    const a = bands[v]!;
    const b = bands[v + 1]!;
    const c = bands[v + columns + 1]!;
    const d = bands[v + columns]!;
    // corners a, b, c, d counter-clockwise with y upwards; sides ab, bc, cd, da
    const bottom = n + v;
    const right = 2 * n + v + 1;
    const top = n + v + columns;
    const left = 2 * n + v;
    for (let l = low; l < high; l++) {
      const out = pieces[l]!;
      const code = (a > l ? 1 : 0) | (b > l ? 2 : 0) | (c > l ? 4 : 0) | (d > l ? 8 : 0);
      switch (code) {
        case 1:
          out.push(bottom, left);
          break;
        case 2:
          out.push(right, bottom);
          break;
        case 3:
          out.push(right, left);
          break;
        case 4:
          out.push(top, right);
          break;
        case 6:
          out.push(top, bottom);
          break;
        case 7:
          out.push(top, left);
          break;
        case 8:
          out.push(left, top);
          break;
        case 9:
          out.push(bottom, top);
          break;
        case 11:
          out.push(right, top);
          break;
        case 12:
          out.push(left, right);
          break;
        case 13:
          out.push(bottom, right);
          break;
        case 14:
          out.push(left, bottom);
          break;
        case 5:
        case 10: {
          const mean = (values[v]! + values[v + 1]! + values[v + columns]! + values[v + columns + 1]!) / 4;
          const joined = mean >= levels[l]!;
          if (code === 5) {
            // a and c above
            if (joined) out.push(top, left), out.push(bottom, right);
            else out.push(bottom, left), out.push(top, right);
          } else if (joined) out.push(left, bottom), out.push(right, top);
          else out.push(right, bottom), out.push(left, top);
          break;
        }
        default:
      }
    }
  });
  return pieces;
}

/** Isolines of strictly ascending levels. */
export function isolines(grid: Grid2, levels: Float64Array): readonly LevelLines[] {
  const bands = bandsOfVertices(grid.values, levels);
  const joiner = new Joiner(grid, grid.values.length);
  return cutCells(grid, levels, bands).map((pieces, l) => ({
    level: levels[l]!,
    chains: joiner.join(pieces, levels[l]!),
  }));
}

/** Cell validity: 1 where all four corners are finite, per first corner. */
export function validCells(grid: Grid2): Uint8Array {
  const { columns, rows, values } = grid;
  const valid = new Uint8Array(values.length);
  const finite = (v: number): boolean => values[v]! - values[v]! === 0;
  for (let i = 0; i + 1 < rows; i++)
    for (let j = 0; j + 1 < columns; j++) {
      const v = i * columns + j;
      valid[v] = finite(v) && finite(v + 1) && finite(v + columns) && finite(v + columns + 1) ? 1 : 0;
    }
  return valid;
}

/** Border sides of the valid domain, directed with the inside to the left: vertex to vertex. */
function borderSides(grid: Grid2): Pieces {
  const { columns, rows } = grid;
  const valid = validCells(grid);
  const border = new Pieces();
  const at = (i: number, j: number): boolean =>
    i >= 0 && j >= 0 && i + 1 < rows && j + 1 < columns && valid[i * columns + j] === 1;
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++) {
      const v = i * columns + j;
      if (j + 1 < columns) {
        const above = at(i, j);
        const below = at(i - 1, j);
        if (above && !below) border.push(v, v + 1);
        else if (below && !above) border.push(v + 1, v);
      }
      if (i + 1 < rows) {
        const right = at(i, j);
        const left = at(i, j - 1);
        if (left && !right) border.push(v, v + columns);
        else if (right && !left) border.push(v + columns, v);
      }
    }
  return border;
}

/** The regions {f >= level}, and before them the whole valid domain (level -Infinity): painted in order with the
 * even-odd or non-zero rule they give filled bands. All chains are closed; the inside is to the left. */
export function filledBands(grid: Grid2, levels: Float64Array): readonly LevelLines[] {
  return contourLayers(grid, levels).bands;
}

/** Bands and lines of the same levels: one look at the cells for both. */
export function contourLayers(
  grid: Grid2,
  levels: Float64Array,
): { readonly bands: readonly LevelLines[]; readonly lines: readonly LevelLines[] } {
  const n = grid.values.length;
  const bands = bandsOfVertices(grid.values, levels);
  const joiner = new Joiner(grid, n);
  const border = borderSides(grid);
  const cuts = cutCells(grid, levels, bands);
  const joined = (pieces: readonly Pieces[]): LevelLines[] =>
    pieces.map((p, l) => ({ level: levels[l]!, chains: joiner.join(p, levels[l]!) }));
  const lines = joined(cuts);
  const whole: LevelLines = { level: -Infinity, chains: joiner.join(border, -Infinity) };
  const sideName = (a: number, b: number): number => {
    const first = Math.min(a, b);
    return Math.abs(a - b) === 1 ? n + first : 2 * n + first;
  };
  for (let p = 0; p < border.count; p++) {
    const a = border.from[p]!;
    const b = border.to[p]!;
    const low = Math.min(bands[a]!, bands[b]!);
    const high = Math.max(bands[a]!, bands[b]!);
    for (let l = 0; l < low; l++) cuts[l]!.push(a, b);
    for (let l = low; l < high; l++)
      if (bands[a]! > l) cuts[l]!.push(a, sideName(a, b));
      else cuts[l]!.push(sideName(a, b), b);
  }
  return { bands: [whole, ...joined(cuts)], lines };
}

/** Outlines of a set of vertices, each drawn as its own patch (half-way to its neighbours, cut at the border): what a
 * basin covers. */
export function regionOutline(grid: Grid2, inside: (vertex: number) => boolean): readonly Chain[] {
  const { rows, columns, x, y } = grid;
  const middle = (axis: Float64Array, k: number): number =>
    k <= 0 ? axis[0]! : k >= axis.length ? axis[axis.length - 1]! : (axis[k - 1]! + axis[k]!) / 2;
  const corner = (i: number, j: number): number => i * (columns + 1) + j;
  const next = new Map<number, number[]>();
  const push = (from: number, to: number): void => {
    const list = next.get(from);
    if (list) list.push(to);
    else next.set(from, [to]);
  };
  const member = new Uint8Array(rows * columns);
  for (let v = 0; v < member.length; v++) member[v] = inside(v) ? 1 : 0;
  const at = (i: number, j: number): boolean =>
    i >= 0 && j >= 0 && i < rows && j < columns && member[i * columns + j] === 1;
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++) {
      if (!at(i, j)) continue;
      if (!at(i - 1, j)) push(corner(i, j), corner(i, j + 1));
      if (!at(i, j + 1)) push(corner(i, j + 1), corner(i + 1, j + 1));
      if (!at(i + 1, j)) push(corner(i + 1, j + 1), corner(i + 1, j));
      if (!at(i, j - 1)) push(corner(i + 1, j), corner(i, j));
    }
  const chains: Chain[] = [];
  for (const start of next.keys())
    while (next.get(start)!.length > 0) {
      const corners: number[] = [start];
      let here = next.get(start)!.pop()!;
      while (here !== start) {
        corners.push(here);
        here = next.get(here)!.pop()!;
      }
      // straight runs need no points between
      const kept = corners.filter((c, k) => {
        const before = corners[(k + corners.length - 1) % corners.length]!;
        const after = corners[(k + 1) % corners.length]!;
        return c - before !== after - c;
      });
      const points = new Float64Array(2 * kept.length);
      kept.forEach((c, k) => {
        points[2 * k] = middle(x, c % (columns + 1));
        points[2 * k + 1] = middle(y, Math.floor(c / (columns + 1)));
      });
      chains.push({ points, closed: true });
    }
  return chains;
}

/** Maximal horizontal runs of grid cells that are holes, as [x0, y0, x1, y1]. */
export function holeRectangles(grid: Grid2): readonly (readonly [number, number, number, number])[] {
  const valid = validCells(grid);
  const runs: (readonly [number, number, number, number])[] = [];
  const { columns, rows, x, y } = grid;
  for (let i = 0; i + 1 < rows; i++) {
    let start = -1;
    for (let j = 0; j < columns; j++) {
      const hole = j + 1 < columns && valid[i * columns + j] === 0;
      if (hole && start < 0) start = j;
      if (!hole && start >= 0) {
        runs.push([x[start]!, y[i]!, x[j]!, y[i + 1]!]);
        start = -1;
      }
    }
  }
  return runs;
}

/** Signed area of a closed chain (counter-clockwise positive). */
export function signedArea(points: Float64Array): number {
  let sum = 0;
  const n = points.length / 2;
  for (let i = 0; i < n; i++) {
    const j = (i + 1) % n;
    sum += points[2 * i]! * points[2 * j + 1]! - points[2 * j]! * points[2 * i + 1]!;
  }
  return sum / 2;
}

/** SVG path of chains, with `px` decimals; x and y map to the drawing. */
export function pathOf(
  chains: readonly Chain[],
  x: (value: number) => number,
  y: (value: number) => number,
  decimals = 2,
): string {
  const f = 10 ** decimals;
  const round = (value: number): number => Math.round(value * f) / f;
  const parts: string[] = [];
  for (const chain of chains) {
    const { points } = chain;
    let lastX = NaN;
    let lastY = NaN;
    let text = "";
    for (let i = 0; i < points.length; i += 2) {
      const px = round(x(points[i]!));
      const py = round(y(points[i + 1]!));
      if (px === lastX && py === lastY) continue;
      text += `${text ? "L" : "M"}${px} ${py}`;
      lastX = px;
      lastY = py;
    }
    if (text) parts.push(chain.closed ? `${text}Z` : text);
  }
  return parts.join("");
}

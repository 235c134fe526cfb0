// The global structure as geometry: where models stand, which pairs are drawn and how. Pure.
import { isNumber } from "../../base/statistics";
import type { Pairs } from "../../api/types";
import type { Box } from "../../geometry/labels";
import type { EdgeFieldInfo } from "../../model/pairs";
import { edgeQuality } from "../../model/pairs";

export interface Place {
  model: number;
  panel: number;
  x: number; // in units of the placement
  y: number;
}

/** Placement -> pixels: one unit for all panels, so that distances can be compared. */
export interface Frame {
  unit: number; // pixels a unit at zoom 1
  cells: Box[]; // of each panel
  centres: [number, number][]; // of each panel's points, in units
  head: number; // pixels kept free above each panel, for its name
}

/** Panels in rows, each as wide as its points ask for, in the arrangement that leaves the largest unit. */
export function fitFrame(
  places: readonly Place[],
  panels: number,
  width: number,
  height: number,
  margin: number,
): Frame {
  const count = Math.max(1, panels);
  const head = panels > 1 ? 24 : 0;
  const spans: [number, number][] = [];
  const centres: [number, number][] = [];
  for (let panel = 0; panel < count; panel++) {
    let [x0, x1, y0, y1] = [Infinity, -Infinity, Infinity, -Infinity];
    for (const place of places) {
      if (place.panel !== panel) continue;
      x0 = Math.min(x0, place.x);
      x1 = Math.max(x1, place.x);
      y0 = Math.min(y0, place.y);
      y1 = Math.max(y1, place.y);
    }
    centres.push(x0 <= x1 ? [(x0 + x1) / 2, (y0 + y1) / 2] : [0, 0]);
    spans.push(x0 <= x1 ? [x1 - x0, y1 - y0] : [0, 0]);
  }
  let best: { unit: number; shape: number; columns: number } | null = null;
  for (let columns = 1; columns <= count; columns++) {
    const rows = Math.ceil(count / columns);
    let unit = Infinity;
    for (let row = 0; row < rows; row++) {
      const own = spans.slice(row * columns, (row + 1) * columns);
      const across = own.reduce((sum, s) => sum + s[0], 0);
      const up = Math.max(...own.map((s) => s[1]));
      if (across > 0) unit = Math.min(unit, Math.max(20, width - 2 * margin * own.length) / across);
      if (up > 0) unit = Math.min(unit, Math.max(20, height / rows - head - 2 * margin) / up);
    }
    const shape = Math.abs(Math.log(width / columns / (height / rows))) + 0.15 * (columns * rows - count);
    if (best === null || unit > 1.001 * best.unit || (unit > 0.999 * best.unit && shape < best.shape))
      best = { unit, shape, columns };
  }
  const { columns } = best as { columns: number };
  const unit = Number.isFinite(best?.unit) ? (best?.unit as number) : 1;
  const rows = Math.ceil(count / columns);
  const cells: Box[] = [];
  for (let row = 0; row < rows; row++) {
    const own = spans.slice(row * columns, (row + 1) * columns);
    const asked = own.map((s) => 2 * margin + unit * s[0]);
    const over = (width - asked.reduce((sum, w) => sum + w, 0)) / own.length;
    let x = 0;
    for (const w of asked) {
      cells.push({ x, y: (row * height) / rows, width: w + over, height: height / rows });
      x += w + over;
    }
  }
  return { unit, cells, centres, head };
}

/** The frame in which separated glyphs still lie inside the picture, and inside their panels. */
export function roomyFrame(places: readonly Place[], panels: number, width: number, height: number): Frame {
  const radius = glyphRadius(places.length, width, height, 1);
  if (panels > 1) return roomyPanels(places, panels, width, height, radius);
  let margin = radius + 22;
  let frame = fitFrame(places, 1, width, height, margin);
  for (let round = 0; round < 4; round++) {
    const nodes = placeNodes(places, frame, { k: 1, x: 0, y: 0 });
    separate(nodes, radius + 1, 16);
    let over = 0;
    for (const node of nodes)
      over = Math.max(
        over,
        radius + 20 - node.x,
        radius + 20 - node.y,
        node.x + radius + 20 - width,
        node.y + radius + 20 - height,
      );
    if (over <= 0) break;
    margin = Math.min(margin + over + 2, 0.45 * Math.min(width, height));
    frame = fitFrame(places, 1, width, height, margin);
  }
  return frame;
}

/** Panels as wide as their separated glyphs: the largest unit, found by halving, at which they fit. */
function roomyPanels(places: readonly Place[], panels: number, width: number, height: number, radius: number): Frame {
  const base = fitFrame(places, panels, width, height, radius + 8);
  // First with room for labels beside the glyphs, else without.
  return (
    roomyCells(base, places, panels, width, height, radius, 14) ??
    roomyCells(base, places, panels, width, height, radius, 5) ??
    base
  );
}

function roomyCells(
  base: Frame,
  places: readonly Place[],
  panels: number,
  width: number,
  height: number,
  radius: number,
  pad: number,
): Frame | null {
  const columns = base.cells.filter((c) => c.y === 0).length;
  const rows = Math.ceil(panels / columns);
  const own = base.cells.map((_, panel) => places.filter((p) => p.panel === panel));
  const sizes = (unit: number): { x: number; y: number; width: number; height: number }[] =>
    own.map((members) => {
      const nodes = members.map((p) => ({ model: p.model, x: p.x * unit, y: -p.y * unit, trueX: 0, trueY: 0 }));
      separate(nodes, radius + 1, 16);
      const [x0, x1] = [Math.min(...nodes.map((n) => n.x)), Math.max(...nodes.map((n) => n.x))];
      const [y0, y1] = [Math.min(...nodes.map((n) => n.y)), Math.max(...nodes.map((n) => n.y))];
      const room = 2 * (radius + pad);
      return nodes.length === 0
        ? { x: 0, y: 0, width: room, height: room }
        : { x: (x0 + x1) / 2, y: (y0 + y1) / 2, width: x1 - x0 + room, height: y1 - y0 + room + 2 * pad };
    });
  const fits = (boxes: readonly Box[]): boolean => {
    for (let row = 0; row < rows; row++) {
      const list = boxes.slice(row * columns, (row + 1) * columns);
      if (list.reduce((sum, b) => sum + b.width, 0) > width) return false;
      if (Math.max(...list.map((b) => b.height)) > height / rows - base.head) return false;
    }
    return true;
  };
  let [low, high] = [0, base.unit];
  for (let round = 0; round < 9; round++) {
    const middle = round === 0 ? high : (low + high) / 2;
    if (fits(sizes(middle))) {
      low = middle;
      if (round === 0) break;
    } else high = middle;
  }
  if (low === 0) return null;
  const boxes = sizes(low);
  const cells: Box[] = [];
  for (let row = 0; row < rows; row++) {
    const list = boxes.slice(row * columns, (row + 1) * columns);
    const over = (width - list.reduce((sum, b) => sum + b.width, 0)) / list.length;
    let x = 0;
    for (const b of list) {
      cells.push({ x, y: (row * height) / rows, width: b.width + over, height: height / rows });
      x += b.width + over;
    }
  }
  return { unit: low, cells, centres: boxes.map((b) => [b.x / low, -b.y / low]), head: base.head };
}

export interface Zoom {
  k: number;
  x: number; // pixels
  y: number;
}

export interface NodeShape {
  model: number;
  x: number; // where the glyph is drawn
  y: number;
  trueX: number; // where the placement has it
  trueY: number;
}

export function placeNodes(places: readonly Place[], frame: Frame, zoom: Zoom): NodeShape[] {
  return places.map((place) => {
    const cell = frame.cells[place.panel] ?? { x: 0, y: 0, width: 0, height: 0 };
    const [cx, cy] = frame.centres[place.panel] ?? [0, 0];
    // y grows upwards in the placement.
    const x = cell.x + cell.width / 2 + (place.x - cx) * frame.unit;
    const y = cell.y + (cell.height + frame.head) / 2 - (place.y - cy) * frame.unit;
    const px = zoom.x + zoom.k * x;
    const py = zoom.y + zoom.k * y;
    return { model: place.model, x: px, y: py, trueX: px, trueY: py };
  });
}

/** Radius of a glyph: all glyphs together cover an eighth of the picture at zoom 1; grows slower than distances when
 *  zoomed in (semantic scaling). */
export function glyphRadius(count: number, width: number, height: number, k: number): number {
  const room = Math.sqrt((0.125 * width * height) / (Math.PI * Math.max(1, count)));
  return Math.max(4, Math.min(36, Math.min(29, room) * Math.max(1, k) ** 0.75));
}

/** Lines are as wide as their glyphs are large: in a crowd they must not hide each other. */
export function lineScale(radius: number): number {
  return Math.max(0.2, Math.min(1, radius / 24));
}

/** Moves glyphs apart until none covers another (or `rounds` are over): each pair that overlaps is pushed along its
 *  line, half each. Equal places part along the golden angle. Deterministic. */
export function separate(
  nodes: NodeShape[],
  radius: number,
  rounds = Math.max(12, Math.min(80, Math.round(16_000 / nodes.length))),
): void {
  const need = 2 * radius + 2;
  const count = nodes.length;
  if (count < 2) return;
  const next = new Int32Array(count); // chains of the nodes in one cell
  for (let round = 0; round < rounds; round++) {
    let moved = false;
    let x0 = Infinity,
      y0 = Infinity,
      x1 = -Infinity,
      y1 = -Infinity;
    for (const node of nodes) {
      x0 = Math.min(x0, node.x);
      y0 = Math.min(y0, node.y);
      x1 = Math.max(x1, node.x);
      y1 = Math.max(y1, node.y);
    }
    // Cells of the reach, fewer and larger ones where the picture is vast.
    const size = Math.max(need, (x1 - x0) / 400, (y1 - y0) / 400);
    const columns = Math.floor((x1 - x0) / size) + 1;
    const rows = Math.floor((y1 - y0) / size) + 1;
    const first = new Int32Array(columns * rows).fill(-1);
    const cellOf = new Int32Array(count);
    for (let i = count - 1; i >= 0; i--) {
      const node = nodes[i] as NodeShape;
      const cell = Math.floor((node.y - y0) / size) * columns + Math.floor((node.x - x0) / size);
      cellOf[i] = cell;
      next[i] = first[cell] as number;
      first[cell] = i;
    }
    for (let i = 0; i < count; i++) {
      const a = nodes[i] as NodeShape;
      const column = (cellOf[i] as number) % columns;
      const row = Math.floor((cellOf[i] as number) / columns);
      for (let r = Math.max(0, row - 1); r <= Math.min(rows - 1, row + 1); r++)
        for (let c = Math.max(0, column - 1); c <= Math.min(columns - 1, column + 1); c++)
          for (let j = first[r * columns + c] as number; j >= 0; j = next[j] as number) {
            if (j <= i) continue;
            const b = nodes[j] as NodeShape;
            let vx = b.x - a.x;
            let vy = b.y - a.y;
            const squared = vx * vx + vy * vy;
            if (squared >= need * need) continue;
            let distance = Math.sqrt(squared);
            if (distance < 1e-6) {
              const angle = (i + j) * 2.399963229728653;
              vx = Math.cos(angle);
              vy = Math.sin(angle);
              distance = 1;
            }
            const push = (need - Math.min(distance, need)) / 2 + 0.01;
            a.x -= (vx / distance) * push;
            a.y -= (vy / distance) * push;
            b.x += (vx / distance) * push;
            b.y += (vy / distance) * push;
            moved = true;
          }
    }
    if (!moved) return;
  }
}

export interface EdgeShape {
  pair: number; // index into the study's pairs
  a: number; // model
  b: number;
  value: number;
  quality: number; // 0..1
  better: boolean; // mc > 0
  unconverged: boolean;
  width: number;
  bend: number; // height of the curve's control point over the straight line, as a share of its length
}

export interface EdgeSelection {
  drawn: EdgeShape[]; // worst first, so that good ones lie on top
  inRange: number;
  total: number; // pairs with a number
  unknown: number; // pairs within a group that were not sampled
}

export interface EdgeOptions {
  info: EdgeFieldInfo;
  scale: "linear" | "symlog";
  range: readonly [number, number] | null;
  budget: number; // at most so many, but see `nearest`
  nearest: number; // each model keeps its best so many
  focus: number | null; // keep only this model's
  panelOf: readonly number[] | null; // of each model, where pairs of different panels are left out
}

/** Which pairs are drawn. With a budget: each model's `nearest` best first, then the best of the rest. */
export function selectEdges(pairs: Pairs, groups: readonly number[], options: EdgeOptions): EdgeSelection {
  const values = pairs[options.info.field];
  const { quality, better } = edgeQuality(values, options.info, options.scale);
  const candidates: EdgeShape[] = [];
  let total = 0;
  let inRange = 0;
  let within = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    const a = pairs.a[i] as number;
    const b = pairs.b[i] as number;
    if (!isNumber(value) || (options.panelOf && options.panelOf[a] !== options.panelOf[b])) continue;
    total++;
    if (groups[a] === groups[b]) within++;
    if (options.range && (value < options.range[0] || value > options.range[1])) continue;
    inRange++;
    if (options.focus !== null && a !== options.focus && b !== options.focus) continue;
    const q = quality(value);
    const unconverged = pairs.converged[i] === false;
    const above = better(value);
    candidates.push({
      pair: i,
      a,
      b,
      value,
      quality: q,
      better: above,
      unconverged,
      width: above ? 6.5 : 0.6 + 5.4 * q,
      bend: above ? 0 : 0.32 * (1 - q) * (a < b ? 1 : -1),
    });
  }
  candidates.sort((p, q) => Number(p.better) - Number(q.better) || p.quality - q.quality || p.pair - q.pair);
  let drawn = candidates;
  if (options.focus === null && options.budget > 0 && candidates.length > options.budget) {
    const kept = new Set<EdgeShape>();
    const had = new Map<number, number>();
    for (let i = candidates.length - 1; i >= 0 && kept.size < options.budget; i--) {
      const edge = candidates[i] as EdgeShape;
      if ((had.get(edge.a) ?? 0) >= options.nearest && (had.get(edge.b) ?? 0) >= options.nearest) continue;
      had.set(edge.a, (had.get(edge.a) ?? 0) + 1);
      had.set(edge.b, (had.get(edge.b) ?? 0) + 1);
      kept.add(edge);
    }
    for (let i = candidates.length - 1; i >= 0 && kept.size < options.budget; i--) kept.add(candidates[i] as EdgeShape);
    drawn = candidates.filter((edge) => kept.has(edge));
  }
  // Only members of one group are connected by a study, so only those can be missing.
  const sizes = new Map<number, number>();
  for (const group of groups) if (group >= 0) sizes.set(group, (sizes.get(group) ?? 0) + 1);
  const possible = [...sizes.values()].reduce((sum, s) => sum + (s * (s - 1)) / 2, 0);
  return { drawn, inRange, total, unknown: Math.max(0, possible - within) };
}

/** [x0, y0, control x, control y, x1, y1]; straight where the bend is 0. A curve whose top would leave the picture
 *  (`size`: width and height) bends to the other side if there is more room. */
export function edgeCurve(
  a: NodeShape,
  b: NodeShape,
  bend: number,
  size: readonly [number, number] | null = null,
): Float64Array {
  const dx = b.x - a.x;
  const dy = b.y - a.y;
  if (bend === 0) return Float64Array.of(a.x, a.y, a.x, a.y, b.x, b.y);
  const mx = (a.x + b.x) / 2;
  const my = (a.y + b.y) / 2;
  let signed = bend;
  if (size) {
    const room = (height: number): number => {
      const x = mx - height * dy;
      const y = my + height * dx;
      return Math.min(x, y, size[0] - x, size[1] - y);
    };
    if (room(bend) < 4 && room(-bend) > room(bend)) signed = -bend;
  }
  // The control point is twice as high as the curve itself.
  return Float64Array.of(a.x, a.y, mx - 2 * signed * dy, my + 2 * signed * dx, b.x, b.y);
}

/** Least distance of a point from a curve of `edgeCurve`. */
export function curveDistance(curve: ArrayLike<number>, x: number, y: number): number {
  const [x0, y0, cx, cy, x1, y1] = [curve[0]!, curve[1]!, curve[2]!, curve[3]!, curve[4]!, curve[5]!];
  const straight = cx === x0 && cy === y0;
  let best = Infinity;
  let px = x0;
  let py = y0;
  const steps = straight ? 1 : 16;
  for (let i = 1; i <= steps; i++) {
    const t = i / steps;
    const u = 1 - t;
    const qx = straight ? x1 : u * u * x0 + 2 * u * t * cx + t * t * x1;
    const qy = straight ? y1 : u * u * y0 + 2 * u * t * cy + t * t * y1;
    const dx = qx - px;
    const dy = qy - py;
    const length2 = dx * dx + dy * dy;
    const s = length2 > 0 ? Math.max(0, Math.min(1, ((x - px) * dx + (y - py) * dy) / length2)) : 0;
    best = Math.min(best, Math.hypot(x - px - s * dx, y - py - s * dy));
    px = qx;
    py = qy;
  }
  return best;
}

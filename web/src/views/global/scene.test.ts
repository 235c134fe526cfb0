import { readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { SvgPainter } from "../../base/painter";
import { placeLabels } from "../../geometry/labels";
import { smallStudy } from "../../model/fixture";
import { edgeFieldInfo } from "../../model/pairs";
import type { Palette } from "../../model/palette";
import { DEFAULTS } from "../../state";
import { drawEdges, drawNodes } from "./draw";
import { glyphScales, shownEigenvalues } from "./glyph";
import {
  curveDistance,
  edgeCurve,
  fitFrame,
  glyphRadius,
  type NodeShape,
  placeNodes,
  type Place,
  roomyFrame,
  selectEdges,
  separate,
} from "./scene";

const study = smallStudy();
const groups = study.models.map((m) => m.group);
const base = {
  info: edgeFieldInfo("mc_loss"),
  scale: "linear" as const,
  range: null,
  budget: 0,
  nearest: 1,
  focus: null,
  panelOf: null,
};

/** Reproducible numbers in [0, 1). */
function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

test("edges: all, in a range, of one model", () => {
  const all = selectEdges(study.pairs, groups, base);
  expect([all.total, all.inRange, all.drawn.length, all.unknown]).toEqual([4, 4, 4, 0]);
  expect(all.drawn.at(-1)?.better).toBe(true); // mc > 0 on top
  expect(all.drawn.find((e) => e.pair === 2)?.unconverged).toBe(true);
  const good = all.drawn.find((e) => e.pair === 2)!;
  const poor = all.drawn.find((e) => e.pair === 3)!;
  expect(good.width).toBeGreaterThan(poor.width);
  expect(Math.abs(good.bend)).toBeLessThan(Math.abs(poor.bend));
  expect(all.drawn.find((e) => e.pair === 1)?.bend).toBe(0);
  const some = selectEdges(study.pairs, groups, { ...base, range: [-0.01, 1] });
  expect(some.drawn.map((e) => e.pair).sort()).toEqual([1, 2]); // positive values are in a range too
  expect(
    selectEdges(study.pairs, groups, { ...base, focus: 0 })
      .drawn.map((e) => e.pair)
      .sort(),
  ).toEqual([0, 1]);
});

test("a pair that was not computed is unknown, not poor", () => {
  const pairs = { ...study.pairs, mc_loss: [-0.1, NaN, -0.001, -10] };
  const found = selectEdges(pairs, groups, base);
  expect(found.unknown).toBe(1);
  expect(found.drawn.some((e) => e.pair === 1)).toBe(false);
});

test("a budget leaves no model without its best path", () => {
  const next = random(3);
  const n = 40;
  const a: number[] = [];
  const b: number[] = [];
  const mc: number[] = [];
  for (let i = 0; i < n; i++)
    for (let j = i + 1; j < n; j++) {
      a.push(i);
      b.push(j);
      mc.push(-next() - (i === 0 ? 5 : 0)); // model 0 is badly connected to all
    }
  const empty = a.map(() => NaN);
  const pairs = {
    a,
    b,
    record: a.map(() => null),
    mc_loss: mc,
    mc_error: empty,
    barrier: empty,
    relative_barrier: empty,
    mean_loss: empty,
    converged: a.map(() => true),
    cka: empty,
  };
  const found = selectEdges(pairs, a.map(() => 0).slice(0, n), { ...base, budget: 60, nearest: 1 });
  expect(found.drawn.length).toBe(60);
  expect(found.inRange).toBe(780);
  const seen = new Set(found.drawn.flatMap((e) => [e.a, e.b]));
  expect(seen.size).toBe(n);
  const best = Math.max(...mc.filter((_, i) => a[i] === 0));
  expect(found.drawn.some((e) => e.value === best)).toBe(true);
});

test("panels share one unit and fill the picture", () => {
  const places: Place[] = [
    { model: 0, panel: 0, x: 0, y: 0 },
    { model: 1, panel: 0, x: 2, y: 1 },
    { model: 2, panel: 1, x: 10, y: 0 },
    { model: 3, panel: 1, x: 11, y: 0.5 },
  ];
  const frame = fitFrame(places, 2, 800, 400, 40);
  // Side by side: 800 pixels without four margins hold 2 + 1 units; the left panel is a unit wider.
  expect(frame.unit).toBeCloseTo(640 / 3, 9);
  expect(frame.cells.map((c) => [Math.round(c.x), Math.round(c.width)])).toEqual([
    [0, 507],
    [507, 293],
  ]);
  const nodes = placeNodes(places, frame, { k: 1, x: 0, y: 0 });
  expect(nodes[1]!.x - nodes[0]!.x).toBeCloseTo(2 * (nodes[3]!.x - nodes[2]!.x), 9);
  expect(nodes[1]!.y).toBeLessThan(nodes[0]!.y); // y grows upwards
  const zoomed = placeNodes(places, frame, { k: 2, x: 5, y: -7 });
  expect(zoomed[0]!.x).toBeCloseTo(2 * nodes[0]!.x + 5, 9);
  expect(fitFrame([{ model: 0, panel: 0, x: 3, y: 3 }], 1, 100, 100, 10).unit).toBe(1); // one point: any unit will do
});

test("glyphs stay in their panels", () => {
  const next = random(7);
  for (const panels of [2, 4, 9]) {
    // Panels of very different extents, some of them hardly larger than a glyph.
    const places: Place[] = Array.from({ length: 6 * panels }, (_, i) => ({
      model: i,
      panel: i % panels,
      x: (next() * 1) / (1 + (i % panels) ** 2),
      y: (next() * 0.6) / (1 + (i % panels) ** 2),
    }));
    const frame = roomyFrame(places, panels, 640, 420);
    const nodes = placeNodes(places, frame, { k: 1, x: 0, y: 0 });
    const radius = glyphRadius(places.length, 640, 420, 1);
    for (let panel = 0; panel < panels; panel++) {
      const cell = frame.cells[panel]!;
      const own = nodes.filter((_, i) => places[i]!.panel === panel);
      separate(own, radius + 1, 16);
      for (const node of own) {
        expect(node.x - radius).toBeGreaterThanOrEqual(cell.x);
        expect(node.x + radius).toBeLessThanOrEqual(cell.x + cell.width);
        expect(node.y - radius).toBeGreaterThanOrEqual(cell.y + frame.head);
        expect(node.y + radius).toBeLessThanOrEqual(cell.y + cell.height);
      }
    }
  }
});

test("separated glyphs do not cover each other and stay in the picture", () => {
  const next = random(1);
  for (const count of [2, 12, 60, 200]) {
    const places: Place[] = Array.from({ length: count }, (_, i) => ({
      model: i,
      panel: 0,
      x: next() * 0.1 + (i % 2),
      y: next() * 0.1,
    }));
    places.push({ ...places[0]!, model: count }); // the same place twice
    const frame = roomyFrame(places, 1, 700, 500);
    const radius = glyphRadius(places.length, 700, 500, 1);
    const nodes = placeNodes(places, frame, { k: 1, x: 0, y: 0 });
    separate(nodes, radius + 1, 400);
    let nearest = Infinity;
    nodes.forEach((p, i) =>
      nodes.slice(0, i).forEach((q) => (nearest = Math.min(nearest, Math.hypot(p.x - q.x, p.y - q.y)))),
    );
    expect(nearest).toBeGreaterThan(2 * radius - 0.5);
    for (const node of nodes) expect(Math.min(node.x, node.y, 700 - node.x, 500 - node.y)).toBeGreaterThan(-radius);
  }
});

test("nothing and one model", () => {
  expect(roomyFrame([], 1, 300, 200).unit).toBe(1);
  const one: NodeShape[] = placeNodes(
    [{ model: 0, panel: 0, x: 5, y: 5 }],
    roomyFrame([{ model: 0, panel: 0, x: 5, y: 5 }], 1, 300, 200),
    { k: 1, x: 0, y: 0 },
  );
  separate(one, 10);
  expect([one[0]!.x, one[0]!.y]).toEqual([150, 100]);
  separate([], 10);
});

test("distance to a curve", () => {
  const a: NodeShape = { model: 0, x: 0, y: 0, trueX: 0, trueY: 0 };
  const b: NodeShape = { model: 1, x: 100, y: 0, trueX: 100, trueY: 0 };
  expect(curveDistance(edgeCurve(a, b, 0), 50, 7)).toBeCloseTo(7, 9);
  expect(curveDistance(edgeCurve(a, b, 0), 103, 4)).toBeCloseTo(5, 9);
  const bent = edgeCurve(a, b, 0.2); // its middle is 20 away from the line
  expect(curveDistance(bent, 50, 20)).toBeLessThan(0.05);
  expect(curveDistance(bent, 50, 0)).toBeGreaterThan(15);
});

test("curves stay in the picture", () => {
  const at = (y: number): [NodeShape, NodeShape] => [
    { model: 0, x: 10, y, trueX: 10, trueY: y },
    { model: 1, x: 110, y, trueX: 110, trueY: y },
  ];
  // The top of a bend of 0.2 over 100 pixels is 20 away; control points are at twice that.
  expect(edgeCurve(...at(50), -0.2, [120, 100])[3]).toBeCloseTo(10, 9);
  expect(edgeCurve(...at(10), -0.2, [120, 100])[3]).toBeCloseTo(50, 9);
  expect(edgeCurve(...at(90), 0.2, [120, 100])[3]).toBeCloseTo(50, 9);
});

test("labels never overlap each other or a glyph", () => {
  const next = random(9);
  const nodes: NodeShape[] = Array.from({ length: 80 }, (_, i) => ({
    model: i,
    x: 20 + 560 * next(),
    y: 20 + 360 * next(),
    trueX: 0,
    trueY: 0,
  }));
  const placed = placeLabels(
    nodes,
    8,
    nodes.map((_, i) => ({ node: i, lines: ["model"], width: 44, priority: i === 5 ? 2 : 1 })),
    13,
    () => ({ x: 0, y: 0, width: 600, height: 400 }),
  );
  expect(placed.length).toBeGreaterThan(20);
  placed.forEach((p, i) => {
    placed
      .slice(0, i)
      .forEach((q) =>
        expect(p.x < q.x + q.width && q.x < p.x + p.width && p.y < q.y + q.height && q.y < p.y + p.height).toBe(false),
      );
    for (const node of nodes)
      expect(p.x < node.x + 8 && node.x - 8 < p.x + p.width && p.y < node.y + 8 && node.y - 8 < p.y + p.height).toBe(
        false,
      );
    expect(p.x >= 0 && p.y >= 0 && p.x + p.width <= 600 && p.y + p.height <= 400).toBe(true);
  });
});

const palette: Palette = {
  dark: false,
  text: "#111111",
  text2: "#555555",
  surface: "#ffffff",
  line: "#cccccc",
  grid: "#dddddd",
  ink: "#222222",
  ink2: "#777777",
  under: "#a01f7c",
  select: "#b3470a",
  accent: "#0b5cad",
  negative: "#c2410c",
};

test("rings: scores from 0 to 1, errors to the largest, eigenvalues on one scale with their sign", () => {
  const scales = glyphScales(study, DEFAULTS.global, palette);
  expect(scales.arcs.map((a) => [a.metric.name, a.error, a.high])).toEqual([
    ["loss", true, 0.11000000000000001],
    ["relative_error", true, 1.1],
  ]);
  expect(scales.arcs[1]!.share(0.55)).toBeCloseTo(0.5, 12);
  expect([scales.largest, scales.negative, scales.bars]).toEqual([300, true, 3]);
  expect(scales.barShare(-150)).toBeCloseTo(-0.5, 12);
  expect(shownEigenvalues(study.models[0]!, 2)).toEqual([4, 2]);
  const log = glyphScales(study, { ...DEFAULTS.global, errorScale: "log", metrics: ["relative_error"] }, palette);
  expect(log.arcs.length).toBe(1);
  expect(log.arcs[0]!.share(0.01)).toBeCloseTo(0.1, 12);
  expect(log.arcs[0]!.share(1.1)).toBeCloseTo(1, 12);
  const scores = {
    ...study,
    metrics: [{ name: "relative_error", title: "", unit: "%", better: "higher" as const, scale: "score" as const }],
  };
  expect(glyphScales(scores, DEFAULTS.global, palette).arcs[0]!.high).toBe(100);
});

// The drawing as a whole, with coordinates rounded: `npx vitest -u` is not enough, the file is looked at before it is kept.
test("the drawing", () => {
  const places: Place[] = study.models.map((_, i) => ({
    model: i,
    panel: 0,
    x: [0, 1, 0.5, 3, 4][i]!,
    y: [0, 0, 1, 0, 1][i]!,
  }));
  const frame = roomyFrame(places, 1, 500, 240);
  const nodes = placeNodes(places, frame, { k: 1, x: 0, y: 0 });
  const radius = glyphRadius(5, 500, 240, 1);
  separate(nodes, radius + 1);
  const painter = new SvgPainter(500, 240, "#ffffff");
  painter.group("edges");
  drawEdges(painter, selectEdges(study.pairs, groups, { ...base, scale: "symlog" }).drawn, nodes, palette, {
    density: false,
    count: 4,
    radius,
    size: [500, 240],
  });
  painter.group("models");
  drawNodes(painter, study, nodes, glyphScales(study, DEFAULTS.global, palette), DEFAULTS.global, palette, {
    radius,
    selected: new Set([1]),
    hovered: null,
    near: null,
  });
  painter.text(10, 20, '<script>&"', { size: 11, color: "#000000" });
  const text = painter.toString();
  expect(text).not.toContain("<script>");
  const normal = text.replace(/-?\d+\.\d+/g, (v) =>
    Number(v)
      .toFixed(1)
      .replace(/^-0\.0$/, "0.0"),
  );
  const file = new URL("./scene.snapshot.svg", import.meta.url);
  if (process.env.UPDATE_SNAPSHOTS) writeFileSync(file, normal);
  expect(normal).toBe(readFileSync(file, "utf8"));
});

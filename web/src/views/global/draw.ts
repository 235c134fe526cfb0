// Draws the global structure; the same code for the screen and for files.
import type { Study } from "../../api/types";
import type { Painter, Stroke } from "../../base/painter";
import type { Palette } from "../../model/palette";
import { groupColor } from "../../model/palette";
import type { GlobalState } from "../../state";
import { drawGlyph, type GlyphScales } from "./glyph";
import { edgeCurve, type EdgeShape, lineScale, type NodeShape } from "./scene";

export interface EdgeLook {
  density: boolean;
  count: number; // edges drawn, for the density view's opacity
  radius: number; // of glyphs: lines are in proportion
  size: readonly [number, number]; // of the picture: lines stay inside
}

/** Curves of one look together: few strokes however many edges. */
export function drawEdges(
  painter: Painter,
  edges: readonly EdgeShape[],
  nodeOf: readonly (NodeShape | undefined)[],
  palette: Palette,
  look: EdgeLook,
): void {
  const batches = new Map<string, { stroke: Stroke; curves: Float64Array[]; order: number }>();
  const opacity = look.density ? Math.max(0.05, Math.min(0.6, 40 / Math.sqrt(look.count) / 8)) : 0.78;
  for (const edge of edges) {
    const a = nodeOf[edge.a];
    const b = nodeOf[edge.b];
    if (!a || !b) continue;
    const level = Math.round(edge.quality * 11); // 12 widths
    const key = edge.better ? "better" : edge.unconverged ? `u${level}` : `q${level}`;
    let batch = batches.get(key);
    if (!batch) {
      const scaled = edge.width * lineScale(look.radius);
      const width = Math.max(0.5, look.density ? 0.5 * scaled : scaled);
      const stroke: Stroke = edge.better
        ? { color: palette.under, width, opacity: look.density ? opacity : 0.9 }
        : edge.unconverged
          ? {
              color: palette.ink2,
              width: Math.max(1.2, width),
              dash: [1.5, 2.5],
              opacity: look.density ? opacity : 0.8,
            }
          : { color: palette.ink, width, opacity: opacity * (0.55 + 0.45 * edge.quality) };
      batch = { stroke, curves: [], order: edge.better ? 100 : level };
      batches.set(key, batch);
    }
    batch.curves.push(edgeCurve(a, b, edge.bend, look.size));
  }
  for (const batch of [...batches.values()].sort((p, q) => p.order - q.order)) {
    painter.curves(batch.curves, batch.stroke);
  }
}

export interface NodeLook {
  radius: number;
  selected: ReadonlySet<number>;
  hovered: number | null;
  near: ReadonlySet<number> | null; // models to keep; others fade
}

export function drawNodes(
  painter: Painter,
  study: Study,
  nodes: readonly NodeShape[],
  scales: GlyphScales,
  state: GlobalState,
  palette: Palette,
  look: NodeLook,
): void {
  for (const node of nodes) {
    if (Math.hypot(node.x - node.trueX, node.y - node.trueY) < 2) continue;
    painter.line(
      [
        [node.trueX, node.trueY],
        [node.x, node.y],
      ],
      { color: palette.ink2, width: 0.8, dash: [2, 2] },
    );
    painter.circle(node.trueX, node.trueY, 1.8, palette.ink2);
  }
  for (const node of nodes) {
    const model = study.models[node.model];
    if (!model) continue;
    drawGlyph(painter, model, node.x, node.y, look.radius, scales, state, palette, {
      groupColor: groupColor(model.group, study.groups.length, palette.dark),
      selected: look.selected.has(node.model),
      hovered: look.hovered === node.model,
    });
    if (look.near !== null && !look.near.has(node.model))
      painter.circle(
        node.x,
        node.y,
        look.radius + 1.5,
        palette.dark ? "rgb(29 31 36 / 72%)" : "rgb(255 255 255 / 72%)",
      );
  }
}

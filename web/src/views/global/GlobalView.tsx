// The global structure: every model as a glyph, placed by similarity, joined by the paths between minima.
import { select } from "d3-selection";
import { zoom as d3zoom, zoomIdentity, type ZoomTransform } from "d3-zoom";
import { memo, useCallback, useEffect, useLayoutEffect, useMemo, useRef } from "react";
import { client } from "../../api/client";
import type { Study } from "../../api/types";
import { toCsv } from "../../base/csv";
import { busy } from "../../base/idle";
import { CanvasPainter, type Painter, SvgPainter } from "../../base/painter";
import { isNumber } from "../../base/statistics";
import { svgText } from "../../base/svg_export";
import { type LabelRequest, placeLabels } from "../../geometry/labels";
import { fitTail, fitTitle, formatInteger, formatNumber, formatWithUnit, labelWidth, niceStep } from "../../geometry/numbers";
import { metricText, modelFacts } from "../../model/facts";
import { familiesOf, shortNames } from "../../model/names";
import { availableFields, edgeFieldInfo, edgeQuality, meanOverPairs } from "../../model/pairs";
import { usePalette } from "../../model/palette";
import { useRecords } from "../../model/study";
import { DEFAULTS, setGlobal, setHover, setView, toggleSelected, useHover, useView, type EdgeField } from "../../state";
import { NumberInput, Select, Toggle } from "../../widgets/controls";
import { CurvePreview } from "../../widgets/CurvePreview";
import { GroupLabel } from "../../widgets/GroupLabel";
import { Empty, Failure, Loading, Panel } from "../../widgets/Panel";
import { Popover } from "../../widgets/Popover";
import { RangeFilter } from "../../widgets/RangeFilter";
import { Facts, hideTooltip, showTooltip } from "../../widgets/Tooltip";
import { useSize } from "../../widgets/useSize";
import { drawEdges, drawNodes } from "./draw";
import { glyphScales, ringMetrics } from "./glyph";
import { Legend } from "./Legend";
import {
  curveDistance,
  edgeCurve,
  glyphRadius,
  type NodeShape,
  type Place,
  placeNodes,
  lineScale,
  roomyFrame,
  selectEdges,
  separate,
  type Zoom,
} from "./scene";

const METHOD_TITLES: Record<string, string> = { mds: "MDS", tsne: "t-SNE", umap: "UMAP" };
const LINE = 13;
const DENSE = 1500; // edges from which the density view is on by itself
const MANY = 60; // models from which there is a budget

/** Where models stand: from the placement's records, or on a circle while there is none. */
function usePlaces(study: Study): {
  places: Place[];
  panels: string[];
  panelOf: number[]; // of each model
  note: string;
  quality: string;
  computed: boolean;
  loading: boolean;
  error: string | null;
} {
  const { method, layer, perGroup } = useView(({ global }) => ({
    method: global.method,
    layer: global.layer,
    perGroup: global.perGroup,
  }));
  const chosenMethod = method || study.placements[0]?.method || "";
  const ofMethod = study.placements.filter((p) => p.method === chosenMethod);
  const chosenLayer = layer || ofMethod[0]?.layer || "";
  const ofLayer = ofMethod.filter((p) => p.layer === chosenLayer);
  const own = ofLayer.filter((p) => p.group !== null);
  const joint = ofLayer.find((p) => p.group === null);
  const usesOwn = perGroup && own.length > 0;
  const wanted = usesOwn ? own : joint ? [joint] : own;
  const loaded = useRecords(
    study,
    wanted.map((p) => p.record),
  );

  return useMemo(() => {
    const split = perGroup || (!joint && own.length > 0);
    const ready = loaded.state === "ready" ? loaded.value : [];
    // Models of different families have no inputs in common: the placement puts them side by side, so does the picture.
    const families = familiesOf(study);
    const apart = !split && families.length > 1 && ready[0]?.real("families") === families.length;
    const networks = study.groups.map((_, g) => g).filter((g) => study.groups[g]?.kind !== "field");
    const panels = split
      ? networks.map((g) => study.groups[g]?.title ?? "")
      : apart
        ? families.map((f) => f.title)
        : [""];
    const panelOfGroup = study.groups.map((_, g) =>
      split
        ? networks.indexOf(g)
        : apart
          ? Math.max(
              0,
              families.findIndex((f) => f.groups.includes(g)),
            )
          : 0,
    );
    const panelOf = study.models.map((m) => panelOfGroup[m.group] ?? 0);
    const places: Place[] = [];
    const base = { panels, panelOf, error: null, loading: false };
    if (wanted.length === 0) {
      study.models.forEach((model, i) => {
        if (study.groups[model.group]?.kind === "field") return;
        const angle = (2 * Math.PI * i) / study.models.length;
        places.push({ model: i, panel: panelOf[i] ?? 0, x: Math.sin(angle), y: Math.cos(angle) });
      });
      return {
        ...base,
        places,
        computed: false,
        quality: "",
        note: "Not placed by similarity (no placement in this study yet): models stand in a circle.",
      };
    }
    if (loaded.state === "error")
      return { ...base, places, computed: false, quality: "", note: "", error: loaded.message };
    if (loaded.state !== "ready") return { ...base, places, computed: false, quality: "", note: "", loading: true };
    const index = new Map(study.models.map((model, i) => [model.name, i]));
    const qualities: string[] = [];
    loaded.value.forEach((record, w) => {
      if (!record) return;
      const positions = record.numbers("positions");
      record.lines("models").forEach((name, i) => {
        const model = index.get(name);
        const x = positions[2 * i];
        const y = positions[2 * i + 1];
        if (model === undefined || !isNumber(x) || !isNumber(y)) return;
        places.push({ model, panel: panelOf[model] ?? 0, x, y });
      });
      const placement = wanted[w];
      if (placement && isNumber(placement.quality)) qualities.push(formatNumber(placement.quality, 3));
    });
    const missing = study.models.filter(
      (m, i) => study.groups[m.group]?.kind !== "field" && !places.some((p) => p.model === i),
    ).length;
    const name = wanted[0]?.quality_name || "stress";
    return {
      ...base,
      places,
      computed: true,
      quality:
        qualities.length > 0
          ? `${METHOD_TITLES[chosenMethod] ?? chosenMethod}, ${name} ${qualities.join(", ")}`
          : (METHOD_TITLES[chosenMethod] ?? chosenMethod),
      note:
        missing > 0
          ? `${formatInteger(missing)} ${missing === 1 ? "model has" : "models have"} no place: no features were compared`
          : apart
            ? "One panel a family: distances are compared within a panel only"
            : "",
    };
    // `loaded` changes with the records wanted.
  }, [study, perGroup, loaded, chosenMethod]);
}

interface Shown {
  nodes: NodeShape[];
  nodeOf: (NodeShape | undefined)[];
  radius: number;
  size: [number, number]; // of the picture
}

/** Glyphs for keyboards and screen readers: buttons over the drawing that let the pointer through. */
const Hits = memo(function Hits({
  study,
  shown,
  chosen,
  onPoint,
}: {
  study: Study;
  shown: Shown;
  chosen: ReadonlySet<number>;
  onPoint: (model: number | null, element?: Element) => void;
}) {
  return (
    <div className="hits" role="group" aria-label="Models, as placed">
      {shown.nodes.map((node) => {
        const model = study.models[node.model];
        return (
          model && (
            <button
              key={model.name}
              type="button"
              data-model={model.name}
              aria-pressed={chosen.has(node.model)}
              aria-label={`${model.name}: ${modelFacts(study, model)
                .map(([k, v]) => `${k} ${v}`)
                .join(", ")}`}
              style={{
                left: node.x - shown.radius,
                top: node.y - shown.radius,
                width: 2 * shown.radius,
                height: 2 * shown.radius,
              }}
              onFocus={(event) => onPoint(node.model, event.currentTarget)}
              onBlur={() => onPoint(null)}
              onClick={(event) => {
                event.stopPropagation();
                toggleSelected(model.name);
              }}
            />
          )
        );
      })}
    </div>
  );
});

export function GlobalView({ study }: { study: Study }) {
  const state = useView((s) => s.global);
  const selected = useView((s) => s.selected);
  const hoverModel = useHover((h) => h.model);
  const hoverPair = useHover((h) => h.pair);
  const palette = usePalette();
  const { places, panels, panelOf, note, quality, computed, loading, error } = usePlaces(study);
  const [stage, size] = useSize<HTMLDivElement>();
  const [whole, wholeSize] = useSize<HTMLDivElement>();
  const narrow = wholeSize.width > 0 && wholeSize.width < 600;
  const edgeCanvas = useRef<HTMLCanvasElement>(null);
  const focusCanvas = useRef<HTMLCanvasElement>(null);
  const nodeCanvas = useRef<HTMLCanvasElement>(null);
  const legend = useRef<SVGSVGElement>(null);

  const fields = useMemo(() => availableFields(study.pairs), [study]);
  const info = fields.find((f) => f.field === state.field) ?? fields[0] ?? null;
  // Models in panels of their own are not joined.
  const values = useMemo(
    () =>
      !info
        ? []
        : study.pairs[info.field].map((v, i) =>
            panels.length > 1 && panelOf[study.pairs.a[i] as number] !== panelOf[study.pairs.b[i] as number] ? NaN : v,
          ),
    [study, info, panels, panelOf],
  );
  const quantity = useMemo(
    () => (info ? edgeQuality(values, info, state.edgeScale) : null),
    [values, info, state.edgeScale],
  );
  const scales = useMemo(() => glyphScales(study, state, palette), [study, state, palette]);
  // Fields stand beside networks in one study; nothing connects them and nothing places them.
  const networks = useMemo(() => study.models.filter((m) => study.groups[m.group]?.kind !== "field").length, [study]);
  const groups = useMemo(
    () => study.models.map((m) => (study.groups[m.group]?.kind === "field" ? -1 : m.group)),
    [study],
  );
  const index = useMemo(() => new Map(study.models.map((m, i) => [m.name, i])), [study]);
  const meanMc = useMemo(() => meanOverPairs(study.pairs, "mc_loss", study.models.length), [study]);
  const names = shortNames(study);
  const hovered = hoverModel === null ? null : (index.get(hoverModel) ?? null);
  const chosen = useMemo(
    () => new Set(selected.map((name) => index.get(name)).filter((i) => i !== undefined)),
    [selected, index],
  );

  const { width, height } = size;
  const frame = useMemo(
    () => roomyFrame(places, panels.length, width || 1, height || 1),
    [places, panels, width, height],
  );
  const zoom = useMemo(() => {
    const [k, x, y] = state.zoom ?? [1, 0, 0];
    return { k, x: x * width, y: y * height };
  }, [state.zoom, width, height]);

  const shown: Shown = useMemo(() => {
    const nodes = placeNodes(places, frame, zoom);
    const radius = glyphRadius(nodes.length, width, height, zoom.k);
    separate(nodes, radius + 1);
    const nodeOf: (NodeShape | undefined)[] = new Array<NodeShape | undefined>(study.models.length).fill(undefined);
    for (const node of nodes) nodeOf[node.model] = node;
    return { nodes, nodeOf, radius, size: [width, height] };
  }, [places, frame, zoom, width, height, study]);

  const budget = state.budget > 0 ? state.budget : study.models.length > MANY ? 600 : 0;
  const selection = useMemo(() => {
    if (!info || !state.edges) return null;
    const all = state.density === "on" || (state.density === "auto" && budget === 0 && values.length > DENSE);
    return selectEdges(study.pairs, groups, {
      info,
      scale: state.edgeScale,
      range: state.range,
      budget: all ? 0 : budget,
      nearest: 3,
      focus: null,
      panelOf: panels.length > 1 ? panelOf : null,
    });
  }, [study, groups, info, state.edges, state.edgeScale, state.range, state.density, budget, values, panels, panelOf]);
  const focusEdges = useMemo(() => {
    if (!info || !state.edges || hovered === null) return null;
    return selectEdges(study.pairs, groups, {
      info,
      scale: state.edgeScale,
      range: state.range,
      budget: 0,
      nearest: 0,
      focus: hovered,
      panelOf: panels.length > 1 ? panelOf : null,
    }).drawn;
  }, [study, groups, info, state.edges, state.edgeScale, state.range, hovered, panels, panelOf]);
  const density = state.density === "on" || (state.density === "auto" && (selection?.drawn.length ?? 0) > DENSE);

  const labels = useMemo(() => {
    const requests: LabelRequest[] = [];
    if (state.modelLabels || state.metricLabels)
      shown.nodes.forEach((node, i) => {
        const model = study.models[node.model];
        if (!model) return;
        const lines: string[] = [];
        if (state.modelLabels) lines.push(names.models[node.model] ?? model.name);
        if (state.metricLabels)
          for (const arc of scales.arcs.slice(0, 3)) {
            const value = model.metrics[arc.metric.name];
            if (isNumber(value)) lines.push(`${arc.metric.title || arc.metric.name} ${metricText(arc.metric, value)}`);
          }
        if (lines.length === 0) return;
        requests.push({
          node: i,
          lines,
          width: Math.max(...lines.map((line) => labelWidth(line, 11.5))) + 4,
          priority: chosen.has(node.model) ? 2 : 1,
        });
      });
    return {
      placed: placeLabels(shown.nodes, shown.radius, requests, LINE, (node) => {
        const cell = frame.cells[places[node]?.panel ?? 0];
        // A label stays in its panel, below the panel's name and above the scale bar.
        if (!cell || panels.length < 2) return { x: 2, y: 20, width: width - 4, height: height - 44 };
        const [x, y] = [zoom.x + zoom.k * cell.x + 2, zoom.y + zoom.k * cell.y + frame.head];
        const [right, bottom] = [x + zoom.k * cell.width - 4, zoom.y + zoom.k * (cell.y + cell.height)];
        return { x, y, width: right - x, height: Math.min(bottom, height - 24) - y };
      }),
      wanted: requests.length,
    };
  }, [shown, study, names, state.modelLabels, state.metricLabels, scales, chosen, width, height, frame, places, panels, zoom]);

  const near = useMemo(() => {
    if (hovered === null || !focusEdges) return null;
    const set = new Set<number>([hovered]);
    for (const edge of focusEdges) {
      set.add(edge.a);
      set.add(edge.b);
    }
    return set;
  }, [hovered, focusEdges]);

  const paintNodes = useCallback(
    (painter: Painter, nodes: readonly NodeShape[], radius: number, at: Zoom) => {
      painter.group("panels");
      panels.forEach((panel, i) => {
        const box = frame.cells[i];
        if (!panel || !box) return;
        const cell = {
          x: at.x + at.k * box.x,
          y: at.y + at.k * box.y,
          width: at.k * box.width,
          height: at.k * box.height,
        };
        const title = study.groups.some((g) => g.title === panel) ? fitTail : fitTitle;
        painter.text(cell.x + 10, cell.y + 18, title(panel, cell.width - 16, 13), {
          size: 12,
          color: palette.text,
          weight: 600,
          halo: palette.surface,
        });
        const edge = { color: palette.line, width: 1 };
        if (box.x > 1)
          painter.line(
            [
              [cell.x, cell.y + 6],
              [cell.x, cell.y + cell.height - 6],
            ],
            edge,
          );
        if (box.y > 1)
          painter.line(
            [
              [cell.x + 6, cell.y],
              [cell.x + cell.width - 6, cell.y],
            ],
            edge,
          );
      });
      painter.group("models");
      drawNodes(painter, study, nodes, scales, state, palette, { radius, selected: chosen, hovered, near });
      painter.group("labels");
      for (const label of labels.placed) {
        const from = shown.nodes[label.request.node];
        const node = nodes[label.request.node];
        if (!from || !node || (near !== null && !near.has(node.model))) continue;
        // While zooming the labels stay at their glyphs; they are placed anew afterwards.
        const grow = radius - shown.radius;
        const x = label.x + label.width / 2 + node.x - from.x + [0, 0, grow, -grow][label.side]!;
        const y = label.y + node.y - from.y + [grow, -grow, 0, 0][label.side]!;
        label.request.lines.forEach((text, i) =>
          painter.text(x, y + (i + 0.78) * LINE, text, {
            size: i === 0 && state.modelLabels ? 11.5 : 11,
            color: palette.text,
            anchor: "middle",
            halo: palette.surface,
            weight: chosen.has(node.model) && i === 0 ? 700 : 400,
          }),
        );
      }
    },
    [panels, frame, palette, study, scales, state, chosen, hovered, near, labels, shown],
  );

  const paintFurniture = useCallback(
    (painter: Painter, k: number) => {
      painter.group("scale");
      if (!computed) return;
      const step = niceStep(90 / (frame.unit * k), 1);
      const length = step * frame.unit * k;
      const y = height - 12;
      painter.line(
        [
          [12, y - 4],
          [12, y],
          [12 + length, y],
          [12 + length, y - 4],
        ],
        { color: palette.text2, width: 1.2 },
      );
      painter.text(18 + length, y + 3, `${formatNumber(step, 2)} in 1 − CKA`, {
        size: 11,
        color: palette.text2,
        halo: palette.surface,
      });
      painter.text(width - 10, width < 380 ? y - 13 : y + 3, quality, {
        size: 11,
        color: palette.text2,
        anchor: "end",
        halo: palette.surface,
      });
    },
    [computed, frame, height, width, quality, palette],
  );

  const context = (canvas: HTMLCanvasElement | null): CanvasRenderingContext2D | null => {
    if (!canvas || width === 0 || height === 0) return null;
    const ratio = Math.min(2, window.devicePixelRatio || 1);
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    const c = canvas.getContext("2d");
    c?.setTransform(ratio, 0, 0, ratio, 0, 0);
    c?.clearRect(0, 0, width, height);
    return c;
  };

  // Edges: drawn when something changes, moved as a picture while zooming.
  useLayoutEffect(() => {
    const c = context(edgeCanvas.current);
    if (!c || !edgeCanvas.current) return;
    edgeCanvas.current.style.transform = "";
    if (selection)
      drawEdges(new CanvasPainter(c), selection.drawn, shown.nodeOf, palette, {
        density,
        count: selection.drawn.length,
        radius: shown.radius,
        size: shown.size,
      });
  }, [selection, shown, palette, density, width, height]);

  useLayoutEffect(() => {
    const c = context(focusCanvas.current);
    if (!c) return;
    const painter = new CanvasPainter(c);
    if (focusEdges)
      drawEdges(painter, focusEdges, shown.nodeOf, palette, {
        density: false,
        count: focusEdges.length,
        radius: shown.radius,
        size: shown.size,
      });
    const edge = hoverPair === null ? undefined : selection?.drawn.find((e) => e.pair === hoverPair);
    const a = edge && shown.nodeOf[edge.a];
    const b = edge && shown.nodeOf[edge.b];
    if (edge && a && b)
      painter.curves([edgeCurve(a, b, edge.bend, shown.size)], {
        color: palette.select,
        width: Math.max(3, edge.width * lineScale(shown.radius) + 1.5),
      });
  }, [focusEdges, hoverPair, selection, shown, palette, width, height]);

  useLayoutEffect(() => {
    const c = context(nodeCanvas.current);
    if (!c) return;
    const painter = new CanvasPainter(c);
    paintNodes(painter, shown.nodes, shown.radius, zoom);
    paintFurniture(painter, zoom.k);
  }, [paintNodes, paintFurniture, shown, zoom, width, height]);

  // Zoom and pan.
  const live = useRef({ shown, zoom, paintNodes, paintFurniture, places: places.length, width, height });
  live.current = { shown, zoom, paintNodes, paintFurniture, places: places.length, width, height };
  const behaviour = useMemo(() => d3zoom<HTMLDivElement, unknown>().scaleExtent([0.4, 40]), []);
  useEffect(() => {
    const element = stage.current;
    if (!element) return;
    let done: (() => void) | null = null;
    let frameAsked = 0;
    const paint = (t: ZoomTransform): void => {
      frameAsked = 0;
      const now = live.current;
      const k = t.k / now.zoom.k;
      const dx = t.x - k * now.zoom.x;
      const dy = t.y - k * now.zoom.y;
      for (const canvas of [edgeCanvas.current, focusCanvas.current])
        if (canvas) canvas.style.transform = `translate(${dx}px, ${dy}px) scale(${k})`;
      const c = context(nodeCanvas.current);
      if (!c) return;
      const nodes = now.shown.nodes.map((node) => ({
        model: node.model,
        x: node.x * k + dx,
        y: node.y * k + dy,
        trueX: node.trueX * k + dx,
        trueY: node.trueY * k + dy,
      }));
      const painter = new CanvasPainter(c);
      now.paintNodes(painter, nodes, glyphRadius(now.places, now.width, now.height, t.k), t);
      now.paintFurniture(painter, t.k);
    };
    behaviour
      .on("start", () => {
        done ??= busy();
        hideTooltip();
      })
      .on("zoom", (event: { transform: ZoomTransform; sourceEvent: Event | null }) => {
        if (!event.sourceEvent) return;
        if (frameAsked === 0) frameAsked = requestAnimationFrame(() => paint(event.transform));
      })
      .on("end", (event: { transform: ZoomTransform; sourceEvent: Event | null }) => {
        cancelAnimationFrame(frameAsked);
        frameAsked = 0;
        done?.();
        done = null;
        if (!event.sourceEvent) return;
        const t = event.transform;
        const { width: w, height: h } = live.current;
        const round = (v: number): number => Math.round(v * 1e4) / 1e4;
        setGlobal({ zoom: t.k === 1 && t.x === 0 && t.y === 0 ? null : [round(t.k), round(t.x / w), round(t.y / h)] });
      });
    const selection = select(element);
    selection.call(behaviour).on("dblclick.zoom", null);
    return () => {
      selection.on(".zoom", null);
    };
  }, [behaviour, stage]);
  useEffect(() => {
    const element = stage.current;
    if (element) select(element).call(behaviour.transform, zoomIdentity.translate(zoom.x, zoom.y).scale(zoom.k));
  }, [behaviour, stage, zoom]);

  // Pointer: what is under it.
  const nodeAt = (x: number, y: number): NodeShape | null => {
    let best: NodeShape | null = null;
    let nearest = (shown.radius + 3) ** 2;
    for (const node of shown.nodes) {
      const d = (node.x - x) ** 2 + (node.y - y) ** 2;
      if (d < nearest) [nearest, best] = [d, node];
    }
    return best;
  };
  const nodeTip = (modelIndex: number, x: number, y: number): void => {
    const model = study.models[modelIndex];
    if (!model) return;
    const facts = modelFacts(study, model);
    if (isNumber(meanMc[modelIndex])) facts.push(["mean mode connectivity", formatNumber(meanMc[modelIndex])]);
    showTooltip(
      x,
      y,
      <>
        <strong>{model.name}</strong>
        <Facts facts={facts} />
        <p className="hint">
          {chosen.has(modelIndex) ? "Click: close its local views" : "Click: open its local views"}
        </p>
      </>,
    );
  };
  const edgeTip = (pair: number, x: number, y: number): void => {
    const { pairs } = study;
    const a = study.models[pairs.a[pair] as number]?.name ?? "";
    const b = study.models[pairs.b[pair] as number]?.name ?? "";
    const facts: [string, string][] = fields.map((f) => [f.title, formatWithUnit(pairs[f.field][pair], f.unit)]);
    if (isNumber(pairs.cka[pair])) facts.push(["CKA", formatNumber(pairs.cka[pair])]);
    const converged = pairs.converged[pair];
    const record = pairs.record[pair];
    showTooltip(
      x,
      y,
      <>
        <strong>
          {a} – {b}
        </strong>
        <Facts facts={facts} />
        {converged === false && <p className="hint">Not converged: the true barrier is at most this.</p>}
        {record !== null && record !== undefined && <CurvePreview study={study.id} record={record} />}
      </>,
    );
  };
  const point = (event: { clientX: number; clientY: number }): [number, number] => {
    const box = stage.current?.getBoundingClientRect();
    return box ? [event.clientX - box.left, event.clientY - box.top] : [0, 0];
  };
  const move = (event: React.PointerEvent): void => {
    if (event.buttons !== 0) return;
    const [x, y] = point(event);
    const node = nodeAt(x, y);
    if (node) {
      setHover({ model: study.models[node.model]?.name ?? null, pair: null });
      nodeTip(node.model, event.clientX, event.clientY);
      return;
    }
    let pair: number | null = null;
    if (selection && !density) {
      let best = 5;
      for (const edge of selection.drawn) {
        const a = shown.nodeOf[edge.a];
        const b = shown.nodeOf[edge.b];
        if (!a || !b) continue;
        const reach = 0.35 * Math.hypot(b.x - a.x, b.y - a.y) * Math.abs(edge.bend) * 3 + 8;
        if (
          x < Math.min(a.x, b.x) - reach ||
          x > Math.max(a.x, b.x) + reach ||
          y < Math.min(a.y, b.y) - reach ||
          y > Math.max(a.y, b.y) + reach
        )
          continue;
        const distance = Math.max(0, curveDistance(edgeCurve(a, b, edge.bend, shown.size), x, y) - edge.width / 2);
        if (distance < best) [best, pair] = [distance, edge.pair];
      }
    }
    setHover({ model: null, pair });
    if (pair !== null) edgeTip(pair, event.clientX, event.clientY);
    else hideTooltip();
  };
  const leave = (): void => {
    setHover({ model: null, pair: null });
    hideTooltip();
  };
  const tip = useRef(nodeTip);
  tip.current = nodeTip;
  const hitPointed = useCallback(
    (model: number | null, element?: Element) => {
      setHover({ model: model === null ? null : (study.models[model]?.name ?? null), pair: null });
      if (model === null || !element) return hideTooltip();
      const box = element.getBoundingClientRect();
      tip.current(model, box.right, box.bottom);
    },
    [study],
  );

  const keys = (event: React.KeyboardEvent): void => {
    const step = { ArrowLeft: [0.1, 0], ArrowRight: [-0.1, 0], ArrowUp: [0, 0.1], ArrowDown: [0, -0.1] }[event.key];
    const factor = { "+": 1.4, "=": 1.4, "-": 1 / 1.4 }[event.key];
    const [k, x, y] = state.zoom ?? [1, 0, 0];
    if (event.key === "0") setGlobal({ zoom: null });
    else if (step) setGlobal({ zoom: [k, x + (step[0] as number), y + (step[1] as number)] });
    else if (factor !== undefined) {
      const next = Math.max(0.4, Math.min(40, k * factor));
      setGlobal({ zoom: [next, 0.5 - ((0.5 - x) * next) / k, 0.5 - ((0.5 - y) * next) / k] });
    } else return;
    event.preventDefault();
  };

  const svg = (): string => {
    const painter = new SvgPainter(width, height, palette.surface);
    painter.group("edges");
    if (selection)
      drawEdges(painter, selection.drawn, shown.nodeOf, palette, {
        density,
        count: selection.drawn.length,
        radius: shown.radius,
        size: shown.size,
      });
    paintNodes(painter, shown.nodes, shown.radius, zoom);
    paintFurniture(painter, zoom.k);
    return painter.toString();
  };
  const csv = (): string =>
    toCsv(
      ["a", "b", "mc_loss", "mc_error_percent", "barrier", "relative_barrier", "mean_loss", "converged", "cka"],
      study.pairs.a.map((a, i) => [
        study.models[a]?.name,
        study.models[study.pairs.b[i] as number]?.name,
        study.pairs.mc_loss[i],
        study.pairs.mc_error[i],
        study.pairs.barrier[i],
        study.pairs.relative_barrier[i],
        study.pairs.mean_loss[i],
        study.pairs.converged[i],
        study.pairs.cka[i],
      ]),
    );

  const methods = [...new Set(study.placements.map((p) => p.method))];
  const layers = [
    ...new Set(study.placements.filter((p) => p.method === (state.method || methods[0])).map((p) => p.layer)),
  ];
  const toggleMetric = (name: string): void => {
    const now = ringMetrics(study, state);
    const next = now.includes(name)
      ? now.filter((m) => m !== name)
      : study.metrics.map((m) => m.name).filter((m) => m === name || now.includes(m));
    setGlobal({ metrics: next });
  };
  const drawnText =
    selection && selection.drawn.length < selection.inRange
      ? `${formatInteger(selection.drawn.length)} of the ${formatInteger(selection.inRange)} paths in range are drawn, each model’s best 3 first`
      : "";
  const hidden = labels.wanted - labels.placed.length;

  const legendView = (
    <Legend
      study={study}
      state={state}
      scales={scales}
      info={info}
      edges={quantity}
      unknown={selection?.unknown ?? 0}
      palette={palette}
      lines={lineScale(shown.radius)}
      onMetric={toggleMetric}
      svgRef={legend}
    />
  );

  return (
    <Panel
      title="Global structure"
      label="Global structure"
      className="global"
      // Here and not below the drawing: there its own room would change how many labels have some.
      note={`${formatInteger(networks)} models in ${formatInteger(study.groups.filter((g) => g.kind !== "field").length)} groups${
        hidden > 0 ? `; ${formatInteger(hidden)} ${hidden === 1 ? "label has" : "labels have"} no room: zoom in` : ""
      }`}
      explanation={{
        what: "Every trained model of the study as a glyph. Glyphs stand near each other where the models compute similar features (1 − CKA, linear, at the layer chosen). A line is the best path that was found between two minima: thick and straight where the loss stays low, thin and bent where a barrier is in the way.",
        variant: (
          <>
            {quality || "no placement"}
            {info && (
              <>
                ; lines: {info.title}, {state.edgeScale === "linear" ? "linear" : "symmetric-log"} scale over all
                groups.
              </>
            )}
          </>
        ),
        read: "Look for groups that stand together and are joined by thick lines: their minima are alike and connected. Long bars in the middle ring mean a sharp minimum. Score arcs are better when long, error arcs are worse when long.",
        misread:
          "Directions and the orientation of the picture mean nothing, only distances do, and those only as far as the stress allows. A missing line is a pair that was not computed, not a bad one. A hatched line bounds the barrier from above: training of the path had not converged.",
      }}
      exports={{
        name: `${study.name}-global-structure`,
        svg,
        csv,
        links: study.placements
          .map((p) => ({
            label: `Placement by ${METHOD_TITLES[p.method] ?? p.method}${p.group === null ? "" : `, ${study.groups[p.group]?.title ?? ""}`}, NPZ`,
            href: client.exportUrl(study.id, p.record, "npz"),
          }))
          .slice(0, 8),
        drawings: [
          { label: "Legend, SVG", suffix: "legend", svg: () => (legend.current ? svgText(legend.current) : null) },
        ],
      }}
      controls={
        <>
          {methods.length > 0 && (
            <Select
              label="Place by"
              value={state.method || methods[0] || ""}
              options={methods.map((m) => [m, METHOD_TITLES[m] ?? m] as const)}
              onChange={(method) => setGlobal({ method })}
            />
          )}
          {layers.length > 1 && (
            <Select
              label="Layer"
              value={state.layer || layers[0] || ""}
              options={layers.map((l) => [l, l] as const)}
              onChange={(layer) => setGlobal({ layer })}
            />
          )}
          {study.groups.length > 1 && (
            <Toggle
              label="One panel a group"
              checked={state.perGroup}
              onChange={(perGroup) => setGlobal({ perGroup, zoom: null })}
            />
          )}
          <Popover label="Show …" title="What is shown">
            <div className="form">
              <Toggle
                label="Model labels"
                checked={state.modelLabels}
                onChange={(modelLabels) => setGlobal({ modelLabels })}
              />
              <Toggle
                label="Performance labels"
                checked={state.metricLabels}
                onChange={(metricLabels) => setGlobal({ metricLabels })}
              />
              <Toggle
                label="Performance ring"
                checked={state.metricRing}
                onChange={(metricRing) => setGlobal({ metricRing })}
              />
              <Toggle
                label="Hessian ring"
                checked={state.hessianRing}
                onChange={(hessianRing) => setGlobal({ hessianRing })}
              />
              <Toggle label="Paths" checked={state.edges} onChange={(edges) => setGlobal({ edges })} />
              <Toggle label="Legend" checked={state.legend} onChange={(l) => setGlobal({ legend: l })} />
              <NumberInput
                label="Eigenvalues shown"
                value={state.eigenvalues}
                minimum={1}
                maximum={100}
                width={4}
                onChange={(v) => setGlobal({ eigenvalues: Math.round(v) })}
              />
              <Select
                label="Eigenvalue scale"
                value={state.eigenvalueScale}
                options={[
                  ["auto", "log beyond 3 decades"],
                  ["linear", "linear"],
                  ["symlog", "symmetric log"],
                ]}
                onChange={(eigenvalueScale) => setGlobal({ eigenvalueScale })}
              />
              <Select
                label="Error arcs"
                value={state.errorScale}
                options={[
                  ["linear", "linear, from 0"],
                  ["log", "logarithmic"],
                ]}
                onChange={(errorScale) => setGlobal({ errorScale })}
              />
              <NumberInput
                label="Paths drawn at most (0: as many as can be read)"
                value={state.budget}
                minimum={0}
                maximum={1e6}
                width={6}
                onChange={(v) => setGlobal({ budget: Math.round(v) })}
              />
              <Select
                label="Density view"
                value={state.density}
                options={[
                  ["auto", "when crowded"],
                  ["on", "on: all paths, faint"],
                  ["off", "off"],
                ]}
                onChange={(d) => setGlobal({ density: d })}
              />
            </div>
          </Popover>
          {state.legend && narrow && (
            <Popover label="Legend" title="Legend">
              {legendView}
            </Popover>
          )}
          <button
            type="button"
            className="button"
            disabled={state.zoom === null}
            onClick={() => setGlobal({ zoom: null })}
          >
            Fit
          </button>
          <span className="global-groups">
            {study.groups.map((g, i) => g.kind !== "field" && <GroupLabel key={g.name} study={study} index={i} short />)}
          </span>
        </>
      }
    >
      <div className="global-main" ref={whole}>
        <div
          className="global-stage"
          ref={stage}
          onPointerMove={move}
          onPointerLeave={leave}
          tabIndex={0}
          role="group"
          aria-label="Global structure. Plus and minus zoom, arrows move, 0 fits."
          onKeyDown={keys}
          onClick={(event) => {
            const node = nodeAt(...point(event));
            const name = node && study.models[node.model]?.name;
            if (name) toggleSelected(name);
          }}
        >
          <canvas
            ref={edgeCanvas}
            className="layer"
            style={{ opacity: hovered === null ? 1 : 0.1 }}
            aria-hidden="true"
          />
          <canvas ref={focusCanvas} className="layer" aria-hidden="true" />
          <canvas ref={nodeCanvas} className="layer" aria-hidden="true" />
          <Hits study={study} shown={shown} chosen={chosen} onPoint={hitPointed} />
          {loading && <Loading what="Loading the placement" />}
          {error && <Failure message={error} />}
          {!loading && !error && study.models.length === 0 && (
            <Empty title="No models yet">
              <p>Start the run of this study, or add checkpoints to a group.</p>
            </Empty>
          )}
        </div>
        {state.legend && !narrow && <div className="global-legend">{legendView}</div>}
      </div>
      <div className={narrow ? "global-foot narrow" : "global-foot"}>
        {info && state.edges && (
          <div className="global-paths">
            <Select<EdgeField>
              label="Paths"
              value={info?.field ?? "mc_loss"}
              options={fields.map((f) => [f.field, f.title] as const)}
              onChange={(field) => setGlobal({ field, range: null })}
            />
            <Select
              label="Scale"
              value={state.edgeScale}
              options={[
                ["symlog", "symmetric log"],
                ["linear", "linear"],
              ]}
              onChange={(edgeScale) => setGlobal({ edgeScale })}
            />
          </div>
        )}
        {info && state.edges && (
          <RangeFilter
            width={narrow ? 250 : 300}
            label={edgeFieldInfo(info.field).title}
            unit={info.unit}
            values={values}
            scale={state.edgeScale}
            range={state.range}
            onChange={(range) => setGlobal({ range })}
          />
        )}
        <div className="notes">
          {[
            note,
            drawnText,
            density ? "Density view: denser where many paths run" : "",
          ]
            .filter(Boolean)
            .map((text) => (
              <span key={text}>{text}</span>
            ))}
          {fields.length === 0 && study.models.length > 1 && <span>No paths between models have been computed.</span>}
          {selected.length > 0 && (
            <button type="button" className="button quiet" onClick={() => setView({ selected: DEFAULTS.selected })}>
              Clear selection
            </button>
          )}
        </div>
      </div>
    </Panel>
  );
}

// The plane as filled bands and lines.
import { type PointerEvent, useEffect, useId, useMemo, useRef, useState } from "react";
import { toCsv } from "../../base/csv";
import { svgText } from "../../base/svg_export";
import { filledBands, holeRectangles, isolines, pathOf, regionOutline } from "../../geometry/contours";
import { indicesOf, interpolate } from "../../geometry/grid";
import { formatInteger, formatNumber, formatPercent } from "../../geometry/numbers";
import { makeScale } from "../../geometry/scales";
import { setLocal, useView } from "../../state";
import { type Simplified, basinOf } from "../../topology/hierarchy";
import { Facts, hideTooltip, showTooltip } from "../../widgets/Tooltip";
import { Toggle } from "../../widgets/controls";
import {
  light,
  litPair,
  scaleSentence,
  togglePinned,
  useComparison,
  useLit,
  useOption,
  usePinned,
} from "../comparison";
import { type Landscape, type Topology, fieldTitle } from "../model";
import { ColorBar } from "../parts/colorbar";
import { featureFacts, withUnit } from "../parts/feature";
import { bandPaths, bandsSvg, drawBands, makeBands } from "../parts/layers";
import { LevelControl, useLevel } from "../parts/level";
import { criticalGlyph, marksOf } from "../parts/marks";
import { KEYS_HINT, useMinimumKeys } from "../parts/keys";
import { type ViewProps, ViewPanel, WithField, fieldLinks, variantOf } from "../parts/panel";
import { type Plane, PlaneControls, usePlane } from "../parts/plane";
import { PlaybackControls, shownSteps } from "../parts/playback";
import { AxisBottom, AxisLeft, Clip, HINT, useFrame } from "../parts/plot";
import { LineView } from "../parts/line";

export function ContourView({ item }: ViewProps) {
  return (
    <WithField item={item} kind="contour">
      {(landscape, topology) =>
        landscape.grid.shape.length === 1 ? (
          <LineView item={item} landscape={landscape} />
        ) : (
          <Contour item={item} landscape={landscape} topology={topology} />
        )
      }
    </WithField>
  );
}

const MARGINS = { top: 10, right: 92, bottom: 44, left: 62 } as const;

function Contour({ item, landscape, topology }: ViewProps & { landscape: Landscape; topology: Topology | null }) {
  const comparison = useComparison();
  const scale = comparison.scaleOf(item);
  const plane = usePlane(landscape);
  const { grid } = plane;
  const settings = useView(({ local: l }) => ({
    levels: l.levels,
    lines: l.contourLines,
    trajectory: l.trajectory,
    playback: l.playback,
    critical: l.critical,
    clip: l.clip,
  }));
  const [probe, setProbe] = useOption("probe", -1);
  const spanX = grid.x[grid.columns - 1]! - grid.x[0]!;
  const spanY = grid.y[grid.rows - 1]! - grid.y[0]!;
  const ratio = spanX / spanY;
  const frame = useFrame({
    kind: "contour",
    model: item.model.name,
    margins: MARGINS,
    x: useMemo(() => makeScale("linear", { low: grid.x[0]!, high: grid.x[grid.columns - 1]! }), [grid]),
    y: useMemo(() => makeScale("linear", { low: grid.y[0]!, high: grid.y[grid.rows - 1]! }), [grid]),
    ...(ratio > 0.4 && ratio < 2.5 ? { aspect: ratio } : {}),
  });
  const canvas = useRef<HTMLCanvasElement>(null);
  const id = useId().replace(/:/g, "");
  const bands = useMemo(
    () => makeBands(grid, scale, settings.levels, comparison.map),
    [grid, scale, settings.levels, comparison.map],
  );
  const paths = useMemo(() => bandPaths(bands), [bands]);
  const { x, y, inner } = frame;

  useEffect(() => {
    const element = canvas.current;
    const context = element?.getContext("2d");
    if (!element || !context) return;
    const dpr = Math.min(2, window.devicePixelRatio || 1);
    const width = Math.max(1, Math.round(inner.width * dpr));
    const height = Math.max(1, Math.round(inner.height * dpr));
    if (element.width !== width || element.height !== height) {
      element.width = width;
      element.height = height;
    }
    context.clearRect(0, 0, width, height);
    const a = x.px(1) - x.px(0);
    const d = y.px(1) - y.px(0);
    drawBands(
      context,
      bands,
      paths,
      { a, e: x.px(0) - inner.x, d, f: y.px(0) - inner.y },
      width / inner.width,
      settings.lines,
    );
  }, [bands, paths, x, y, inner, settings.lines]);

  const level = useLevel(scale);
  const iso = useMemo(() => (level === null ? null : isolines(grid, Float64Array.of(level))[0]!.chains), [grid, level]);
  const holes = useMemo(() => holeRectangles(grid), [grid]);
  const clipped = useMemo(() => {
    if (settings.clip === null) return null;
    let count = 0;
    for (let v = 0; v < grid.values.length; v++) if (grid.values[v]! > settings.clip) count++;
    return { count, region: filledBands(grid, Float64Array.of(settings.clip))[1]! };
  }, [grid, settings.clip]);

  const simplified = topology ? comparison.simplifiedOf(topology) : null;
  const keys = useMinimumKeys(landscape, topology, simplified, item.model.name, frame.svg);
  const lit = useLit(landscape.record.id);
  const [pinned, setPinned] = usePinned(item.model.name);
  const [pointer, setPointer] = useState<{ x: number; y: number } | null>(null);

  const nearest = (event: { clientX: number; clientY: number }): { vertex: number; x: number; y: number } | null => {
    const at = frame.at(event);
    if (!at) return null;
    const j = nearestOn(grid.x, at.x);
    const i = nearestOn(grid.y, at.y);
    return { vertex: i * grid.columns + j, x: at.x, y: at.y };
  };
  const move = (event: PointerEvent): void => {
    const at = nearest(event);
    if (!at) {
      setPointer(null);
      light(landscape.record.id, null);
      hideTooltip();
      return;
    }
    setPointer(at);
    const vertex = plane.vertexOf(at.vertex);
    const pair = topology && simplified ? basinOf(topology.hierarchy, simplified, vertex) : -1;
    light(landscape.record.id, pair >= 0 ? topology!.hierarchy.pairs.birth[pair]! : null);
    const value = interpolate(grid, at.x, at.y);
    showTooltip(
      event.clientX,
      event.clientY,
      <Facts
        facts={[
          ["here", `(${[at.y, at.x].map((v) => formatNumber(v, 3)).join(", ")})`],
          [landscape.fieldTitle, value === undefined ? "–" : withUnit(value, landscape.unit)],
          ...(pair >= 0 ? featureFacts(landscape, topology!, simplified!, pair) : []),
        ]}
      />,
    );
  };

  const marks = useMemo(() => marksOf(plane, topology, simplified), [plane, topology, simplified]);
  const critical = settings.critical && topology ? topology.hierarchy.critical : [];
  const path = settings.trajectory ? landscape.trajectory : null;

  const exports = {
    name: `contour-${item.model.name}`,
    svg: () => {
      const svg = frame.svg.current;
      const slot = svg?.querySelector("[data-bands]");
      if (!svg || !slot) return null;
      slot.innerHTML = bandsSvg(bands, x.px, y.px, settings.lines);
      try {
        return svgText(svg);
      } finally {
        slot.innerHTML = "";
      }
    },
    csv: () =>
      toCsv(
        [`axis_${plane.rowAxis}`, `axis_${plane.columnAxis}`, landscape.field],
        Array.from(grid.values, (value, v) => [
          grid.y[Math.floor(v / grid.columns)]!,
          grid.x[v % grid.columns]!,
          value,
        ]),
      ),
    links: fieldLinks(item, landscape)!,
  };
  const notes = [
    path && path.explained < 0.1 && `only ${formatPercent(path.explained, 2)} of the path lies in this plane`,
    landscape.holes > 0 &&
      `${formatInteger(landscape.holes)} of ${formatInteger(landscape.grid.values.length)} not finite (hatched)`,
    clipped && `${formatInteger(clipped.count)} above the clip level (dotted)`,
  ]
    .filter(Boolean)
    .join("; ");

  return (
    <ViewPanel
      kind="contour"
      model={item.model.name}
      exports={exports}
      note={notes}
      variant={
        <>
          {variantOf(landscape, topology)}
          <p>Values {scaleSentence(comparison) || `on a ${scale.kind} scale`}.</p>
          <p>
            {HINT} {KEYS_HINT}
          </p>
        </>
      }
      controls={
        <>
          <PlaneControls landscape={landscape} plane={plane} />
          <Toggle label="Lines" checked={settings.lines} onChange={(contourLines) => setLocal({ contourLines })} />
          <Toggle
            label="Saddles and maxima"
            checked={settings.critical}
            onChange={(on) => setLocal({ critical: on })}
          />
          <LevelControl scale={scale} />
          {landscape.trajectory && <PlaybackControls count={landscape.trajectory.count} />}
        </>
      }
    >
      <div className="plot" ref={frame.box}>
        <canvas
          ref={canvas}
          aria-hidden="true"
          style={{ left: inner.x, top: inner.y, width: inner.width, height: inner.height }}
        />
        <svg
          ref={frame.svg}
          width={frame.width}
          height={frame.height}
          {...frame.bind}
          role="img"
          onKeyDown={(event) => keys(event) || frame.bind.onKeyDown(event)}
          data-pairs={simplified?.count ?? ""}
          data-holes={landscape.holes}
          data-lit={lit ?? ""}
          data-levels={bands.levels.length}
          aria-label={`Contour of ${item.model.name}: ${landscape.fieldTitle.toLowerCase()} from ${formatNumber(landscape.range!.low)} to ${formatNumber(
            landscape.range!.high,
          )}. ${HINT}`}
          onPointerMove={move}
          onPointerLeave={() => {
            setPointer(null);
            light(landscape.record.id, null);
            hideTooltip();
          }}
          onClick={(event) => {
            const at = frame.dragged.current ? null : nearest(event);
            if (at) setProbe(plane.vertexOf(at.vertex));
          }}
          onKeyUp={(event) => event.key === "Escape" && setProbe(-1)}
        >
          <defs>
            <Clip id={`clip${id}`} frame={frame} />
            <pattern id={`hatch${id}`} width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
              <rect width="7" height="7" className="hatch-ground" />
              <line x1="0" x2="0" y1="0" y2="7" className="hatch-line" />
            </pattern>
            <pattern id={`dots${id}`} width="6" height="6" patternUnits="userSpaceOnUse">
              <circle cx="1.5" cy="1.5" r="1" fill="#fff" />
              <circle cx="4.5" cy="4.5" r="1" fill="#000" />
            </pattern>
          </defs>
          <g clipPath={`url(#clip${id})`}>
            <g data-bands="" />
            {holes.map(([x0, y0, x1, y1], i) => (
              <rect
                key={i}
                className="hole"
                fill={`url(#hatch${id})`}
                x={x.px(x0)}
                y={y.px(y1)}
                width={Math.max(0, x.px(x1) - x.px(x0))}
                height={Math.max(0, y.px(y0) - y.px(y1))}
              />
            ))}
            {clipped && (
              <path
                className="clipped"
                d={pathOf(clipped.region.chains, x.px, y.px)}
                fill={`url(#dots${id})`}
                fillRule="evenodd"
              />
            )}
            {iso && (
              <>
                <path className="level casing" d={pathOf(iso, x.px, y.px)} />
                <path className="level" data-level={level ?? ""} d={pathOf(iso, x.px, y.px)} />
              </>
            )}
            {topology && simplified && (
              <Basins
                plane={plane}
                topology={topology}
                simplified={simplified}
                lit={lit}
                pinned={pinned}
                px={x.px}
                py={y.px}
                inner={inner}
              />
            )}
            {path && (
              <PathMark
                coordinates={(k) => [
                  path.coordinates[k * path.dimensions + plane.columnAxis]!,
                  path.coordinates[k * path.dimensions + plane.rowAxis]!,
                ]}
                count={path.count}
                residual={path.residual}
                playback={settings.playback}
                px={x.px}
                py={y.px}
              />
            )}
            {critical.map((point, i) => {
              const v = plane.planeVertexOf(point.vertex);
              if (v < 0 || point.kind === "minimum") return null;
              const cx = x.px(grid.x[v % grid.columns]!);
              const cy = y.px(grid.y[Math.floor(v / grid.columns)]!);
              return (
                <path
                  key={i}
                  className={`critical ${point.kind.replace(/ /g, "-")}`}
                  d={criticalGlyph(point.kind, cx, cy)}
                >
                  <title>{`${point.kind}, ${withUnit(landscape.grid.values[point.vertex]!, landscape.unit)}`}</title>
                </path>
              );
            })}
            {marks.map(({ pair, vertex, v, essential, resolved }) => {
              const cx = x.px(grid.x[v % grid.columns]!);
              const cy = y.px(grid.y[Math.floor(v / grid.columns)]!);
              const on = vertex === lit || pinned.includes(vertex);
              const shared = {
                className: `minimum${on ? " lit" : ""}${resolved ? "" : " unresolved"}`,
                "data-minimum": vertex,
                "data-pair": pair,
                onClick: (event: { stopPropagation: () => void }) => {
                  event.stopPropagation();
                  setPinned(togglePinned(pinned, vertex));
                },
              };
              return essential ? (
                <rect key={pair} {...shared} x={cx - 4.5} y={cy - 4.5} width={9} height={9} />
              ) : (
                <circle key={pair} {...shared} cx={cx} cy={cy} r={on ? 5.5 : 3.8} />
              );
            })}
            {probe >= 0 && plane.planeVertexOf(probe) >= 0 && probe < landscape.grid.values.length && (
              <Cross
                x={x.px(grid.x[plane.planeVertexOf(probe) % grid.columns]!)}
                y={y.px(grid.y[Math.floor(plane.planeVertexOf(probe) / grid.columns)]!)}
              />
            )}
          </g>
          <AxisBottom scale={x} frame={frame} title={landscape.axisTitles[plane.columnAxis]} />
          <AxisLeft scale={y} frame={frame} title={landscape.axisTitles[plane.rowAxis]} />
          <ColorBar
            frame={frame}
            scale={scale}
            colors={bands.colors}
            levels={bands.levels}
            title={landscape.unit ? `${landscape.fieldTitle} [${landscape.unit}]` : landscape.fieldTitle}
            {...(pointer ? { mark: interpolate(grid, pointer.x, pointer.y) } : {})}
          />
        </svg>
        {probe >= 0 && probe < landscape.grid.values.length && (
          <Probe landscape={landscape} vertex={probe} onClose={() => setProbe(-1)} />
        )}
      </div>
    </ViewPanel>
  );
}

function nearestOn(axis: Float64Array, at: number): number {
  let low = 0;
  let high = axis.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (axis[middle]! <= at) low = middle;
    else high = middle;
  }
  return at - axis[low]! <= axis[high]! - at ? low : high;
}

/** Outlines of the lit and the pinned basins; what is not lit steps back. */
function Basins({
  plane,
  topology,
  simplified,
  lit,
  pinned,
  px,
  py,
  inner,
}: {
  plane: Plane;
  topology: Topology;
  simplified: Simplified;
  lit: number | null;
  pinned: readonly number[];
  px: (v: number) => number;
  py: (v: number) => number;
  inner: { x: number; y: number; width: number; height: number };
}) {
  const pair = litPair(topology, simplified, lit);
  const outline = useMemo(() => {
    if (pair < 0) return null;
    return regionOutline(plane.grid, (v) => basinOf(topology.hierarchy, simplified, plane.vertexOf(v)) === pair);
  }, [plane, topology, simplified, pair]);
  const kept = pinned.map((vertex) => litPair(topology, simplified, vertex)).filter((p) => p >= 0);
  const pins = useMemo(
    () =>
      kept.map((p) =>
        regionOutline(plane.grid, (v) => basinOf(topology.hierarchy, simplified, plane.vertexOf(v)) === p),
      ),
    [plane, topology, simplified, kept.join()],
  );
  const d = outline ? pathOf(outline, px, py) : "";
  return (
    <>
      {pins.map((chains, i) => (
        <path key={i} className="basin pinned" d={pathOf(chains, px, py)} />
      ))}
      {outline && (
        <path
          className="basin-shade"
          fillRule="evenodd"
          data-no-export=""
          d={`M${inner.x} ${inner.y}h${inner.width}v${inner.height}h${-inner.width}Z${d}`}
        />
      )}
      {outline && (
        <>
          <path className="basin casing" d={d} />
          <path className="basin lit" data-basin={lit} d={d} />
        </>
      )}
    </>
  );
}

function Cross({ x, y }: { x: number; y: number }) {
  const d = `M${x - 9} ${y}h6m6 0h6M${x} ${y - 9}v6m0 6v6`;
  return (
    <g className="probe">
      <path className="casing" d={d} />
      <path d={d} />
    </g>
  );
}

/** Checkpoints on the plane up to the playback position, fainter where they are farther from the plane. */
export function PathMark({
  coordinates,
  count,
  residual,
  playback,
  px,
  py,
}: {
  coordinates: (k: number) => readonly [number, number];
  count: number;
  residual: Float64Array;
  playback: number;
  px: (v: number) => number;
  py: (v: number) => number;
}) {
  const shown = shownSteps(count, playback);
  const points = Array.from({ length: count }, (_, k) => {
    const [u, v] = coordinates(k);
    return [px(u), py(v)] as const;
  });
  const largest = residual.reduce((a, b) => (b > a ? b : a), 0);
  const fade = (k: number): number =>
    largest > 0 && residual.length === count ? 1 - (0.7 * residual[k]!) / largest : 1;
  const whole = points
    .slice(0, shown)
    .map(([u, v]) => `${u.toFixed(1)},${v.toFixed(1)}`)
    .join(" ");
  const last = points[shown - 1];
  return (
    <g className="trajectory" data-shown={shown} data-count={count}>
      <polyline className="casing" points={whole} />
      {points.slice(1, shown).map(([u, v], k) => (
        <line key={k} x1={points[k]![0]} y1={points[k]![1]} x2={u} y2={v} strokeOpacity={fade(k + 1)} />
      ))}
      {points.slice(0, shown).map(([u, v], k) => (
        <circle
          key={k}
          cx={u}
          cy={v}
          r={k === 0 ? 4 : 2.2}
          className={k === 0 ? "start" : ""}
          fillOpacity={k === 0 ? 1 : fade(k)}
        >
          <title>{`checkpoint ${k + 1} of ${count}${
            residual.length === count ? `, ${formatNumber(residual[k]!, 3)} from the plane` : ""
          }`}</title>
        </circle>
      ))}
      {last && <circle className="now" cx={last[0]} cy={last[1]} r={5} />}
    </g>
  );
}

/** All stored values at one grid point. */
function Probe({ landscape, vertex, onClose }: { landscape: Landscape; vertex: number; onClose: () => void }) {
  const index = indicesOf(landscape.grid.shape, vertex);
  return (
    <div className="probe-card" role="status">
      <button type="button" className="button quiet round" aria-label="Close the values" onClick={onClose}>
        ×
      </button>
      <Facts
        facts={[
          ["grid point", index.join(", ")],
          ...index.map((i, k): readonly [string, string] => [
            `axis ${k}`,
            formatNumber(landscape.grid.axes[k]![i]!, 4),
          ]),
          ...landscape.fields.map((name): readonly [string, string] => [
            fieldTitle(name),
            formatNumber(Number(landscape.record.numbers(name)[vertex])),
          ]),
        ]}
      />
    </div>
  );
}

// The plane as filled bands and lines.
import { type PointerEvent, useMemo, useState } from "react";
import { toCsv } from "../../base/csv";
import { type Chain, filledBands, isolines, pathOf, regionOutline } from "../../geometry/contours";
import { indicesOf, interpolate } from "../../geometry/grid";
import { formatInteger, formatNumber, formatPercent } from "../../geometry/numbers";
import { makeScale } from "../../geometry/scales";
import { setLocal, useView } from "../../state";
import { touchedPoints } from "../../topology/brush";
import { basinOf } from "../../topology/hierarchy";
import { Facts } from "../../widgets/Tooltip";
import { Toggle } from "../../widgets/controls";
import { scaleSentence, useComparison, useOption } from "../comparison";
import { type Landscape, type Topology, fieldTitle } from "../model";
import { HatchPattern, Holes, planeAspect, useBands } from "../parts/bands";
import { ColorBar } from "../parts/colorbar";
import { Drawing, useName } from "../parts/drawing";
import { withUnit } from "../parts/feature";
import { FEATURE_HINT, type Features, useFeatures } from "../parts/features";
import { LevelControl, useLevel } from "../parts/level";
import { criticalGlyph, marksOf } from "../parts/marks";
import { type ViewProps, ViewPanel, WithField, fieldLinks, valueTitle, variantOf } from "../parts/panel";
import { type Plane, PlaneControls, usePlane } from "../parts/plane";
import { PlaybackControls, shownSteps } from "../parts/playback";
import { AxisBottom, AxisLeft, HINT, useFrame } from "../parts/plot";
import { LineView } from "../parts/line";

export function ContourView({ item }: ViewProps) {
  return (
    <WithField item={item} kind="contour">
      {(landscape, topology) =>
        landscape.grid.shape.length === 1 ? (
          <LineView item={item} landscape={landscape} topology={topology} />
        ) : (
          <Contour item={item} landscape={landscape} topology={topology} />
        )
      }
    </WithField>
  );
}

/** Of selected basins; each costs a walk over the plane. The marks of all are lit. */
const MOST_OUTLINES = 60;
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
  const shown = useFeatures(item, landscape, topology);
  const { simplified } = shown;
  const marks = useMemo(() => marksOf(plane, topology, simplified), [plane, topology, simplified]);
  const frame = useFrame({
    kind: "contour",
    model: item.model.name,
    margins: MARGINS,
    x: useMemo(() => makeScale("linear", { low: grid.x[0]!, high: grid.x[grid.columns - 1]! }), [grid]),
    y: useMemo(() => makeScale("linear", { low: grid.y[0]!, high: grid.y[grid.rows - 1]! }), [grid]),
    ...planeAspect(grid),
    brush: {
      touched: (r) =>
        touchedPoints(
          marks.map(({ pair, v }) => ({
            pair,
            x: grid.x[v % grid.columns]!,
            y: grid.y[Math.floor(v / grid.columns)]!,
          })),
          r,
        ),
      select: shown.select,
    },
  });
  const name = useName();
  const { bands, canvas, slot, text } = useBands(frame, {
    grid,
    scale,
    levels: settings.levels,
    map: comparison.map,
    lines: settings.lines,
  });
  const { x, y, inner } = frame;

  const level = useLevel(scale);
  const iso = useMemo(() => (level === null ? null : isolines(grid, Float64Array.of(level))[0]!.chains), [grid, level]);
  const clipped = useMemo(() => {
    if (settings.clip === null) return null;
    let count = 0;
    for (let v = 0; v < grid.values.length; v++) if (grid.values[v]! > settings.clip) count++;
    return { count, region: filledBands(grid, Float64Array.of(settings.clip))[1]! };
  }, [grid, settings.clip]);

  const [pointer, setPointer] = useState<{ x: number; y: number } | null>(null);

  const basinAt = (vertex: number): number =>
    topology && simplified ? basinOf(topology.hierarchy, simplified, vertex) : -1;
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
      shown.leave();
      return;
    }
    setPointer(at);
    const value = interpolate(grid, at.x, at.y);
    const facts = [
      ["here", `(${[at.y, at.x].map((v) => formatNumber(v, 3)).join(", ")})`],
      [landscape.fieldTitle, value === undefined ? "–" : withUnit(value, landscape.unit)],
    ] as const;
    shown.point(basinAt(plane.vertexOf(at.vertex)), event, facts);
  };
  const critical = settings.critical && topology ? topology.hierarchy.critical : [];
  const path = settings.trajectory ? landscape.trajectory : null;

  const exports = {
    name: `contour-${item.model.name}`,
    svg: text,
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
            {HINT} {FEATURE_HINT}
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
      <Drawing
        frame={frame}
        pad={0}
        keys={shown.keys}
        data={{
          pairs: simplified?.count ?? "",
          holes: landscape.holes,
          lit: shown.vertexOf(shown.lit),
          selected: shown.selected.size,
          levels: bands.levels.length,
        }}
        label={`Contour of ${item.model.name}: ${landscape.fieldTitle.toLowerCase()} from ${formatNumber(landscape.range!.low)} to ${formatNumber(landscape.range!.high)}`}
        under={canvas}
        onMove={move}
        onLeave={() => {
          setPointer(null);
          shown.leave();
        }}
        svg={{
          onClick: (event) => {
            const at = nearest(event);
            if (at) setProbe(plane.vertexOf(at.vertex));
          },
          onKeyUp: (event) => event.key === "Escape" && setProbe(-1),
        }}
        defs={
          <>
            <HatchPattern id={`hatch${name}`} />
            <pattern id={`dots${name}`} width="6" height="6" patternUnits="userSpaceOnUse">
              <circle cx="1.5" cy="1.5" r="1" fill="#fff" />
              <circle cx="4.5" cy="4.5" r="1" fill="#000" />
            </pattern>
          </>
        }
        around={
          <>
            <AxisBottom scale={x} frame={frame} title={landscape.axisTitles[plane.columnAxis]} />
            <AxisLeft scale={y} frame={frame} title={landscape.axisTitles[plane.rowAxis]} />
            <ColorBar
              frame={frame}
              scale={scale}
              colors={bands.colors}
              levels={bands.levels}
              title={valueTitle(landscape)}
              {...(pointer ? { mark: interpolate(grid, pointer.x, pointer.y) } : {})}
            />
          </>
        }
        beside={
          probe >= 0 &&
          probe < landscape.grid.values.length && (
            <Probe landscape={landscape} vertex={probe} onClose={() => setProbe(-1)} />
          )
        }
      >
        {slot}
        <Holes grid={grid} x={x} y={y} hatch={`hatch${name}`} />
        {clipped && (
          <path
            className="clipped"
            d={pathOf(clipped.region.chains, x.px, y.px)}
            fill={`url(#dots${name})`}
            fillRule="evenodd"
          />
        )}
        {iso && (
          <>
            <path className="level casing" d={pathOf(iso, x.px, y.px)} />
            <path className="level" data-level={level ?? ""} d={pathOf(iso, x.px, y.px)} />
          </>
        )}
        {topology && <Basins plane={plane} topology={topology} shown={shown} px={x.px} py={y.px} inner={inner} />}
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
            <path key={i} className={`critical ${point.kind.replace(/ /g, "-")}`} d={criticalGlyph(point.kind, cx, cy)}>
              <title>{`${point.kind}, ${withUnit(landscape.grid.values[point.vertex]!, landscape.unit)}`}</title>
            </path>
          );
        })}
        {marks.map(({ pair, v, essential, resolved }) => {
          const cx = x.px(grid.x[v % grid.columns]!);
          const cy = y.px(grid.y[Math.floor(v / grid.columns)]!);
          const on = shown.on(pair);
          const shared = {
            ...shown.mark(pair),
            className: `minimum${on ? " lit" : ""}${resolved ? "" : " unresolved"}`,
            "data-pair": pair,
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
      </Drawing>
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

/** Outlines of the lit and the selected basins; what is not lit steps back. */
function Basins({
  plane,
  topology,
  shown,
  px,
  py,
  inner,
}: {
  plane: Plane;
  topology: Topology;
  shown: Features;
  px: (v: number) => number;
  py: (v: number) => number;
  inner: { x: number; y: number; width: number; height: number };
}) {
  const { simplified, lit, selected } = shown;
  const outlineOf = (pair: number): readonly Chain[] =>
    regionOutline(plane.grid, (v) => basinOf(topology.hierarchy, simplified!, plane.vertexOf(v)) === pair);
  const outline = useMemo(() => (lit < 0 ? null : outlineOf(lit)), [plane, topology, simplified, lit]);
  const outlines = useMemo(() => {
    const { persistence } = topology.hierarchy.pairs;
    return [...selected]
      .sort((a, b) => persistence[b]! - persistence[a]!)
      .slice(0, MOST_OUTLINES)
      .map(outlineOf);
  }, [plane, topology, simplified, selected]);
  const d = outline ? pathOf(outline, px, py) : "";
  return (
    <>
      {outlines.map((chains, i) => (
        <g key={i}>
          <path className="basin casing" d={pathOf(chains, px, py)} />
          <path className="basin selected" d={pathOf(chains, px, py)} />
        </g>
      ))}
      {outline && (
        <>
          <path
            className="basin-shade"
            fillRule="evenodd"
            data-no-export=""
            d={`M${inner.x} ${inner.y}h${inner.width}v${inner.height}h${-inner.width}Z${d}`}
          />
          <path className="basin casing" d={d} />
          <path className="basin lit" data-basin={shown.vertexOf(lit)} d={d} />
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

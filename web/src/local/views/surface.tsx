// The plane as a surface: the same scale of values gives height and colour.
import { useEffect, useMemo, useState } from "react";
import {
  BufferAttribute,
  BufferGeometry,
  DoubleSide,
  Group,
  LineBasicMaterial,
  LineSegments,
  Mesh,
  MeshBasicMaterial,
  type Object3D,
} from "three";
import { LineMaterial } from "three/examples/jsm/lines/LineMaterial.js";
import { LineSegments2 } from "three/examples/jsm/lines/LineSegments2.js";
import { LineSegmentsGeometry } from "three/examples/jsm/lines/LineSegmentsGeometry.js";
import { busy } from "../../base/idle";
import { pngOfCanvas, svgText } from "../../base/svg_export";
import { type MapName, colorAt } from "../../geometry/colormaps";
import { type Grid2, interpolate } from "../../geometry/grid";
import { formatNumber } from "../../geometry/numbers";
import type { Orbit } from "../../geometry/orbit";
import { type Scale, levelsOf, makeScale } from "../../geometry/scales";
import { type SurfaceMesh, gridLines, linesOnSurface, surfaceMesh } from "../../geometry/surface";
import { setLocal, useView } from "../../state";
import { touchedPoints } from "../../topology/brush";
import { basinOf } from "../../topology/hierarchy";
import { Toggle } from "../../widgets/controls";
import { scaleSentence, useComparison } from "../comparison";
import type { Landscape, Topology } from "../model";
import { ColorBar } from "../parts/colorbar";
import { withUnit } from "../parts/feature";
import { FEATURE_HINT, useFeatures } from "../parts/features";
import { LevelControl, useLevel } from "../parts/level";
import { criticalGlyph, marksOf } from "../parts/marks";
import {
  type Drawn,
  type Hit,
  ORBIT_HINT,
  type OrbitHandle,
  OrbitView,
  pick,
  useOrbit,
  useOrbitCamera,
} from "../parts/orbit";
import { type ViewProps, ViewPanel, WithField, fieldLinks, valueTitle, variantOf } from "../parts/panel";
import { PlaneControls, usePlane } from "../parts/plane";
import { PlaybackControls, shownSteps } from "../parts/playback";

export default function SurfaceView({ item }: ViewProps) {
  return (
    <WithField item={item} kind="surface">
      {(landscape, topology) =>
        landscape.grid.shape.length === 1 ? (
          <ViewPanel kind="surface" model={item.model.name}>
            <div className="empty">
              <h3>A line has no surface</h3>
              <p>This field has one direction; the contour view shows it.</p>
            </div>
          </ViewPanel>
        ) : (
          <Surface item={item} landscape={landscape} topology={topology} />
        )
      }
    </WithField>
  );
}

const MOST_VERTICES = 300 * 300; // of the full picture; a larger grid is thinned, and the note says so
const LIGHT_VERTICES = 110 * 110;
const HEIGHT = 0.62;

function strideFor(grid: Grid2, most: number): number {
  let stride = 1;
  while (Math.ceil(grid.rows / stride) * Math.ceil(grid.columns / stride) > most) stride++;
  return stride;
}

const ordinal = (n: number): string => `${n}${n === 2 ? "nd" : n === 3 ? "rd" : "th"}`;

/** x and y to a box of unit width; values to the height of the box. */
interface Placed {
  readonly half: readonly [number, number, number];
  readonly x: (v: number) => number;
  readonly y: (v: number) => number;
  readonly z: (value: number) => number;
}

function place(grid: Grid2, scale: Scale, height: number): Placed {
  const [x0, x1] = [grid.x[0]!, grid.x[grid.columns - 1]!];
  const [y0, y1] = [grid.y[0]!, grid.y[grid.rows - 1]!];
  const ratio = (y1 - y0) / (x1 - x0);
  const depth = ratio > 0.4 && ratio < 2.5 ? ratio : 1;
  const largest = Math.max(1, depth);
  const half = [0.5 / largest, (0.5 * depth) / largest, (HEIGHT * height) / 2] as const;
  return {
    half,
    x: (v) => half[0] * ((2 * (v - x0)) / (x1 - x0) - 1),
    y: (v) => half[1] * ((2 * (v - y0)) / (y1 - y0) - 1),
    z: (v) => half[2] * (2 * Math.max(0, Math.min(1, scale.share(v))) - 1),
  };
}

/** A mesh in the box with shading worked into its colours: cheap on software renderers. */
class Shaded {
  readonly mesh: SurfaceMesh;
  readonly object: Mesh;
  private readonly base: Float32Array; // colours without what is lit
  private readonly colors: BufferAttribute;

  constructor(grid: Grid2, scale: Scale, placed: Placed, stride: number, clip: number, map: MapName) {
    this.mesh = surfaceMesh(grid, placed.z, { stride, clip });
    const { positions, values, triangles } = this.mesh;
    for (let v = 0; v < values.length; v++) {
      positions[3 * v] = placed.x(positions[3 * v]!);
      positions[3 * v + 1] = placed.y(positions[3 * v + 1]!);
    }
    const geometry = new BufferGeometry();
    geometry.setAttribute("position", new BufferAttribute(positions, 3));
    geometry.setIndex(new BufferAttribute(triangles, 1));
    geometry.computeVertexNormals();
    const normals = geometry.getAttribute("normal").array;
    const table = Float32Array.from({ length: 3 * 256 }, (_, i) => colorAt(map, Math.floor(i / 3) / 255)[i % 3]!);
    this.base = new Float32Array(3 * values.length);
    for (let v = 0; v < values.length; v++) {
      const share = Math.max(0, Math.min(1, scale.share(values[v]!))) || 0;
      // light from the upper left, soft: shape is seen, colours stay readable
      const facing = -0.35 * normals[3 * v]! - 0.45 * normals[3 * v + 1]! + 0.82 * normals[3 * v + 2]!;
      const shade = 0.62 + 0.38 * Math.max(0, Math.min(1, facing));
      const at = 3 * Math.round(share * 255);
      for (let c = 0; c < 3; c++) this.base[3 * v + c] = table[at + c]! * shade;
    }
    geometry.deleteAttribute("normal");
    this.colors = new BufferAttribute(this.base.slice(), 3);
    geometry.setAttribute("color", this.colors);
    this.object = new Mesh(
      geometry,
      new MeshBasicMaterial({
        vertexColors: true,
        side: DoubleSide,
        polygonOffset: true,
        polygonOffsetFactor: 1,
        polygonOffsetUnits: 2,
      }),
    );
  }

  /** What `inside` refuses steps back; undefined: nothing is lit. */
  lightUp(inside: ((vertex: number) => boolean) | undefined): void {
    const colors = this.colors.array as Float32Array;
    if (!inside) colors.set(this.base);
    else
      for (let v = 0; v < this.mesh.source.length; v++) {
        const on = inside(this.mesh.source[v]!);
        for (let c = 0; c < 3; c++)
          colors[3 * v + c] = on
            ? Math.min(1, this.base[3 * v + c]! * 1.06 + 0.04)
            : this.base[3 * v + c]! * 0.42 + 0.08;
      }
    this.colors.needsUpdate = true;
  }

  dispose(): void {
    this.object.geometry.dispose();
    (this.object.material as MeshBasicMaterial).dispose();
  }
}

function linesOf(points: Float32Array, color: number, opacity: number, colors?: Float32Array): LineSegments {
  const geometry = new BufferGeometry();
  geometry.setAttribute("position", new BufferAttribute(points, 3));
  if (colors) geometry.setAttribute("color", new BufferAttribute(colors, 3));
  return new LineSegments(
    geometry,
    new LineBasicMaterial({ color, transparent: true, opacity, vertexColors: !!colors, depthWrite: false }),
  );
}

/** A line with a width in units of the box (so that it is the same at every resolution), in front of the surface. */
function fatLine(points: ArrayLike<number>, color: number, width: number): LineSegments2 {
  const geometry = new LineSegmentsGeometry();
  geometry.setPositions(points instanceof Float32Array ? points : Float32Array.from(points));
  return new LineSegments2(
    geometry,
    new LineMaterial({
      color,
      worldUnits: true,
      linewidth: width,
      polygonOffset: true,
      polygonOffsetFactor: -4,
      polygonOffsetUnits: -2,
    }),
  );
}

/** Floor and uprights, so that the box is seen behind the surface. */
function boxLines(half: readonly [number, number, number], dark: boolean): LineSegments {
  const [x, y, z] = half;
  const points: number[] = [];
  for (const s of [-1, 1]) {
    points.push(-x, s * y, -z, x, s * y, -z, s * x, -y, -z, s * x, y, -z);
    for (const t of [-1, 1]) points.push(s * x, t * y, -z, s * x, t * y, z);
  }
  return linesOf(Float32Array.from(points), dark ? 0x6a6f7a : 0xb9b4a8, 0.7);
}

function Surface({ item, landscape, topology }: ViewProps & { landscape: Landscape; topology: Topology | null }) {
  const comparison = useComparison();
  const scale = comparison.scaleOf(item);
  const plane = usePlane(landscape);
  const { grid } = plane;
  const settings = useView(({ local: l }) => ({
    levels: l.levels,
    lines: l.contourLines,
    mesh: l.mesh,
    trajectory: l.trajectory,
    playback: l.playback,
    critical: l.critical,
    clip: l.clip,
    height: l.height,
  }));
  const dark = document.documentElement.dataset.theme === "dark";
  const placed = useMemo(() => place(grid, scale, settings.height), [grid, scale, settings.height]);
  const stride = strideFor(grid, MOST_VERTICES);
  const clip = settings.clip ?? Infinity;
  const shaded = useMemo(() => {
    const full = new Shaded(grid, scale, placed, stride, clip, comparison.map);
    const lightStride = strideFor(grid, LIGHT_VERTICES);
    return {
      full,
      light: lightStride > stride ? new Shaded(grid, scale, placed, lightStride, clip, comparison.map) : full,
    };
  }, [grid, scale, placed, stride, clip, comparison.map]);
  useEffect(
    () => () => {
      shaded.full.dispose();
      shaded.light.dispose();
    },
    [shaded],
  );

  const lines = useMemo(() => {
    const made = (mesh: Shaded): Object3D => {
      const heights = Array.from(levelsOf(scale, settings.levels), placed.z);
      return linesOf(linesOnSurface(mesh.mesh, heights).points, settings.mesh && dark ? 0xffffff : 0x16150f, 0.5);
    };
    if (!settings.lines) return null;
    const full = made(shaded.full);
    return { full, light: shaded.light === shaded.full ? full : made(shaded.light) };
  }, [shaded, scale, placed, settings.levels, settings.lines, settings.mesh, dark]);

  const level = useLevel(scale);
  const levelLine = useMemo(() => {
    if (level === null || level > clip) return null;
    return fatLine(linesOnSurface(shaded.full.mesh, [placed.z(level)]).points, 0x16150f, 0.011);
  }, [shaded, placed, level, clip]);

  const meshLines = useMemo(() => {
    if (!settings.mesh) return null;
    const step = Math.max(1, Math.ceil(Math.max(grid.rows, grid.columns) / 60));
    const { points, values } = gridLines(grid, placed.z, step, clip);
    const colors = new Float32Array(points.length);
    for (let v = 0; v < values.length; v++) {
      points[3 * v] = placed.x(points[3 * v]!);
      points[3 * v + 1] = placed.y(points[3 * v + 1]!);
      colors.set(colorAt(comparison.map, scale.share(values[v]!)), 3 * v);
    }
    return linesOf(points, 0xffffff, 1, colors);
  }, [settings.mesh, grid, placed, clip, comparison.map, scale]);

  const path = settings.trajectory ? landscape.trajectory : null;
  const steps = path ? shownSteps(path.count, settings.playback) : 0;
  const trajectory = useMemo(() => {
    if (!path || steps < 2) return null;
    // draped: each step is divided so that it follows the surface
    const points: number[] = [];
    let before: readonly [number, number, number] | null = null;
    for (let k = 0; k + 1 < steps; k++)
      for (let s = 0; s <= 10; s++) {
        const at = (axis: number): number => {
          const a = path.coordinates[k * path.dimensions + axis]!;
          return a + (s / 10) * (path.coordinates[(k + 1) * path.dimensions + axis]! - a);
        };
        const [u, v] = [at(plane.columnAxis), at(plane.rowAxis)];
        const value = interpolate(grid, u, v);
        const here =
          value === undefined || value !== value || value > clip
            ? null
            : ([placed.x(u), placed.y(v), placed.z(value) + 0.006] as const);
        if (before && here) points.push(...before, ...here);
        before = here;
      }
    if (points.length === 0) return null;
    const group = new Group();
    const [casing, core] = [fatLine(points, 0x16150f, 0.019), fatLine(points, 0xffffff, 0.009)];
    casing.renderOrder = 2;
    core.renderOrder = 3;
    core.material.polygonOffsetUnits = -6;
    group.add(casing, core);
    return group;
  }, [path, steps, plane, grid, placed, clip]);

  const shown = useFeatures(item, landscape, topology);
  const { simplified, lit } = shown;
  const frame = useMemo(() => boxLines(placed.half, dark), [placed, dark]);
  const drawn = useMemo((): Drawn => {
    const inside =
      lit >= 0 && topology && simplified
        ? (v: number): boolean => basinOf(topology.hierarchy, simplified, plane.vertexOf(v)) === lit
        : undefined;
    shaded.full.lightUp(inside);
    if (shaded.light !== shaded.full) shaded.light.lightUp(inside);
    const group = (surface: Shaded, more: Object3D | null | undefined): Group => {
      const made = new Group();
      made.add(frame.clone());
      if (!settings.mesh) made.add(surface.object);
      if (meshLines) made.add(meshLines.clone());
      if (more) made.add(more);
      if (levelLine) made.add(levelLine.clone());
      if (trajectory) made.add(trajectory.clone());
      return made;
    };
    const full = group(shaded.full, lines?.full);
    // an object has one parent: a grid small enough is drawn by the same group while moving
    return {
      full,
      light: shaded.light === shaded.full ? full : group(shaded.light, lines?.light),
      pick: shaded.light.object,
      dispose: () => undefined,
    };
  }, [shaded, frame, lines, levelLine, meshLines, trajectory, settings.mesh, lit, topology, simplified, plane]);

  const [orbit, setOrbit] = useOrbitCamera(item.model.name);
  const handle = useOrbit(drawn, orbit);
  const marks = useMemo(() => marksOf(plane, topology, simplified), [plane, topology, simplified]);
  const onScreen = (v: number): { x: number; y: number; hidden: boolean } | null => {
    const value = grid.values[v]!;
    if (!(value <= clip)) return null;
    const at = handle.project([
      placed.x(grid.x[v % grid.columns]!),
      placed.y(grid.y[Math.floor(v / grid.columns)]!),
      placed.z(value),
    ]);
    return { ...at, hidden: false };
  };
  const critical = useMemo(
    () =>
      (settings.critical && topology ? topology.hierarchy.critical : [])
        .filter((point) => point.kind !== "minimum")
        .map((point) => ({ kind: point.kind, v: plane.planeVertexOf(point.vertex) }))
        .filter((point) => point.v >= 0),
    [settings.critical, topology, plane],
  );
  const visible = useVisible(
    drawn,
    orbit,
    handle,
    [...marks, ...critical].map((m) => m.v),
    onScreen,
    grid,
    placed,
  );

  const basinAt = (vertex: number): number =>
    topology && simplified ? basinOf(topology.hierarchy, simplified, plane.vertexOf(vertex)) : -1;
  const hover = (vertex: number | null, event: { clientX: number; clientY: number }): void => {
    if (vertex === null) return shown.leave();
    shown.point(basinAt(vertex), event, [
      [
        "here",
        `(${formatNumber(grid.y[Math.floor(vertex / grid.columns)]!, 3)}, ${formatNumber(grid.x[vertex % grid.columns]!, 3)})`,
      ],
      [landscape.fieldTitle, withUnit(grid.values[vertex]!, landscape.unit)],
    ]);
  };
  /** Vertex of the plane next to what the ray has met. */
  const hitVertex = (hit: Hit): number =>
    nearestOf(
      hit.vertices.map((v) => shaded.light.mesh.source[v]!),
      hit.point,
      grid,
      placed,
    );
  const title = valueTitle(landscape);
  const shortAxis = (k: number): string => landscape.axisTitles[k]!.split(":")[0]!;
  const barFrame = { inner: { x: 0, y: 18, width: handle.width - 74, height: Math.min(150, handle.height - 40) } };
  return (
    <ViewPanel
      kind="surface"
      model={item.model.name}
      note={[
        stride > 1 && `every ${ordinal(stride)} grid point is drawn`,
        settings.clip !== null && `cut off above ${formatNumber(settings.clip, 3)}`,
      ]
        .filter(Boolean)
        .join("; ")}
      variant={
        <>
          {variantOf(landscape, topology)}
          <p>Height and colour {scaleSentence(comparison) || `on a ${scale.kind} scale`}.</p>
          <p>
            {ORBIT_HINT} {FEATURE_HINT}
          </p>
        </>
      }
      exports={{
        name: `surface-${item.model.name}`,
        png: () => composite(handle.picture(), handle.svg.current),
        svg: () => {
          const svg = handle.svg.current;
          const slot = svg?.querySelector("[data-picture]");
          if (!svg || !slot) return null;
          slot.innerHTML = `<image href="${handle.picture().toDataURL("image/png")}" x="0" y="0" width="${handle.width}" height="${handle.height}"/>`;
          try {
            return svgText(svg);
          } finally {
            slot.innerHTML = "";
          }
        },
        links: fieldLinks(item, landscape)!,
      }}
      controls={
        <>
          <PlaneControls landscape={landscape} plane={plane} />
          <Toggle label="Lines" checked={settings.lines} onChange={(contourLines) => setLocal({ contourLines })} />
          <Toggle label="Mesh only" checked={settings.mesh} onChange={(mesh) => setLocal({ mesh })} />
          <Toggle
            label="Saddles and maxima"
            checked={settings.critical}
            onChange={(critical) => setLocal({ critical })}
          />
          <label className="control">
            <span>Height</span>
            <input
              type="range"
              min={-10}
              max={10}
              step={1}
              value={Math.round(10 * Math.log2(settings.height))}
              aria-label="Height of the surface"
              aria-valuetext={`${formatNumber(settings.height, 2)} times`}
              onChange={(e) => setLocal({ height: 2 ** (Number(e.target.value) / 10) })}
              style={{ width: 80 }}
            />
          </label>
          <LevelControl scale={scale} />
          {landscape.trajectory && <PlaybackControls count={landscape.trajectory.count} />}
        </>
      }
    >
      <OrbitView
        handle={handle}
        drawn={drawn}
        orbit={orbit}
        setOrbit={setOrbit}
        onKey={shown.keys}
        brush={{
          touched: (box) =>
            touchedPoints(
              marks.flatMap(({ pair, v }, i) => {
                const at = visible[i] || shown.on(pair) ? onScreen(v) : null;
                return at ? [{ pair, x: at.x, y: at.y }] : [];
              }),
              { x: [box.x, box.x + box.width], y: [box.y, box.y + box.height] },
            ),
          select: shown.select,
        }}
        half={placed.half}
        axes={[
          {
            scale: useMemo(() => makeScale("linear", { low: grid.x[0]!, high: grid.x[grid.columns - 1]! }), [grid]),
            title: shortAxis(plane.columnAxis),
          },
          {
            scale: useMemo(() => makeScale("linear", { low: grid.y[0]!, high: grid.y[grid.rows - 1]! }), [grid]),
            title: shortAxis(plane.rowAxis),
          },
          { scale, title },
        ]}
        label={`Surface of ${item.model.name}: ${title} from ${formatNumber(landscape.range!.low)} to ${formatNumber(landscape.range!.high)}`}
        data={{
          lit: shown.vertexOf(lit),
          selected: shown.selected.size,
          triangles: shaded.full.mesh.triangles.length / 3,
          pairs: simplified?.count ?? "",
        }}
        onHover={(hit, event) => hover(hit ? hitVertex(hit) : null, event)}
        onClick={(hit) => hit && shown.toggle(basinAt(hitVertex(hit)))}
      >
        <g data-picture="" />
        {critical.map((point, i) => {
          const at = visible[marks.length + i] ? onScreen(point.v) : null;
          return (
            at && (
              <path
                key={i}
                className={`critical outlined ${point.kind.replace(/ /g, "-")}`}
                d={criticalGlyph(point.kind, at.x, at.y)}
              />
            )
          );
        })}
        {marks.map(({ pair, v, essential, resolved }, i) => {
          const at = onScreen(v);
          const on = shown.on(pair);
          if (!at || (!visible[i] && !on)) return null;
          const shared = {
            ...shown.mark(pair),
            className: `minimum${on ? " lit" : ""}${resolved ? "" : " unresolved"}`,
          };
          return essential ? (
            <rect key={pair} {...shared} x={at.x - 4.5} y={at.y - 4.5} width={9} height={9} />
          ) : (
            <circle key={pair} {...shared} cx={at.x} cy={at.y} r={on ? 5.5 : 3.4} />
          );
        })}
        {path && steps > 0 && <PathEnd at={projected(path.coordinates, path.dimensions, steps - 1)} />}
        <ColorBar frame={barFrame} scale={scale} map={comparison.map} title="" />
      </OrbitView>
    </ViewPanel>
  );

  function projected(coordinates: Float64Array, dimensions: number, k: number): { x: number; y: number } | null {
    const [u, v] = [coordinates[k * dimensions + plane.columnAxis]!, coordinates[k * dimensions + plane.rowAxis]!];
    const value = interpolate(grid, u, v);
    return value === undefined || value !== value || value > clip
      ? null
      : handle.project([placed.x(u), placed.y(v), placed.z(value)]);
  }
}

function PathEnd({ at }: { at: { x: number; y: number } | null }) {
  return (
    at && (
      <g className="trajectory">
        <circle className="now" cx={at.x} cy={at.y} r={5} />
      </g>
    )
  );
}

function nearestOf(vertices: readonly number[], point: readonly number[], grid: Grid2, placed: Placed): number {
  const distance = (v: number): number =>
    Math.hypot(
      placed.x(grid.x[v % grid.columns]!) - point[0]!,
      placed.y(grid.y[Math.floor(v / grid.columns)]!) - point[1]!,
    );
  return vertices.reduce((a, b) => (distance(a) <= distance(b) ? a : b));
}

/** Which marks are not behind the surface, found out at rest: rays are too slow for every frame of a movement. */
function useVisible(
  drawn: Drawn,
  orbit: Orbit,
  handle: OrbitHandle,
  vertices: readonly number[],
  onScreen: (v: number) => { x: number; y: number } | null,
  grid: Grid2,
  placed: Placed,
): readonly boolean[] {
  const [visible, setVisible] = useState<readonly boolean[]>([]);
  const key = vertices.join();
  useEffect(() => {
    if (vertices.length > 150) {
      setVisible(vertices.map(() => true));
      return;
    }
    const done = busy();
    const timer = window.setTimeout(() => {
      const rect = handle.svg.current?.getBoundingClientRect();
      const step = 5 * Math.max(placed.half[0] / grid.columns, placed.half[1] / grid.rows) + 0.04;
      if (rect)
        setVisible(
          vertices.map((v) => {
            const at = onScreen(v);
            if (!at) return false;
            const hit = pick(drawn, orbit, handle, { clientX: rect.left + at.x, clientY: rect.top + at.y });
            return (
              !hit ||
              Math.hypot(
                hit.point[0] - placed.x(grid.x[v % grid.columns]!),
                hit.point[1] - placed.y(grid.y[Math.floor(v / grid.columns)]!),
              ) < step
            );
          }),
        );
      done();
    }, 160);
    return () => {
      window.clearTimeout(timer);
      done();
    };
    // what is lit changes `drawn` but hides nothing
  }, [key, orbit, placed, handle.width, handle.height]);
  return visible;
}

/** The 3-D picture with the axes over it. */
async function composite(picture: HTMLCanvasElement, svg: SVGSVGElement | null): Promise<Blob> {
  if (!svg) return pngOfCanvas(picture);
  const image = new Image();
  const text = svgText(svg).replace(/<rect x="0" y="0"[^>]*\/>/, "");
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  await image.decode();
  const target = document.createElement("canvas");
  target.width = picture.width;
  target.height = picture.height;
  const context = target.getContext("2d")!;
  context.fillStyle = getComputedStyle(document.documentElement).getPropertyValue("--surface").trim() || "#fff";
  context.fillRect(0, 0, target.width, target.height);
  context.drawImage(picture, 0, 0);
  context.drawImage(image, 0, 0, target.width, target.height);
  return pngOfCanvas(target);
}

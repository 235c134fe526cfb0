// A three-dimensional block: surfaces of equal value and a movable slice.
import { useEffect, useMemo } from "react";
import {
  BufferAttribute,
  BufferGeometry,
  DoubleSide,
  Group,
  LineBasicMaterial,
  LineSegments,
  Mesh,
  MeshBasicMaterial,
} from "three";
import { pngOfCanvas } from "../../base/svg_export";
import { colorAt } from "../../geometry/colormaps";
import { type Grid, block, positionOf } from "../../geometry/grid";
import { isosurface } from "../../geometry/isosurface";
import { formatInteger, formatNumber } from "../../geometry/numbers";
import { makeScale } from "../../geometry/scales";
import { useView } from "../../state";
import { Select, Toggle } from "../../widgets/controls";
import { touchedPoints } from "../../topology/brush";
import { useComparison, useOption } from "../comparison";
import type { Landscape, Topology } from "../model";
import { ColorBar } from "../parts/colorbar";
import { FEATURE_HINT, useFeatures } from "../parts/features";
import { type Drawn, ORBIT_HINT, OrbitView, useOrbit, useOrbitCamera } from "../parts/orbit";
import { type ViewProps, ViewPanel, WithField, fieldLinks, valueTitle, variantOf } from "../parts/panel";

export default function VolumeView({ item }: ViewProps) {
  return (
    <WithField item={item} kind="volume">
      {(landscape, topology) =>
        landscape.grid.shape.length < 3 ? (
          <ViewPanel kind="volume" model={item.model.name}>
            <div className="empty">
              <h3>Not a volume</h3>
              <p>This field has {landscape.grid.shape.length} axes; contour and surface show it whole.</p>
            </div>
          </ViewPanel>
        ) : (
          <Volume item={item} landscape={landscape} topology={topology} />
        )
      }
    </WithField>
  );
}

const HALF = 0.46;

function Volume({ item, landscape, topology }: ViewProps & { landscape: Landscape; topology: Topology | null }) {
  const comparison = useComparison();
  const scale = comparison.scaleOf(item);
  const rank = landscape.grid.shape.length;
  const [shared, setLevel] = useOption("level", -1); // the level of all views
  const level = shared < 0 ? 0.3 : shared;
  const [showSlice, setShowSlice] = useOption("volume.slice", true);
  const [sliceAxis, setSliceAxis] = useOption("volume.axis", "2");
  const [slicePosition, setSlicePosition] = useOption("volume.position", 0.5);
  const [positions] = useOption("slice.at", "");
  const [triple, setTriple] = useOption("volume.axes", "0,1,2");
  const axes = useMemo((): readonly [number, number, number] => {
    const asked = triple.split(",").map(Number);
    return asked.length === 3 && asked.every((k) => k < rank) && new Set(asked).size === 3
      ? [asked[0]!, asked[1]!, asked[2]!]
      : [0, 1, 2];
  }, [triple, rank]);
  const grid = useMemo((): Grid => {
    const at = positions.split(",");
    return block(
      landscape.grid,
      axes,
      landscape.grid.shape.map((n, k) => (at[k] ? Number(at[k]) : Math.floor(n / 2))),
    );
  }, [landscape, axes, positions]);
  const dark = useView((state) => state.theme) && document.documentElement.dataset.theme === "dark";
  const place = useMemo(
    () =>
      grid.axes.map((axis) => {
        const [a, b] = [axis[0]!, axis[axis.length - 1]!];
        return (v: number): number => HALF * ((2 * (v - a)) / (b - a) - 1);
      }),
    [grid],
  );
  const value = scale.value(Math.max(0.002, Math.min(0.998, level)));
  const surface = useMemo(() => isosurface(grid, value), [grid, value]);

  const drawn = useMemo((): Drawn => {
    const group = new Group();
    const positionsOf = surface.positions.map((v, i) => place[i % 3]!(v));
    const geometry = new BufferGeometry();
    geometry.setAttribute("position", new BufferAttribute(positionsOf, 3));
    geometry.setIndex(new BufferAttribute(surface.triangles, 1));
    geometry.computeVertexNormals();
    const normals = geometry.getAttribute("normal").array;
    const base = colorAt(comparison.map, level);
    const colors = new Float32Array(positionsOf.length);
    for (let v = 0; v < colors.length / 3; v++) {
      const facing = Math.abs(-0.45 * normals[3 * v]! - 0.55 * normals[3 * v + 1]! + 0.7 * normals[3 * v + 2]!);
      for (let c = 0; c < 3; c++) colors[3 * v + c] = Math.min(1, (base[c]! * 0.85 + 0.12) * (0.45 + 0.6 * facing));
    }
    geometry.setAttribute("color", new BufferAttribute(colors, 3));
    const mesh = new Mesh(geometry, new MeshBasicMaterial({ vertexColors: true, side: DoubleSide }));
    group.add(mesh);
    if (showSlice)
      group.add(
        sliceMesh(grid, Number(sliceAxis), slicePosition, place, (v) => colorAt(comparison.map, scale.share(v))),
      );
    const edges: number[] = [];
    for (const s of [-HALF, HALF])
      for (const t of [-HALF, HALF])
        edges.push(-HALF, s, t, HALF, s, t, s, -HALF, t, s, HALF, t, s, t, -HALF, s, t, HALF);
    const frame = new BufferGeometry();
    frame.setAttribute("position", new BufferAttribute(Float32Array.from(edges), 3));
    group.add(new LineSegments(frame, new LineBasicMaterial({ color: dark ? 0x6a6f7a : 0xb9b4a8 })));
    return {
      full: group,
      light: group,
      pick: mesh,
      dispose: () =>
        group.traverse((o) => {
          if (o instanceof Mesh || o instanceof LineSegments) {
            o.geometry.dispose();
            (o.material as MeshBasicMaterial).dispose();
          }
        }),
    };
  }, [surface, grid, place, comparison.map, level, showSlice, sliceAxis, slicePosition, scale, dark]);
  useEffect(() => drawn.dispose, [drawn]);

  const [orbit, setOrbit] = useOrbitCamera(item.model.name);
  const handle = useOrbit(drawn, orbit);
  const shown = useFeatures(item, landscape, topology);
  const { simplified } = shown;
  const marks = useMemo(() => {
    if (!topology || !simplified || rank !== 3) return [];
    const { pairs } = topology.hierarchy;
    return Array.from({ length: pairs.count }, (_, i) => i)
      .filter((i) => simplified.kept[i])
      .sort((a, b) => pairs.persistence[b]! - pairs.persistence[a]!)
      .slice(0, 150);
  }, [topology, simplified, rank]);
  const title = valueTitle(landscape);
  const linear = useMemo(
    () => grid.axes.map((axis) => makeScale("linear", { low: axis[0]!, high: axis[axis.length - 1]! })),
    [grid],
  );
  const onScreen = (pair: number): { x: number; y: number } =>
    handle.project(
      positionOf(landscape.grid, topology!.hierarchy.pairs.birth[pair]!).map((v, k) =>
        place[k]!(v),
      ) as unknown as readonly [number, number, number],
    );
  const triples = useMemo(() => combinations(rank), [rank]);
  return (
    <ViewPanel
      kind="volume"
      model={item.model.name}
      note={`surface at ${formatNumber(value, 3)}, ${formatInteger(surface.triangles.length / 3)} triangles`}
      variant={
        <>
          {variantOf(landscape, topology)}
          <p>
            {ORBIT_HINT} {FEATURE_HINT}
          </p>
        </>
      }
      exports={{
        name: `volume-${item.model.name}`,
        png: () => pngOfCanvas(handle.picture()),
        links: fieldLinks(item, landscape)!,
      }}
      controls={
        <>
          {triples.length > 1 && (
            <Select
              label="Block"
              value={axes.join(",")}
              options={triples.map((t) => [t, `axes ${t}`] as const)}
              onChange={setTriple}
            />
          )}
          <label className="control">
            <span>Level {formatNumber(value, 3)}</span>
            <input
              type="range"
              min={0}
              max={1}
              step={0.005}
              value={level}
              aria-label="Level of the surface"
              aria-valuetext={formatNumber(value, 3)}
              onChange={(e) => setLevel(Number(e.target.value))}
            />
          </label>
          <Toggle label="Slice" checked={showSlice} onChange={setShowSlice} />
          {showSlice && (
            <>
              <Select
                label="across"
                value={sliceAxis}
                options={[0, 1, 2].map((k) => [String(k), `axis ${axes[k]}`] as const)}
                onChange={setSliceAxis}
              />
              <input
                type="range"
                min={0}
                max={1}
                step={0.01}
                value={slicePosition}
                aria-label="Position of the slice"
                style={{ width: 90 }}
                onChange={(e) => setSlicePosition(Number(e.target.value))}
              />
            </>
          )}
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
              marks.map((pair) => ({ pair, ...onScreen(pair) })),
              { x: [box.x, box.x + box.width], y: [box.y, box.y + box.height] },
            ),
          select: shown.select,
        }}
        half={[HALF, HALF, HALF]}
        axes={
          [0, 1, 2].map((k) => ({
            scale: linear[k]!,
            title: landscape.axisTitles[axes[k]!]!.split(":")[0]!,
          })) as unknown as Parameters<typeof OrbitView>[0]["axes"]
        }
        label={`Surface of equal ${title.toLowerCase()} at ${formatNumber(value, 3)} of ${item.model.name}`}
        data={{
          triangles: surface.triangles.length / 3,
          lit: shown.vertexOf(shown.lit),
          selected: shown.selected.size,
        }}
      >
        {marks.map((pair) => {
          const at = onScreen(pair);
          const on = shown.on(pair);
          return (
            <circle
              key={pair}
              {...shown.mark(pair)}
              className={`minimum${on ? " lit" : ""}`}
              cx={at.x}
              cy={at.y}
              r={on ? 6 : 3.4}
            />
          );
        })}
        <ColorBar
          frame={{ inner: { x: 0, y: 18, width: handle.width - 74, height: Math.min(150, handle.height - 40) } }}
          scale={scale}
          map={comparison.map}
          title=""
          mark={value}
        />
      </OrbitView>
    </ViewPanel>
  );
}

function combinations(rank: number): string[] {
  const all: string[] = [];
  for (let a = 0; a < rank; a++)
    for (let b = a + 1; b < rank; b++) for (let c = b + 1; c < rank; c++) all.push(`${a},${b},${c}`);
  return all;
}

/** The slice as coloured triangles in the box; holes stay open. */
function sliceMesh(
  grid: Grid,
  axis: number,
  share: number,
  place: readonly ((v: number) => number)[],
  color: (v: number) => readonly [number, number, number],
): Mesh {
  const [u, v] = [0, 1, 2].filter((k) => k !== axis) as [number, number];
  const shape = grid.shape;
  const strides = [shape[1]! * shape[2]!, shape[2]!, 1];
  const at = Math.round(Math.max(0, Math.min(1, share)) * (shape[axis]! - 1));
  const positions: number[] = [];
  const colors: number[] = [];
  const index: number[] = [];
  const value = (i: number, j: number): number => grid.values[at * strides[axis]! + i * strides[u]! + j * strides[v]!]!;
  for (let i = 0; i < shape[u]!; i++)
    for (let j = 0; j < shape[v]!; j++) {
      const p = [0, 0, 0];
      p[axis] = place[axis]!(grid.axes[axis]![at]!);
      p[u] = place[u]!(grid.axes[u]![i]!);
      p[v] = place[v]!(grid.axes[v]![j]!);
      positions.push(...p);
      colors.push(...color(value(i, j)));
    }
  const n = shape[v]!;
  for (let i = 0; i + 1 < shape[u]!; i++)
    for (let j = 0; j + 1 < n; j++) {
      const corners = [value(i, j), value(i, j + 1), value(i + 1, j), value(i + 1, j + 1)];
      if (corners.some((c) => c - c !== 0)) continue;
      const a = i * n + j;
      index.push(a, a + 1, a + n, a + 1, a + n + 1, a + n);
    }
  const geometry = new BufferGeometry();
  geometry.setAttribute("position", new BufferAttribute(Float32Array.from(positions), 3));
  geometry.setAttribute("color", new BufferAttribute(Float32Array.from(colors), 3));
  geometry.setIndex(index);
  return new Mesh(
    geometry,
    new MeshBasicMaterial({ vertexColors: true, side: DoubleSide, transparent: true, opacity: 0.85 }),
  );
}

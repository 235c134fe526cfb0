// The frame of a 3-D view: camera, picture, axes around the box, picking. While the camera moves a lighter scene is drawn.
import {
  type KeyboardEvent as ReactKeyboardEvent,
  type PointerEvent as ReactPointerEvent,
  type ReactNode,
  type RefObject,
  useCallback,
  useEffect,
  useMemo,
  useRef,
  useState,
} from "react";
import { type Mesh, type Object3D, PerspectiveCamera, Raycaster, Scene, Vector2 } from "three";
import { busy } from "../../base/idle";
import { type Tick, labelWidth, ticksOf } from "../../geometry/numbers";
import { type Orbit, START, type Vector3, boxAxes, eye, projector, turned } from "../../geometry/orbit";
import type { Scale } from "../../geometry/scales";
import { setLocal, useView, view } from "../../state";
import { useSize } from "../../widgets/useSize";
import { type Box, type Brush, BrushMark, type Brushed, followBox, followPointer, useBegins } from "./brush";
import { canDraw3d, draw3d } from "./renderer";

/** Vertical angle of view, radians: wider in upright panels, so that the box fits with its labels. */
function fieldOfView(width: number, height: number): number {
  return 2 * Math.atan(Math.tan((16 * Math.PI) / 180) * Math.max(1, (1.22 * height) / (width - BAR)));
}
const BAR = 66; // pixels at the right for the legend: the box stands in the middle of the rest
const TARGET: Vector3 = [0, 0, -0.05]; // room below for the labels
const FULL_RATIO = 2; // pixels drawn for one CSS pixel at rest: smooth edges on any screen
const LIGHT_RATIO = 0.7;
const REST = 140; // ms after the last movement until the full picture

export interface Drawn {
  readonly full: Object3D;
  readonly light: Object3D; // while moving
  readonly pick: Mesh;
  readonly dispose: () => void;
}

export interface BoxScale {
  readonly scale: Scale;
  readonly title: string;
}

export interface Hit {
  readonly point: Vector3;
  readonly vertices: readonly [number, number, number];
}

export interface OrbitHandle {
  readonly box: RefObject<HTMLDivElement>;
  readonly svg: RefObject<SVGSVGElement>;
  readonly canvas: RefObject<HTMLCanvasElement>;
  readonly width: number;
  readonly height: number;
  readonly project: ReturnType<typeof projector>;
  /** Full picture at twice the resolution, for files. */
  readonly picture: () => HTMLCanvasElement;
}

export function useOrbitCamera(model: string): readonly [Orbit, (orbit: Orbit) => void] {
  const key = useView((state) => (state.local.lock ? "" : model));
  const camera = useView((state) => state.local.cameras[key] ?? null);
  const set = useCallback(
    (orbit: Orbit) =>
      setLocal({
        cameras: { ...view.get().local.cameras, [key]: [orbit.azimuth, orbit.elevation, orbit.distance] },
      }),
    [key],
  );
  return [
    useMemo(() => (camera ? { azimuth: camera[0], elevation: camera[1], distance: camera[2] } : START), [camera]),
    set,
  ];
}

export function useOrbit(drawn: Drawn | null, orbit: Orbit): OrbitHandle {
  const [box, size] = useSize<HTMLDivElement>();
  const svg = useRef<SVGSVGElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const width = Math.max(160, size.width);
  const height = Math.max(120, size.height);
  const last = useRef<{ orbit: Orbit; rest: number; done: (() => void) | null }>({ orbit, rest: 0, done: null });
  const render = useCallback(
    (light: boolean, ratio: number): ImageBitmap | null => {
      if (!drawn) return null;
      const camera = new PerspectiveCamera((fieldOfView(width, height) * 180) / Math.PI, width / height, 0.05, 50);
      aim(camera, orbit, width, height);
      const scene = new Scene();
      scene.add(light ? drawn.light : drawn.full);
      return draw3d(scene, camera, Math.max(1, Math.round(width * ratio)), Math.max(1, Math.round(height * ratio)));
    },
    [drawn, orbit, width, height],
  );

  useEffect(() => {
    const target = canvas.current;
    if (!target || !drawn) return;
    const memory = last.current;
    const moved = memory.orbit !== orbit;
    memory.orbit = orbit;
    const started = performance.now();
    const show = (bitmap: ImageBitmap | null): void =>
      target.getContext("bitmaprenderer")?.transferFromImageBitmap(bitmap);
    show(render(moved, moved ? LIGHT_RATIO : FULL_RATIO));
    target.dataset.drawMs = (performance.now() - started).toFixed(1);
    target.dataset.frames = String(Number(target.dataset.frames ?? 0) + 1);
    target.dataset.quality = moved ? "light" : "full";
    // what waited to be drawn is drawn now, or later from this scene: objects of an older one have moved on
    window.clearTimeout(memory.rest);
    if (!moved) {
      memory.done?.();
      memory.done = null;
      return;
    }
    memory.done ??= busy();
    memory.rest = window.setTimeout(() => {
      show(render(false, FULL_RATIO));
      target.dataset.quality = "full";
      memory.done?.();
      memory.done = null;
    }, REST);
  }, [render, drawn, orbit]);
  useEffect(
    () => () => {
      window.clearTimeout(last.current.rest);
      last.current.done?.();
      last.current.done = null;
    },
    [],
  );

  const project = useMemo((): OrbitHandle["project"] => {
    const centred = projector(orbit, width, height, fieldOfView(width, height), TARGET);
    return (p) => {
      const at = centred(p);
      return { ...at, x: at.x - BAR / 2 };
    };
  }, [orbit, width, height]);
  return {
    box,
    svg,
    canvas,
    width,
    height,
    project,
    picture: () => {
      const target = document.createElement("canvas");
      const bitmap = render(false, FULL_RATIO);
      target.width = bitmap?.width ?? 1;
      target.height = bitmap?.height ?? 1;
      if (bitmap) target.getContext("2d")?.drawImage(bitmap, 0, 0);
      return target;
    },
  };
}

function aim(camera: PerspectiveCamera, orbit: Orbit, width: number, height: number): void {
  camera.setViewOffset(width, height, BAR / 2, 0, width, height);
  const [x, y, z] = eye(orbit);
  camera.up.set(0, 0, 1);
  camera.position.set(x + TARGET[0], y + TARGET[1], z + TARGET[2]);
  camera.lookAt(...TARGET);
}

/** What of the pick mesh lies under the pointer. */
export function pick(
  drawn: Drawn,
  orbit: Orbit,
  handle: OrbitHandle,
  event: { clientX: number; clientY: number },
): Hit | null {
  const rect = handle.svg.current?.getBoundingClientRect();
  if (!rect) return null;
  const camera = new PerspectiveCamera(
    (fieldOfView(handle.width, handle.height) * 180) / Math.PI,
    handle.width / handle.height,
    0.05,
    50,
  );
  aim(camera, orbit, handle.width, handle.height);
  camera.updateMatrixWorld();
  const caster = new Raycaster();
  caster.setFromCamera(
    new Vector2(((event.clientX - rect.left) / rect.width) * 2 - 1, 1 - ((event.clientY - rect.top) / rect.height) * 2),
    camera,
  );
  drawn.pick.updateMatrixWorld();
  const [hit] = caster.intersectObject(drawn.pick, false);
  return hit?.face
    ? { point: [hit.point.x, hit.point.y, hit.point.z], vertices: [hit.face.a, hit.face.b, hit.face.c] }
    : null;
}

export const ORBIT_HINT =
  "Drag or arrow keys turn; + and − or the wheel (click first, or hold Ctrl) come closer; 0 or double click resets.";

export function OrbitView({
  handle,
  drawn,
  orbit,
  setOrbit,
  half,
  axes,
  label,
  onHover,
  onClick,
  onKey,
  brush,
  data,
  children,
}: {
  handle: OrbitHandle;
  drawn: Drawn | null;
  orbit: Orbit;
  setOrbit: (orbit: Orbit) => void;
  half: Vector3;
  axes: readonly [BoxScale, BoxScale, BoxScale];
  label: string;
  onHover?: (hit: Hit | null, event: ReactPointerEvent) => void;
  onClick?: (hit: Hit | null) => void;
  onKey?: (event: ReactKeyboardEvent) => boolean;
  brush?: Brush<Box>; // of pixels
  data?: Readonly<Record<string, string | number>>;
  children?: ReactNode;
}) {
  const dragging = useRef(false);
  const begins = useBegins();
  const [brushed, setBrushed] = useState<Brushed | null>(null);
  const now = useRef(orbit);
  now.current = orbit;
  const pending = useRef(0);
  const move = useCallback(
    (next: Orbit) => {
      now.current = next;
      // one drawing a frame, however many events arrive
      if (pending.current === 0)
        pending.current = requestAnimationFrame(() => {
          pending.current = 0;
          setOrbit(now.current);
        });
    },
    [setOrbit],
  );
  useEffect(() => {
    const element = handle.svg.current;
    if (!element) return;
    const wheel = (event: WheelEvent): void => {
      if (!(event.ctrlKey || event.metaKey || document.activeElement === element)) return;
      event.preventDefault();
      move(turned(now.current, 0, 0, Math.exp(event.deltaY * 0.001)));
    };
    element.addEventListener("wheel", wheel, { passive: false });
    return () => element.removeEventListener("wheel", wheel);
  }, [handle.svg, move]);
  if (!canDraw3d())
    return (
      <div className="empty" role="alert">
        <h3>No 3-D drawing here</h3>
        <p>This browser offers no WebGL, not even in software. The contour view shows the same field.</p>
      </div>
    );
  return (
    <div className="plot orbit" ref={handle.box}>
      <canvas
        ref={handle.canvas}
        style={{ left: 0, top: 0, width: handle.width, height: handle.height }}
        aria-hidden="true"
      />
      <svg
        ref={handle.svg}
        width={handle.width}
        height={handle.height}
        role="img"
        tabIndex={0}
        aria-label={`${label}. ${ORBIT_HINT}`}
        {...Object.fromEntries(Object.entries(data ?? {}).map(([k, v]) => [`data-${k}`, v]))}
        onKeyDown={(event) => {
          if (onKey?.(event)) return;
          const step = {
            ArrowLeft: [-0.12, 0, 1],
            ArrowRight: [0.12, 0, 1],
            ArrowUp: [0, 0.1, 1],
            ArrowDown: [0, -0.1, 1],
            "+": [0, 0, 0.88],
            "=": [0, 0, 0.88],
            "-": [0, 0, 1 / 0.88],
            _: [0, 0, 1 / 0.88],
          }[event.key];
          if (event.key === "0") move(START);
          else if (step) move(turned(now.current, step[0]!, step[1]!, step[2]!));
          else return;
          event.preventDefault();
        }}
        onDoubleClick={() => move(START)}
        onPointerDown={(event) => {
          if (event.button !== 0) return;
          dragging.current = false;
          if (brush && begins(event)) {
            const all = { x: 0, y: 0, width: handle.width, height: handle.height };
            followBox(event, event.currentTarget, all, {
              show: (box) => {
                dragging.current = true;
                setBrushed({ box, count: brush.touched(box).length });
              },
              end: (box, more) => {
                setBrushed(null);
                if (box) brush.select(brush.touched(box), more);
              },
            });
            return;
          }
          const from = [event.clientX, event.clientY] as const;
          const start = now.current;
          followPointer(
            (e) => {
              if (Math.hypot(e.clientX - from[0], e.clientY - from[1]) > 3) dragging.current = true;
              if (dragging.current) move(turned(start, -(e.clientX - from[0]) * 0.008, (e.clientY - from[1]) * 0.008));
            },
            () => undefined,
          );
        }}
        onPointerMove={(event) => event.buttons === 0 && drawn && onHover?.(pick(drawn, orbit, handle, event), event)}
        onPointerLeave={(event) => onHover?.(null, event)}
        onClickCapture={(event) => dragging.current && event.stopPropagation()}
        onClick={(event) => drawn && onClick?.(pick(drawn, orbit, handle, event))}
      >
        <BoxAxes half={half} axes={axes} project={handle.project} />
        {children}
        <BrushMark brushed={brushed} />
      </svg>
    </div>
  );
}

function BoxAxes({
  half,
  axes,
  project,
}: {
  half: Vector3;
  axes: readonly BoxScale[];
  project: OrbitHandle["project"];
}) {
  const edges = boxAxes(half, project);
  return (
    <g className="axis box-axes" aria-hidden="true">
      {edges.map((edge, k) => {
        const at = (share: number): Vector3 =>
          [0, 1, 2].map((i) => edge.from[i]! + share * (edge.to[i]! - edge.from[i]!)) as unknown as Vector3;
        const away = (p: Vector3, by: number): Vector3 =>
          [0, 1, 2].map((i) => p[i]! + by * edge.outwards[i]!) as unknown as Vector3;
        const a = project(edge.from);
        const b = project(edge.to);
        const m = project(at(0.5));
        const out = project(away(at(0.5), 0.1));
        const length = Math.hypot(out.x - m.x, out.y - m.y) || 1;
        let [ux, uy] = [(out.x - m.x) / length, (out.y - m.y) / length];
        const pixels = Math.hypot(b.x - a.x, b.y - a.y);
        if (pixels < 40) return null; // seen end-on
        if (k === 2) [ux, uy] = [-1, 0];
        const { scale, title } = axes[k]!;
        const ticks: readonly Tick[] = ticksOf(scale, Math.max(2, Math.min(5, Math.floor(pixels / 55)))).filter(
          (t) => t.label,
        );
        const turn = (Math.atan2(b.y - a.y, b.x - a.x) * 180) / Math.PI;
        const upright = turn > 90 ? turn - 180 : turn < -90 ? turn + 180 : turn;
        const widest = Math.max(0, ...ticks.map((t) => labelWidth(t.label, 11)));
        const far = 32 + widest * Math.abs(ux) * (k === 2 ? 1 : 0.9);
        return (
          <g key={k}>
            <line x1={a.x} y1={a.y} x2={b.x} y2={b.y} />
            {ticks.map((tick) => {
              const share = scale.share(tick.value);
              if (share < -1e-6 || share > 1 + 1e-6) return null;
              const p = project(at(share));
              return (
                <g key={tick.value}>
                  <line x1={p.x} y1={p.y} x2={p.x + 5 * ux} y2={p.y + 5 * uy} />
                  <text
                    x={p.x + 14 * ux}
                    y={p.y + 14 * uy + 4}
                    textAnchor={ux < -0.35 ? "end" : ux > 0.35 ? "start" : "middle"}
                  >
                    {tick.label}
                  </text>
                </g>
              );
            })}
            <text
              className="axis-title"
              textAnchor="middle"
              transform={`translate(${m.x + far * ux} ${m.y + far * uy + (k === 2 ? 0 : 4)}) rotate(${k === 2 ? -90 : upright.toFixed(1)})`}
            >
              {title}
            </text>
          </g>
        );
      })}
    </g>
  );
}

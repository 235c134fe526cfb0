// The frame of a drawing: size, margins, axes, zoom and pan. Geometry comes from src/geometry; here it is only placed.
import {
  type KeyboardEvent,
  type MouseEvent,
  type PointerEvent,
  type RefObject,
  useCallback,
  useEffect,
  useMemo,
  useRef,
} from "react";
import { type PixelScale, type Scale, pixelScale } from "../../geometry/scales";
import { setLocal, useView, view } from "../../state";
import { useSize } from "../../widgets/useSize";

export { AxisBottom, AxisLeft } from "../../widgets/axes";

/** The visible part of a drawing, in shares of the whole: from x to x + 1/k, from y to y + 1/k (y upwards). */
export type Zoom = readonly [k: number, x: number, y: number];
const WHOLE: Zoom = [1, 0, 0];
const MOST = 200;

/** The part of a scale that is visible, as a scale of its own. */
export function zoomedScale(scale: Scale, start: number, k: number): Scale {
  if (k === 1 && start === 0) return scale;
  const value = (share: number): number => scale.value(start + share / k);
  return { ...scale, low: value(0), high: value(1), share: (v) => (scale.share(v) - start) * k, value };
}

export function useZoom(kind: string, model: string): readonly [Zoom, (zoom: Zoom) => void] {
  const key = useView((state) => (state.local.lock ? kind : `${kind}/${model}`));
  const zoom = useView((state) => state.local.zoom[key] ?? WHOLE) as Zoom;
  const set = useCallback(
    (next: Zoom) => {
      const k = Math.max(1, Math.min(MOST, next[0]));
      const bound = (v: number): number => Math.max(0, Math.min(1 - 1 / k, v));
      const { [key]: _gone, ...others } = view.get().local.zoom;
      setLocal({ zoom: k === 1 ? others : { ...others, [key]: [k, bound(next[1]), bound(next[2])] } });
    },
    [key],
  );
  return [zoom, set];
}

export interface Margins {
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
  readonly left: number;
}

export interface Frame {
  readonly box: RefObject<HTMLDivElement>;
  readonly svg: RefObject<SVGSVGElement>;
  readonly width: number;
  readonly height: number;
  readonly inner: { readonly x: number; readonly y: number; readonly width: number; readonly height: number };
  readonly x: PixelScale;
  readonly y: PixelScale;
  readonly zoom: Zoom;
  readonly setZoom: (zoom: Zoom) => void;
  /** Spread on the svg: pan, keys, double click. */
  readonly bind: {
    readonly tabIndex: number;
    readonly onKeyDown: (event: KeyboardEvent) => void;
    readonly onDoubleClick: (event: MouseEvent) => void;
    readonly onPointerDown: (event: PointerEvent<SVGSVGElement>) => void;
  };
  /** Pointer position in values, or null outside the frame. */
  readonly at: (event: { clientX: number; clientY: number }) => { x: number; y: number; px: number; py: number } | null;
  readonly dragged: RefObject<boolean>;
}

export interface FrameOptions {
  readonly kind: string;
  readonly model: string;
  readonly x: Scale;
  readonly y: Scale;
  readonly margins: Margins;
  /** Width over height of the inside; else it fills the panel. */
  readonly aspect?: number;
  /** Shift-drag draws a rectangle of values instead of panning. */
  readonly onBrush?: (from: { x: number; y: number }, to: { x: number; y: number }, done: boolean) => void;
}

/** Zoom: wheel (with Ctrl or ⌘, or once the drawing has focus), + and -, arrows, 0; drag pans; double click resets. */
export function useFrame(options: FrameOptions): Frame {
  const { kind, model, margins, aspect, onBrush } = options;
  const [box, size] = useSize<HTMLDivElement>();
  const svg = useRef<SVGSVGElement>(null);
  const dragged = useRef(false);
  const [zoom, setZoom] = useZoom(kind, model);
  const width = Math.max(size.width, 120);
  const height = Math.max(size.height, 100);
  let innerWidth = Math.max(20, width - margins.left - margins.right);
  let innerHeight = Math.max(20, height - margins.top - margins.bottom);
  if (aspect) {
    innerWidth = Math.min(innerWidth, innerHeight * aspect);
    innerHeight = innerWidth / aspect;
  }
  const spareX = width - margins.left - margins.right - innerWidth;
  const spareY = height - margins.top - margins.bottom - innerHeight;
  const left = margins.left + Math.max(0, spareX) / 2;
  const top = margins.top + Math.max(0, spareY) / 2;
  const inner = useMemo(
    () => ({ x: left, y: top, width: innerWidth, height: innerHeight }),
    [left, top, innerWidth, innerHeight],
  );
  const [k, zx, zy] = zoom;
  const x = useMemo(
    () => pixelScale(zoomedScale(options.x, zx, k), inner.x, inner.x + inner.width),
    [options.x, zx, k, inner],
  );
  const y = useMemo(
    () => pixelScale(zoomedScale(options.y, zy, k), inner.y + inner.height, inner.y),
    [options.y, zy, k, inner],
  );

  const shareAt = (event: { clientX: number; clientY: number }): [number, number] => {
    const rect = svg.current?.getBoundingClientRect();
    if (!rect) return [0.5, 0.5];
    return [
      (event.clientX - rect.left - inner.x) / inner.width,
      1 - (event.clientY - rect.top - inner.y) / inner.height,
    ];
  };
  const zoomAround = (sx: number, sy: number, factor: number): void => {
    const next = Math.max(1, Math.min(MOST, k * factor));
    setZoom([next, zx + sx / k - sx / next, zy + sy / k - sy / next]);
  };
  const live = useRef({ zoomAround, shareAt });
  live.current = { zoomAround, shareAt };

  useEffect(() => {
    const element = svg.current;
    if (!element) return;
    const wheel = (event: WheelEvent): void => {
      if (!(event.ctrlKey || event.metaKey || document.activeElement === element)) return;
      event.preventDefault();
      const [sx, sy] = live.current.shareAt(event);
      live.current.zoomAround(
        Math.max(0, Math.min(1, sx)),
        Math.max(0, Math.min(1, sy)),
        Math.exp(-event.deltaY * 0.0015),
      );
    };
    element.addEventListener("wheel", wheel, { passive: false });
    return () => element.removeEventListener("wheel", wheel);
  });

  const at: Frame["at"] = (event) => {
    const rect = svg.current?.getBoundingClientRect();
    if (!rect) return null;
    const px = event.clientX - rect.left;
    const py = event.clientY - rect.top;
    if (px < inner.x || px > inner.x + inner.width || py < inner.y || py > inner.y + inner.height) return null;
    return { x: x.invert(px), y: y.invert(py), px, py };
  };

  return {
    box,
    svg,
    width,
    height,
    inner,
    x,
    y,
    zoom,
    setZoom,
    dragged,
    at,
    bind: {
      tabIndex: 0,
      onKeyDown: (event) => {
        const step = 0.15 / k;
        switch (event.key) {
          case "+":
          case "=":
            zoomAround(0.5, 0.5, 1.5);
            break;
          case "-":
          case "_":
            zoomAround(0.5, 0.5, 1 / 1.5);
            break;
          case "0":
            setZoom(WHOLE);
            break;
          case "ArrowLeft":
            setZoom([k, zx - step, zy]);
            break;
          case "ArrowRight":
            setZoom([k, zx + step, zy]);
            break;
          case "ArrowUp":
            setZoom([k, zx, zy + step]);
            break;
          case "ArrowDown":
            setZoom([k, zx, zy - step]);
            break;
          default:
            return;
        }
        event.preventDefault();
      },
      onDoubleClick: () => setZoom(WHOLE),
      onPointerDown: (event) => {
        dragged.current = false;
        const start = at(event);
        if (event.button !== 0 || !start) return;
        const brush = event.shiftKey && onBrush;
        const from = [event.clientX, event.clientY] as const;
        const move = (e: globalThis.PointerEvent): void => {
          if (Math.hypot(e.clientX - from[0], e.clientY - from[1]) > 3) dragged.current = true;
          if (!dragged.current) return;
          if (brush) {
            const now = at(e);
            if (now) onBrush(start, now, false);
          } else
            setZoom([k, zx - (e.clientX - from[0]) / inner.width / k, zy + (e.clientY - from[1]) / inner.height / k]);
        };
        const up = (e: globalThis.PointerEvent): void => {
          window.removeEventListener("pointermove", move);
          window.removeEventListener("pointerup", up);
          const now = at(e);
          if (brush && dragged.current) onBrush(start, now ?? start, true);
        };
        window.addEventListener("pointermove", move);
        window.addEventListener("pointerup", up);
      },
    },
  };
}

export const HINT = "Drag to pan; + and − or the wheel (click first, or hold Ctrl) to zoom; 0 or double click for all.";

/** A rectangle to which marks are cut. */
export function Clip({ id, frame, pad = 0 }: { id: string; frame: Pick<Frame, "inner">; pad?: number }) {
  const { inner } = frame;
  return (
    <clipPath id={id}>
      <rect x={inner.x - pad} y={inner.y - pad} width={inner.width + 2 * pad} height={inner.height + 2 * pad} />
    </clipPath>
  );
}

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
  useState,
} from "react";
import { svgText } from "../../base/svg_export";
import { type PixelScale, type Scale, pixelScale } from "../../geometry/scales";
import { setLocal, useView, view } from "../../state";
import type { Rectangle } from "../../topology/brush";
import { useSize } from "../../widgets/useSize";
import { type Box, type Brush, type Brushed, followBox, followPointer, useBegins } from "./brush";

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
  /** The rectangle being drawn. */
  readonly brushed: Brushed | null;
  /** The drawing as an SVG file. */
  readonly text: () => string | null;
}

export interface FrameOptions {
  readonly kind: string;
  readonly model: string;
  readonly x: Scale;
  readonly y: Scale;
  readonly margins: Margins;
  /** Width over height of the inside; else it fills the panel. */
  readonly aspect?: number;
  readonly brush?: Brush<Rectangle>; // of values
}

/** Zoom: wheel (with Ctrl or ⌘, or once the drawing has focus), + and -, arrows, 0; drag pans; double click resets. */
export function useFrame(options: FrameOptions): Frame {
  const { kind, model, margins, aspect, brush } = options;
  const [box, size] = useSize<HTMLDivElement>();
  const svg = useRef<SVGSVGElement>(null);
  const dragged = useRef(false);
  const begins = useBegins();
  const [brushed, setBrushed] = useState<Brushed | null>(null);
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

  // half a pixel more: what lies on the border of the inside can be reached
  const rectangleOf = (b: Box): Rectangle => ({
    x: [x.invert(b.x - 0.5), x.invert(b.x + b.width + 0.5)],
    y: [y.invert(b.y + b.height + 0.5), y.invert(b.y - 0.5)],
  });

  return {
    box,
    svg,
    brushed,
    text: () => (svg.current ? svgText(svg.current) : null),
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
        if (brush && begins(event)) {
          followBox(event, event.currentTarget, inner, {
            show: (b) => {
              dragged.current = true;
              setBrushed({ box: b, count: brush.touched(rectangleOf(b)).length });
            },
            end: (b, more) => {
              setBrushed(null);
              if (b) brush.select(brush.touched(rectangleOf(b)), more);
            },
          });
          return;
        }
        if (event.button !== 0 || !at(event)) return;
        const from = [event.clientX, event.clientY] as const;
        followPointer(
          (e) => {
            if (Math.hypot(e.clientX - from[0], e.clientY - from[1]) > 3) dragged.current = true;
            if (dragged.current)
              setZoom([k, zx - (e.clientX - from[0]) / inner.width / k, zy + (e.clientY - from[1]) / inner.height / k]);
          },
          () => undefined,
        );
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

// A rectangle that is drawn over a view to select what it touches. Shift and drag, or drag alone where "Drag selects" is on;
// with Ctrl (or ⌘) what it touches is added.
import type { PointerEvent as ReactPointerEvent } from "react";
import { formatCount } from "../../geometry/numbers";
import { useView } from "../../state";
import { useOption } from "../comparison";

/** In pixels of the drawing. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** What a rectangle touches, and what to do with it. `Bounds` is the drawing's own form of the rectangle. */
export interface Brush<Bounds> {
  readonly touched: (bounds: Bounds) => readonly number[];
  readonly select: (pairs: readonly number[], more: boolean) => void;
}

export interface Brushed {
  readonly box: Box;
  readonly count: number;
}

export function useDragSelects(): readonly [boolean, (on: boolean) => void] {
  return useOption("drag.selects", false);
}

/** Whether a press begins a rectangle rather than a movement. */
export function useBegins(): (event: ReactPointerEvent) => boolean {
  const selects = useView((state) => state.local.options["drag.selects"] === true);
  return (event) => event.button === 0 && event.shiftKey !== selects;
}

/** Follows the pointer from a press until it is let go, wherever it is. */
export function followPointer(move: (event: PointerEvent) => void, end: (event: PointerEvent) => void): void {
  const up = (event: PointerEvent): void => {
    window.removeEventListener("pointermove", move, true);
    for (const type of ["pointerup", "pointercancel"] as const) window.removeEventListener(type, up, true);
    end(event);
  };
  // first of all listeners: marks keep the events that they have taken
  window.addEventListener("pointermove", move, true);
  for (const type of ["pointerup", "pointercancel"] as const) window.addEventListener(type, up, true);
}

/** The rectangle from a press to where the pointer is let go; nothing happens without a movement. */
export function followBox(
  event: ReactPointerEvent,
  element: Element,
  within: Box,
  handle: {
    readonly show: (box: Box) => void;
    readonly end: (box: Box | null, more: boolean) => void;
  },
): void {
  const rect = element.getBoundingClientRect();
  const place = (e: { clientX: number; clientY: number }): readonly [number, number] => [
    Math.max(within.x, Math.min(within.x + within.width, e.clientX - rect.left)),
    Math.max(within.y, Math.min(within.y + within.height, e.clientY - rect.top)),
  ];
  const from = place(event);
  let moved = false;
  const boxTo = (e: PointerEvent): Box => {
    const to = place(e);
    return {
      x: Math.min(from[0], to[0]),
      y: Math.min(from[1], to[1]),
      width: Math.abs(to[0] - from[0]),
      height: Math.abs(to[1] - from[1]),
    };
  };
  followPointer(
    (e) => {
      moved ||= Math.hypot(e.clientX - event.clientX, e.clientY - event.clientY) > 3;
      if (moved) handle.show(boxTo(e));
    },
    (e) => handle.end(moved && e.type === "pointerup" ? boxTo(e) : null, e.ctrlKey || e.metaKey),
  );
}

/** The rectangle while it is drawn, with how much it touches. */
export function BrushMark({ brushed }: { brushed: Brushed | null }) {
  if (!brushed) return null;
  const { box, count } = brushed;
  return (
    <g className="brushed" data-no-export="">
      <rect className="brush" {...box} />
      <text x={box.x + 5} y={box.y + 14}>
        {formatCount(count, "feature", "features")}
      </text>
    </g>
  );
}

// One tooltip for the whole page. Drawings say what is under the pointer; marks with focus say it too.
import { type ReactNode, useLayoutEffect, useRef } from "react";
import { Store, useStore } from "../base/store";

interface TooltipState {
  x: number; // window coordinates of what it belongs to
  y: number;
  content: ReactNode;
}

const tooltip = new Store<TooltipState | null>(null);

export function showTooltip(x: number, y: number, content: ReactNode): void {
  tooltip.set({ x, y, content });
}
export function hideTooltip(): void {
  tooltip.set(null);
}

export function TooltipLayer() {
  const state = useStore(tooltip, (value) => value);
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const element = box.current;
    if (!state || !element) return;
    const { width, height } = element.getBoundingClientRect();
    const right = state.x + 14 + width <= window.innerWidth - 4;
    const below = state.y + 14 + height <= window.innerHeight - 4;
    element.style.left = `${Math.max(4, right ? state.x + 14 : state.x - 14 - width)}px`;
    element.style.top = `${Math.max(4, below ? state.y + 14 : state.y - 14 - height)}px`;
  });
  return state ? (
    <div ref={box} className="tooltip" role="tooltip">
      {state.content}
    </div>
  ) : null;
}

/** Name and value, one a line, for tooltips and cards. */
export function Facts({ facts }: { facts: readonly (readonly [string, ReactNode])[] }) {
  return (
    <dl className="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

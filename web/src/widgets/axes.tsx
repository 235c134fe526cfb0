// Axes of drawings, wherever they are.
import type { ReactNode } from "react";
import { type Tick, fitTitle, labelWidth, thinLabels, ticksOf } from "../geometry/numbers";
import type { PixelScale } from "../geometry/scales";

/** The inside of a drawing, in pixels. */
export interface Inner {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

const SIZE = 11;

export function AxisBottom({
  scale,
  frame,
  title,
  ticks,
  count,
}: {
  scale: PixelScale;
  frame: { readonly inner: Inner };
  title: ReactNode;
  ticks?: readonly Tick[];
  count?: number;
}) {
  const { inner } = frame;
  const y = inner.y + inner.height;
  const all = thinLabels(
    (ticks ?? ticksOf(scale, count ?? Math.max(2, Math.floor(inner.width / 70)))).filter((t) => inside(scale, t.value)),
    scale.px,
    (label) => labelWidth(label, SIZE),
    8,
  );
  return (
    <g className="axis" aria-hidden="true">
      <line x1={inner.x} x2={inner.x + inner.width} y1={y} y2={y} />
      {all.map((tick) => (
        <g key={tick.value}>
          <line x1={scale.px(tick.value)} x2={scale.px(tick.value)} y1={y} y2={y + (tick.major ? 4 : 2.5)} />
          {tick.label && (
            <text x={scale.px(tick.value)} y={y + 16} textAnchor="middle">
              {tick.label}
            </text>
          )}
        </g>
      ))}
      <text className="axis-title" x={inner.x + inner.width / 2} y={y + 33} textAnchor="middle">
        {typeof title === "string" ? fitTitle(title, inner.width + 40) : title}
      </text>
    </g>
  );
}

export function AxisLeft({
  scale,
  frame,
  title,
  ticks,
  count,
}: {
  scale: PixelScale;
  frame: { readonly inner: Inner };
  title: ReactNode;
  ticks?: readonly Tick[];
  count?: number;
}) {
  const { inner } = frame;
  const all = thinLabels(
    (ticks ?? ticksOf(scale, count ?? Math.max(2, Math.floor(inner.height / 45)))).filter((t) =>
      inside(scale, t.value),
    ),
    (v) => -scale.px(v),
    () => SIZE,
    3,
  );
  const widest = Math.max(12, ...all.map((t) => labelWidth(t.label, SIZE)));
  return (
    <g className="axis" aria-hidden="true">
      <line x1={inner.x} x2={inner.x} y1={inner.y} y2={inner.y + inner.height} />
      {all.map((tick) => (
        <g key={tick.value}>
          <line
            x1={inner.x - (tick.major ? 4 : 2.5)}
            x2={inner.x}
            y1={scale.px(tick.value)}
            y2={scale.px(tick.value)}
          />
          {tick.label && (
            <text x={inner.x - 7} y={scale.px(tick.value) + 4} textAnchor="end">
              {tick.label}
            </text>
          )}
        </g>
      ))}
      <text
        className="axis-title"
        textAnchor="middle"
        transform={`translate(${Math.max(10, inner.x - widest - 16)} ${inner.y + inner.height / 2}) rotate(-90)`}
      >
        {typeof title === "string" ? fitTitle(title, inner.height + 10) : title}
      </text>
    </g>
  );
}

function inside(scale: PixelScale, value: number): boolean {
  const share = scale.share(value);
  return share >= -1e-6 && share <= 1 + 1e-6;
}

// The legend of a value scale: the bands as drawn, or the whole map, with the values' own ticks.
import { type MapName, colorAt, cssColor } from "../../geometry/colormaps";
import { fitTitle, formatNumber, labelWidth, thinLabels, ticksOf } from "../../geometry/numbers";
import { type Scale, pixelScale } from "../../geometry/scales";
import type { Frame } from "./plot";

export function ColorBar({
  frame,
  scale,
  colors,
  levels,
  map,
  title,
  mark,
}: {
  frame: Pick<Frame, "inner">;
  scale: Scale;
  title: string;
  colors?: readonly string[];
  levels?: Float64Array;
  map?: MapName;
  mark?: number | undefined;
}) {
  const { inner } = frame;
  const left = inner.x + inner.width + 14;
  const y = pixelScale(scale, inner.y + inner.height, inner.y);
  const ticks = thinLabels(
    ticksOf(scale, Math.max(3, Math.floor(inner.height / 45))),
    (v) => -y.px(v),
    () => 11,
    3,
  );
  const widest = Math.max(...ticks.map((t) => labelWidth(t.label, 11)));
  const clamp = (v: number): number => Math.max(inner.y, Math.min(inner.y + inner.height, v));
  const edges = levels ? [scale.low, ...levels, scale.high] : [];
  const titleX = left + 14 + 8 + widest + 14;
  const shares = Array.from({ length: 64 }, (_, i) => i / 64);
  return (
    <g className="colorbar" aria-hidden="true">
      {colors && levels
        ? colors.map((color, i) => (
            <rect
              key={i}
              x={left}
              width={12}
              y={y.px(edges[i + 1]!)}
              height={Math.max(0, y.px(edges[i]!) - y.px(edges[i + 1]!))}
              fill={color}
            />
          ))
        : shares.map((s) => (
            <rect
              key={s}
              x={left}
              width={12}
              y={inner.y + (1 - s - 1 / 64) * inner.height}
              height={inner.height / 64 + 0.6}
              fill={cssColor(colorAt(map ?? "viridis", s + 0.5 / 64))}
            />
          ))}
      <rect className="colorbar-frame" x={left} y={inner.y} width={12} height={inner.height} />
      {ticks.map((tick) => {
        const at = y.px(tick.value);
        if (at < inner.y - 1 || at > inner.y + inner.height + 1) return null;
        return (
          <g key={tick.value}>
            <line x1={left + 12} x2={left + (tick.major ? 16 : 14.5)} y1={at} y2={at} />
            {tick.label && (
              <text x={left + 19} y={at + 4}>
                {tick.label}
              </text>
            )}
          </g>
        );
      })}
      <text
        className="axis-title"
        textAnchor="middle"
        transform={`translate(${titleX} ${inner.y + inner.height / 2}) rotate(90)`}
      >
        {fitTitle(title, inner.height + 10)}
      </text>
      {mark !== undefined && mark === mark && (
        <path className="colorbar-mark" d={`M${left - 2} ${clamp(y.px(mark))}l-7 -4v8Z`}>
          <title>{formatNumber(mark)}</title>
        </path>
      )}
    </g>
  );
}

// The legend carries the current scales, and switches what it explains.
import type { ReactNode, Ref } from "react";
import type { Metric, Study } from "../../api/types";
import { formatNumber, formatWithUnit } from "../../geometry/numbers";
import { groupColor, type Palette } from "../../model/palette";
import type { EdgeFieldInfo, EdgeQuality } from "../../model/pairs";
import type { GlobalState } from "../../state";
import type { GlyphScales } from "./glyph";
import { RADII } from "./glyph";

export interface LegendProps {
  study: Study;
  state: GlobalState;
  scales: GlyphScales;
  info: EdgeFieldInfo | null;
  edges: EdgeQuality | null;
  unknown: number;
  palette: Palette;
  lines: number; // width of lines beside their largest
  onMetric: (name: string) => void;
  svgRef: Ref<SVGSVGElement>;
}

const WIDTH = 222;

function ring(cx: number, cy: number, inner: number, outer: number, from: number, to: number): string {
  const at = (r: number, a: number): string =>
    `${(cx + r * Math.sin(a)).toFixed(2)} ${(cy - r * Math.cos(a)).toFixed(2)}`;
  const large = to - from > Math.PI ? 1 : 0;
  return `M${at(outer, from)}A${outer} ${outer} 0 ${large} 1 ${at(outer, to)}L${at(inner, to)}A${inner} ${inner} 0 ${large} 0 ${at(inner, from)}Z`;
}

export function Legend({ study, state, scales, info, edges, unknown, palette, lines, onMetric, svgRef }: LegendProps) {
  const parts: ReactNode[] = [];
  let y = 0;
  const title = (text: string): void => {
    y += 22;
    parts.push(
      <text key={`t${y}`} x={0} y={y} className="legend-title">
        {text}
      </text>,
    );
  };
  const small = (text: string, x = 0): void => {
    y += 14;
    parts.push(
      <text key={`s${y}`} x={x} y={y} className="legend-small">
        {text}
      </text>,
    );
  };

  const metricRow = (metric: Metric): void => {
    const arc = scales.arcs.find((a) => a.metric === metric);
    y += arc ? 30 : 17;
    const top = y - (arc ? 22 : 9);
    parts.push(
      <g
        key={`metric-${metric.name}`}
        className="legend-button"
        role="checkbox"
        aria-checked={Boolean(arc)}
        tabIndex={0}
        aria-label={`Show ${metric.title || metric.name} in the outer ring`}
        onClick={() => onMetric(metric.name)}
        onKeyDown={(event) => {
          if (event.key !== "Enter" && event.key !== " ") return;
          event.preventDefault();
          onMetric(metric.name);
        }}
      >
        <rect x={-4} y={top - (arc ? 6 : 3)} width={WIDTH} height={arc ? 30 : 17} fill="transparent" />
        <rect
          x={0}
          y={top}
          width={14}
          height={10}
          rx={2}
          fill={arc ? arc.color : "none"}
          stroke={arc ? "none" : palette.ink2}
        />
        <text x={20} y={top + 9} className={arc ? "legend-text" : "legend-small"}>
          {metric.title || metric.name}
        </text>
        {arc && (
          <text x={20} y={top + 22} className="legend-small">
            {`${formatNumber(arc.low, 3)} – ${formatWithUnit(arc.high, metric.unit, 3)}${
              metric.scale !== "score" && state.errorScale === "log" ? ", log" : ""
            }${arc.error ? "; thin: longer = worse" : ""}`}
          </text>
        )}
      </g>,
    );
  };

  // The glyph, large.
  title("Model");
  const r = 40;
  const cx = r + 2;
  const cy = y + r + 8;
  const [bar0, bar1] = [r * RADII.bars[0], r * RADII.bars[1]];
  const base = scales.negative ? bar0 + 0.35 * (bar1 - bar0) : bar0;
  const glyph: ReactNode[] = [
    <circle key="disc" cx={cx} cy={cy} r={r * RADII.disc} fill={groupColor(0, study.groups.length, palette.dark)} />,
  ];
  if (state.hessianRing && scales.bars > 0) {
    const step = (2 * Math.PI) / scales.bars;
    glyph.push(<circle key="base" cx={cx} cy={cy} r={base} fill="none" stroke={palette.line} />);
    for (let i = 0; i < scales.bars; i++) {
      const length = (bar1 - base) / (1 + 0.55 * i);
      glyph.push(
        <path
          key={`b${i}`}
          d={ring(cx, cy, base, base + length, i * step + 0.03, (i + 1) * step - 0.03)}
          fill={palette.ink}
        />,
      );
    }
  }
  if (state.metricRing)
    scales.arcs.forEach((arc, i) => {
      const step = (2 * Math.PI) / scales.arcs.length;
      const gap = scales.arcs.length > 1 ? 0.06 : 1e-4;
      const share = [0.85, 0.6, 0.4, 0.7][i % 4] as number;
      const inner = r * (arc.error ? RADII.metrics[0] + 0.35 * (1 - RADII.metrics[0]) : RADII.metrics[0]); // errors are thinner
      glyph.push(
        <path
          key={`m${i}`}
          d={ring(cx, cy, inner, r, i * step + gap / 2, (i + 1) * step - gap / 2)}
          fill={palette.grid}
        />,
        <path
          key={`a${i}`}
          d={ring(cx, cy, inner, r, i * step + gap / 2, i * step + gap / 2 + share * (step - gap))}
          fill={arc.color}
        />,
      );
    });
  parts.push(<g key="glyph">{glyph}</g>);
  const notes = [
    ...(state.metricRing && scales.arcs.length > 0 ? ["outer ring: metrics", "(none: not known)"] : []),
    ...(state.hessianRing && scales.bars > 0 ? [`middle: top ${scales.bars} eigen-`, "values, clockwise"] : []),
    "disc: the group",
  ];
  notes.forEach((text, i) =>
    parts.push(
      <text key={`n${i}`} x={2 * r + 12} y={cy - (notes.length - 1) * 7 + i * 14 + 4} className="legend-small">
        {text}
      </text>,
    ),
  );
  y = cy + r + 2;

  if (scales.bars > 0 && state.hessianRing) {
    title("Hessian eigenvalues");
    y += 14;
    const length = 90;
    parts.push(<line key="scale" x1={0} x2={length} y1={y} y2={y} stroke={palette.ink} strokeWidth={4} />);
    parts.push(
      <text key="full" x={length + 6} y={y + 4} className="legend-small">
        = {formatNumber(scales.largest, 3)}
        {scales.barScale === "symlog" ? ", log" : ", linear"}
      </text>,
    );
    y += 3;
    if (scales.barScale === "symlog") small(`half the length: ${formatNumber(scales.halfway, 2)}`);
    if (scales.negative) {
      y += 17;
      parts.push(
        <g key="neg">
          <rect x={0} y={y - 9} width={16} height={10} fill={palette.negative} />
          <text x={22} y={y} className="legend-small">
            negative, towards the centre
          </text>
        </g>,
      );
    }
  }

  if (study.metrics.length > 0 && state.metricRing) {
    title("Metrics");
    for (const metric of study.metrics) if (scales.arcs.some((arc) => arc.metric === metric)) metricRow(metric);
  }

  if (info && edges && state.edges) {
    title("Paths between models");
    small(info.title);
    const { low, high } = edges.scale;
    const worst = info.sign > 0 ? Math.min(0, low) : Math.max(0, high);
    const samples = state.edgeScale === "linear" ? [0, 1 / 3, 2 / 3, 1] : [0, 0.01, 0.1, 1];
    y += 4;
    for (const share of worst === 0 ? [0] : samples) {
      const value = share * worst;
      const q = edges.quality(value);
      y += 18;
      const bend = 0.32 * (1 - q) * 64;
      parts.push(
        <g key={`e${share}`}>
          <path
            d={`M2 ${y}Q34 ${y - 2 * bend * 0.5} 66 ${y}`}
            fill="none"
            stroke={palette.ink}
            strokeWidth={Math.max(0.5, lines * (0.6 + 5.4 * q))}
            strokeOpacity={0.55 + 0.45 * q}
          />
          <text x={76} y={y + 2} className="legend-small">
            {share === 0 ? `${formatNumber(0)}: connected` : formatWithUnit(value, info.unit, 2)}
            {share === 1 ? " (worst)" : ""}
          </text>
        </g>,
      );
    }
    if (info.sign > 0) {
      y += 18;
      parts.push(
        <g key="better">
          <line x1={2} x2={66} y1={y} y2={y} stroke={palette.under} strokeWidth={6.5 * lines} />
          <text x={76} y={y + 4} className="legend-small">
            &gt; 0: lower on the way
          </text>
        </g>,
      );
    }
    y += 18;
    parts.push(
      <g key="unconverged">
        <line
          x1={2}
          x2={66}
          y1={y}
          y2={y}
          stroke={palette.ink2}
          strokeWidth={Math.max(1.2, 3.5 * lines)}
          strokeDasharray="1.5 2.5"
        />
        <text x={76} y={y + 4} className="legend-small">
          hatched: not converged
        </text>
      </g>,
    );
    y += 5;
    small(
      unknown > 0
        ? `not drawn: ${unknown.toLocaleString("en")} ${unknown === 1 ? "pair" : "pairs"} not computed`
        : "every pair of a group was computed",
    );
  }
  const absent = study.metrics.filter((metric) => !scales.arcs.some((arc) => arc.metric === metric));
  if (absent.length > 0 && state.metricRing) {
    title("More metrics, not shown");
    absent.forEach(metricRow);
  }
  const height = y + 10;
  return (
    <svg
      ref={svgRef}
      className="legend"
      width={WIDTH}
      height={height}
      viewBox={`-4 0 ${WIDTH} ${height}`}
      role="group"
      aria-label="Legend"
    >
      {parts}
    </svg>
  );
}

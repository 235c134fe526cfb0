// Any number against any other, with rank correlations; the matrix of all of them is the way in.
import { useMemo, useRef } from "react";
import type { Study } from "../../api/types";
import { toCsv } from "../../base/csv";
import { isNumber, mean, rankCorrelation } from "../../base/statistics";
import { svgText } from "../../base/svg_export";
import { colorAt, cssColor, inkOn } from "../../geometry/colormaps";
import { formatNumber, formatWithUnit } from "../../geometry/numbers";
import { decades, finiteRange, makeScale, pixelScale } from "../../geometry/scales";
import type { Column } from "../../model/columns";
import { groupColor, usePalette } from "../../model/palette";
import { setAcross, setHover, toggleSelected, useHover, useView } from "../../state";
import { AxisBottom, AxisLeft } from "../../widgets/axes";
import { Select, Toggle } from "../../widgets/controls";
import { GroupLabel } from "../../widgets/GroupLabel";
import { Empty, Panel } from "../../widgets/Panel";
import { Facts, hideTooltip, showTooltip } from "../../widgets/Tooltip";
import { useSize } from "../../widgets/useSize";

/** A correlation in a small cell: .8, −.3, 1. */
function shortRho(rho: number): string {
  if (!isNumber(rho)) return "–";
  const text = Math.abs(rho).toFixed(1).replace(/^0/, "").replace(/\.0$/, "");
  return text === "" ? "0" : `${rho < 0 ? "−" : ""}${text}`;
}

const titleOf = (c: Column): string => `${c.title}${c.unit ? ` [${c.unit}]` : ""}${c.parameter ? " (swept)" : ""}`;

function Scatter({ study, x, y, xLog, yLog }: { study: Study; x: Column; y: Column; xLog: boolean; yLog: boolean }) {
  const palette = usePalette();
  const hovered = useHover((h) => h.model);
  const selected = useView((s) => s.selected);
  const svg = useRef<SVGSVGElement>(null);
  const [box, { width, height }] = useSize<HTMLDivElement>();
  const points = study.models
    .map((_, i) => i)
    .filter(
      (i) =>
        isNumber(x.values[i]) &&
        isNumber(y.values[i]) &&
        (!xLog || (x.values[i] as number) > 0) &&
        (!yLog || (y.values[i] as number) > 0),
    );
  const xRange = finiteRange(points.map((i) => x.values[i] as number));
  const yRange = finiteRange(points.map((i) => y.values[i] as number));
  const inner = { x: 74, y: 12, width: Math.max(80, width - 94), height: Math.max(80, height - 60) };
  if (!xRange || !yRange) return <Empty title="No model has both numbers" />;
  const grown = (r: { low: number; high: number }, log: boolean): { low: number; high: number } =>
    log
      ? { low: r.low / 1.15, high: r.high * 1.15 }
      : { low: r.low - 0.04 * (r.high - r.low), high: r.high + 0.04 * (r.high - r.low) };
  const sx = pixelScale(makeScale(xLog ? "log" : "linear", grown(xRange, xLog)), inner.x, inner.x + inner.width);
  const sy = pixelScale(makeScale(yLog ? "log" : "linear", grown(yRange, yLog)), inner.y + inner.height, inner.y);
  const all = rankCorrelation(
    points.map((i) => x.values[i] as number),
    points.map((i) => y.values[i] as number),
  );
  const groups = study.groups
    .map((group, g) => {
      const members = group.models.filter((m) => points.includes(m));
      const xs = members.map((m) => x.values[m] as number);
      const ys = members.map((m) => y.values[m] as number);
      const my = mean(ys);
      const sd = ys.length > 1 ? Math.sqrt(ys.reduce((s, v) => s + (v - my) ** 2, 0) / (ys.length - 1)) : NaN;
      return { g, x: mean(xs), y: my, sd, ...rankCorrelation(xs, ys) };
    })
    .filter((entry) => entry.count > 0);
  const between =
    x.parameter && groups.length >= 3
      ? rankCorrelation(
          groups.map((g) => g.x),
          groups.map((g) => g.y),
        )
      : null;
  return (
    <Panel
      title={`${y.title} against ${x.title}`}
      label="Relation of two numbers"
      className="relation"
      explanation={{
        what: "Two numbers of every model against each other. ρ is Spearman’s rank correlation over all models that have both; for a swept parameter also over the means of its groups. Where groups share one x, the cross is the mean and its bar one standard deviation over the seeds.",
        read: "|ρ| near 1: the order of the models by one number is (nearly) the order by the other. Look at single groups too: a correlation of the whole can come from the difference between two groups alone.",
        misread:
          "A rank correlation of few models is easily high by chance (with 5 models |ρ| ≥ 0.9 has p ≈ 0.08). It says nothing about cause.",
      }}
      exports={{
        name: `${study.name}-${y.key}-against-${x.key}`,
        svg: () => (svg.current ? svgText(svg.current) : null),
        csv: () =>
          toCsv(
            ["model", "group", x.key, y.key],
            points.map((i) => [
              study.models[i]?.name,
              study.groups[study.models[i]?.group ?? 0]?.name,
              x.values[i],
              y.values[i],
            ]),
          ),
      }}
    >
      <p className="statement">
        Rank correlation ρ = <strong>{isNumber(all.rho) ? formatNumber(all.rho, 3) : "–"}</strong> over n = {all.count}{" "}
        models
        {between && isNumber(between.rho)
          ? `; ${formatNumber(between.rho, 3)} over ${between.count} groups’ means`
          : ""}
      </p>
      <div className="legend-row">
        {study.groups.length <= 12 &&
          groups.map((entry) => (
            <span key={entry.g} className="group-label">
              <GroupLabel study={study} index={entry.g} short />
              {isNumber(entry.rho) && (
                <span className="note">
                  ρ {formatNumber(entry.rho, 2)}, n {entry.count}
                </span>
              )}
            </span>
          ))}
      </div>
      <div ref={box} className="fill">
        <svg
          ref={svg}
          className="chart"
          width={width || 300}
          height={height || 200}
          role="img"
          aria-label={`${y.title} against ${x.title}: rank correlation ${formatNumber(all.rho, 3)} over ${all.count} models`}
        >
          <AxisBottom scale={sx} frame={{ inner }} title={titleOf(x)} />
          <AxisLeft scale={sy} frame={{ inner }} title={titleOf(y)} />
          {x.parameter &&
            groups
              .filter((e) => isNumber(e.sd))
              .map((e) => (
                <g key={e.g} stroke={groupColor(e.g, study.groups.length, palette.dark)} strokeWidth={1.6}>
                  <line
                    x1={sx.px(e.x)}
                    x2={sx.px(e.x)}
                    y1={Math.max(inner.y, sy.px(e.y + e.sd))}
                    y2={Math.min(
                      inner.y + inner.height,
                      isNumber(sy.px(e.y - e.sd)) ? sy.px(e.y - e.sd) : inner.y + inner.height,
                    )}
                  />
                  <line x1={sx.px(e.x) - 7} x2={sx.px(e.x) + 7} y1={sy.px(e.y)} y2={sy.px(e.y)} />
                </g>
              ))}
          {points.map((i) => {
            const model = study.models[i];
            if (!model) return null;
            const strong = hovered === model.name || selected.includes(model.name);
            return (
              <circle
                key={i}
                className="model-mark"
                cx={sx.px(x.values[i] as number)}
                cy={sy.px(y.values[i] as number)}
                r={strong ? 6 : 4}
                fill={groupColor(model.group, study.groups.length, palette.dark)}
                fillOpacity={0.85}
                stroke={strong ? palette.select : palette.surface}
                strokeWidth={strong ? 2 : 0.8}
                onPointerEnter={(e) => {
                  setHover({ model: model.name });
                  showTooltip(
                    e.clientX,
                    e.clientY,
                    <>
                      <strong>{model.name}</strong>
                      <Facts
                        facts={[
                          [x.title, formatWithUnit(x.values[i], x.unit)],
                          [y.title, formatWithUnit(y.values[i], y.unit)],
                        ]}
                      />
                    </>,
                  );
                }}
                onPointerLeave={() => {
                  setHover({ model: null });
                  hideTooltip();
                }}
                onClick={() => toggleSelected(model.name)}
              />
            );
          })}
        </svg>
      </div>
    </Panel>
  );
}

function Matrix({ study, columns, x, y }: { study: Study; columns: readonly Column[]; x: Column; y: Column }) {
  const svg = useRef<SVGSVGElement>(null);
  const table = useMemo(() => columns.map((a) => columns.map((b) => rankCorrelation(a.values, b.values))), [columns]);
  const [box, { width: room }] = useSize<HTMLDivElement>();
  const left = 178;
  // As large as the panel allows, but so that a number still has room.
  const cell = Math.max(20, Math.min(30, Math.floor((room - left - 100) / Math.max(1, columns.length))));
  const top = 128;
  const size = cell * columns.length;
  return (
    <Panel
      title="Rank correlations"
      label="Rank correlations of all numbers"
      className="correlations"
      explanation={{
        what: "Spearman’s rank correlation between every two numbers of the models, over the models that have both.",
        read: "Choose a cell to see its plot. Blue falls, red rises, white is unrelated. The sign is printed: colours are not needed.",
        misread:
          "Among many pairs of numbers some correlate by chance. Numbers that are computed from each other (a trace and its largest eigenvalue) correlate by construction.",
      }}
      exports={{
        name: `${study.name}-rank-correlations`,
        svg: () => (svg.current ? svgText(svg.current) : null),
        csv: () =>
          toCsv(
            ["x", "y", "rho", "n"],
            columns.flatMap((a, i) => columns.map((b, j) => [a.key, b.key, table[i]?.[j]?.rho, table[i]?.[j]?.count])),
          ),
      }}
    >
      <div ref={box} className="scroll" tabIndex={0} role="region" aria-label="Rank correlations, scrollable">
        <svg ref={svg} className="chart" width={left + size + 96} height={top + size + 6}>
          {columns.map((c, i) => (
            <g key={c.key}>
              <text x={left - 6} y={top + i * cell + cell / 2 + 4} textAnchor="end">
                {c.title}
              </text>
              <text transform={`translate(${left + i * cell + cell / 2 + 4} ${top - 6}) rotate(-50)`}>
                {c.title.length > 24 ? `${c.title.slice(0, 23)}…` : c.title}
              </text>
            </g>
          ))}
          {columns.flatMap((a, i) =>
            columns.map((b, j) => {
              if (i === j) return null;
              const entry = table[i]?.[j];
              if (!entry) return null;
              const color = isNumber(entry.rho) ? colorAt("balance", 0.5 + entry.rho / 2) : null;
              const current = a.key === y.key && b.key === x.key;
              return (
                <g
                  key={`${a.key}/${b.key}`}
                  role="button"
                  tabIndex={0}
                  className="cell"
                  aria-label={`${a.title} against ${b.title}: ${formatNumber(entry.rho, 2)}, n = ${entry.count}`}
                  aria-pressed={current}
                  onClick={() => setAcross({ x: b.key, y: a.key, xLog: null, yLog: null })}
                  onKeyDown={(e) =>
                    (e.key === "Enter" || e.key === " ") && (e.preventDefault(), setAcross({ x: b.key, y: a.key, xLog: null, yLog: null }))
                  }
                  onPointerEnter={(e) =>
                    showTooltip(
                      e.clientX,
                      e.clientY,
                      <>
                        <strong>
                          {a.title} – {b.title}
                        </strong>
                        <Facts
                          facts={[
                            ["ρ", isNumber(entry.rho) ? formatNumber(entry.rho, 3) : "not defined"],
                            ["n", String(entry.count)],
                          ]}
                        />
                      </>,
                    )
                  }
                  onPointerLeave={hideTooltip}
                >
                  <rect
                    className={current ? "current" : ""}
                    x={left + j * cell + 1}
                    y={top + i * cell + 1}
                    width={cell - 2}
                    height={cell - 2}
                    fill={color ? cssColor(color) : "transparent"}
                  />
                  <text
                    x={left + (j + 0.5) * cell}
                    y={top + (i + 0.5) * cell + 4}
                    textAnchor="middle"
                    style={color ? { fill: inkOn(color) } : {}}
                    className={cell < 24 ? "cell-text small" : "cell-text"}
                  >
                    {shortRho(entry.rho)}
                  </text>
                </g>
              );
            }),
          )}
        </svg>
      </div>
    </Panel>
  );
}

export function Relations({ study, columns }: { study: Study; columns: readonly Column[] }) {
  const { x: xKey, y: yKey, xLog: xAsked, yLog: yAsked } = useView((s) => s.across);
  const swept = columns.filter((c) => c.parameter);
  const results = columns.filter((c) => !c.parameter);
  const x = columns.find((c) => c.key === xKey) ?? swept[0] ?? results[1] ?? columns[0];
  const y = columns.find((c) => c.key === yKey) ?? results.find((c) => c !== x) ?? columns[0];
  if (!x || !y || study.models.length < 2)
    return (
      <Empty title="Nothing to relate yet">
        <p>A relation needs two numbers of at least two models.</p>
      </Empty>
    );
  const wide = (c: Column): boolean => decades(finiteRange(c.values) ?? { low: 0, high: 0 }) > 3;
  const xLog = typeof xAsked === "boolean" ? xAsked : wide(x);
  const yLog = typeof yAsked === "boolean" ? yAsked : wide(y);
  const options = columns.map((c) => [c.key, titleOf(c)] as const);
  return (
    <>
      <div className="bar">
        <Select label="Across" value={x.key} options={options} onChange={(v) => setAcross({ x: v, xLog: null })} />
        <Toggle label="logarithmic" checked={xLog} onChange={(v) => setAcross({ xLog: v })} />
        <Select label="Up" value={y.key} options={options} onChange={(v) => setAcross({ y: v, yLog: null })} />
        <Toggle label="logarithmic" checked={yLog} onChange={(v) => setAcross({ yLog: v })} />
      </div>
      <div className="two">
        <Scatter study={study} x={x} y={y} xLog={xLog} yLog={yLog} />
        <Matrix study={study} columns={columns} x={x} y={y} />
      </div>
    </>
  );
}

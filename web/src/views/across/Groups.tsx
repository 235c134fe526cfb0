// Group comparison: every member a dot, mean and 95 % interval, one small plot a number.
import { useMemo, useRef } from "react";
import { client } from "../../api/client";
import type { LossRecord } from "../../api/record";
import type { Study } from "../../api/types";
import { toCsv } from "../../base/csv";
import { tellingNames } from "../../base/names";
import { isNumber, meanInterval } from "../../base/statistics";
import { svgText } from "../../base/svg_export";
import { fitTail, formatNumber, formatWithUnit, labelWidth } from "../../geometry/numbers";
import { decades, finiteRange, makeScale, pixelScale } from "../../geometry/scales";
import type { Column } from "../../model/columns";
import { shortNames } from "../../model/names";
import { groupColor, usePalette } from "../../model/palette";
import { setAcross, setHover, toggleSelected, useHover, useView } from "../../state";
import { AxisLeft } from "../../widgets/axes";
import { Select } from "../../widgets/controls";
import { Empty, Panel } from "../../widgets/Panel";
import { Facts, hideTooltip, showTooltip } from "../../widgets/Tooltip";
import { useSize } from "../../widgets/useSize";

const HEIGHT = 220;
const SLANT_COSINE = Math.cos((22 * Math.PI) / 180); // of names under the axis that stand aslant

function GroupPlot({
  study,
  groups: all,
  column,
  intervals: given,
}: {
  study: Study;
  groups: readonly number[];
  column: Column;
  intervals: { mean: number; low: number; high: number; count: number }[];
}) {
  const palette = usePalette();
  const hovered = useHover((h) => h.model);
  const selected = useView((s) => s.selected);
  const svg = useRef<SVGSVGElement>(null);
  const [box, { width }] = useSize<HTMLDivElement>();
  const values = column.values;
  const groups = all.filter((g) => study.groups[g]?.models.some((m) => isNumber(values[m])));
  // An interval by Student's t knows nothing of what can be: no accuracy above 1, no error below 0.
  const [least, most] = column.bounds ?? [-Infinity, Infinity];
  const intervals = given.map((i) => ({ ...i, low: Math.max(least, i.low), high: Math.min(most, i.high) }));
  const range = finiteRange(
    values,
    groups.flatMap((g) => [intervals[g]?.low ?? NaN, intervals[g]?.high ?? NaN]),
  );
  if (!range) return null;
  const axis = useView((s) => s.across.groupAxis);
  const positive = (finiteRange(values)?.low ?? 0) > 0;
  const log = positive && (axis === "log" || (axis === "auto" && decades(finiteRange(values) ?? range) > 3));
  const shownRange = log ? (finiteRange(values) ?? range) : range;
  const pad = log ? 0 : 0.05 * (range.high - range.low);
  const short = shortNames(study).groups;
  const names = tellingNames(groups.map((g) => short[g] ?? ""));
  const slot = Math.max(60, width - 86) / groups.length;
  const room = slot - 4;
  const slanted = names.some((name) => labelWidth(name, 11) > room);
  const inner = { x: 76, y: 10, width: Math.max(60, width - 86), height: HEIGHT - (slanted ? 62 : 36) };
  const y = pixelScale(
    makeScale(
      log ? "log" : "linear",
      log
        ? { low: shownRange.low / 1.3, high: shownRange.high * 1.3 }
        : { low: range.low - pad, high: range.high + pad },
    ),
    inner.y + inner.height,
    inner.y,
  );
  const clampY = (v: number): number => Math.max(inner.y, Math.min(inner.y + inner.height, y.px(v)));
  const title = `${column.title}${column.unit ? ` [${column.unit}]` : ""}`;
  const shortTitle = labelWidth(title, 11) > inner.height + 24 ? `${title.slice(0, 26)}…` : title;
  return (
    <Panel
      title={title}
      label={`${column.title} by group`}
      note={
        log
          ? axis === "auto"
            ? "log: over 3 decades"
            : "log"
          : axis === "log"
            ? "linear: not all values are positive"
            : ""
      }
      explanation={{
        what: `${column.title} of every member of each group, with the group’s mean and its 95 % interval (Student’s t over the members).`,
        read: "Each dot is one model. The bar is the mean, the box around it the 95 % interval of the mean. Groups whose intervals are far apart differ by more than their seeds do. Groups without this number are left out; intervals are cut where no value can be (an accuracy above 1).",
        misread:
          "The interval is of the mean, not of the members: single models often lie outside. With two or three seeds it is wide and says little. Overlapping intervals do not prove that groups are equal.",
      }}
      exports={{
        name: `${study.name}-${column.key}-by-group`,
        svg: () => (svg.current ? svgText(svg.current) : null),
        csv: () =>
          toCsv(
            ["group", "model", column.key],
            study.models.map((m, i) => [study.groups[m.group]?.name, m.name, values[i]]),
          ),
        ...(study.study_records.comparison !== null
          ? {
              links: [
                { label: "All numbers, NPZ", href: client.exportUrl(study.id, study.study_records.comparison, "npz") },
              ],
            }
          : {}),
      }}
    >
      <div ref={box}>
        <svg
          ref={svg}
          className="chart"
          width={width || 200}
          height={HEIGHT}
          role="img"
          aria-label={`${column.title} by group`}
        >
          <AxisLeft scale={y} frame={{ inner }} title={shortTitle} />
          {groups.map((g, place) => {
            const group = study.groups[g];
            if (!group) return null;
            const centre = inner.x + (place + 0.5) * slot;
            const color = groupColor(g, study.groups.length, palette.dark);
            const interval = intervals[g];
            const half = Math.min(26, slot * 0.32);
            const members = group.models.filter((m) => isNumber(values[m]));
            return (
              <g key={group.name}>
                {place > 0 && (
                  <line
                    className="gridline"
                    x1={centre - slot / 2}
                    x2={centre - slot / 2}
                    y1={inner.y}
                    y2={inner.y + inner.height}
                  />
                )}
                {interval && isNumber(interval.low) && isNumber(interval.high) && (
                  <rect
                    x={centre - half}
                    width={2 * half}
                    y={clampY(interval.high)}
                    height={Math.max(1, clampY(interval.low) - clampY(interval.high))}
                    fill={color}
                    fillOpacity={0.18}
                  />
                )}
                {interval && isNumber(interval.mean) && (
                  <line
                    x1={centre - half}
                    x2={centre + half}
                    y1={clampY(interval.mean)}
                    y2={clampY(interval.mean)}
                    stroke={color}
                    strokeWidth={2.2}
                  />
                )}
                {members.map((m, i) => {
                  // Members side by side in the order of the study: the same place in every plot.
                  const spread = members.length > 1 ? (i / (members.length - 1) - 0.5) * 1.7 * half : 0;
                  const name = study.models[m]?.name ?? "";
                  const strong = hovered === name || selected.includes(name);
                  return (
                    <circle
                      key={m}
                      className="model-mark"
                      cx={centre + spread}
                      cy={y.px(values[m] as number)}
                      r={strong ? 5.5 : members.length > 40 ? 2.2 : 3.6}
                      fill={color}
                      stroke={strong ? palette.select : palette.surface}
                      strokeWidth={strong ? 2 : 0.7}
                      onPointerEnter={(e) => {
                        setHover({ model: name });
                        showTooltip(
                          e.clientX,
                          e.clientY,
                          <>
                            <strong>{name}</strong>
                            <Facts
                              facts={[
                                [column.title, formatWithUnit(values[m], column.unit)],
                                ...(interval && isNumber(interval.mean)
                                  ? [["mean of the group", formatNumber(interval.mean)] as const]
                                  : []),
                                ...(interval && isNumber(interval.low)
                                  ? [
                                      [
                                        "95 % interval",
                                        `${formatNumber(interval.low)} to ${formatNumber(interval.high)}`,
                                      ] as const,
                                    ]
                                  : []),
                                ["n", String(interval?.count ?? members.length)],
                              ]}
                            />
                          </>,
                        );
                      }}
                      onPointerLeave={() => {
                        setHover({ model: null });
                        hideTooltip();
                      }}
                      onClick={() => toggleSelected(name)}
                    />
                  );
                })}
                {(groups.length <= 12 || place % Math.ceil(groups.length / 12) === 0) &&
                  (slanted ? (
                    <text
                      transform={`translate(${centre + 4} ${inner.y + inner.height + 14}) rotate(-22)`}
                      textAnchor="end"
                    >
                      {fitTail(names[place] ?? "", Math.min(104, (centre - 4) / SLANT_COSINE))}
                    </text>
                  ) : (
                    <text x={centre} y={inner.y + inner.height + 17} textAnchor="middle">
                      {names[place]}
                    </text>
                  ))}
              </g>
            );
          })}
          <line
            className="axis-line"
            x1={inner.x}
            x2={inner.x + inner.width}
            y1={inner.y + inner.height}
            y2={inner.y + inner.height}
          />
        </svg>
      </div>
    </Panel>
  );
}

export function Groups({
  study,
  columns,
  comparison,
}: {
  study: Study;
  columns: readonly Column[];
  comparison: LossRecord | null;
}) {
  const axis = useView((s) => s.across.groupAxis);
  const shown = columns.filter((c) => !c.parameter);
  const intervals = useMemo(
    () =>
      new Map(
        shown.map((column) => {
          const names = comparison?.lines("group_names") ?? [];
          const stored = comparison && comparison.has(`${column.key}_mean`) ? comparison : null;
          return [
            column.key,
            study.groups.map((group) => {
              const at = names.indexOf(group.name);
              if (stored && at >= 0)
                return {
                  mean: stored.numbers(`${column.key}_mean`)[at] ?? NaN,
                  low: stored.numbers(`${column.key}_low`)[at] ?? NaN,
                  high: stored.numbers(`${column.key}_high`)[at] ?? NaN,
                  count: stored.numbers(`${column.key}_count`)[at] ?? 0,
                };
              return meanInterval(group.models.map((m) => column.values[m] as number));
            }),
          ] as const;
          // `columns` is made from the study and the comparison.
        }),
      ),
    [study, columns, comparison],
  );
  // Groups without any number (fields) would be empty everywhere.
  const groups = study.groups
    .map((_, g) => g)
    .filter((g) => study.groups[g]?.models.some((m) => shown.some((c) => isNumber(c.values[m]))));
  if (shown.length === 0)
    return (
      <Empty title="Nothing to compare yet">
        <p>No model of this study has a metric, an eigenvalue or a path.</p>
      </Empty>
    );
  return (
    <>
      <div className="bar">
        <Select
          label="Axes"
          value={axis}
          options={[
            ["auto", "logarithmic where more than 3 decades"],
            ["linear", "linear"],
            ["log", "logarithmic where positive"],
          ]}
          onChange={(groupAxis) => setAcross({ groupAxis })}
        />
      </div>
      <div className="small-multiples">
        {shown.map((c) => (
          <GroupPlot key={c.key} study={study} groups={groups} column={c} intervals={intervals.get(c.key) ?? []} />
        ))}
      </div>
    </>
  );
}

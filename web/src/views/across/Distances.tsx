// Distances of fields and diagrams: the matrix as a heat map, and the models placed by it.
import { useMemo, useRef } from "react";
import type { LossRecord } from "../../api/record";
import type { Study } from "../../api/types";
import { client } from "../../api/client";
import { toCsv } from "../../base/csv";
import { isNumber } from "../../base/statistics";
import { svgText } from "../../base/svg_export";
import { colorAt, cssColor, cssGradient } from "../../geometry/colormaps";
import { classicalScaling } from "../../geometry/mds";
import { placeLabels } from "../../geometry/labels";
import { fitTail, formatNumber, labelWidth } from "../../geometry/numbers";
import { shortNames } from "../../model/names";
import { decades, finiteRange, makeScale, pixelScale } from "../../geometry/scales";
import { groupColor, usePalette } from "../../model/palette";
import { useRecords } from "../../model/study";
import { setAcross, setHover, toggleSelected, useHover, useView } from "../../state";
import { AxisBottom, AxisLeft } from "../../widgets/axes";
import { Select } from "../../widgets/controls";
import { Empty, Failure, Loading, Panel } from "../../widgets/Panel";
import { Facts, hideTooltip, showTooltip } from "../../widgets/Tooltip";
import { useSize } from "../../widgets/useSize";

const KINDS: Record<string, string> = {
  bottleneck: "bottleneck distance of persistence diagrams",
  wasserstein: "Wasserstein distance of persistence diagrams",
  field: "distance of fields (root mean square)",
  tree: "distance of merge trees",
};
const kindTitle = (record: LossRecord): string =>
  KINDS[record.text("kind")] ?? record.text("kind").replaceAll("_", " ");

function HeatMap({
  study,
  record,
  names,
  matrix,
}: {
  study: Study;
  record: LossRecord;
  names: string[];
  matrix: ArrayLike<number>;
}) {
  const palette = usePalette();
  const svg = useRef<SVGSVGElement>(null);
  const hovered = useHover((h) => h.model);
  const [box, { width }] = useSize<HTMLDivElement>();
  const n = names.length;
  const colorOfName = (name: string): string => {
    const model = study.models.find((m) => m.name === name);
    return model ? groupColor(model.group, study.groups.length, palette.dark) : palette.ink2;
  };
  const range = finiteRange(matrix);
  const between = Array.from(matrix).filter((v) => isNumber(v) && v > 0);
  const spread = finiteRange(between);
  const log = spread !== undefined && decades(spread) > 3;
  const scale = log ? makeScale("log", spread) : makeScale("linear", { low: 0, high: range?.high ?? 1 });
  const told = shortNames(study).models;
  const short = names.map((name) =>
    fitTail(told[study.models.findIndex((m) => m.name === name)] ?? name, 124),
  );
  const longest = Math.min(130, Math.max(...short.map((name) => labelWidth(name, 11)), 30));
  const cell = Math.max(2, Math.min(48, (Math.max(240, width - 12) - longest - 20) / n));
  const left = longest + 18;
  const top = 8;
  const labels = cell >= 9;
  return (
    <Panel
      title="Matrix"
      label={`Matrix: ${kindTitle(record)}`}
      note={log ? "logarithmic colours: over 3 decades" : kindTitle(record)}
      explanation={{
        what: `The ${kindTitle(record)} between every two models’ landscapes. 0 means equal by this distance.`,
        read: "Dark blocks along the diagonal are groups whose landscapes are alike. Lines that are light throughout are models unlike all others.",
        misread:
          "Distances of diagrams do not see where features lie, only how deep they are. Fields sampled on different ranges or grids are far apart for that reason alone.",
      }}
      exports={{
        name: `${study.name}-distances-${record.text("kind")}`,
        svg: () => (svg.current ? svgText(svg.current) : null),
        csv: () =>
          toCsv(
            ["model", ...names],
            names.map((name, i) => [name, ...names.map((_, j) => matrix[i * n + j])]),
          ),
        links: [{ label: "Matrix, NPZ", href: client.exportUrl(study.id, record.id, "npz") }],
      }}
    >
      <div ref={box}>
        <svg
          ref={svg}
          className="chart"
          width={left + n * cell + 10}
          height={top + n * cell + (labels ? 16 + longest * 0.72 : 20)}
          role="img"
          aria-label={`${kindTitle(record)} of ${n} models`}
          onPointerLeave={() => {
            hideTooltip();
            setHover({ model: null });
          }}
        >
          {names.map((name, i) => (
            <g key={name}>
              <rect
                x={left - 8}
                y={top + i * cell}
                width={5}
                height={Math.max(1, cell - 0.5)}
                fill={colorOfName(name)}
              />
              {labels && (
                <text
                  x={left - 12}
                  y={top + (i + 0.5) * cell + 4}
                  textAnchor="end"
                  fontWeight={hovered === name ? 700 : 400}
                >
                  {short[i]}
                </text>
              )}
              {labels && (
                <text
                  transform={`translate(${left + (i + 0.5) * cell + 4} ${top + n * cell + 12}) rotate(-45)`}
                  textAnchor="end"
                  fontWeight={hovered === name ? 700 : 400}
                >
                  {short[i]}
                </text>
              )}
            </g>
          ))}
          {names.flatMap((a, i) =>
            names.map((b, j) => {
              const value = matrix[i * n + j] as number;
              return (
                <rect
                  key={`${i}/${j}`}
                  x={left + j * cell}
                  y={top + i * cell}
                  width={cell + 0.2}
                  height={cell + 0.2}
                  fill={isNumber(value) ? cssColor(colorAt("viridis", Math.max(0, scale.share(value)))) : palette.grid}
                  onPointerEnter={(e) => {
                    setHover({ model: a });
                    showTooltip(
                      e.clientX,
                      e.clientY,
                      <>
                        <strong>
                          {a} – {b}
                        </strong>
                        <Facts
                          facts={[
                            [
                              "distance",
                              isNumber(value)
                                ? formatNumber(value)
                                : value === Infinity
                                  ? "infinite: different numbers of components"
                                  : "not defined",
                            ],
                          ]}
                        />
                      </>,
                    );
                  }}
                  onClick={() => toggleSelected(a)}
                />
              );
            }),
          )}
        </svg>
        <div className="scale-row">
          <span>{log ? formatNumber(spread.low, 2) : "0"}</span>
          <span className="ramp" style={{ background: cssGradient("viridis") }} />
          <span>
            {formatNumber(range?.high ?? 0, 3)}
            {log && "; equal landscapes are darkest"}
          </span>
        </div>
      </div>
    </Panel>
  );
}

function Embedding({
  study,
  record,
  names,
  matrix,
}: {
  study: Study;
  record: LossRecord;
  names: string[];
  matrix: ArrayLike<number>;
}) {
  const palette = usePalette();
  const svg = useRef<SVGSVGElement>(null);
  const hovered = useHover((h) => h.model);
  const selected = useView((s) => s.selected);
  const [box, { width }] = useSize<HTMLDivElement>();
  const n = names.length;
  const points = useMemo(() => classicalScaling(matrix, n), [matrix, n]);
  const stress = useMemo(() => {
    let top = 0,
      bottom = 0;
    for (let i = 0; i < n; i++)
      for (let j = 0; j < i; j++) {
        const d = matrix[i * n + j] as number;
        const e = Math.hypot(
          (points[2 * i] as number) - (points[2 * j] as number),
          (points[2 * i + 1] as number) - (points[2 * j + 1] as number),
        );
        if (!isNumber(d) || !isNumber(e)) continue;
        top += (d - e) ** 2;
        bottom += d * d;
      }
    return bottom > 0 ? Math.sqrt(top / bottom) : NaN;
  }, [matrix, points, n]);
  const xs = finiteRange(Array.from({ length: n }, (_, i) => points[2 * i] as number));
  const ys = finiteRange(Array.from({ length: n }, (_, i) => points[2 * i + 1] as number));
  if (!xs || !ys)
    return (
      <Panel title="Placed by distance" label="Placed by distance">
        <Empty title="No finite distances" />
      </Panel>
    );
  const inner = { x: 84, y: 10, width: Math.max(120, Math.min(520, width - 108)), height: 0 };
  inner.height = Math.min(inner.width, 420);
  // One unit on both axes.
  const unit = Math.max((xs.high - xs.low) / inner.width, (ys.high - ys.low) / inner.height, 1e-300) * 1.12;
  const around = (r: { low: number; high: number }, pixels: number): { low: number; high: number } => {
    const c = (r.low + r.high) / 2;
    return { low: c - (unit * pixels) / 2, high: c + (unit * pixels) / 2 };
  };
  const x = pixelScale(makeScale("linear", around(xs, inner.width)), inner.x, inner.x + inner.width);
  const y = pixelScale(makeScale("linear", around(ys, inner.height)), inner.y + inner.height, inner.y);
  const name = kindTitle(record);
  const told = shortNames(study).models;
  const marks = names
    .map((model, i) => ({
      model,
      x: x.px(points[2 * i] as number),
      y: y.px(points[2 * i + 1] as number),
      label: told[study.models.findIndex((m) => m.name === model)] ?? model,
    }))
    .filter((mark) => isNumber(mark.x) && isNumber(mark.y));
  const labels = placeLabels(
    marks,
    6,
    marks.map((mark, node) => ({ node, lines: [mark.label], width: labelWidth(mark.label, 11) + 2, priority: 1 })),
    13,
    () => inner,
  );
  return (
    <Panel
      title="Placed by distance"
      label="Models placed by distance"
      note={`classical scaling, stress ${formatNumber(stress, 3)}${
        labels.length < marks.length ? `; ${marks.length - labels.length} labels have no room` : ""
      }`}
      explanation={{
        what: `Models in the plane so that their distances are as near as possible to the ${name} (classical multidimensional scaling).`,
        read: "Points that are near each other have similar landscapes. The stress tells how much of the distances the plane cannot show (0: nothing is lost).",
        misread:
          "The axes have no meaning of their own. With a stress above about 0.2 do not trust single distances in the picture: look at the matrix.",
      }}
      exports={{
        name: `${study.name}-placed-by-${record.text("kind")}`,
        svg: () => (svg.current ? svgText(svg.current) : null),
        csv: () =>
          toCsv(
            ["model", "x", "y"],
            names.map((m, i) => [m, points[2 * i], points[2 * i + 1]]),
          ),
      }}
    >
      <div ref={box}>
        <svg
          ref={svg}
          className="chart"
          width={inner.x + inner.width + 20}
          height={inner.height + 58}
          role="img"
          aria-label={`Models placed by the ${name}`}
        >
          <AxisBottom
            scale={x}
            frame={{ inner }}
            title={`first axis, in units of the ${record.text("kind")} distance`}
          />
          <AxisLeft scale={y} frame={{ inner }} title="second axis" />
          {labels.map((label) => (
            <text key={label.request.node} x={label.x + 1} y={label.y + 10}>
              {label.request.lines[0]}
            </text>
          ))}
          {names.map((model, i) => {
            if (!isNumber(points[2 * i])) return null;
            const entry = study.models.find((m) => m.name === model);
            const strong = hovered === model || selected.includes(model);
            return (
              <circle
                key={model}
                className="model-mark"
                cx={x.px(points[2 * i] as number)}
                cy={y.px(points[2 * i + 1] as number)}
                r={strong ? 7 : 5}
                fill={entry ? groupColor(entry.group, study.groups.length, palette.dark) : palette.ink2}
                fillOpacity={0.85}
                stroke={strong ? palette.select : palette.surface}
                strokeWidth={strong ? 2 : 1}
                onPointerEnter={(e) => {
                  setHover({ model });
                  showTooltip(e.clientX, e.clientY, <strong>{model}</strong>);
                }}
                onPointerLeave={() => {
                  setHover({ model: null });
                  hideTooltip();
                }}
                onClick={() => toggleSelected(model)}
              />
            );
          })}
        </svg>
      </div>
    </Panel>
  );
}

export function Distances({ study }: { study: Study }) {
  const wanted = useView((s) => s.across.distance);
  const loaded = useRecords(study, study.study_records.distances);
  if (study.study_records.distances.length === 0)
    return (
      <Empty title="No distances yet">
        <p>A study computes distances between fields and diagrams once at least two landscapes are there.</p>
      </Empty>
    );
  if (loaded.state === "error") return <Failure message={loaded.message} />;
  if (loaded.state !== "ready") return <Loading />;
  const records = loaded.value.filter((r) => r !== null);
  const record = records.find((r) => r.id === wanted) ?? records[0];
  if (!record) return <Empty title="No distances yet" />;
  // Models of another family are left out where the study is restricted to one.
  const known = new Set(study.groups.flatMap((g) => g.models).map((m) => study.models[m]?.name));
  const listed = record.lines("models");
  const kept = listed.map((_, i) => i).filter((i) => known.has(listed[i] as string));
  const whole = record.numbers("matrix");
  const names = kept.map((i) => listed[i] as string);
  const matrix = kept.flatMap((i) => kept.map((j) => whole[i * listed.length + j] as number));
  return (
    <>
      <div className="bar">
        <Select
          label="Distance"
          value={String(record.id)}
          options={records.map((r) => [String(r.id), kindTitle(r)] as const)}
          onChange={(v) => setAcross({ distance: Number(v) })}
        />
      </div>
      <div className="two">
        <HeatMap study={study} record={record} names={names} matrix={matrix} />
        <Embedding study={study} record={record} names={names} matrix={matrix} />
      </div>
    </>
  );
}

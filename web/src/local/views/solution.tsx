// The solution of a differential equation, the exact one, and the error.
import { useMemo, useRef } from "react";
import { client } from "../../api/client";
import { toCsv } from "../../base/csv";
import { recordsOf } from "../../api/types";
import type { LossRecord } from "../../api/record";
import { type Grid2 } from "../../geometry/grid";
import { formatNumber, formatWithUnit } from "../../geometry/numbers";
import { finiteRange, makeScale, unionRange } from "../../geometry/scales";
import { useSlimRecord, useSlimRecords } from "../model";
import { Select } from "../../widgets/controls";
import { Empty, Failure, Loading } from "../../widgets/Panel";
import { useComparison, useOption } from "../comparison";
import { FieldPlot, diverging } from "../parts/field";
import { type ViewProps, ViewPanel } from "../parts/panel";

/** x to the right, t upwards: the record holds [x, t]. */
function transposed(record: LossRecord, values: ArrayLike<number>): Grid2 {
  const [x, t] = [Float64Array.from(record.numbers("axis_0")), Float64Array.from(record.numbers("axis_1"))];
  return {
    columns: x.length,
    rows: t.length,
    x,
    y: t,
    values: Float64Array.from(
      { length: x.length * t.length },
      (_, v) => values[(v % x.length) * t.length + Math.floor(v / x.length)]!,
    ),
  };
}

export function SolutionView({ item }: ViewProps) {
  const comparison = useComparison();
  const idOf = (m: ViewProps["item"]): number | null => recordsOf(m.model, "metrics").at(-1) ?? null;
  const loaded = useSlimRecord(item.study, idOf(item));
  const all = useSlimRecords(item.study, comparison.models.map(idOf));
  const [part, setPart] = useOption("solution.part", "solution");
  const make = useRef<() => string | null>(() => null);
  const record = loaded.state === "ready" ? loaded.value : null;
  const others = all.state === "ready" && comparison.locked ? all.value : [record];
  const parts = useMemo(() => {
    if (!record?.array("solution")) return null;
    const solution = record.numbers("solution");
    const exact = record.numbers("exact");
    const error = Float64Array.from(solution, (v, i) => v - (exact[i] ?? NaN));
    return {
      solution: transposed(record, solution),
      exact: exact.length === solution.length ? transposed(record, exact) : null,
      error: transposed(record, error),
    };
  }, [record]);
  const scales = useMemo(() => {
    const values = unionRange(
      others.flatMap((r) => (r ? [finiteRange(r.numbers("solution"), r.numbers("exact"))] : [])),
    ) ?? { low: -1, high: 1 };
    const errors = unionRange(
      others.map((r) =>
        r?.array("solution") && r.array("exact")
          ? finiteRange(Float64Array.from(r.numbers("solution"), (v, i) => v - r.numbers("exact")[i]!))
          : undefined,
      ),
    ) ?? { low: -1, high: 1 };
    return { values: makeScale("linear", values), error: diverging(errors.low, errors.high) };
  }, [others.map((r) => r?.id).join()]);
  const frame = (content: React.ReactNode) => (
    <ViewPanel kind="solution" model={item.model.name}>
      {content}
    </ViewPanel>
  );
  if (loaded.state === "error") return frame(<Failure message={loaded.message} />);
  if (loaded.state === "loading") return frame(<Loading what="Loading the solution" />);
  if (!record || !parts)
    return frame(
      <Empty title="No solution stored">
        <p>Solutions belong to physics-informed networks.</p>
      </Empty>,
    );
  const known = part === "error" && parts.exact ? "error" : part === "exact" && parts.exact ? "exact" : "solution";
  const title = { solution: "u, network", exact: "u*, exact", error: "u − u*" }[known];
  const relative = record.real("relative_error");
  const shared = { kind: "solution", model: item.model.name, xTitle: "x", yTitle: "t", levels: 16 } as const;
  const at = (grid: Grid2 | null, x: number, y: number): string => {
    if (!grid) return "–";
    const j = nearest(grid.x, x);
    const i = nearest(grid.y, y);
    return formatNumber(grid.values[i * grid.columns + j], 4);
  };
  return (
    <ViewPanel
      kind="solution"
      model={item.model.name}
      note={relative === relative ? `relative error ${formatWithUnit(relative, record.unit("relative_error"), 3)}` : ""}
      variant={
        <p>
          {record.text("problem")} on the reference grid of {parts.solution.columns} × {parts.solution.rows} points (x,
          t).
        </p>
      }
      controls={
        <Select
          label="Show"
          value={known}
          options={
            [
              ["solution", "network"],
              ...(parts.exact
                ? ([
                    ["exact", "exact"],
                    ["error", "error"],
                  ] as const)
                : []),
            ] as const
          }
          onChange={setPart}
        />
      }
      exports={{
        name: `${known}-${item.model.name}`,
        svg: () => make.current(),
        csv: () =>
          toCsv(
            ["x", "t", "solution", "exact", "error"],
            Array.from(parts.solution.values, (v, k) => [
              parts.solution.x[k % parts.solution.columns]!,
              parts.solution.y[Math.floor(k / parts.solution.columns)]!,
              v,
              parts.exact?.values[k] ?? NaN,
              parts.error.values[k]!,
            ]),
          ),
        links: [{ label: "Metrics, NPZ", href: client.exportUrl(item.study.id, record.id, "npz") }],
      }}
    >
      <FieldPlot
        {...shared}
        grid={known === "error" ? parts.error : known === "exact" ? parts.exact! : parts.solution}
        scale={known === "error" ? scales.error : scales.values}
        map={known === "error" ? "balance" : comparison.map === "balance" ? "viridis" : comparison.map}
        valueTitle={title}
        label={`${title} of ${item.model.name} over x and t`}
        onSvg={(f) => (make.current = f)}
        facts={(x, y) => [
          ["network", at(parts.solution, x, y)],
          ["exact", at(parts.exact, x, y)],
          ["error", at(parts.error, x, y)],
        ]}
      />
    </ViewPanel>
  );
}

function nearest(axis: Float64Array, at: number): number {
  let best = 0;
  axis.forEach((v, i) => {
    if (Math.abs(v - at) < Math.abs(axis[best]! - at)) best = i;
  });
  return best;
}

// Leading eigenvalues of the Hessian with their numerical and sampling errors.
import { useMemo } from "react";
import { client } from "../../api/client";
import { recordsOf } from "../../api/types";
import { formatNumber } from "../../geometry/numbers";
import { type ScaleKind, unionRange } from "../../geometry/scales";
import { useSlimRecord, useSlimRecords } from "../model";
import { Select } from "../../widgets/controls";
import { Empty, Failure, Loading } from "../../widgets/Panel";
import { useComparison, useOption } from "../comparison";
import { type Bar, BarPlot, rangeOfBars } from "../parts/bars";
import { type ViewProps, ViewPanel } from "../parts/panel";
import type { LossRecord } from "../../api/record";

/** Bars of an eigenpairs record, largest first. The residual is relative, so the whisker is residual times |lambda|. */
export function barsOf(record: LossRecord): Bar[] {
  const values = record.numbers("eigenvalues");
  const residuals = record.numbers("residuals");
  const sampling = record.numbers("sampling_error");
  const floor = record.real("residual_floor");
  const order = Array.from(values, (_, i) => i).sort((a, b) => values[b]! - values[a]!);
  return order.map((i, place) => {
    const value = values[i]!;
    const numerical = (residuals[i] ?? NaN) * Math.max(Math.abs(value), Number.isFinite(floor) ? floor : 0);
    return {
      label: String(place + 1),
      value,
      inner: numerical,
      outer: sampling[i] ?? NaN,
      facts: [
        ["Eigenvalue", `λ${place + 1} = ${formatNumber(value)}`],
        ["Residual |Hv − λv|", `${formatNumber(numerical, 2)} (relative ${formatNumber(residuals[i], 2)})`],
        ["Sampling error", sampling.length > 0 ? formatNumber(sampling[i], 2) : "not estimated"],
      ],
    };
  });
}

export function EigenvaluesView({ item }: ViewProps) {
  const comparison = useComparison();
  const ids = comparison.models.map((m) => recordsOf(m.model, "eigenpairs").at(-1) ?? null);
  const id = recordsOf(item.model, "eigenpairs").at(-1) ?? null;
  const record = useSlimRecord(item.study, id);
  const all = useSlimRecords(item.study, comparison.locked ? ids : [id]);
  const [scale, setScale] = useOption("eigenvalues.scale", "linear");
  const bars = useMemo(() => (record.state === "ready" ? barsOf(record.value) : []), [record]);
  const range = useMemo(
    () =>
      unionRange([
        rangeOfBars(bars),
        ...(all.state === "ready" ? all.value.map((r) => (r ? rangeOfBars(barsOf(r)) : undefined)) : []),
      ])!,
    [bars, all],
  );
  const frame = (content: React.ReactNode) => (
    <ViewPanel kind="eigenvalues" model={item.model.name}>
      {content}
    </ViewPanel>
  );
  if (id === null)
    return frame(
      <Empty title="No eigenvalues yet">
        <p>Add the Hessian analysis under Runs.</p>
      </Empty>,
    );
  if (record.state === "error") return frame(<Failure message={record.message} />);
  if (record.state !== "ready") return frame(<Loading what="Loading the eigenvalues" />);
  const r = record.value;
  const converged = r.real("converged") === 1;
  return (
    <BarPlot
      kind="eigenvalues"
      model={item.model.name}
      bars={bars}
      range={range}
      scaleKind={scale as ScaleKind}
      valueTitle="Eigenvalue of the Hessian"
      labelTitle="Rank"
      note={converged ? "" : `not converged: ${r.text("reason")}`}
      variant={
        <p>
          {r.text("operator") || "hessian"}, {r.text("end")} {bars.length}; {formatNumber(r.real("samples"))} samples,{" "}
          {formatNumber(r.real("products"))} products.
          {r.has("sampling_error")
            ? ` Sampling error over ${formatNumber(r.real("sampling_subsets"))} disjoint subsets.`
            : ` No sampling error: ${r.text("sampling_unavailable") || "not asked for"}.`}
        </p>
      }
      links={[{ label: "Eigenpairs, NPZ", href: client.exportUrl(item.study.id, id, "npz") }]}
      csv={{
        header: ["rank", "eigenvalue", "numerical_error", "sampling_error"],
        rows: bars.map((b) => [b.label, b.value, b.inner, b.outer]),
      }}
      controls={
        <Select
          label="Scale"
          value={scale}
          options={[
            ["linear", "linear"],
            ["symlog", "symmetric-log"],
          ]}
          onChange={setScale}
        />
      }
    />
  );
}

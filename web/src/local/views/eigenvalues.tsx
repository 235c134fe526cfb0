// Leading eigenvalues of the Hessian with their numerical and sampling errors.
import type { LossRecord } from "../../api/record";
import { formatNumber } from "../../geometry/numbers";
import type { Bar } from "../parts/bars";
import type { ViewProps } from "../parts/panel";
import { type RecordBars, RecordBarsView } from "../parts/record_bars";

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

const EIGENVALUES: RecordBars = {
  kind: "eigenvalues",
  record: "eigenpairs",
  what: "eigenvalues",
  barsOf,
  valueTitle: "Eigenvalue of the Hessian",
  labelTitle: "Rank",
  note: (r) => (r.real("converged") === 1 ? "" : `not converged: ${r.text("reason")}`),
  variant: (r, bars) => (
    <p>
      {r.text("operator") || "hessian"}, {r.text("end")} {bars.length}; {formatNumber(r.real("samples"))} samples,{" "}
      {formatNumber(r.real("products"))} products.
      {r.has("sampling_error")
        ? ` Sampling error over ${formatNumber(r.real("sampling_subsets"))} disjoint subsets.`
        : ` No sampling error: ${r.text("sampling_unavailable") || "not asked for"}.`}
    </p>
  ),
  csv: {
    header: ["rank", "eigenvalue", "numerical_error", "sampling_error"],
    row: (b) => [b.label, b.value, b.inner, b.outer],
  },
};

export function EigenvaluesView({ item }: ViewProps) {
  return <RecordBarsView item={item} of={EIGENVALUES} />;
}

// Trace of each parameter tensor's block of the Hessian.
import type { LossRecord } from "../../api/record";
import { formatNumber, formatWithError } from "../../geometry/numbers";
import { Empty } from "../../widgets/Panel";
import type { Bar } from "../parts/bars";
import type { ViewProps } from "../parts/panel";
import { type RecordBars, RecordBarsView } from "../parts/record_bars";

function barsOf(record: LossRecord): Bar[] {
  const names = record.lines("tensor_names");
  const values = record.numbers("tensor_trace");
  const errors = record.numbers("tensor_standard_error");
  return Array.from(values, (value, i) => ({
    label: names[i] ?? `tensor ${i + 1}`,
    value,
    inner: NaN,
    outer: errors[i] ?? NaN,
    facts: [
      ["Tensor", names[i] ?? String(i + 1)],
      ["Trace of its block", formatWithError(value, errors[i])],
    ],
  }));
}

const total = (r: LossRecord): string => `whole Hessian: ${formatWithError(r.real("trace"), r.real("standard_error"))}`;

const LAYERS: RecordBars = {
  kind: "layers",
  record: "trace",
  what: "trace",
  barsOf,
  valueTitle: "Trace of the tensor's block",
  labelTitle: "Tensor",
  lying: true,
  note: total,
  variant: (r) => (
    <p>
      {r.text("method")}, {formatNumber(r.real("probes"))} probes; stopped: {r.text("reason")}. {total(r)}.
    </p>
  ),
  empty: (r) => (
    <Empty title={`Trace, ${total(r)}`}>
      <p>The trace was not estimated by layer.</p>
    </Empty>
  ),
  csv: { header: ["tensor", "trace", "standard_error"], row: (b) => [b.label, b.value, b.outer] },
};

export function LayersView({ item }: ViewProps) {
  return <RecordBarsView item={item} of={LAYERS} />;
}

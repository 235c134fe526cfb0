// Trace of each parameter tensor's block of the Hessian.
import { useMemo } from "react";
import { client } from "../../api/client";
import { recordsOf } from "../../api/types";
import type { LossRecord } from "../../api/record";
import { formatNumber, formatWithError } from "../../geometry/numbers";
import { type ScaleKind, unionRange } from "../../geometry/scales";
import { useSlimRecord, useSlimRecords } from "../model";
import { Select } from "../../widgets/controls";
import { Empty, Failure, Loading } from "../../widgets/Panel";
import { useComparison, useOption } from "../comparison";
import { type Bar, BarPlot, rangeOfBars } from "../parts/bars";
import { type ViewProps, ViewPanel } from "../parts/panel";

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

export function LayersView({ item }: ViewProps) {
  const comparison = useComparison();
  const id = recordsOf(item.model, "trace").at(-1) ?? null;
  const record = useSlimRecord(item.study, id);
  const all = useSlimRecords(
    item.study,
    comparison.locked ? comparison.models.map((m) => recordsOf(m.model, "trace").at(-1) ?? null) : [id],
  );
  const [scale, setScale] = useOption("layers.scale", "linear");
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
    <ViewPanel kind="layers" model={item.model.name}>
      {content}
    </ViewPanel>
  );
  if (id === null)
    return frame(
      <Empty title="No trace yet">
        <p>Add the Hessian analysis under Runs.</p>
      </Empty>,
    );
  if (record.state === "error") return frame(<Failure message={record.message} />);
  if (record.state !== "ready") return frame(<Loading what="Loading the trace" />);
  const r = record.value;
  const total = `whole Hessian: ${formatWithError(r.real("trace"), r.real("standard_error"))}`;
  if (bars.length === 0)
    return frame(
      <Empty title={`Trace, ${total}`}>
        <p>The trace was not estimated by layer.</p>
      </Empty>,
    );
  return (
    <BarPlot
      kind="layers"
      model={item.model.name}
      bars={bars}
      range={range}
      scaleKind={scale as ScaleKind}
      lying
      valueTitle="Trace of the tensor's block"
      labelTitle="Tensor"
      note={total}
      variant={
        <p>
          {r.text("method")}, {formatNumber(r.real("probes"))} probes; stopped: {r.text("reason")}. {total}.
        </p>
      }
      links={[{ label: "Trace, NPZ", href: client.exportUrl(item.study.id, id, "npz") }]}
      csv={{ header: ["tensor", "trace", "standard_error"], rows: bars.map((b) => [b.label, b.value, b.outer]) }}
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

// Bars read from one kind of record of a model: loading, one range for all models where they are locked, the choice of scale.
import { type ReactNode, useMemo } from "react";
import { client } from "../../api/client";
import type { LossRecord } from "../../api/record";
import { recordsOf } from "../../api/types";
import type { Cell } from "../../base/csv";
import { type ScaleKind, unionRange } from "../../geometry/scales";
import type { LocalKind } from "../../state";
import { Select } from "../../widgets/controls";
import { Empty, Failure, Loading } from "../../widgets/Panel";
import { useComparison, useOption } from "../comparison";
import { type LocalModel, useSlimRecord, useSlimRecords } from "../model";
import { type Bar, BarPlot, rangeOfBars } from "./bars";
import { type ViewProps, ViewPanel } from "./panel";

export interface RecordBars {
  readonly kind: LocalKind;
  readonly record: string; // kind of record: a model's newest one is shown
  readonly what: string; // "eigenvalues": for what is loading or missing
  readonly barsOf: (record: LossRecord) => readonly Bar[];
  readonly valueTitle: string;
  readonly labelTitle: string;
  readonly lying?: boolean;
  readonly note: (record: LossRecord) => string;
  readonly variant: (record: LossRecord, bars: readonly Bar[]) => ReactNode;
  /** Where a record has no bars. */
  readonly empty?: (record: LossRecord) => ReactNode;
  readonly csv: { readonly header: readonly string[]; readonly row: (bar: Bar) => readonly Cell[] };
}

export function RecordBarsView({ item, of }: ViewProps & { of: RecordBars }) {
  const { kind, barsOf } = of;
  const comparison = useComparison();
  const newest = (m: LocalModel): number | null => recordsOf(m.model, of.record).at(-1) ?? null;
  const id = newest(item);
  const loaded = useSlimRecord(item.study, id);
  const all = useSlimRecords(item.study, comparison.locked ? comparison.models.map(newest) : [id]);
  const [scale, setScale] = useOption(`${kind}.scale`, "linear");
  const bars = useMemo(() => (loaded.state === "ready" ? barsOf(loaded.value) : []), [loaded, barsOf]);
  const range = useMemo(
    () =>
      unionRange([
        rangeOfBars(bars),
        ...(all.state === "ready" ? all.value.map((r) => (r ? rangeOfBars(barsOf(r)) : undefined)) : []),
      ])!,
    [bars, all, barsOf],
  );
  const frame = (content: ReactNode): ReactNode => (
    <ViewPanel kind={kind} model={item.model.name}>
      {content}
    </ViewPanel>
  );
  if (id === null)
    return frame(
      <Empty title={`No ${of.what} yet`}>
        <p>Add the Hessian analysis under Runs.</p>
      </Empty>,
    );
  if (loaded.state === "error") return frame(<Failure message={loaded.message} />);
  if (loaded.state !== "ready") return frame(<Loading what={`Loading the ${of.what}`} />);
  const record = loaded.value;
  if (bars.length === 0 && of.empty) return frame(of.empty(record));
  return (
    <BarPlot
      kind={kind}
      model={item.model.name}
      bars={bars}
      range={range}
      scaleKind={scale as ScaleKind}
      lying={of.lying ?? false}
      valueTitle={of.valueTitle}
      labelTitle={of.labelTitle}
      note={of.note(record)}
      variant={of.variant(record, bars)}
      links={[{ label: "Record, NPZ", href: client.exportUrl(item.study.id, id, "npz") }]}
      csv={{ header: of.csv.header, rows: bars.map(of.csv.row) }}
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

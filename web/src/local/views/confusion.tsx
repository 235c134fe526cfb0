// Confusion matrices, and where two models' predictions part.
import { useMemo } from "react";
import { client } from "../../api/client";
import type { LossRecord } from "../../api/record";
import { recordsOf } from "../../api/types";
import { formatInteger, formatPercent } from "../../geometry/numbers";
import { Select } from "../../widgets/controls";
import { Failure, Loading } from "../../widgets/Panel";
import { mapName, useComparison, useOption } from "../comparison";
import { type LocalModel, useSlimRecords } from "../model";
import { HeatMap } from "../parts/heatmap";
import { type ComparisonViewProps, ViewPanel } from "../parts/panel";

const metricsRecord = (item: LocalModel): number | null => recordsOf(item.model, "metrics").at(-1) ?? null;

function classesOf(record: LossRecord, count: number): string[] {
  const names = record.lines("class_names");
  return Array.from({ length: count }, (_, i) => names[i] ?? String(i));
}

export function ConfusionView({ items }: ComparisonViewProps) {
  const study = items[0]!.study;
  const { map } = useComparison();
  const colors = map === "balance" ? mapName("viridis") : map;
  const records = useSlimRecords(study, items.map(metricsRecord));
  if (records.state === "error")
    return (
      <ViewPanel kind="confusion" model="">
        <Failure message={records.message} />
      </ViewPanel>
    );
  if (records.state !== "ready")
    return (
      <ViewPanel kind="confusion" model="">
        <Loading what="Loading the predictions" />
      </ViewPanel>
    );
  return (
    <div className="local-flow">
      {records.value.map((record, i) => {
        const confusion = record?.array("confusion");
        if (!record || !confusion || confusion.shape.length !== 2) return null;
        const n = confusion.shape[0]!;
        const classes = classesOf(record, n);
        const totals = Array.from({ length: n }, (_, r) =>
          Array.from({ length: n }, (__, c) => Number(confusion.data[r * n + c])).reduce((a, b) => a + b, 0),
        );
        const at = (r: number, c: number): number => Number(confusion.data[r * n + c]);
        const right = Array.from({ length: n }, (_, r) => at(r, r)).reduce((a, b) => a + b, 0);
        const all = totals.reduce((a, b) => a + b, 0);
        const name = items[i]!.model.name;
        return (
          <HeatMap
            key={name}
            kind="confusion"
            model={name}
            name={`confusion-${name}`}
            rows={classes}
            columns={classes}
            value={(r, c) => (totals[r]! > 0 ? at(r, c) / totals[r]! : NaN)}
            range={{ low: 0, high: 1 }}
            map={colors}
            rowTitle="True class"
            columnTitle="Predicted class"
            valueTitle="Share of the true class"
            note={`${formatPercent(right / all)} of ${formatInteger(all)} right`}
            text={(r, c) => (at(r, c) > 0 ? formatInteger(at(r, c)) : "")}
            facts={(r, c) => [
              ["true", classes[r]!],
              ["predicted", classes[c]!],
              ["samples", `${formatInteger(at(r, c))} of ${formatInteger(totals[r]!)}`],
              ["share", totals[r]! > 0 ? formatPercent(at(r, c) / totals[r]!) : "–"],
            ]}
            links={[{ label: "Metrics, NPZ", href: client.exportUrl(study.id, record.id, "npz") }]}
          />
        );
      })}
      <Disparity items={items} records={records.value} />
    </div>
  );
}

/** Where two models part. With true labels: both right, only one, neither, by class; else what one says against the other. */
function Disparity({ items, records }: ComparisonViewProps & { records: readonly (LossRecord | null)[] }) {
  const { map } = useComparison();
  const usable = items
    .map((item, i) => ({ item, record: records[i] ?? null }))
    .filter((e) => e.record?.array("predictions"));
  const names = usable.map((e) => e.item.model.name);
  const [a, setA] = useOption("disparity.a", "");
  const [b, setB] = useOption("disparity.b", "");
  const first = names.includes(a) ? a : names[0];
  const second = names.includes(b) && b !== first ? b : names.find((n) => n !== first);
  const table = useMemo(() => {
    const of = (name: string | undefined) => usable.find((e) => e.item.model.name === name)?.record;
    const [p, q] = [of(first), of(second)];
    if (!p || !q) return null;
    const [x, y] = [p.numbers("predictions"), q.numbers("predictions")];
    if (x.length !== y.length || x.length === 0) return null;
    const labels = p.numbers("labels").length === x.length ? p.numbers("labels") : null;
    const n = Math.max(
      p.array("confusion")?.shape[0] ?? 0,
      ...[x, y].map((v) => Array.from(v).reduce((m, k) => Math.max(m, k), 0) + 1),
    );
    const width = labels ? 4 : n;
    const counts = new Float64Array(n * width);
    let parted = 0;
    for (let s = 0; s < x.length; s++) {
      if (x[s] !== y[s]) parted++;
      const row = labels ? Number(labels[s]) : Number(x[s]);
      const column = labels
        ? x[s] === labels[s]
          ? y[s] === labels[s]
            ? 0
            : 1
          : y[s] === labels[s]
            ? 2
            : 3
        : Number(y[s]);
      if (row >= 0 && row < n && column >= 0) counts[row * width + column]! += 1;
    }
    return { n, width, counts, labelled: labels !== null, parted, samples: x.length, classes: classesOf(p, n) };
  }, [first, second, records]);
  if (!table || !first || !second) return null;
  const { n, width, counts } = table;
  const totals = Array.from({ length: n }, (_, r) =>
    counts.subarray(r * width, (r + 1) * width).reduce((x, y) => x + y, 0),
  );
  const columns = table.labelled ? ["both right", `only ${first}`, `only ${second}`, "neither"] : table.classes;
  return (
    <HeatMap
      kind="confusion"
      model={`${first} and ${second}`}
      name={`disparity-${first}-${second}`}
      rows={table.classes}
      columns={columns}
      value={(r, c) => (totals[r]! > 0 ? counts[r * width + c]! / totals[r]! : NaN)}
      range={{ low: 0, high: 1 }}
      map={map === "balance" ? "viridis" : map}
      rowTitle={table.labelled ? "True class" : `Predicted by ${first}`}
      columnTitle={table.labelled ? "Who is right" : `Predicted by ${second}`}
      valueTitle="Share of the row"
      note={`Disparity: they differ on ${formatInteger(table.parted)} of ${formatInteger(table.samples)} samples (${formatPercent(table.parted / table.samples)})`}
      text={(r, c) => (counts[r * width + c]! > 0 ? formatInteger(counts[r * width + c]!) : "")}
      facts={(r, c) => [
        [table.labelled ? "true class" : first, table.classes[r]!],
        [table.labelled ? "right" : second, columns[c]!],
        ["samples", `${formatInteger(counts[r * width + c]!)} of ${formatInteger(totals[r]!)}`],
      ]}
      controls={
        names.length > 2 && (
          <>
            <Select label="First" value={first} options={names.map((x) => [x, x] as const)} onChange={setA} />
            <Select label="Second" value={second} options={names.map((x) => [x, x] as const)} onChange={setB} />
          </>
        )
      }
    />
  );
}

// Layer by layer: how alike two models' features are.
import { useMemo } from "react";
import { client } from "../../api/client";
import type { LossRecord } from "../../api/record";
import { formatNumber } from "../../geometry/numbers";
import { useRecord } from "../../model/study";
import { Select } from "../../widgets/controls";
import { Empty, Failure, Loading } from "../../widgets/Panel";
import { mapName, useComparison, useOption } from "../comparison";
import { HeatMap } from "../parts/heatmap";
import { type ComparisonViewProps, ViewPanel } from "../parts/panel";

interface Entries {
  readonly size: number;
  readonly of: (model: string) => readonly number[];
  readonly layer: (entry: number) => string;
}

function entriesOf(record: LossRecord): Entries {
  const models = record.lines("model_names");
  const owner = record.numbers("entry_model");
  const layers = record.lines("layer_names");
  return {
    size: owner.length,
    of: (model) => {
      const index = models.indexOf(model);
      return Array.from(owner, (m, i) => (m === index ? i : -1)).filter((i) => i >= 0);
    },
    layer: (entry) => layers[entry] ?? `layer ${entry}`,
  };
}

const FLAGS = ["", "no variance", "not finite", "too few samples"] as const;

export function CkaView({ items }: ComparisonViewProps) {
  const study = items[0]!.study;
  const { map } = useComparison();
  const id = study.study_records.similarity;
  const loaded = useRecord(study, id);
  const names = items.map((item) => item.model.name);
  const [a, setA] = useOption("cka.a", "");
  const [b, setB] = useOption("cka.b", "");
  const first = names.includes(a) ? a : names[0]!;
  const second = names.includes(b) ? b : (names.find((n) => n !== first) ?? first);
  const entries = useMemo(() => (loaded.state === "ready" ? entriesOf(loaded.value) : null), [loaded]);
  const frame = (content: React.ReactNode) => (
    <ViewPanel kind="cka" model="">
      {content}
    </ViewPanel>
  );
  if (id === null)
    return frame(
      <Empty title="No similarities yet">
        <p>Add the similarity analysis to the study.</p>
      </Empty>,
    );
  if (loaded.state === "error") return frame(<Failure message={loaded.message} />);
  if (loaded.state !== "ready" || !entries) return frame(<Loading what="Loading the similarities" />);
  const record = loaded.value;
  const rows = entries.of(first);
  const columns = entries.of(second);
  const select = names.length > 1 && (
    <>
      <Select label="Rows" value={first} options={names.map((n) => [n, n] as const)} onChange={setA} />
      <Select label="Columns" value={second} options={names.map((n) => [n, n] as const)} onChange={setB} />
    </>
  );
  if (rows.length === 0 || columns.length === 0)
    return frame(
      <Empty title="Not compared">
        <p>{rows.length === 0 ? first : second} is not among the models whose features were compared.</p>
      </Empty>,
    );
  const matrix = record.numbers("matrix");
  const baseline = record.numbers("baseline");
  const flags = record.numbers("flags");
  const at = (r: number, c: number): number => rows[r]! * entries.size + columns[c]!;
  const whole = [...rows.flatMap((_, r) => columns.map((__, c) => matrix[at(r, c)]!))].filter((v) => v === v);
  const low = Math.min(0, ...whole);
  return (
    <HeatMap
      kind="cka"
      model=""
      name={`cka-${first}-${second}`}
      rows={rows.map(entries.layer)}
      columns={columns.map(entries.layer)}
      value={(r, c) => matrix[at(r, c)] ?? NaN}
      range={{ low: low < -0.05 ? low : 0, high: 1 }}
      map={map === "balance" ? mapName("viridis") : map}
      rowTitle={first}
      columnTitle={second}
      valueTitle="CKA"
      note={`${record.text("variant")}, ${formatNumber(record.real("samples"))} samples`}
      text={(r, c) => (matrix[at(r, c)] ?? NaN).toFixed(2).replace("-", "−")}
      facts={(r, c) => {
        const flag = Math.max(Number(flags[rows[r]!] ?? 0), Number(flags[columns[c]!] ?? 0));
        return [
          [first, entries.layer(rows[r]!)],
          [second, entries.layer(columns[c]!)],
          ["CKA", flag > 0 ? `undefined: ${FLAGS[flag] ?? "degenerate features"}` : formatNumber(matrix[at(r, c)], 3)],
          ["random features", formatNumber(baseline[at(r, c)], 3)],
        ];
      }}
      variant={
        <p>
          Linear CKA, {record.text("variant")}, on {formatNumber(record.real("samples"))} samples.
        </p>
      }
      links={[{ label: "All similarities, NPZ", href: client.exportUrl(study.id, id, "npz") }]}
      controls={select}
    />
  );
}

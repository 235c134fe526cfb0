// Training curves of all models compared, overlaid.
import { useMemo } from "react";
import { client } from "../../api/client";
import type { LossRecord } from "../../api/record";
import { type Model, recordsOf } from "../../api/types";
import { Select } from "../../widgets/controls";
import { Empty, Failure, Loading } from "../../widgets/Panel";
import { useOption } from "../comparison";
import { fieldTitle, useSlimRecords } from "../model";
import { type ComparisonViewProps, ViewPanel } from "../parts/panel";
import { type Series, SeriesPlot, seriesScale } from "../parts/series";

interface Curve {
  readonly quantity: string;
  readonly data: string; // "" = training
  readonly x: ArrayLike<number>;
  readonly y: ArrayLike<number>;
}

/** What a training record holds over epochs. */
export function curvesOf(record: LossRecord): Curve[] {
  const curves: Curve[] = [];
  const epochs = (n: number): Float64Array => Float64Array.from({ length: n }, (_, i) => i + 1);
  for (const quantity of ["loss", "gradient_norm", "rate"]) {
    const values = record.numbers(quantity);
    if (values.length > 1) curves.push({ quantity, data: "", x: epochs(values.length), y: values });
  }
  const evaluated = record.numbers("evaluated_epochs");
  if (evaluated.length > 0) {
    const loss = record.numbers("evaluation_loss");
    if (loss.length === evaluated.length) curves.push({ quantity: "loss", data: "evaluation", x: evaluated, y: loss });
    const metrics = record.array("evaluation_metrics");
    const names = record.lines("evaluation_metric_names");
    if (metrics && metrics.shape.length === 2 && metrics.shape[0] === evaluated.length)
      for (let k = 0; k < metrics.shape[1]!; k++)
        curves.push({
          quantity: names[k] ?? (metrics.shape[1] === 1 ? "accuracy" : `metric ${k + 1}`),
          data: "evaluation",
          x: evaluated,
          y: Float64Array.from({ length: evaluated.length }, (_, i) => metrics.data[i * metrics.shape[1]! + k]!),
        });
  }
  return curves;
}

export const trainingRecord = (model: Model): number | null => recordsOf(model, "model")[0] ?? null;

export function CurvesView({ items }: ComparisonViewProps) {
  const study = items[0]!.study;
  const ids = items.map((item) => trainingRecord(item.model));
  const records = useSlimRecords(study, ids);
  const [quantity, setQuantity] = useOption("curves.quantity", "loss");
  const [scale, setScale] = useOption("curves.scale", "auto");
  const curves = useMemo(
    () => (records.state === "ready" ? records.value.map((r) => (r ? curvesOf(r) : [])) : []),
    [records],
  );
  const quantities = [...new Set(curves.flatMap((c) => c.map((curve) => curve.quantity)))];
  const shown = quantities.includes(quantity) ? quantity : (quantities[0] ?? "loss");
  const series = useMemo(
    (): Series[] =>
      curves.flatMap((list, i) =>
        list
          .filter((c) => c.quantity === shown)
          .map((c) => ({
            name: c.data ? `${items[i]!.model.name}, ${c.data}` : items[i]!.model.name,
            color: i,
            dashed: c.data !== "",
            x: c.x,
            y: c.y,
          })),
      ),
    [curves, shown, items.map((i) => i.model.name).join()],
  );
  if (records.state === "error")
    return (
      <ViewPanel kind="curves" model="">
        <Failure message={records.message} />
      </ViewPanel>
    );
  if (records.state !== "ready")
    return (
      <ViewPanel kind="curves" model="">
        <Loading what="Loading the training" />
      </ViewPanel>
    );
  if (series.length === 0)
    return (
      <ViewPanel kind="curves" model="">
        <Empty title="No training recorded">
          <p>These models came as checkpoints: their training was not seen.</p>
        </Empty>
      </ViewPanel>
    );
  const kind = seriesScale(series, scale as "auto" | "linear" | "log");
  return (
    <SeriesPlot
      kind="curves"
      title="training"
      series={series}
      models={items.length}
      xTitle="Epoch"
      yTitle={fieldTitle(shown)}
      yScale={kind}
      note={scale === "auto" && kind === "log" ? "logarithmic: more than 3 decades" : ""}
      links={items.flatMap((item, i) =>
        ids[i] === null ? [] : [{ label: `${item.model.name}, NPZ`, href: client.exportUrl(study.id, ids[i]!, "npz") }],
      )}
      controls={
        <>
          {quantities.length > 1 && (
            <Select
              label="Quantity"
              value={shown}
              options={quantities.map((q) => [q, fieldTitle(q)] as const)}
              onChange={setQuantity}
            />
          )}
          <Select
            label="Scale"
            value={scale}
            options={[
              ["auto", "automatic"],
              ["linear", "linear"],
              ["log", "logarithmic"],
            ]}
            onChange={setScale}
          />
        </>
      }
    />
  );
}

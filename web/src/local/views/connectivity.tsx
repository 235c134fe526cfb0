// Loss along the paths between the models compared.
import { useMemo } from "react";
import { client } from "../../api/client";
import { formatNumber } from "../../geometry/numbers";
import { Select, Toggle } from "../../widgets/controls";
import { Empty, Failure, Loading } from "../../widgets/Panel";
import type { Study } from "../../api/types";
import { useOption } from "../comparison";
import { type LocalModel, useSlimRecords } from "../model";
import { type ComparisonViewProps, ViewPanel } from "../parts/panel";
import { type Series, SeriesPlot } from "../parts/series";

const MOST = 8;

/** Pairs with a curve among the models compared; of a single model, all of its. */
export function pairsAmong(study: Study, items: readonly LocalModel[]): number[] {
  const chosen = new Set(items.map((item) => study.models.indexOf(item.model)));
  return study.pairs.a
    .map((_, i) => i)
    .filter((i) => {
      const both = [study.pairs.a[i]!, study.pairs.b[i]!].filter((m) => chosen.has(m)).length;
      return study.pairs.record[i] !== null && both >= Math.min(2, chosen.size);
    });
}

export function ConnectivityView({ items }: ComparisonViewProps) {
  const study = items[0]!.study;
  const pairs = useMemo(() => pairsAmong(study, items), [study, items.map((i) => i.model.name).join()]);
  const shown = pairs.slice(0, MOST);
  const records = useSlimRecords(
    study,
    shown.map((i) => study.pairs.record[i]!),
  );
  const [quantity, setQuantity] = useOption("connectivity.quantity", "loss");
  const [straight, setStraight] = useOption("connectivity.straight", true);
  const [scale, setScale] = useOption("connectivity.scale", "auto");
  const name = (i: number): string =>
    `${study.models[study.pairs.a[i]!]!.name} – ${study.models[study.pairs.b[i]!]!.name}`;
  const series = useMemo(
    (): Series[] =>
      records.state !== "ready"
        ? []
        : records.value.flatMap((record, k): Series[] => {
            if (!record) return [];
            const t = record.numbers("t");
            const y = record.numbers(quantity);
            const line = record.numbers(`linear_${quantity}`);
            const mark = record.real("converged") === 0 ? ", not converged" : "";
            return [
              ...(y.length === t.length && t.length > 0
                ? [
                    {
                      name: (shown.length === 1 ? `${record.text("path") || "trained"} path` : name(shown[k]!)) + mark,
                      color: k,
                      x: t,
                      y,
                      dots: true,
                    },
                  ]
                : []),
              ...(straight && line.length === t.length && t.length > 0
                ? [
                    {
                      name: shown.length === 1 ? "straight line" : `${name(shown[k]!)}, straight`,
                      color: k,
                      dashed: true,
                      x: t,
                      y: line,
                    },
                  ]
                : []),
            ];
          }),
    [records, quantity, straight, shown.join()],
  );
  const frame = (content: React.ReactNode) => (
    <ViewPanel kind="connectivity" model="">
      {content}
    </ViewPanel>
  );
  if (pairs.length === 0)
    return frame(
      <Empty title="No path between these models">
        <p>Select two models of one group whose connection was computed.</p>
      </Empty>,
    );
  if (records.state === "error") return frame(<Failure message={records.message} />);
  if (records.state !== "ready") return frame(<Loading what="Loading the paths" />);
  const errors = records.value.some((r) => r && r.numbers("error").length > 0);
  const first = records.value[0];
  return (
    <SeriesPlot
      kind="connectivity"
      title="connectivity"
      series={series}
      models={shown.length}
      xTitle="t along the path (0: first model, 1: second)"
      yTitle={quantity === "error" ? "Error [%]" : "Loss"}
      yScale={scale as "auto" | "linear" | "log"}
      note={[
        pairs.length > MOST && `${MOST} of ${pairs.length} paths`,
        shown.length === 1 &&
          first &&
          `${name(shown[0]!)}: mc = ${formatNumber(first.real(`mc_${quantity}`), 3)} at t = ${formatNumber(first.real(`mc_${quantity}_t`), 2)}, barrier ${formatNumber(first.real("barrier"), 3)}`,
      ]
        .filter(Boolean)
        .join("; ")}
      variant={
        <>
          {records.value.map(
            (r, k) =>
              r && (
                <p key={r.id}>
                  {name(shown[k]!)}: {r.text("path")}, {r.text("reason")}; mc = {formatNumber(r.real("mc_loss"), 3)},
                  barrier {formatNumber(r.real("barrier"), 3)}, straight {formatNumber(r.real("linear_barrier"), 3)};
                  length {formatNumber(r.real("length"), 3)} against {formatNumber(r.real("straight_length"), 3)}
                </p>
              ),
          )}
        </>
      }
      links={shown
        .slice(0, 4)
        .map((i) => ({ label: `${name(i)}, NPZ`, href: client.exportUrl(study.id, study.pairs.record[i]!, "npz") }))}
      controls={
        <>
          {errors && (
            <Select
              label="Quantity"
              value={quantity}
              options={[
                ["loss", "loss"],
                ["error", "error in percent"],
              ]}
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
          <Toggle label="Straight line" checked={straight} onChange={setStraight} />
        </>
      }
    />
  );
}

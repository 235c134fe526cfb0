// Densities of the Hessians' spectra with their bands, overlaid.
import { useMemo } from "react";
import { client } from "../../api/client";
import { recordsOf } from "../../api/types";
import { formatNumber, formatPercent, formatWithError } from "../../geometry/numbers";
import { useSlimRecords } from "../model";
import { Select } from "../../widgets/controls";
import { Failure, Loading } from "../../widgets/Panel";
import { useOption } from "../comparison";
import { type ComparisonViewProps, ViewPanel } from "../parts/panel";
import { type Series, SeriesPlot } from "../parts/series";

export function DensityView({ items }: ComparisonViewProps) {
  const study = items[0]!.study;
  const ids = items.map((item) => recordsOf(item.model, "density").at(-1) ?? null);
  const records = useSlimRecords(study, ids);
  const [scale, setScale] = useOption("density.scale", "log");
  const [axis, setAxis] = useOption("density.axis", "linear");
  const series = useMemo(
    (): Series[] =>
      records.state !== "ready"
        ? []
        : records.value.flatMap((record, i): Series[] => {
            if (!record || !record.array("density")) return [];
            const y = Float64Array.from(record.numbers("density"));
            const error = record.numbers("density_standard_error");
            return [
              {
                name: items[i]!.model.name,
                color: i,
                x: record.numbers("grid"),
                y,
                ...(error.length === y.length
                  ? { low: y.map((v, k) => v - error[k]!), high: y.map((v, k) => v + error[k]!) }
                  : {}),
              },
            ];
          }),
    [records, items.map((i) => i.model.name).join()],
  );
  if (records.state === "error")
    return (
      <ViewPanel kind="density" model="">
        <Failure message={records.message} />
      </ViewPanel>
    );
  if (records.state !== "ready")
    return (
      <ViewPanel kind="density" model="">
        <Loading what="Loading the densities" />
      </ViewPanel>
    );
  const highest = Math.max(0, ...series.map((s) => Array.from(s.y).reduce((a, b) => Math.max(a, b), 0)));
  const present = records.value.filter((r) => r !== null && r.array("density") !== null);
  return (
    <SeriesPlot
      kind="density"
      title="spectral-density"
      series={series}
      models={items.length}
      zero
      xTitle="Eigenvalue of the Hessian"
      yTitle="Density [1 / eigenvalue]"
      yScale={scale === "log" ? "log" : "linear"}
      xScale={axis === "symlog" ? "symlog" : "linear"}
      floor={highest * 1e-7}
      note="band: ± one standard error over probes"
      variant={present.map(
        (r) =>
          r && (
            <p key={r.id}>
              {r.subject}: {formatNumber(r.real("probes"))} probes of {formatNumber(r.real("steps"))} Lanczos steps,
              Gaussian width {formatNumber(r.real("width"), 3)}
              {r.has("negative_mass") && (
                <>
                  ; share below zero {formatWithError(r.real("negative_mass"), r.real("negative_mass_standard_error"))}{" "}
                  ({formatPercent(r.real("negative_mass"), 2)})
                </>
              )}
            </p>
          ),
      )}
      links={items.flatMap((item, i) =>
        ids[i] === null ? [] : [{ label: `${item.model.name}, NPZ`, href: client.exportUrl(study.id, ids[i]!, "npz") }],
      )}
      controls={
        <>
          <Select
            label="Density"
            value={scale}
            options={[
              ["log", "logarithmic"],
              ["linear", "linear"],
            ]}
            onChange={setScale}
          />
          <Select
            label="Eigenvalue"
            value={axis}
            options={[
              ["linear", "linear"],
              ["symlog", "symmetric-log"],
            ]}
            onChange={setAxis}
          />
        </>
      }
    />
  );
}

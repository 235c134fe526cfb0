// The main page: the whole on the left, single models on the right, a bar between them that can be moved.
import { useMemo, useRef } from "react";
import type { Study } from "../api/types";
import { toCsv } from "../base/csv";
import { isNumber, meanInterval, quantile } from "../base/statistics";
import { formatInteger, formatNumber } from "../geometry/numbers";
import { LocalViews } from "../local";
import { extreme, leadingColumn, medoid, modelColumns } from "../model/columns";
import { familiesOf } from "../model/names";
import { setView, useView } from "../state";
import { GlobalView } from "../views/global/GlobalView";
import { ModelTable } from "../views/table/ModelTable";
import { Boundary } from "../widgets/Boundary";
import { GroupLabel } from "../widgets/GroupLabel";
import { Empty, Panel } from "../widgets/Panel";

function Start({ study }: { study: Study }) {
  const columns = useMemo(() => modelColumns(study), [study]);
  const families = useMemo(() => familiesOf(study), [study]);
  const leadingOf = study.groups.map((_, g) =>
    leadingColumn(columns, (families.find((f) => f.groups.includes(g)) ?? study.groups[g])?.models ?? []),
  );
  const leading = new Set(leadingOf).size === 1 ? (leadingOf[0] ?? null) : null; // one for all groups
  const names = (models: readonly (number | null)[]): string[] =>
    [...new Set(models.filter((m) => m !== null))].map((m) => study.models[m]?.name ?? "").filter(Boolean);
  const medoids = names(study.groups.map((g, i) => medoid(study, g.models, leadingOf[i] ?? null))).slice(0, 6);
  const extremes = families
    .map((family) => {
      const by = leadingColumn(columns, family.models);
      return { family, names: names([extreme(by, family.models, true), extreme(by, family.models, false)]) };
    })
    .filter((entry) => entry.names.length === 2);
  const intervals = study.groups.map((group, g) =>
    meanInterval(group.models.map((m) => leadingOf[g]?.values[m] ?? NaN)),
  );
  const sharpness = columns.find((c) => c.key === "top_eigenvalue");
  const paths = columns.find((c) => c.key === "mc");
  const median = (members: readonly number[], column: typeof paths): string => {
    const value = quantile(
      members.map((m) => column?.values[m] ?? NaN),
      0.5,
    );
    return isNumber(value) ? formatNumber(value, 3) : "–";
  };
  return (
    <>
      <Empty title="No model is open">
        <p>Click models in the global structure or rows of the table: their landscapes open here, side by side.</p>
        <p className="row">
          {medoids.length > 0 && (
            <button type="button" className="button primary" onClick={() => setView({ selected: medoids })}>
              Open the medoid of {study.groups.length === 1 ? "the group" : "each group"}
            </button>
          )}
          {extremes.map((entry) => (
            <button
              key={entry.family.title}
              type="button"
              className="button"
              onClick={() => setView({ selected: entry.names })}
            >
              {extremes.length > 1 ? `Best and worst: ${entry.family.title}` : "Open the best and the worst"}
            </button>
          ))}
        </p>
      </Empty>
      {study.models.length > 0 && (
        <Panel
          title="Groups"
          label="Groups at a glance"
          className="glance"
          explanation={{
            what: "Each group in one line: how many models, the mean of the leading metric with its 95 % interval over the members, the median of the largest Hessian eigenvalue and of the models’ mean mode connectivity, and the type of landscape.",
            read: "Start here, then open models of the groups that differ. The badge of the type shows its evidence.",
            misread: "A median hides the spread: the page “Across models” shows every member.",
          }}
          exports={{
            name: `${study.name}-groups`,
            csv: () =>
              toCsv(
                [
                  "group",
                  "models",
                  "metric",
                  "mean",
                  "low",
                  "high",
                  "median_top_eigenvalue",
                  "median_mc",
                  "type",
                ],
                study.groups.map((g, i) => [
                  g.name,
                  g.models.length,
                  leadingOf[i]?.key,
                  intervals[i]?.mean,
                  intervals[i]?.low,
                  intervals[i]?.high,
                  quantile(
                    g.models.map((m) => sharpness?.values[m] ?? NaN),
                    0.5,
                  ),
                  quantile(
                    g.models.map((m) => paths?.values[m] ?? NaN),
                    0.5,
                  ),
                  g.label,
                ]),
              ),
          }}
        >
          <div className="scroll" tabIndex={0} role="region" aria-label="Groups, scrollable">
            <table>
              <thead>
                <tr>
                  <th scope="col">group</th>
                  <th scope="col" className="number">
                    models
                  </th>
                  {leadingOf.some(Boolean) && (
                    <th scope="col" className="number">
                      {leading ? `${leading.title}${leading.unit && ` [${leading.unit}]`}, mean` : "metric, mean"}
                    </th>
                  )}
                  {sharpness && (
                    <th scope="col" className="number">
                      largest eigenvalue, median
                    </th>
                  )}
                  {paths && (
                    <th scope="col" className="number">
                      mode connectivity, median
                    </th>
                  )}
                </tr>
              </thead>
              {(families.length > 0 ? families.map((f) => f.groups) : [study.groups.map((_, i) => i)]).map((rows) => (
                <tbody key={rows.join()}>
                  {families.length > 1 && (
                    <tr className="part">
                      <th scope="rowgroup" colSpan={5}>
                        {families.find((f) => f.groups === rows)?.title}
                        {!leading && leadingOf[rows[0] ?? 0] && (
                          <span className="note"> metric: {leadingOf[rows[0] ?? 0]?.title}</span>
                        )}
                      </th>
                    </tr>
                  )}
                  {rows.map((i) => {
                    const g = study.groups[i];
                    const interval = intervals[i];
                    const [least, most] = leadingOf[i]?.bounds ?? [-Infinity, Infinity];
                    return (
                      g && (
                        <tr key={g.name}>
                          <td>
                            <GroupLabel study={study} index={i} short={families.length > 1} />
                          </td>
                          <td className="number">{formatInteger(g.models.length)}</td>
                          {leadingOf.some(Boolean) && (
                            <td className="number">
                              {isNumber(interval?.mean) ? formatNumber(interval.mean, 3) : "–"}
                              {isNumber(interval?.low) && (
                                <span className="note">
                                  {" "}
                                  ({formatNumber(Math.max(least, interval.low), 3)} to{" "}
                                  {formatNumber(Math.min(most, interval.high), 3)})
                                </span>
                              )}
                            </td>
                          )}
                          {sharpness && <td className="number">{median(g.models, sharpness)}</td>}
                          {paths && <td className="number">{median(g.models, paths)}</td>}
                        </tr>
                      )
                    );
                  })}
                </tbody>
              ))}
            </table>
          </div>
        </Panel>
      )}
    </>
  );
}

export function LandscapePage({ study }: { study: Study }) {
  const selected = useView((s) => s.selected);
  const split = useView((s) => s.split);
  const root = useRef<HTMLDivElement>(null);
  const models = useMemo(
    () => selected.map((name) => study.models.find((m) => m.name === name)).filter((m) => m !== undefined),
    [selected, study],
  );
  const field = study.kind === "field";
  const shown = field && models.length === 0 ? study.models.slice(0, 1) : models;
  const clamp = (v: number): number => Math.round(1000 * Math.max(0.25, Math.min(0.75, v))) / 1000;
  return (
    <div
      className="landscape"
      ref={root}
      style={{
        gridTemplateColumns:
          field && study.models.length === 1 ? "0 0 1fr" : `minmax(0, ${split}fr) 9px minmax(0, ${1 - split}fr)`,
      }}
    >
      <div className="landscape-side">
        {!field && (
          <Boundary name="global">
            <GlobalView study={study} />
          </Boundary>
        )}
        {study.models.length > 1 && (
          <Boundary name="table">
            <ModelTable study={study} />
          </Boundary>
        )}
      </div>
      <div
        className="splitter"
        role="separator"
        aria-orientation="vertical"
        aria-label="Width of the global structure"
        tabIndex={0}
        aria-valuemin={25}
        aria-valuemax={75}
        aria-valuenow={Math.round(100 * split)}
        onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
        onPointerMove={(event) => {
          const box = root.current?.getBoundingClientRect();
          if (box && event.buttons === 1) setView({ split: clamp((event.clientX - box.left) / box.width) });
        }}
        onKeyDown={(event) => {
          if (event.key === "ArrowLeft") setView({ split: clamp(split - 0.02) });
          if (event.key === "ArrowRight") setView({ split: clamp(split + 0.02) });
        }}
      />
      <div className="landscape-side local">
        {shown.length > 0 ? (
          <Boundary name={shown.map((m) => m.name).join()}>
            <LocalViews study={study} models={shown} />
          </Boundary>
        ) : (
          <Start study={study} />
        )}
      </div>
    </div>
  );
}

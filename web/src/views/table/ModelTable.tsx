// All models with their numbers, linked with the graph.
import { memo, useMemo } from "react";
import type { Study } from "../../api/types";
import { toCsv } from "../../base/csv";
import { isNumber } from "../../base/statistics";
import { formatNumber } from "../../geometry/numbers";
import { type Column, extreme, leadingColumn, medoid, modelColumns } from "../../model/columns";
import { familiesOf, shortNames } from "../../model/names";
import { groupColor, usePalette } from "../../model/palette";
import { setHover, setTable, setView, toggleSelected, useHover, useView, view } from "../../state";
import { Empty, Panel } from "../../widgets/Panel";

/** `beta1 relative_error<0.1` : words must occur in the name or group, comparisons must hold. */
export function matches(study: Study, columns: readonly Column[], model: number, filter: string): boolean {
  const entry = study.models[model];
  if (!entry) return false;
  const group = study.groups[entry.group];
  const text = `${entry.name} ${group?.name ?? ""} ${group?.title ?? ""} ${group?.label ?? ""}`.toLowerCase();
  return filter
    .trim()
    .split(/\s+/)
    .filter(Boolean)
    .every((word) => {
      const comparison = /^([A-Za-z_.\d]+)(<=|>=|<|>|=)(-?[\d.]+(?:e[-+]?\d+)?)$/i.exec(word);
      const column =
        comparison &&
        columns.find(
          (c) =>
            c.key.toLowerCase() === comparison[1]?.toLowerCase() ||
            c.key.toLowerCase() === `sweep.${comparison[1]?.toLowerCase()}`,
        );
      if (!comparison || !column) return text.includes(word.toLowerCase());
      const value = column.values[model] as number;
      const limit = Number(comparison[3]);
      switch (comparison[2]) {
        case "<":
          return value < limit;
        case "<=":
          return value <= limit;
        case ">":
          return value > limit;
        case ">=":
          return value >= limit;
        default:
          return value === limit;
      }
    });
}

export function sortModels(
  members: readonly number[],
  values: readonly (number | string)[],
  descending: boolean,
): number[] {
  const sign = descending ? -1 : 1;
  return [...members].sort((a, b) => {
    const x = values[a] as number | string;
    const y = values[b] as number | string;
    if (typeof x === "string" || typeof y === "string")
      return sign * String(x).localeCompare(String(y), "en", { numeric: true }) || a - b;
    if (!isNumber(x) || !isNumber(y)) return Number(isNumber(y)) - Number(isNumber(x)) || a - b; // no number: last
    return sign * (x - y) || a - b;
  });
}

/** Drawn again only when it is itself pointed at or selected. */
const Row = memo(function Row({
  study,
  columns,
  model: m,
  selected,
  hovered,
  dark,
}: {
  study: Study;
  columns: readonly Column[];
  model: number;
  selected: boolean;
  hovered: boolean;
  dark: boolean;
}) {
  const model = study.models[m];
  if (!model) return null;
  const group = study.groups[model.group];
  return (
    <tr
      className={`${selected ? "selected" : ""} ${hovered ? "hovered" : ""}`}
      onPointerEnter={() => setHover({ model: model.name })}
      onPointerLeave={() => setHover({ model: null })}
      onClick={() => toggleSelected(model.name)}
    >
      <td>
        <input
          type="checkbox"
          checked={selected}
          aria-label={`Show ${model.name}`}
          onClick={(e) => e.stopPropagation()}
          onChange={() => toggleSelected(model.name)}
          onFocus={() => setHover({ model: model.name })}
          onBlur={() => setHover({ model: null })}
        />
      </td>
      <td>{model.name}</td>
      <td title={group?.title}>
        <span className="swatch" style={{ background: groupColor(model.group, study.groups.length, dark) }} />
        {shortNames(study).groups[model.group]}
      </td>
      {columns.map((c) => (
        <td key={c.key} className="number">
          {isNumber(c.values[m]) ? formatNumber(c.values[m]) : "–"}
        </td>
      ))}
    </tr>
  );
});

const ROWS = 250; // more are found by the filter

export function ModelTable({ study }: { study: Study }) {
  const { sort, descending, filter } = useView((s) => s.table);
  const selected = useView((s) => s.selected);
  const hovered = useHover((h) => h.model);
  const palette = usePalette();
  const columns = useMemo(() => modelColumns(study), [study]);
  const shown = useMemo(() => {
    const members = study.models.map((_, i) => i).filter((i) => matches(study, columns, i, filter));
    const column = columns.find((c) => c.key === sort);
    const values =
      sort === "name"
        ? study.models.map((m) => m.name)
        : sort === "group"
          ? study.models.map((m) => study.groups[m.group]?.name ?? "")
          : column?.values;
    return values ? sortModels(members, values, descending) : members;
  }, [study, columns, filter, sort, descending]);

  // Models of different families are judged by different metrics: the best of each is chosen.
  const families = useMemo(() => familiesOf(study), [study]);
  const filtered = new Set(shown);
  const judged = families
    .map((f) => f.models.filter((m) => filtered.has(m)))
    .filter((members) => members.length > 0)
    .map((members) => ({ members, leading: leadingColumn(columns, members) }));
  const mc = columns.find((c) => c.key === "mc") ?? null;
  const each = (pick: (members: number[], leading: Column | null) => number | null): string[] =>
    judged
      .map(({ members, leading }) => pick(members, leading))
      .filter((m) => m !== null)
      .map((m) => study.models[m]?.name ?? "");
  const metrics = [...new Set(judged.map((j) => j.leading?.title).filter(Boolean))].join(", ");
  const ofEach = judged.length > 1 ? " of each family" : "";
  const picks: [string, string[], string][] = [
    ["Medoid", each((members, leading) => medoid(study, members, leading)), `the model most like the others${ofEach}`],
    ["Best", each((members, leading) => extreme(leading, members, true)), `best${ofEach} by ${metrics}`],
    ["Worst", each((members, leading) => extreme(leading, members, false)), `worst${ofEach} by ${metrics}`],
    ["Best connected", each((members) => extreme(mc, members, true)), `highest mean mode connectivity${ofEach}`],
    ["Worst connected", each((members) => extreme(mc, members, false)), `lowest mean mode connectivity${ofEach}`],
  ];
  const heading = (key: string, title: string, unit: string, numeric: boolean) => (
    <th
      key={key}
      scope="col"
      className={numeric ? "number" : ""}
      aria-sort={sort === key ? (descending ? "descending" : "ascending") : "none"}
    >
      <button
        type="button"
        onClick={() =>
          setTable(
            sort === key
              ? descending
                ? { sort: "", descending: false }
                : { descending: true }
              : { sort: key, descending: false },
          )
        }
      >
        {title}
        {unit && <span className="unit"> {unit}</span>}
        <span className="arrow" aria-hidden="true">
          {sort === key ? (descending ? "▼" : "▲") : ""}
        </span>
      </button>
    </th>
  );

  return (
    <Panel
      title="Models"
      label="Model table"
      className="table-panel"
      note={
        shown.length === study.models.length ? `${study.models.length}` : `${shown.length} of ${study.models.length}`
      }
      explanation={{
        what: "One row a model, one column a number: its metrics, the largest eigenvalue and the trace of its Hessian, and the mean over its pairs of mode connectivity and CKA.",
        read: "Click a heading to sort (again: the other way, a third time: as in the study). The filter takes words and comparisons, such as “beta50 relative_error<0.5”. The buttons choose a model among the rows that the filter leaves.",
        misread:
          "A mean over pairs rests on the pairs that were computed; with few of them it is a poor estimate. A low training loss does not mean a good model: failed PINNs have one too.",
      }}
      exports={{
        name: `${study.name}-models`,
        csv: () =>
          toCsv(
            ["model", "group", ...columns.map((c) => c.key)],
            shown.map((m) => [
              study.models[m]?.name,
              study.groups[study.models[m]?.group ?? 0]?.name,
              ...columns.map((c) => c.values[m]),
            ]),
          ),
      }}
      controls={
        <>
          <label className="control grow">
            <span className="visually-hidden">Filter models</span>
            <input
              type="search"
              value={filter}
              placeholder="Filter: words, or loss<0.1"
              onChange={(e) => setTable({ filter: e.target.value })}
            />
          </label>
          <span className="picks" role="group" aria-label="Choose a model">
            {picks.map(([label, models, title]) => (
              <button
                key={label}
                type="button"
                className="button"
                disabled={models.length === 0}
                title={title}
                onClick={() => {
                  for (const name of models) if (!view.get().selected.includes(name)) toggleSelected(name);
                }}
              >
                {label}
              </button>
            ))}
          </span>
        </>
      }
    >
      {shown.length === 0 ? (
        <Empty title="No model matches">
          <button type="button" className="button" onClick={() => setTable({ filter: "" })}>
            Clear the filter
          </button>
        </Empty>
      ) : (
        <div className="scroll" tabIndex={0} role="region" aria-label="Models, scrollable">
          <table>
            <thead>
              <tr>
                <th scope="col">
                  <span className="visually-hidden">Selected</span>
                </th>
                {heading("name", "model", "", false)}
                {heading("group", "group", "", false)}
                {columns.map((c) => heading(c.key, c.title, c.unit, true))}
              </tr>
            </thead>
            <tbody>
              {shown.slice(0, ROWS).map((m) => {
                const name = study.models[m]?.name ?? "";
                return (
                  <Row
                    key={name}
                    study={study}
                    columns={columns}
                    model={m}
                    dark={palette.dark}
                    selected={selected.includes(name)}
                    hovered={hovered === name}
                  />
                );
              })}
            </tbody>
          </table>
          {shown.length > ROWS && (
            <p className="note">
              The first {ROWS} of {shown.length} rows: the filter finds the others.
            </p>
          )}
        </div>
      )}
      {selected.length > 0 && (
        <div className="selection-bar">
          Selected: {selected.join(", ")}
          <button type="button" className="button quiet" onClick={() => setView({ selected: [] })}>
            Clear
          </button>
        </div>
      )}
    </Panel>
  );
}

// Which model stands where in the gallery.
import { isNumber } from "../base/statistics";
import type { Setting, Study } from "../api/types";
import { leadingColumn, medoid, modelColumns } from "./columns";
import { settingTitle, shortNames } from "./names";

export interface GalleryCells {
  rows: string[];
  columns: string[];
  cells: (number | null)[][]; // model or nothing
  note: string;
}

export const MOST_COLUMNS = 6;

/** Names of the parameters that differ between groups. */
export function sweptParameters(study: Study): string[] {
  return [...new Set(study.groups.filter((g) => g.models.length > 0).flatMap((g) => Object.keys(g.sweep)))];
}

function ordered(values: Setting[]): Setting[] {
  return [...new Set(values)].sort((a, b) =>
    typeof a === "number" && typeof b === "number"
      ? a - b
      : String(a).localeCompare(String(b), "en", { numeric: true }),
  );
}

/** Without parameters: a row a group, its first members. With them: the medoid of the group that has both values. */
export function galleryCells(study: Study, rowParameter: string, columnParameter: string): GalleryCells {
  const leading = leadingColumn(modelColumns(study));
  const swept = sweptParameters(study);
  const row = swept.includes(rowParameter) ? rowParameter : "";
  const column = swept.includes(columnParameter) && columnParameter !== row ? columnParameter : "";
  if (!row && !column) {
    // Fields beside networks are other quantities: no shared scale.
    const networks = study.groups.filter((g) => g.kind !== "field" && g.models.length > 0);
    const groups = networks.length > 0 ? networks : study.groups;
    const names = shortNames(study);
    const most = Math.min(MOST_COLUMNS, Math.max(0, ...groups.map((g) => g.models.length)));
    const more = groups.some((g) => g.models.length > most);
    return {
      rows: groups.map((g) => names.groups[study.groups.indexOf(g)] ?? g.title),
      columns: Array.from({ length: most }, (_, i) => `member ${i}`),
      cells: groups.map((g) => Array.from({ length: most }, (_, i) => g.models[i] ?? null)),
      note: more ? `The first ${most} members of each group.` : "",
    };
  }
  const value = (g: number, key: string): Setting => study.groups[g]?.sweep[key] ?? null;
  const all = study.groups.map((_, i) => i).filter((i) => (study.groups[i]?.models.length ?? 0) > 0);
  const say = (key: string, v: Setting): string =>
    `${settingTitle(key)} = ${typeof v === "number" && isNumber(v) ? v : String(v)}`;
  const rowValues = row ? ordered(all.map((g) => value(g, row))) : [null];
  const columnValues = column ? ordered(all.map((g) => value(g, column))) : [null];
  return {
    rows: rowValues.map((v) => (row ? say(row, v) : "")),
    columns: columnValues.map((v) => (column ? say(column, v) : "")),
    cells: rowValues.map((rv) =>
      columnValues.map((cv) => {
        const groups = all.filter((g) => (!row || value(g, row) === rv) && (!column || value(g, column) === cv));
        return groups.length === 0
          ? null
          : medoid(
              study,
              groups.flatMap((g) => study.groups[g]?.models ?? []),
              leading,
            );
      }),
    ),
    note: "Each cell: the medoid of the models that have both values.",
  };
}

// Short names for places where whole ones have no room, and the families that models fall into. Pure.
import type { Group, Study } from "../api/types";

/** "options.shortcut" -> "shortcut": what a swept setting is called where its place in the study file does not matter. */
export const settingTitle = (key: string): string => key.replace(/^.*\./, "");

/** What all groups of one sweep are called together: the title without the swept settings. */
export function baseTitle({ title, sweep }: Pick<Group, "title" | "sweep">): string {
  const starts = Object.keys(sweep)
    .map((key) => title.indexOf(`${settingTitle(key)}=`))
    .filter((at) => at > 0);
  if (starts.length === 0) return title;
  return title.slice(0, Math.min(...starts)).replace(/[\s,(]+$/, "") || title;
}

export interface ShortNames {
  groups: string[];
  models: string[];
}

const known = new WeakMap<Study, ShortNames>();

/** "beta=50" for a group and "beta=50/3" for a model, where that tells them apart; else their names. */
export function shortNames(study: Study): ShortNames {
  const had = known.get(study);
  if (had) return had;
  const swept = study.groups.map((group) =>
    Object.entries(group.sweep)
      .map(([key, value]) => `${settingTitle(key)}=${String(value)}`)
      .join(", "),
  );
  const groups = swept.map((text, g) =>
    text !== "" && swept.indexOf(text) === swept.lastIndexOf(text) ? text : (study.groups[g]?.name ?? ""),
  );
  const models = study.models.map((model) => {
    const group = study.groups[model.group]?.name ?? "";
    return model.name.startsWith(`${group}/`)
      ? `${groups[model.group] ?? ""}${model.name.slice(group.length)}`
      : model.name;
  });
  const names = { groups, models };
  known.set(study, names);
  return names;
}

/** Groups whose models answer the same question: the same data, or all physics-informed problems. Only within a family
 *  can features, metrics and landscapes be compared. */
export interface Family {
  title: string;
  groups: number[];
  models: number[];
}

export function familiesOf(study: Study): Family[] {
  const families = new Map<string, Family>();
  study.groups.forEach((group, g) => {
    if (group.kind === "field") return;
    const settings = Object.entries({ ...group.settings, ...group.sweep })
      .filter(([key]) => /^(data|normalise|roles\.evaluate)/.test(key))
      .sort(([a], [b]) => (a < b ? -1 : 1));
    const key = group.kind === "pinn" ? "problems" : JSON.stringify(settings);
    const title = baseTitle(group);
    const family = families.get(key);
    if (!family) families.set(key, { title, groups: [g], models: [...group.models] });
    else {
      if (!family.title.split("; ").includes(title)) family.title += `; ${title}`;
      family.groups.push(g);
      family.models.push(...group.models);
    }
  });
  return [...families.values()];
}

/** The study with the models of one family alone. Groups and models keep their places, so that colours and links stay. */
export function restrictTo(study: Study, family: Family): Study {
  const inside = new Set(family.models);
  return {
    ...study,
    groups: study.groups.map((g, i) => (family.groups.includes(i) ? g : { ...g, models: [] })),
    metrics: study.metrics.filter((metric) =>
      family.models.some((m) => Number.isFinite(study.models[m]?.metrics[metric.name])),
    ),
    models: study.models.map((m, i) =>
      inside.has(i) ? m : { ...m, metrics: {}, eigenvalues: [], eigenvalue_residuals: [], trace: NaN, records: {} },
    ),
  };
}

// The guided tour: what to look at in this study, in sentences made of its own numbers. Pure.
import type { LossRecord } from "../../api/record";
import type { Study } from "../../api/types";
import { isNumber, mean, quantile, rankCorrelation } from "../../base/statistics";
import { formatInteger, formatNumber, formatWithUnit } from "../../geometry/numbers";
import { type Column, extreme, leadingColumn, medoid, modelColumns } from "../../model/columns";
import { largestEigenvalue, typeMeaning } from "../../model/facts";
import { familiesOf, type Family, shortNames } from "../../model/names";
import { availableFields } from "../../model/pairs";
import type { AcrossState, GlobalState, Page } from "../../state";

export interface TourStep {
  title: string;
  text: string[];
  page: Page;
  selected?: string[];
  global?: Partial<GlobalState>;
  across?: Partial<AcrossState>;
}

const MOST = 6; // groups named in a sentence

const plural = (n: number, one: string, many = `${one}s`): string => `${formatInteger(n)} ${n === 1 ? one : many}`;
const listed = (items: readonly string[]): string =>
  items.length < 2
    ? (items[0] ?? "")
    : items.length > MOST
      ? `${items.slice(0, MOST).join(", ")} …`
      : `${items.slice(0, -1).join(", ")} and ${items[items.length - 1]}`;
const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** How well the models of a family do, and how sharp they are. */
function performance(study: Study, family: Family, leading: Column, columns: readonly Column[]): string[] {
  const names = shortNames(study);
  const ofGroup = (values: readonly number[], g: number): number[] =>
    (study.groups[g]?.models ?? []).map((m) => values[m] as number).filter(isNumber);
  const means = family.groups
    .map((g) => ({ g, value: mean(ofGroup(leading.values, g)) }))
    .filter((entry) => isNumber(entry.value));
  const text = [
    `The mean ${leading.title} is ${listed(
      means.map((e) => `${formatWithUnit(e.value, leading.unit, 3)} for ${names.groups[e.g]}`),
    )}.`,
  ];
  const [best, worst] = [extreme(leading, family.models, true), extreme(leading, family.models, false)];
  if (best !== null && worst !== null && best !== worst)
    text.push(
      `The best model is ${names.models[best]} (${formatWithUnit(leading.values[best], leading.unit, 3)}), the worst ${names.models[worst]} (${formatWithUnit(leading.values[worst], leading.unit, 3)}).`,
    );
  // A failed physics-informed network can have a low loss: where that is so here, it is worth a sentence.
  const loss = columns.find((c) => c.key === "loss");
  if (leading.key === "relative_error" && loss) {
    const failed = family.models.filter((m) => (leading.values[m] as number) > 0.5 && isNumber(loss.values[m]));
    const lowest = failed.reduce<number | null>(
      (low, m) => (low === null || (loss.values[m] as number) < (loss.values[low] as number) ? m : low),
      null,
    );
    if (lowest !== null)
      text.push(
        `The loss alone does not show a failure: ${names.models[lowest]} was trained down to a loss of ${formatNumber(loss.values[lowest], 2)}, and its relative error is ${formatNumber(leading.values[lowest], 3)}.`,
      );
  }
  const sharp = family.groups
    .map((g) => ({
      g,
      value: quantile(
        (study.groups[g]?.models ?? []).map((m) => largestEigenvalue(study.models[m]!)),
        0.5,
      ),
    }))
    .filter((e) => isNumber(e.value))
    .sort((a, b) => b.value - a.value);
  const [sharpest, flattest] = [sharp[0], sharp[sharp.length - 1]];
  if (sharpest && flattest && sharp.length > 1) {
    const ratio = sharpest.value / flattest.value;
    text.push(
      `The median of the largest Hessian eigenvalue is ${formatNumber(sharpest.value, 3)} for ${names.groups[sharpest.g]} and ${formatNumber(flattest.value, 3)} for ${names.groups[flattest.g]}${flattest.value > 0 ? (ratio >= 1.5 ? `: ${formatNumber(ratio, 2)} times as sharp` : ": about as sharp") : ""}.`,
    );
  }
  return text;
}

/** How the minima of a family hang together; null where no path was computed. */
function connections(study: Study, family: Family): { text: string[]; field: GlobalState["field"] } | null {
  const names = shortNames(study);
  const inside = new Set(family.models);
  const own = study.pairs.a
    .map((_, i) => i)
    .filter((i) => inside.has(study.pairs.a[i] as number) && inside.has(study.pairs.b[i] as number));
  const field = availableFields(study.pairs).find((f) => own.some((i) => isNumber(study.pairs[f.field][i])));
  if (!field) return null;
  const medians = family.groups
    .map((g) => ({
      g,
      median: quantile(
        own.filter((i) => study.models[study.pairs.a[i] as number]?.group === g).map((i) => study.pairs[field.field][i]!),
        0.5,
      ),
    }))
    .filter((e) => isNumber(e.median));
  const text = [
    `${plural(own.length, "pair")} of minima ${own.length === 1 ? "was" : "were"} joined by a path. The median of ${field.title} is ${listed(
      medians.map((e) => `${formatWithUnit(e.median, field.unit, 3)} for ${names.groups[e.g]}`),
    )}${field.sign > 0 ? "; 0 is no barrier at all, below 0 is a barrier, above 0 the loss falls on the way" : ""}.`,
  ];
  const worst = own.filter((i) => isNumber(study.pairs[field.field][i]));
  const poorest = worst.reduce<number | null>(
    (low, i) =>
      low === null || field.sign * study.pairs[field.field][i]! < field.sign * study.pairs[field.field][low]! ? i : low,
    null,
  );
  if (poorest !== null && worst.length > 2)
    text.push(
      `The poorest connection is between ${names.models[study.pairs.a[poorest] as number]} and ${names.models[study.pairs.b[poorest] as number]} (${formatWithUnit(study.pairs[field.field][poorest], field.unit, 3)}): point at its line to see the whole curve.`,
    );
  const open = own.filter((i) => study.pairs.converged[i] === false).length;
  if (open > 0)
    text.push(
      `${plural(open, "path")} had not converged: drawn hatched, ${open === 1 ? "it bounds" : "they bound"} the barrier from above.`,
    );
  const types = new Map<string, string[]>();
  for (const g of family.groups) {
    const label = study.groups[g]?.label;
    if (label) types.set(label, [...(types.get(label) ?? []), names.groups[g] as string]);
  }
  for (const [label, groups] of [...types].slice(0, 4)) {
    const meaning = typeMeaning(label);
    const called = /^(between|under)/.test(label) ? label : `type ${label}`;
    text.push(
      `${listed(groups)} ${groups.length === 1 ? "is" : "are"} ${called}${meaning ? ` (${meaning})` : ""}; the badge shows the evidence.`,
    );
  }
  return { text, field: field.field };
}

/** The strongest rank correlation within one family between a metric and a result of the landscape. */
function strongestRelation(
  columns: readonly Column[],
  families: readonly Family[],
): { a: Column; b: Column; rho: number; count: number; family: Family } | null {
  let strongest: ReturnType<typeof strongestRelation> = null;
  const results = columns.filter((c) => !c.parameter);
  for (const family of families)
    for (const a of results)
      for (const b of results) {
        // A metric and another of the same kind correlate by construction: a result of the landscape on one side.
        if (a.better === null || a.key.startsWith("mc") || b.better !== null || a === b) continue;
        const { rho, count } = rankCorrelation(
          family.models.map((m) => a.values[m] as number),
          family.models.map((m) => b.values[m] as number),
        );
        if (isNumber(rho) && count >= 5 && (strongest === null || Math.abs(rho) > Math.abs(strongest.rho)))
          strongest = { a, b, rho, count, family };
      }
  return strongest;
}

export function tourSteps(
  study: Study,
  comparison: LossRecord | null,
  trust: { pass: number; doubt: number; fail: number } | null,
): TourStep[] {
  const steps: TourStep[] = [];
  const columns = modelColumns(study, comparison);
  const families = familiesOf(study);
  const names = shortNames(study);
  const groupsOf = (family: Family): string =>
    listed(family.groups.map((g) => `${names.groups[g]} (${formatInteger(study.groups[g]?.models.length ?? 0)})`));

  const first = [
    families.length > 1
      ? `${plural(study.models.length, "trained model")} of ${plural(families.length, "case study", "case studies")}:`
      : `${plural(study.models.length, "trained model")} in ${plural(study.groups.length, "group")}${families[0] ? `: ${groupsOf(families[0])}` : ""}.`,
    ...(families.length > 1 ? families.map((f) => `${f.title}: ${groupsOf(f)}.`) : []),
    "Each model is a glyph; near glyphs compute similar features. Thick straight lines join minima without a barrier between them.",
  ];
  steps.push({ title: "What is here", text: first, page: "landscape", selected: [] });

  for (const family of families.slice(0, 3)) {
    const of = families.length > 1 ? `${family.title}: ` : "";
    const title = (text: string): string => (of ? `${of}${text}` : capital(text));
    const leading = leadingColumn(columns, family.models);
    if (leading)
      steps.push({
        title: title("how good, how sharp"),
        text: performance(study, family, leading, columns),
        page: "across",
        across: { view: "groups" },
      });
    const paths = connections(study, family);
    if (paths)
      steps.push({
        title: title("how the minima hang together"),
        text: paths.text,
        page: "landscape",
        selected: [],
        global: { field: paths.field, range: null, zoom: null, edges: true, perGroup: false },
      });
    const medoids = family.groups
      .slice(0, 2)
      .map((g) => medoid(study, study.groups[g]?.models ?? [], leading))
      .filter((m) => m !== null);
    if (medoids.length > 0) {
      const minima = columns.find((c) => c.key === "minima");
      const counts = medoids.map((m) => minima?.values[m]);
      const called = medoids.map((m) => names.models[m] as string);
      const text = [
        medoids.length > 1
          ? `Side by side: ${listed(called)}, the members most like the others of their group.`
          : `${called[0]} is the member most like the others.`,
      ];
      if (counts.every(isNumber))
        text.push(
          `${medoids.length > 1 ? "Their sampled landscapes have" : "Its sampled landscape has"} ${listed(counts.map((c) => plural(c as number, "minimum", "minima")))}.`,
        );
      text.push(
        "Contour, surface, diagram and tree show one stored field: point at a basin in one and it lights up in all. The slider removes features of low persistence everywhere at once.",
      );
      steps.push({
        title: title("around single minima"),
        text,
        page: "landscape",
        selected: medoids.map((m) => study.models[m]?.name ?? ""),
      });
    }
  }

  const strongest = strongestRelation(columns, families);
  if (strongest)
    steps.push({
      title: "What goes with performance",
      text: [
        `Over the ${strongest.count} models of ${strongest.family.title} the strongest relation between a metric and the landscape is that of ${strongest.a.title} with ${strongest.b.title}: rank correlation ${formatNumber(strongest.rho, 2)}.`,
        "It is the strongest of many pairs, so some of it is luck; and it may come from the difference between two groups alone. Look at the groups one by one.",
      ],
      page: "across",
      across: { view: "relations", x: strongest.b.key, y: strongest.a.key },
    });

  if (trust)
    steps.push({
      title: "How far to trust it",
      text: [
        `Of ${plural(trust.pass + trust.doubt + trust.fail, "check")} ${formatInteger(trust.pass)} pass, ${formatInteger(trust.doubt)} ${trust.doubt === 1 ? "is" : "are"} doubtful and ${formatInteger(trust.fail)} ${trust.fail === 1 ? "fails" : "fail"}. Each says what to run next.`,
      ],
      page: "trust",
    });
  return steps;
}

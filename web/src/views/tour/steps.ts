// The guided tour: what to look at in this study, in sentences made of its own numbers. Pure.
import type { LossRecord } from "../../api/record";
import type { Study } from "../../api/types";
import { isNumber, mean, quantile, rankCorrelation } from "../../base/statistics";
import { formatInteger, formatNumber, formatWithUnit } from "../../geometry/numbers";
import { extreme, leadingColumn, medoid, modelColumns } from "../../model/columns";
import { largestEigenvalue } from "../../model/facts";
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

const plural = (n: number, one: string): string => `${formatInteger(n)} ${n === 1 ? one : `${one}s`}`;

export function tourSteps(
  study: Study,
  comparison: LossRecord | null,
  trust: { pass: number; doubt: number; fail: number } | null,
): TourStep[] {
  const steps: TourStep[] = [];
  const columns = modelColumns(study, comparison);
  const leading = leadingColumn(columns);
  const title = (g: number): string => study.groups[g]?.title || study.groups[g]?.name || "";
  const all = study.models.map((_, i) => i);

  const first = [
    `This study compares ${plural(study.models.length, "trained model")} in ${plural(study.groups.length, "group")}: ${study.groups
      .slice(0, 6)
      .map((g, i) => `${title(i)} (${formatInteger(g.models.length)})`)
      .join(", ")}${study.groups.length > 6 ? " …" : ""}.`,
  ];
  if (leading) {
    const means = study.groups
      .map((g, i) => [title(i), mean(g.models.map((m) => leading.values[m] as number).filter(isNumber))] as const)
      .filter(([, v]) => isNumber(v));
    if (means.length > 0)
      first.push(
        `Their mean ${leading.title}: ${means
          .slice(0, 6)
          .map(([name, v]) => `${formatWithUnit(v, leading.unit, 3)} for ${name}`)
          .join("; ")}.`,
      );
  }
  steps.push({ title: "What is here", text: first, page: "landscape", selected: [] });

  const fields = availableFields(study.pairs);
  const field = fields[0];
  if (field) {
    const lines = study.groups
      .map((group, g) => {
        const inside = new Set(group.models);
        const values = study.pairs[field.field].filter(
          (v, i) => isNumber(v) && inside.has(study.pairs.a[i] as number) && inside.has(study.pairs.b[i] as number),
        );
        return { g, values, median: quantile(values, 0.5) };
      })
      .filter((entry) => entry.values.length > 0);
    const text = [
      `${formatInteger(study.pairs.a.length)} pairs of minima were joined by a path. The median ${field.title} is ${lines
        .slice(0, 6)
        .map((l) => `${formatWithUnit(l.median, field.unit, 3)} for ${title(l.g)}`)
        .join(" and ")}${field.sign > 0 ? "; 0 would be no barrier at all" : ""}.`,
    ];
    const open = study.pairs.converged.filter((c) => c === false).length;
    if (open > 0)
      text.push(`${plural(open, "path")} had not converged: drawn hatched, they bound the barrier from above.`);
    for (const [g, group] of study.groups.entries())
      if (group.label && g < 4) text.push(`${title(g)} is of type ${group.label}; its badge shows the evidence.`);
    steps.push({
      title: "How the minima hang together",
      text,
      page: "landscape",
      selected: [],
      global: { field: field.field, range: null, zoom: null, edges: true },
    });
  }

  const sharp = study.groups
    .map((group, g) => ({
      g,
      value: quantile(
        group.models.map((m) => largestEigenvalue(study.models[m]!)),
        0.5,
      ),
    }))
    .filter((e) => isNumber(e.value))
    .sort((a, b) => b.value - a.value);
  const sharpest = sharp[0];
  const flattest = sharp.at(-1);
  if (sharpest && flattest && sharp.length > 1)
    steps.push({
      title: "Which minima are sharp",
      text: [
        `The middle ring shows the largest Hessian eigenvalues. Their median is ${formatNumber(sharpest.value, 3)} for ${title(sharpest.g)} and ${formatNumber(flattest.value, 3)} for ${title(flattest.g)}${flattest.value > 0 ? `: ${formatNumber(sharpest.value / flattest.value, 2)} times as sharp` : ""}.`,
      ],
      page: "landscape",
      global: { hessianRing: true },
    });

  const medoids = study.groups
    .slice(0, 2)
    .map((g) => medoid(study, g.models, leading))
    .filter((m) => m !== null)
    .map((m) => study.models[m]?.name ?? "")
    .filter(Boolean);
  const minima = columns.find((c) => c.key === "minima");
  if (medoids.length > 0) {
    const text = [
      medoids.length > 1
        ? `Side by side: ${medoids.join(" and ")}, the members most like the others of their group.`
        : `${medoids[0]} is the member most like the others.`,
    ];
    if (minima)
      text.push(
        `Their sampled landscapes have ${medoids.map((name) => plural(minima.values[study.models.findIndex((m) => m.name === name)] ?? NaN, "minimum").replace("minimums", "minima")).join(" and ")}.`,
      );
    text.push(
      "Contour, surface, diagram and tree show the same field: point at a basin in one and it lights up in all. The slider removes features of low persistence everywhere at once.",
    );
    steps.push({ title: "Around single minima", text, page: "landscape", selected: medoids });
  }

  const best = extreme(leading, all, true);
  const worst = extreme(leading, all, false);
  if (leading && best !== null && worst !== null && best !== worst) {
    const names = [best, worst].map((m) => study.models[m]?.name ?? "");
    steps.push({
      title: "The best and the worst",
      text: [
        `By ${leading.title} the best model is ${names[0]} (${formatWithUnit(leading.values[best], leading.unit, 3)}), the worst ${names[1]} (${formatWithUnit(leading.values[worst], leading.unit, 3)}). Compare their landscapes with the scales locked.`,
      ],
      page: "landscape",
      selected: names,
    });
  }

  const results = columns.filter((c) => !c.parameter);
  let strongest: { a: string; b: string; aKey: string; bKey: string; rho: number; count: number } | null = null;
  for (const a of results.slice(0, 12))
    for (const b of results.slice(0, 12)) {
      // A metric and another of the same kind correlate by construction: a result of the landscape on one side.
      if (a.better === null || a.key.startsWith("mc") || b.better !== null || a === b) continue;
      const { rho, count } = rankCorrelation(a.values, b.values);
      if (isNumber(rho) && count >= 5 && (strongest === null || Math.abs(rho) > Math.abs(strongest.rho)))
        strongest = { a: a.title, b: b.title, aKey: a.key, bKey: b.key, rho, count };
    }
  if (strongest)
    steps.push({
      title: "What goes with performance",
      text: [
        `Over ${strongest.count} models the strongest relation between a metric and the landscape is that of ${strongest.a} with ${strongest.b}: rank correlation ${formatNumber(strongest.rho, 2)}.`,
        "Look at the groups one by one before believing it.",
      ],
      page: "across",
      across: { view: "relations", x: strongest.bKey, y: strongest.aKey },
    });

  if (trust)
    steps.push({
      title: "How far to trust it",
      text: [
        `Of ${formatInteger(trust.pass + trust.doubt + trust.fail)} checks ${formatInteger(trust.pass)} pass, ${formatInteger(trust.doubt)} ${trust.doubt === 1 ? "is" : "are"} doubtful and ${formatInteger(trust.fail)} fail. Each says what to run next.`,
      ],
      page: "trust",
    });
  return steps;
}

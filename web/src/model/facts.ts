// What there is to say about a model in numbers, with units.
import type { Metric, Model, Study } from "../api/types";
import { isNumber } from "../base/statistics";
import { formatNumber, formatWithError, formatWithUnit } from "../geometry/numbers";

export function metricText(metric: Metric, value: number | undefined): string {
  if (value === undefined || !isNumber(value)) return "–";
  return formatWithUnit(value, metric.unit);
}

export function largestEigenvalue(model: Model): number {
  return model.eigenvalues.length > 0 ? Math.max(...model.eigenvalues) : NaN;
}

export function modelFacts(study: Study, model: Model): [string, string][] {
  const facts: [string, string][] = [];
  const group = study.groups[model.group];
  if (group) facts.push(["group", group.title]);
  for (const metric of study.metrics)
    if (model.metrics[metric.name] !== undefined)
      facts.push([metric.title || metric.name, metricText(metric, model.metrics[metric.name])]);
  if (model.eigenvalues.length > 0) {
    const at = model.eigenvalues.indexOf(largestEigenvalue(model));
    const value = model.eigenvalues[at] as number;
    const residual = model.eigenvalue_residuals[at];
    facts.push([
      "largest eigenvalue",
      isNumber(residual) ? `${formatNumber(value)} (residual ${formatNumber(residual, 2)})` : formatNumber(value),
    ]);
  }
  if (isNumber(model.trace)) facts.push(["trace", formatWithError(model.trace, model.trace_standard_error)]);
  return facts;
}

/** The five kinds of landscape of the taxonomy (Yang et al. 2021). */
const TAXONOMY: Readonly<Record<string, string>> = Object.freeze({
  I: "sharp, poorly connected",
  II: "sharp, well connected",
  III: "flat, poorly connected",
  "IV-A": "flat, well connected, less similar",
  "IV-B": "flat, well connected, similar",
  "under-trained": "a path between the models leads to lower loss: they are not at their minima",
});

/** What a group's label means, in words; "" for one that is not known. */
export function typeMeaning(label: string): string {
  const near = /^between (\S+) and (\S+)$/.exec(label);
  if (!near) return TAXONOMY[label] ?? "";
  const named = near.slice(1).find((l) => TAXONOMY[l] !== undefined);
  return named ? `near a threshold; rather ${TAXONOMY[named]}` : "near a threshold";
}

// The checks of a study, as its trust record has them.
import type { LossRecord } from "../api/record";

export interface Check {
  name: string;
  verdict: string;
  number: number;
  unit: string;
  sentence: string;
  next: string;
}

const ORDER: Record<string, number> = { fail: 0, doubt: 1, pass: 2 };

/** The checks of a trust record, the worst first. */
export function checksOf(record: LossRecord): Check[] {
  return record
    .lines("check_names")
    .map((name) => ({
      name: name.replaceAll("_", " "),
      verdict: record.text(`${name}_verdict`),
      number: record.real(`${name}_number`),
      unit: record.unit(`${name}_number`),
      sentence: record.text(`${name}_sentence`),
      next: record.text(`${name}_next`),
    }))
    .sort((a, b) => (ORDER[a.verdict] ?? 3) - (ORDER[b.verdict] ?? 3));
}

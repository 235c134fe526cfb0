// A group's colour, name and taxonomy label; the label opens its evidence.
import { client } from "../api/client";
import type { Group, Study } from "../api/types";
import { formatNumber, formatPercent } from "../geometry/numbers";
import { isNumber } from "../base/statistics";
import { groupColor, usePalette } from "../model/palette";
import { useLoaded } from "../model/study";
import { Popover } from "./Popover";
import { Facts } from "./Tooltip";

/** The five kinds of landscape of the taxonomy (Yang et al. 2021). */
export const TAXONOMY: Readonly<Record<string, string>> = Object.freeze({
  I: "sharp, poorly connected",
  II: "sharp, well connected",
  III: "flat, poorly connected",
  "IV-A": "flat, well connected, less similar",
  "IV-B": "flat, well connected, similar",
});

function Evidence({ study, group }: { study: Study; group: Group }) {
  const loaded = useLoaded(`${study.id}/${group.taxonomy}/${study.revision}`, () =>
    client.record(study.id, group.taxonomy as number),
  );
  if (loaded.state === "error") return <p>{loaded.message}</p>;
  if (loaded.state !== "ready") return <p>Loading …</p>;
  const record = loaded.value;
  const facts: [string, string][] = [];
  for (const name of ["connectedness", "flatness", "similarity"]) {
    const value = record.real(name);
    if (!isNumber(value)) continue;
    const threshold = record.real(`${name}_threshold`);
    facts.push([name, `${formatNumber(value)}${isNumber(threshold) ? ` (threshold ${formatNumber(threshold)})` : ""}`]);
  }
  for (const [name, title] of [
    ["share_bootstrap", "kept by bootstraps of the seeds"],
    ["share_threshold", "kept by thresholds moved by ±25 %"],
  ] as const)
    if (isNumber(record.real(name))) facts.push([title, formatPercent(record.real(name))]);
  return (
    <>
      <p>{record.text("sentence")}</p>
      <Facts facts={facts} />
    </>
  );
}

export function GroupLabel({ study, index }: { study: Study; index: number }) {
  const palette = usePalette();
  const group = study.groups[index];
  if (!group) return null;
  return (
    <span className="group-label">
      <span className="swatch" style={{ background: groupColor(index, study.groups.length, palette.dark) }} />
      <span>{group.title || group.name}</span>
      {group.label && (
        <Popover
          title={`${group.title || group.name}: type ${group.label}, the evidence`}
          className="badge"
          label={group.label}
        >
          <div className="explanation">
            <h3>
              {group.title || group.name}: type {group.label}
            </h3>
            <p>
              <strong>{TAXONOMY[group.label] ?? ""}</strong>
            </p>
            {group.taxonomy !== null && <Evidence study={study} group={group} />}
          </div>
        </Popover>
      )}
    </span>
  );
}

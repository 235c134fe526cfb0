// A group's colour, name and taxonomy label; the label opens its evidence.
import { client } from "../api/client";
import type { Group, Study } from "../api/types";
import { formatNumber, formatPercent } from "../geometry/numbers";
import { isNumber } from "../base/statistics";
import { typeMeaning } from "../model/facts";
import { shortNames } from "../model/names";
import { groupColor, usePalette } from "../model/palette";
import { useLoaded } from "../model/study";
import { Popover } from "./Popover";
import { Facts } from "./Tooltip";

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

/** `short`: only what tells the group from the others; its title is then said on pointing at it. */
export function GroupLabel({ study, index, short = false }: { study: Study; index: number; short?: boolean }) {
  const palette = usePalette();
  const group = study.groups[index];
  if (!group) return null;
  return (
    <span className="group-label">
      <span className="swatch" style={{ background: groupColor(index, study.groups.length, palette.dark) }} />
      <span title={short ? group.title : undefined}>{short ? shortNames(study).groups[index] : group.title}</span>
      {group.label && (
        <Popover
          title={`${group.title}: type ${group.label}, the evidence`}
          className="badge"
          label={group.label}
        >
          <div className="explanation">
            <h3>
              {group.title}: type {group.label}
            </h3>
            <p>
              <strong>{typeMeaning(group.label)}</strong>
            </p>
            {group.taxonomy !== null && <Evidence study={study} group={group} />}
          </div>
        </Popover>
      )}
    </span>
  );
}

// Model cards: where a model comes from and what is known of it; for two, what differs.
import { useMemo } from "react";
import { client } from "../../api/client";
import type { LossRecord } from "../../api/record";
import { type Model, recordsOf, type Study } from "../../api/types";
import { toCsv } from "../../base/csv";
import { isNumber } from "../../base/statistics";
import { formatInteger, formatNumber } from "../../geometry/numbers";
import { modelFacts } from "../../model/facts";
import { groupColor, usePalette } from "../../model/palette";
import { useRecords } from "../../model/study";
import { setView, toggleSelected, useView } from "../../state";
import { Empty, Panel } from "../../widgets/Panel";
import { Popover } from "../../widgets/Popover";

const PARTS = ["Architecture and problem", "Data", "Training", "Results"] as const;
type Part = (typeof PARTS)[number];

const DATA_WORDS = /data|normalise|split|role|count|batch_norm|corrupt|sample|points/;
const TRAINING_WORDS =
  /train|seed|epoch|rate|optimi|momentum|decay|schedule|batch|source|checkpoint|steps|reason|stop|last_loss|evaluations|weights|hash|file/;

export function partOf(key: string): Part {
  if (TRAINING_WORDS.test(key)) return "Training";
  if (DATA_WORDS.test(key)) return "Data";
  return "Architecture and problem";
}

export interface CardRow {
  part: Part;
  key: string;
  value: string;
}

const text = (value: unknown): string =>
  typeof value === "number" ? formatNumber(value, 8) : value === null || value === undefined ? "–" : String(value);

/** Everything that is known of a model, in parts; the record of how it came to be adds to the study's settings. */
export function cardRows(study: Study, model: Model, origin: LossRecord | null): CardRow[] {
  const rows = new Map<string, CardRow>();
  const add = (part: Part, key: string, value: string): void => {
    // Settings of the study (roles.fit.count) and entries of the record (role_fit_count) say the same: once is enough.
    const title = key
      .replace(/^setting_/, "")
      .replace(/^roles\./, "role ")
      .replace(/^(options|train)\./, "")
      .replaceAll(/[._]/g, " ");
    if (value !== "" && !rows.has(`${part}/${title}`)) rows.set(`${part}/${title}`, { part, key: title, value });
  };
  const group = study.groups[model.group];
  for (const settings of [model.settings, group?.settings ?? {}])
    for (const [key, value] of Object.entries(settings)) add(partOf(key), key, text(value));
  for (const [key, value] of Object.entries(group?.sweep ?? {})) add(partOf(key), key, text(value));
  if (origin) {
    for (const field of origin.fields) {
      if (typeof field.value === "object") {
        if (field.name === "theta")
          add("Architecture and problem", "parameters", formatInteger(field.value.data.length));
        continue;
      }
      const unit = field.unit ? ` ${field.unit}` : "";
      add(
        partOf(field.name),
        field.name,
        typeof field.value === "number"
          ? isNumber(field.value)
            ? `${formatNumber(field.value, 6)}${unit}`
            : "–"
          : field.value,
      );
    }
  }
  for (const [key, value] of modelFacts(study, model)) if (key !== "group") add("Results", key, value);
  return [...rows.values()].sort((a, b) => PARTS.indexOf(a.part) - PARTS.indexOf(b.part));
}

const RECORD_TITLES: Record<string, string> = {
  model: "the model",
  metrics: "metrics",
  landscape: "landscape",
  field: "field",
  topology: "topology",
  eigenpairs: "eigenpairs",
  trace: "trace",
  density: "spectral density",
  negative_curvature: "negative curvature",
};

function Card({
  study,
  model,
  rows,
  differs,
}: {
  study: Study;
  model: Model;
  rows: CardRow[];
  differs: ReadonlySet<string>;
}) {
  const palette = usePalette();
  const records = Object.keys(model.records).flatMap((kind) => recordsOf(model, kind).map((id) => [kind, id] as const));
  return (
    <Panel
      className="card"
      label={`Card of ${model.name}`}
      title={
        <>
          <span className="swatch" style={{ background: groupColor(model.group, study.groups.length, palette.dark) }} />
          {model.name}
        </>
      }
      onClose={() => toggleSelected(model.name)}
      explanation={{
        what: "Where a model comes from (network or problem, data with their roles, how it was trained, hashes of its weights) and every number that the study has of it.",
        read: "Entries that differ between the chosen models are bold, with a mark at the side. Stored results can be saved with all their arrays.",
        misread:
          "A result belongs to the samples named under Data: an accuracy on 1,000 test images has a standard error of about a percentage point.",
      }}
      exports={{
        name: `${study.name}-${model.name}`,
        csv: () =>
          toCsv(
            ["part", "key", "value"],
            rows.map((r) => [r.part, r.key, r.value]),
          ),
      }}
    >
      {PARTS.map((part) => {
        const own = rows.filter((r) => r.part === part);
        return (
          own.length > 0 && (
            <div key={part} className="card-part">
              <h3>{part}</h3>
              <dl className="facts">
                {own.map((r) => (
                  <div key={r.key} className={differs.has(`${r.part}/${r.key}`) ? "differs" : ""}>
                    <dt>{r.key}</dt>
                    <dd>{r.value}</dd>
                  </div>
                ))}
              </dl>
            </div>
          )
        );
      })}
      {records.length > 0 && (
        <div className="card-part">
          <h3>Stored results</h3>
          <ul className="records">
            {records.map(([kind, id]) => (
              <li key={id}>
                <span>
                  {RECORD_TITLES[kind] ?? kind.replaceAll("_", " ")} <span className="note">no. {id}</span>
                </span>
                <Popover label="Save" title={`Save ${kind} ${id}`} className="button quiet" align="right">
                  <div className="menu">
                    <a href={client.exportUrl(study.id, id, "npz")} download>
                      NPZ
                    </a>
                    <a href={client.exportUrl(study.id, id, "json")} download>
                      JSON
                    </a>
                  </div>
                </Popover>
              </li>
            ))}
          </ul>
        </div>
      )}
    </Panel>
  );
}

export function Cards({ study }: { study: Study }) {
  const selected = useView((s) => s.selected);
  const models = useMemo(
    () => selected.map((n) => study.models.find((m) => m.name === n)).filter((m) => m !== undefined),
    [selected, study],
  );
  const origins = useRecords(
    study,
    models.map((m) => recordsOf(m, "model").at(-1) ?? null),
  );
  const known = origins.state === "ready" ? origins.value : [];
  const rows = models.map((model, i) => cardRows(study, model, known[i] ?? null));
  const differs = new Set<string>();
  if (models.length >= 2) {
    const keys = new Set(rows.flatMap((list) => list.map((r) => `${r.part}/${r.key}`)));
    for (const key of keys) {
      const values = rows.map((list) => list.find((r) => `${r.part}/${r.key}` === key)?.value ?? "–");
      if (values.some((v) => v !== values[0])) differs.add(key);
    }
  }
  const choose = (
    <p className="row">
      {study.models.slice(0, 400).map((m) => (
        <button
          key={m.name}
          type="button"
          className={`button ${selected.includes(m.name) ? "primary" : ""}`}
          aria-pressed={selected.includes(m.name)}
          onClick={() => toggleSelected(m.name)}
        >
          {m.name}
        </button>
      ))}
    </p>
  );
  return (
    <div className="page-body">
      <h1>Model cards</h1>
      <details open={models.length === 0}>
        <summary>
          Choose models ({models.length} of {study.models.length})
        </summary>
        {choose}
      </details>
      {models.length === 0 && (
        <Empty title="No model is chosen">
          <p>Choose one to see where it comes from, two to see what differs.</p>
        </Empty>
      )}
      {models.length >= 2 && (
        <Panel
          title="What differs"
          label="Differences"
          className="differences"
          explanation={{
            what: "Everything that is known of the chosen models and is not the same: architecture and problem, data, training, results. What they share is left out; the cards below have all of it.",
            read: "Look for what was meant to differ, and for what was not: another seed, split, number of epochs or set of samples explains many a difference in the results.",
            misread:
              "An entry that only one model has is shown with a dash at the other: it does not apply, or was not recorded. Two equal rows of settings do not make two equal models: seeds differ too.",
          }}
          note={`${differs.size} of ${new Set(rows.flatMap((l) => l.map((r) => `${r.part}/${r.key}`))).size} entries`}
          exports={{
            name: `${study.name}-differences`,
            csv: () =>
              toCsv(
                ["part", "key", ...models.map((m) => m.name)],
                [...differs].map((key) => {
                  const [part = "", name = ""] = key.split(/\/(.*)/s);
                  return [
                    part,
                    name,
                    ...rows.map((l) => l.find((r) => r.part === part && r.key === name)?.value ?? ""),
                  ];
                }),
              ),
          }}
        >
          <div className="scroll" tabIndex={0} role="region" aria-label="Differences, scrollable">
            <table>
              <thead>
                <tr>
                  <th scope="col">entry</th>
                  {models.map((m) => (
                    <th key={m.name} scope="col">
                      {m.name}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {PARTS.flatMap((part) => {
                  const keys = [...differs].filter((k) => k.startsWith(`${part}/`));
                  return keys.length === 0
                    ? []
                    : [
                        <tr key={part} className="part">
                          <th scope="rowgroup" colSpan={models.length + 1}>
                            {part}
                          </th>
                        </tr>,
                        ...keys.map((key) => {
                          const name = key.slice(part.length + 1);
                          return (
                            <tr key={key}>
                              <th scope="row">{name}</th>
                              {rows.map((list, i) => (
                                <td key={models[i]?.name}>
                                  {list.find((r) => r.part === part && r.key === name)?.value ?? "–"}
                                </td>
                              ))}
                            </tr>
                          );
                        }),
                      ];
                })}
              </tbody>
            </table>
          </div>
          {differs.size === 0 && <Empty title="Nothing differs" />}
        </Panel>
      )}
      <div className="cards">
        {models.map((model, i) => (
          <Card key={model.name} study={study} model={model} rows={rows[i] ?? []} differs={differs} />
        ))}
      </div>
      <h2 className="section">The study</h2>
      {Object.entries(study.provenance).filter(([key]) => key !== "study").length > 0 && (
        <dl className="provenance">
          {Object.entries(study.provenance)
            .filter(([key]) => key !== "study")
            .map(([k, v]) => (
              <div key={k}>
                <dt>{k.replaceAll("_", " ")}</dt>
                <dd>{String(v)}</dd>
              </div>
            ))}
        </dl>
      )}
      {study.provenance.study && (
        <details>
          <summary>The study file</summary>
          <pre>{study.provenance.study}</pre>
        </details>
      )}
      {models.length > 0 && (
        <p>
          <button type="button" className="button" onClick={() => setView({ page: "landscape" })}>
            To their landscapes
          </button>
        </p>
      )}
    </div>
  );
}

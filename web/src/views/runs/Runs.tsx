// What runs, what has run, and starting more.
import { type DragEvent, useState } from "react";
import { client } from "../../api/client";
import { type JobState, recordsOf, type Study } from "../../api/types";
import { formatDuration } from "../../base/time";
import { toCsv } from "../../base/csv";
import { isNumber } from "../../base/statistics";
import { formatInteger, formatNumber, formatPercent } from "../../geometry/numbers";
import type { Live } from "../../model/live";
import { useLoaded } from "../../model/study";
import { useView } from "../../state";
import { NumberInput, Select, Toggle } from "../../widgets/controls";
import { Empty, Failure, Loading, Panel } from "../../widgets/Panel";
import { ANALYSES, askedOptions, type Option } from "./analyses";

function useAction(): [string, boolean, (work: () => Promise<string>) => void] {
  const [state, setState] = useState({ message: "", failed: false });
  return [
    state.message,
    state.failed,
    (work) => {
      setState({ message: "…", failed: false });
      work().then(
        (message) => setState({ message, failed: false }),
        (cause: unknown) => setState({ message: cause instanceof Error ? cause.message : String(cause), failed: true }),
      );
    },
  ];
}

/** When a run began: seconds since 1970 as the local time of day, with the date where it was not today. */
function since(value: string | number): string {
  const began = new Date(Number(value) * 1000);
  if (Number.isNaN(began.getTime())) return String(value);
  const today = new Date().toDateString() === began.toDateString();
  return today ? began.toLocaleTimeString() : began.toLocaleString();
}

/** The first failures, each with what it said. */
function Failures({ study }: { study: Study }) {
  const loaded = useLoaded(
    study.jobs.failed > 0 ? `${study.id}/failed/${study.revision}/${study.jobs.failed}` : null,
    () => client.jobs(study.id, { state: "failed" }, 0, 3),
  );
  if (loaded.state !== "ready" || loaded.value.total === 0) return null;
  const more = loaded.value.total - loaded.value.jobs.length;
  return (
    <ul className="failures">
      {loaded.value.jobs.map((job) => (
        <li key={job.id}>
          <strong>
            {job.kind.replaceAll("_", " ")} of {[job.subject || job.group, job.other].filter(Boolean).join(" – ")}
          </strong>
          : {job.message || "no message"}
        </li>
      ))}
      {more > 0 && <li className="note">and {formatInteger(more)} more: choose the state “failed” below.</li>}
    </ul>
  );
}

/** One option of an analysis; left empty, the study decides. */
function OptionField({ option, value, onChange }: { option: Option; value: string; onChange: (v: string) => void }) {
  const word = (v: string): string => (v === "true" ? "yes" : v === "false" ? "no" : v);
  const standard = word(option.standard) || option.hint || "as fits";
  if (option.choices)
    return (
      <Select
        label={option.title}
        value={value}
        options={[["", `default (${standard})`], ...option.choices.map((c) => [c, word(c)] as const)]}
        onChange={onChange}
      />
    );
  return (
    <label className="control" title={option.hint}>
      <span>
        {option.title}
        {option.hint && option.standard !== "" && <span className="hint"> {option.hint}</span>}
      </span>
      <input
        type="text"
        aria-label={option.title}
        value={value}
        placeholder={standard}
        onChange={(e) => onChange(e.target.value)}
      />
    </label>
  );
}

function StartForm({ study, canRun, running }: { study: Study; canRun: boolean; running: boolean }) {
  const selected = useView((s) => s.selected);
  const [threads, setThreads] = useState(0);
  const [minutes, setMinutes] = useState(0);
  const [kind, setKind] = useState("");
  const [options, setOptions] = useState<Record<string, string>>({});
  const [message, failed, act] = useAction();
  const analysis = ANALYSES[kind];
  const waiting = study.jobs.waiting + study.jobs.failed;
  const [everything, setEverything] = useState(false);
  const all = analysis?.whole === true || everything;
  const key = (option: Option): string => `${kind}.${option.key}`;
  const field = (option: Option) => (
    <OptionField
      key={key(option)}
      option={option}
      value={options[key(option)] ?? ""}
      onChange={(v) => setOptions((o) => ({ ...o, [key(option)]: v }))}
    />
  );
  const submit = (): void =>
    act(async () => {
      const body: Record<string, unknown> = { threads, max_time_seconds: 60 * minutes };
      if (analysis)
        Object.assign(body, {
          add: kind,
          models: all ? [] : selected,
          options: askedOptions(
            analysis,
            Object.fromEntries(analysis.options.map((o) => [o.key, options[key(o)] ?? ""])),
          ),
        });
      await client.startRun(study.id, body);
      return analysis
        ? `${analysis.title} of ${all ? "all" : formatInteger(selected.length)} models asked for.`
        : "Started.";
    });
  if (!canRun)
    return (
      <Panel title="Start" label="Start a run">
        <Empty title="This server only shows">
          <p>
            It was started without the right to run jobs. Use <code>losslens run</code> with the study file.
          </p>
        </Empty>
      </Panel>
    );
  return (
    <Panel
      title="Start"
      label="Start a run"
      explanation={{
        what: "Continues this study, or adds one more analysis to it. A run is a process of its own that writes into the study’s file; this page only watches it.",
        read: "An option that is left empty takes the default shown in grey, which depends on the effort of the study (quick, standard, paper). What has a result is not computed again.",
        misread:
          "A second landscape with other options stands beside the first one, it does not replace it: views show the one chosen in their bar.",
      }}
    >
      <form
        className="form start"
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        <Select
          label="What"
          value={kind}
          onChange={setKind}
          options={[
            ["", `continue the study${waiting > 0 ? ` (${formatInteger(waiting)} results missing)` : ""}`],
            ...Object.entries(ANALYSES).map(([key, a]) => [key, `add: ${a.title.toLowerCase()}`] as const),
          ]}
        />
        {analysis && <p className="note">{analysis.what}</p>}
        {analysis && !analysis.whole && (
          <>
            <Toggle
              label={`of all ${formatInteger(study.models.length)} models`}
              checked={everything}
              onChange={setEverything}
            />
            {!everything && (
              <p className={selected.length === 0 ? "fail" : "note"}>
                {selected.length === 0
                  ? "Select models first, in the landscape page or the model cards."
                  : `For ${selected.join(", ")}`}
              </p>
            )}
          </>
        )}
        {analysis?.options.filter((o) => o.main).map(field)}
        {analysis?.options.some((o) => !o.main) && (
          <details>
            <summary>More options ({analysis.options.filter((o) => !o.main).length})</summary>
            <div className="form more">{analysis.options.filter((o) => !o.main).map(field)}</div>
          </details>
        )}
        <NumberInput
          label="Threads (0: all)"
          value={threads}
          minimum={0}
          maximum={1024}
          width={5}
          onChange={(v) => setThreads(Math.round(v))}
        />
        <NumberInput
          label="Stop after, minutes (0: when done)"
          value={minutes}
          minimum={0}
          maximum={1e5}
          width={5}
          onChange={setMinutes}
        />
        <p className="row">
          <button
            type="submit"
            className="button primary"
            disabled={running || (Boolean(analysis) && !all && selected.length === 0)}
          >
            Start
          </button>
          {running && <span className="note">A run is under way.</span>}
        </p>
        {message && (
          <p role="status" className={failed ? "fail" : "note"}>
            {message}
          </p>
        )}
      </form>
    </Panel>
  );
}

function AddCheckpoints({ study, onAdded }: { study: Study; onAdded: () => void }) {
  const groups = study.groups.filter((g) => g.kind !== "field");
  const [group, setGroup] = useState(groups[0]?.name ?? "");
  const [path, setPath] = useState("");
  const [over, setOver] = useState(false);
  const [message, failed, act] = useAction();
  if (groups.length === 0) return null;
  const send = (files: FileList | null): void => {
    if (files && files.length > 0)
      act(async () => {
        const added: string[] = [];
        for (const file of files) added.push(...(await client.addCheckpointFile(study.id, group, file)).models);
        onAdded();
        return `Added ${added.join(", ")}: part of the next run.`;
      });
  };
  return (
    <Panel title="Add checkpoints" label="Add checkpoints">
      <div className="form start">
        <Select
          label="To group"
          value={group}
          options={groups.map((g) => [g.name, g.title] as const)}
          onChange={setGroup}
        />
        <label
          className={`drop ${over ? "over" : ""}`}
          onDragOver={(event: DragEvent) => {
            event.preventDefault();
            setOver(true);
          }}
          onDragLeave={() => setOver(false)}
          onDrop={(event) => {
            event.preventDefault();
            setOver(false);
            send(event.dataTransfer.files);
          }}
        >
          <strong>Drop checkpoint files here</strong>
          <span>.safetensors, .pt, .pth, .npz</span>
          <input
            type="file"
            multiple
            accept=".safetensors,.pt,.pth,.th,.pkl,.npz"
            onChange={(e) => send(e.target.files)}
          />
        </label>
        <form
          className="row"
          onSubmit={(event) => {
            event.preventDefault();
            if (path)
              act(async () => {
                const { models } = await client.addCheckpointPath(study.id, group, path);
                onAdded();
                return `Added ${models.join(", ")}: part of the next run.`;
              });
          }}
        >
          <label className="control grow">
            <span>or a path beside the study</span>
            <input
              type="text"
              value={path}
              placeholder="run2/model.safetensors"
              onChange={(e) => setPath(e.target.value)}
            />
          </label>
          <button type="submit" className="button" disabled={path === ""}>
            Add
          </button>
        </form>
        {message && (
          <p role="status" className={failed ? "fail" : "note"}>
            {message}
          </p>
        )}
      </div>
    </Panel>
  );
}

function Jobs({ study }: { study: Study }) {
  const [state, setState] = useState<JobState | "">("");
  const [kind, setKind] = useState("");
  const [first, setFirst] = useState(0);
  const most = 100;
  const counts = study.jobs;
  const loaded = useLoaded(`${study.id}/${study.revision}/${state}/${kind}/${first}`, () =>
    client.jobs(study.id, { ...(state && { state }), ...(kind && { kind }) }, first, most),
  );
  const kinds = [
    "model",
    "metrics",
    "landscape",
    "field",
    "topology",
    "eigenpairs",
    "trace",
    "density",
    "pair",
    "similarity",
    "placement",
    "distances",
    "taxonomy",
    "comparison",
    "trust",
  ];
  const jobs = loaded.state === "ready" ? loaded.value.jobs : [];
  return (
    <Panel
      title="Jobs"
      label="Jobs"
      note={`${formatInteger(counts.done)} done, ${formatInteger(counts.running)} running, ${formatInteger(counts.waiting)} waiting, ${formatInteger(counts.failed)} failed`}
      exports={{
        name: `${study.name}-jobs`,
        csv: () =>
          toCsv(
            ["id", "kind", "group", "subject", "other", "state", "seconds", "message"],
            jobs.map((j) => [j.id, j.kind, j.group, j.subject, j.other, j.state, j.seconds, j.message]),
          ),
      }}
      controls={
        <>
          <Select<JobState | "">
            label="State"
            value={state}
            options={[
              ["", "all"],
              ["running", "running"],
              ["failed", "failed"],
              ["waiting", "waiting"],
              ["done", "done"],
            ]}
            onChange={(v) => {
              setState(v);
              setFirst(0);
            }}
          />
          <Select
            label="Kind"
            value={kind}
            options={[["", "all"], ...kinds.map((k) => [k, k] as const)]}
            onChange={(v) => {
              setKind(v);
              setFirst(0);
            }}
          />
        </>
      }
    >
      {loaded.state === "error" ? (
        <Failure message={loaded.message} />
      ) : loaded.state !== "ready" ? (
        <Loading />
      ) : jobs.length === 0 ? (
        <Empty title="No such job" />
      ) : (
        <>
          <div className="scroll jobs" tabIndex={0} role="region" aria-label="Jobs, scrollable">
            <table>
              <thead>
                <tr>
                  <th scope="col">job</th>
                  <th scope="col">of</th>
                  <th scope="col">state</th>
                  <th scope="col" className="number">
                    time
                  </th>
                  <th scope="col">message</th>
                </tr>
              </thead>
              <tbody>
                {jobs.map((job) => (
                  <tr key={job.id}>
                    <td>{job.kind.replaceAll("_", " ")}</td>
                    <td>{[job.subject || job.group, job.other].filter(Boolean).join(" – ")}</td>
                    <td>
                      <span className={`state ${job.state}`}>{job.state}</span>
                    </td>
                    <td className="number">
                      {isNumber(job.seconds) && job.state === "done" ? formatDuration(job.seconds) : "–"}
                    </td>
                    <td className="message">{job.message}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
          {loaded.value.total > most && (
            <p className="row pager">
              <button
                type="button"
                className="button"
                disabled={first === 0}
                onClick={() => setFirst(Math.max(0, first - most))}
              >
                Earlier
              </button>
              <span className="note">
                {first + 1} – {Math.min(first + most, loaded.value.total)} of {formatInteger(loaded.value.total)}
              </span>
              <button
                type="button"
                className="button"
                disabled={first + most >= loaded.value.total}
                onClick={() => setFirst(first + most)}
              >
                Later
              </button>
            </p>
          )}
        </>
      )}
    </Panel>
  );
}

export function Runs({ study, live, canRun }: { study: Study; live: Live; canRun: boolean }) {
  const status = live.status;
  const run = useLoaded(`${study.id}/run/${status?.running ?? study.running}`, () => client.run(study.id));
  const [message, failed, act] = useAction();
  const counts = status?.jobs ?? study.jobs;
  const all = counts.waiting + counts.running + counts.done + counts.failed;
  const running = status?.running ?? study.running;
  const here = run.state === "ready" && run.value.here;
  const missing = study.models.filter(
    (m) => recordsOf(m, "landscape").length === 0 && recordsOf(m, "field").length === 0,
  ).length;
  return (
    <div className="page-body">
      <h1>Runs</h1>
      <Panel
        title={running ? "Running" : counts.waiting + counts.failed > 0 ? "Not running" : "Complete"}
        label="State of the run"
        explanation={{
          what: "How many of the study’s jobs have a result, what runs now, and what failed with its message.",
          read: "A job is a model, a landscape, a pair of models, a spectrum … Pieces of a job that are finished are kept when the run stops or the computer does.",
          misread:
            "The time left is an estimate from the jobs done so far: a study whose dear jobs come last takes longer than it says at first.",
        }}
        note={
          running && status && isNumber(status.eta_seconds) && status.eta_seconds > 0
            ? `about ${formatDuration(status.eta_seconds)} left`
            : ""
        }
      >
        <div className="run-state">
          <div
            className="progress big"
            role="progressbar"
            aria-label="Results"
            aria-valuemin={0}
            aria-valuemax={all}
            aria-valuenow={counts.done}
          >
            <span style={{ width: `${all > 0 ? (100 * counts.done) / all : 0}%` }} />
          </div>
          <p>
            {formatInteger(counts.done)} of {formatInteger(all)} results
            {all > 0 && ` (${formatPercent(counts.done / all)})`}
            {counts.failed > 0 && <span className="fail"> · {formatInteger(counts.failed)} failed</span>}
            {missing > 0 && study.kind === "study" && ` · ${formatInteger(missing)} models have no landscape yet`}
          </p>
          {run.state === "ready" && run.value.running && (
            <p className="note">
              {run.value.here
                ? "Started from here"
                : `Another process runs it${run.value.host ? `: ${run.value.host}, process ${run.value.pid}` : ""}`}
              {run.value.since ? `, since ${since(run.value.since)}` : ""}.
            </p>
          )}
          {[...live.progress.values()].map((p) => (
            <div key={p.job} className="job-progress">
              <span>{p.name || p.what}</span>
              <div
                className="progress"
                role="progressbar"
                aria-label={p.name || p.what}
                aria-valuemin={0}
                aria-valuemax={p.total > 0 ? p.total : undefined}
                aria-valuenow={p.total > 0 ? p.done : undefined}
              >
                <span
                  className={p.total > 0 ? "" : "unknown"}
                  style={{ width: `${p.total > 0 ? (100 * p.done) / p.total : 0}%` }}
                />
              </div>
              <span className="note">
                {p.total > 0
                  ? `${formatInteger(p.done)} of ${formatInteger(p.total)} ${p.what}`
                  : `${p.what}: ${formatInteger(p.done)} so far`}
                {p.value_name && isNumber(p.value) ? `, ${p.value_name} ${formatNumber(p.value)}` : ""}
              </span>
            </div>
          ))}
          <Failures study={study} />
          {live.failed.map((text, i) => (
            <p key={i} className="fail" role="alert">
              {text}
            </p>
          ))}
          {running && (
            <p className="row">
              <button
                type="button"
                className="button danger"
                disabled={!here}
                title={
                  here
                    ? "Ends like Ctrl-C: finished pieces are kept"
                    : "Only a run that was started here can be stopped here"
                }
                onClick={() =>
                  act(async () => {
                    await client.cancelRun(study.id);
                    return "Stopping: finished pieces are kept.";
                  })
                }
              >
                Stop
              </button>
            </p>
          )}
          {message && (
            <p role="status" className={failed ? "fail" : "note"}>
              {message}
            </p>
          )}
        </div>
      </Panel>
      <div className="two">
        <StartForm study={study} canRun={canRun} running={running} />
        <AddCheckpoints study={study} onAdded={live.reload} />
      </div>
      <Jobs study={study} />
    </div>
  );
}

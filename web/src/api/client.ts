// The one place that talks to the server.
import { whileBusy } from "../base/idle";
import { LossRecord, type RecordHead, numberFromJson, parseRecord, shownUnit } from "./record";
import type {
  DoneEvent,
  ExportFormat,
  Group,
  Job,
  JobList,
  Metric,
  Model,
  Pairs,
  Placement,
  ProgressEvent,
  RunState,
  Setting,
  StateEvent,
  Study,
  StudyList,
} from "./types";

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly what: string,
    readonly wanted: string,
  ) {
    super(wanted ? `${what} (${wanted})` : what);
  }
}

async function answerOf(path: string, init?: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, { credentials: "same-origin", ...init });
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === "AbortError") throw cause;
    throw new ApiError(0, "The server does not answer.", "Is `losslens serve` still running?");
  }
  if (response.ok) return response;
  if (response.status === 401)
    throw new ApiError(401, "This browser has no session.", "open the address that `losslens serve` printed");
  let what = `${response.status} ${response.statusText}`;
  let wanted = "";
  try {
    const body = (await response.json()) as { error?: { what?: string; wanted?: string } };
    what = body.error?.what ?? what;
    wanted = body.error?.wanted ?? "";
  } catch {
    // Not the API's own answer: the status line says what there is to say.
  }
  throw new ApiError(response.status, what, wanted);
}

async function json<T>(path: string, init?: RequestInit): Promise<T> {
  return whileBusy((async () => (await (await answerOf(path, init)).json()) as T)());
}

type Loose<T> = { [K in keyof T]: unknown };
const numbers = (values: unknown): number[] =>
  Array.isArray(values) ? values.map((v) => numberFromJson(v as number | string | null)) : [];

function readModel(raw: Loose<Model>): Model {
  const metrics: Record<string, number> = {};
  for (const [name, value] of Object.entries((raw.metrics ?? {}) as Record<string, number | string | null>))
    metrics[name] = numberFromJson(value);
  return {
    name: raw.name as string,
    group: raw.group as number,
    settings: (raw.settings ?? {}) as Record<string, Setting>,
    records: (raw.records ?? {}) as Model["records"],
    metrics,
    eigenvalues: numbers(raw.eigenvalues),
    eigenvalue_residuals: numbers(raw.eigenvalue_residuals),
    trace: numberFromJson(raw.trace as number | null),
    trace_standard_error: numberFromJson(raw.trace_standard_error as number | null),
  };
}

/** A swept setting is called by its own name in titles, without its place in the study file (options.shortcut). */
function readGroup(raw: Group): Group {
  let title = raw.title || raw.name;
  for (const key of Object.keys(raw.sweep)) title = title.replace(`${key}=`, `${key.replace(/^.*\./, "")}=`);
  return { ...raw, title };
}

function readPairs(raw: Partial<Loose<Pairs>>): Pairs {
  const a = numbers(raw.a);
  const column = (values: unknown): number[] => {
    const read = numbers(values);
    return read.length === a.length ? read : new Array<number>(a.length).fill(NaN);
  };
  const nullable = <T>(values: unknown): (T | null)[] =>
    Array.isArray(values) ? (values as (T | null)[]) : new Array<T | null>(a.length).fill(null);
  return {
    a,
    b: numbers(raw.b),
    record: nullable<number>(raw.record),
    mc_loss: column(raw.mc_loss),
    mc_error: column(raw.mc_error),
    barrier: column(raw.barrier),
    relative_barrier: column(raw.relative_barrier),
    mean_loss: column(raw.mean_loss),
    converged: nullable<boolean | number>(raw.converged).map((c) => (c === null ? null : Boolean(c))),
    cka: column(raw.cka),
  };
}

/** Turns the raw answer into numbers once, so that nothing else needs to know how JSON spells NaN. */
export function readStudy(raw: Loose<Study>): Study {
  const records = (raw.study_records ?? {}) as Partial<Study["study_records"]>;
  return {
    ...(raw as unknown as Study),
    groups: ((raw.groups ?? []) as Group[]).map(readGroup),
    models: ((raw.models ?? []) as Loose<Model>[]).map(readModel),
    metrics: ((raw.metrics ?? []) as Metric[]).map((metric) => ({ ...metric, unit: shownUnit(metric.unit) })),
    pairs: readPairs((raw.pairs ?? {}) as Partial<Loose<Pairs>>),
    placements: ((raw.placements ?? []) as Placement[]).map((p) => ({ ...p, quality: numberFromJson(p.quality) })),
    study_records: {
      similarity: records.similarity ?? null,
      comparison: records.comparison ?? null,
      trust: records.trust ?? null,
      distances: records.distances ?? [],
    },
  };
}

export interface TopologyRequest {
  field?: string;
  connectivity?: string;
  superlevel?: boolean;
}

export interface EventHandlers {
  state?: (event: StateEvent) => void;
  progress?: (event: ProgressEvent) => void;
  done?: (event: DoneEvent) => void;
  failed?: (event: DoneEvent) => void;
  /** The stream broke; the browser tries again by itself. */
  broken?: () => void;
}

const CACHE_BYTES = 512 * 1024 * 1024;

/** Fetched records, least recently used first; a record never changes under its number until its job runs again. */
class RecordCache {
  private readonly entries = new Map<string, { record: Promise<LossRecord>; bytes: number }>();
  private bytes = 0;

  get(key: string, load: () => Promise<{ record: LossRecord; bytes: number }>): Promise<LossRecord> {
    const known = this.entries.get(key);
    if (known) {
      this.entries.delete(key);
      this.entries.set(key, known);
      return known.record;
    }
    const entry = { record: Promise.resolve(null as unknown as LossRecord), bytes: 0 };
    entry.record = load().then(
      ({ record, bytes }) => {
        entry.bytes = bytes;
        this.bytes += bytes;
        this.shrink(key);
        return record;
      },
      (cause: unknown) => {
        this.entries.delete(key);
        throw cause;
      },
    );
    this.entries.set(key, entry);
    return entry.record;
  }
  private shrink(keep: string): void {
    for (const [key, entry] of this.entries) {
      if (this.bytes <= CACHE_BYTES) return;
      if (key === keep || entry.bytes === 0) continue;
      this.bytes -= entry.bytes;
      this.entries.delete(key);
    }
  }
  forget(prefix: string): void {
    for (const [key, entry] of this.entries)
      if (key.startsWith(prefix)) {
        this.bytes -= entry.bytes;
        this.entries.delete(key);
      }
  }
}

export class Client {
  private readonly cache = new RecordCache();

  studies(): Promise<StudyList> {
    return json<StudyList>("/api/studies");
  }
  async study(id: string): Promise<Study> {
    return readStudy(await json<Loose<Study>>(`/api/studies/${encodeURIComponent(id)}`));
  }
  async jobs(
    study: string,
    query: Partial<Record<"state" | "kind" | "group" | "subject", string>> = {},
    first = 0,
    most = 1000,
  ): Promise<JobList> {
    const parameters = new URLSearchParams({ ...query, first: String(first), most: String(most) });
    const list = await json<JobList>(`/api/studies/${encodeURIComponent(study)}/jobs?${parameters}`);
    return { total: list.total, jobs: list.jobs.map((job: Job) => ({ ...job, seconds: numberFromJson(job.seconds) })) };
  }

  /** A record with its arrays; `fields` leaves out the others. Kept, so asking again costs nothing. */
  record(study: string, id: number, fields: readonly string[] = []): Promise<LossRecord> {
    const query = fields.length > 0 ? `?fields=${fields.map(encodeURIComponent).join(",")}` : "";
    return this.binary(
      `${study}/${id}/${query}`,
      `/api/studies/${encodeURIComponent(study)}/records/${id}/data${query}`,
    );
  }
  /** A record without the arrays named: those that are large and not drawn (weights, eigenvectors). */
  async slimRecord(study: string, id: number, without: readonly string[]): Promise<LossRecord> {
    const path = `/api/studies/${encodeURIComponent(study)}/records/${id}`;
    const names = (await json<RecordHead>(path)).fields.map((field) => field.name);
    return this.record(
      study,
      id,
      names.some((name) => without.includes(name)) ? names.filter((name) => !without.includes(name)) : [],
    );
  }
  /** Topology of a stored field, computed by the server where it is not there yet. */
  topology(study: string, id: number, request: TopologyRequest = {}): Promise<LossRecord> {
    const parameters = new URLSearchParams();
    if (request.field) parameters.set("field", request.field);
    if (request.connectivity) parameters.set("connectivity", request.connectivity);
    if (request.superlevel) parameters.set("superlevel", "1");
    return this.binary(
      `${study}/${id}/topology?${parameters}`,
      `/api/studies/${encodeURIComponent(study)}/records/${id}/topology?${parameters}`,
    );
  }
  private binary(key: string, path: string): Promise<LossRecord> {
    return this.cache.get(key, () =>
      whileBusy(
        (async () => {
          const buffer = await (await answerOf(path)).arrayBuffer();
          return { record: parseRecord(buffer), bytes: buffer.byteLength };
        })(),
      ),
    );
  }
  /** A job ran (again): what is kept of its record is old. */
  forget(study: string, id: number): void {
    this.cache.forget(`${study}/${id}/`);
  }
  exportUrl(study: string, id: number, format: ExportFormat, field?: string): string {
    const parameters = new URLSearchParams({ format });
    if (field) parameters.set("field", field);
    return `/api/studies/${encodeURIComponent(study)}/records/${id}/export?${parameters}`;
  }

  /** Listens until the returned function is called. */
  events(study: string, handlers: EventHandlers): () => void {
    const source = new EventSource(`/api/studies/${encodeURIComponent(study)}/events`);
    const listen = <T>(type: string, handler: ((event: T) => void) | undefined): void => {
      if (handler)
        source.addEventListener(type, (event) => handler(JSON.parse((event as MessageEvent<string>).data) as T));
    };
    listen<StateEvent>("state", handlers.state);
    listen<ProgressEvent>("progress", handlers.progress);
    listen<DoneEvent>("done", handlers.done);
    listen<DoneEvent>("failed", handlers.failed);
    source.onerror = () => handlers.broken?.();
    return () => source.close();
  }

  run(study: string): Promise<RunState> {
    return json<RunState>(`/api/studies/${encodeURIComponent(study)}/run`);
  }
  async startRun(study: string, body: Record<string, unknown>): Promise<void> {
    await json<unknown>(`/api/studies/${encodeURIComponent(study)}/run`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
  }
  async cancelRun(study: string): Promise<void> {
    await whileBusy(answerOf(`/api/studies/${encodeURIComponent(study)}/run`, { method: "DELETE" }));
  }
  addCheckpointFile(study: string, group: string, file: File): Promise<{ models: string[] }> {
    return json(
      `/api/studies/${encodeURIComponent(study)}/groups/${encodeURIComponent(group)}/checkpoints?file=${encodeURIComponent(
        file.name,
      )}`,
      { method: "POST", body: file, headers: { "Content-Type": "application/octet-stream" } },
    );
  }
  addCheckpointPath(study: string, group: string, path: string): Promise<{ models: string[] }> {
    return json(`/api/studies/${encodeURIComponent(study)}/groups/${encodeURIComponent(group)}/checkpoints`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ path }),
    });
  }
  addField(file: File): Promise<{ study: string }> {
    return json(`/api/fields?file=${encodeURIComponent(file.name)}`, {
      method: "POST",
      body: file,
      headers: { "Content-Type": "application/octet-stream" },
    });
  }
}

/** The page's one client. */
export const client = new Client();

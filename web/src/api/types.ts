// The server's answers (docs/http_api.md), after the client has turned "NaN" and "Infinity" into numbers.

export interface JobCounts {
  waiting: number;
  running: number;
  done: number;
  failed: number;
}

export interface StudyListEntry {
  id: string;
  name: string;
  kind: "study" | "field";
  groups: number;
  models: number;
  jobs: JobCounts;
}

export interface StudyList {
  studies: StudyListEntry[];
  version: string;
  can_run: boolean;
}

export type Setting = string | number | boolean | null;

export interface Group {
  name: string;
  title: string;
  kind: "network" | "pinn" | "field";
  settings: Record<string, Setting>;
  sweep: Record<string, Setting>;
  models: number[];
  taxonomy: number | null;
  label: string | null;
}

/** Record numbers of a model: one, or several where a kind can occur more than once. */
export type ModelRecords = Partial<Record<string, number | number[]>>;

export interface Model {
  name: string;
  group: number;
  settings: Record<string, Setting>;
  records: ModelRecords;
  metrics: Record<string, number>;
  eigenvalues: number[];
  eigenvalue_residuals: number[];
  trace: number;
  trace_standard_error: number;
}

export interface Metric {
  name: string;
  title: string;
  unit: string;
  better: "higher" | "lower";
  scale: "score" | "error" | "value";
}

/** Columns of equal length; NaN where a number is not there. */
export interface Pairs {
  a: number[];
  b: number[];
  record: (number | null)[];
  mc_loss: number[];
  mc_error: number[];
  barrier: number[];
  relative_barrier: number[];
  mean_loss: number[];
  converged: (boolean | null)[];
  cka: number[];
}

export interface Placement {
  record: number;
  method: string;
  layer: string;
  group: number | null;
  quality: number;
  quality_name: string;
}

export interface Study {
  id: string;
  name: string;
  kind: "study" | "field";
  revision: number;
  jobs: JobCounts;
  running: boolean;
  provenance: Record<string, string>;
  groups: Group[];
  models: Model[];
  metrics: Metric[];
  pairs: Pairs;
  placements: Placement[];
  study_records: {
    similarity: number | null;
    comparison: number | null;
    trust: number | null;
    distances: number[];
  };
}

export type JobState = "waiting" | "running" | "done" | "failed";

export interface Job {
  id: number;
  kind: string;
  name: string;
  group: string;
  subject: string;
  other: string;
  state: JobState;
  message: string;
  seconds: number;
  record_kind: string | null;
}

export interface JobList {
  total: number;
  jobs: Job[];
}

export interface RunState {
  running: boolean;
  host: string | null;
  pid: number | null;
  since: string | number | null; // seconds since 1970
  here: boolean;
}

export interface StateEvent {
  revision: number;
  jobs: JobCounts;
  running: boolean;
  eta_seconds: number;
}

export interface ProgressEvent {
  job: number;
  name: string;
  what: string;
  done: number;
  total: number;
  value: number;
  value_name: string;
}

export interface DoneEvent {
  job: number;
  kind: string;
  group: string;
  subject: string;
  other: string;
  message: string;
}

export type ExportFormat = "npz" | "json" | "csv" | "vti" | "vtp" | "ply";

/** Numbers of a model's records of one kind, newest last. */
export function recordsOf(model: Model, kind: string): number[] {
  const value = model.records[kind];
  if (value === undefined || value === null) return [];
  return Array.isArray(value) ? value : [value];
}

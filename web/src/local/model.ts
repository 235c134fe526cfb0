// What the local views know of one model: its chosen field, that field's hierarchy, and what they are called.
import { useRef } from "react";
import { client } from "../api/client";
import type { LossRecord, NumericArray } from "../api/record";
import { type Model, type Study, recordsOf } from "../api/types";
import { type Grid, countHoles, countOf, gridOf } from "../geometry/grid";
import { type Range, finiteRange } from "../geometry/scales";
import { fillIn } from "../geometry/unfinished";
import { useProgressMark } from "../model/progressing";
import { type Loading, useLoaded } from "../model/study";
import { type Hierarchy, hierarchyOf } from "../topology/hierarchy";
import { orderOfVertices } from "../topology/profile";

/** A stored scalar field with all that is drawn of it. */
export interface Landscape {
  readonly record: LossRecord;
  readonly field: string;
  readonly fieldTitle: string;
  readonly unit: string;
  readonly grid: Grid;
  readonly axisTitles: readonly string[];
  readonly range: Range | undefined;
  readonly holes: number;
  /** Names of the arrays on the same grid: other losses and metrics. */
  readonly fields: readonly string[];
  readonly trajectory: Trajectory | null;
  /** Points that are there, of how many; null: all. The others are interpolated between coarser ones. */
  readonly soFar: { readonly done: number; readonly total: number } | null;
}

export interface Trajectory {
  readonly count: number;
  readonly dimensions: number;
  readonly coordinates: Float64Array; // count x dimensions
  readonly residual: Float64Array; // distance from the plane; empty if unknown
  readonly explained: number; // share of its squared distance that lies in the plane; NaN if unknown
}

const toFloat = (data: NumericArray): Float64Array | Float32Array =>
  data instanceof Float64Array || data instanceof Float32Array ? data : Float64Array.from(data);

const KINDS: Readonly<Record<string, string>> = {
  random: "random direction",
  hessian: "Hessian eigenvector",
  pca: "principal axis of the path",
  pca_uncentred: "principal axis of the path (uncentred)",
  between: "towards the other model",
  plane: "in the plane of three models",
  barycentric: "barycentric",
  bilinear: "bilinear",
  gradient: "gradient",
  given: "given direction",
  trajectory: "along the path",
};
const NORMALISATIONS: Readonly<Record<string, string>> = {
  filter: "filter-normalised",
  layer: "layer-normalised",
  model: "model-normalised",
  none: "unit as drawn",
};

/** "Axis 1 (Hessian eigenvector, unit length)": what one unit along the axis is. */
export function axisTitle(record: LossRecord, k: number): string {
  const kind = record.text(`axis_${k}_kind`);
  const unit = record.unit(`axis_${k}`);
  if (kind === "") return unit ? `Axis ${k} [${unit}]` : `Axis ${k}`;
  const normalisation = record.text(`axis_${k}_normalisation`);
  const about = [KINDS[kind] ?? kind.replace(/_/g, " ")];
  if (normalisation)
    about.push(
      kind === "hessian" && normalisation === "none" ? "unit length" : (NORMALISATIONS[normalisation] ?? normalisation),
    );
  return `α${"₀₁₂₃₄₅"[k] ?? k}: ${about.join(", ")}`;
}

const TITLES: Readonly<Record<string, string>> = {
  loss: "Loss",
  value: "Value",
  accuracy: "Accuracy",
  error: "Error",
  gradient_norm: "Gradient norm",
  half_a_loss: "Loss, first half of the data",
  half_b_loss: "Loss, second half of the data",
  largest_eigenvalue: "Largest Hessian eigenvalue",
  smallest_eigenvalue: "Smallest Hessian eigenvalue",
  error_estimate: "Estimated error of the interpolation",
};
export function fieldTitle(name: string): string {
  const words = TITLES[name];
  if (words) return words;
  const plain = name.replace(/_/g, " ");
  return plain.charAt(0).toUpperCase() + plain.slice(1);
}

export function landscapeOf(record: LossRecord, wanted: string): Landscape {
  const plain = record.kind === "field" ? "value" : "loss";
  const base = record.array(plain) ?? record.array("loss") ?? record.array("value");
  if (!base) throw new Error("The record holds no field on a grid.");
  const shape = [...base.shape];
  const same = (name: string): boolean => {
    const array = record.array(name);
    return !!array && array.shape.length === shape.length && array.shape.every((n, k) => n === shape[k]);
  };
  const fields = record.arrayNames().filter((name) => !/^axis_\d+$/.test(name) && name !== "state" && same(name));
  const field =
    wanted !== "" && fields.includes(wanted)
      ? wanted
      : plain in TITLES && fields.includes(plain)
        ? plain
        : (fields[0] ?? plain);
  const array = record.array(field)!;
  const axes = shape.map((extent, k) => {
    const given = record.numbers(`axis_${k}`);
    return given.length === extent ? Float64Array.from(given) : Float64Array.from({ length: extent }, (_, i) => i);
  });
  const stored = toFloat(array.data);
  const done = record.real("points_evaluated") + record.real("points_interpolated");
  const soFar = done < record.real("points") ? { done, total: record.real("points") } : null;
  const state = record.array("state");
  const values = soFar && state ? fillIn(gridOf(shape, axes, stored), state.data as ArrayLike<number>) : stored;
  const path = record.array("trajectory");
  return {
    record,
    field,
    fieldTitle: fieldTitle(field),
    unit: array.unit === "loss" || array.unit === "value" ? "" : array.unit,
    grid: gridOf(shape, axes, values),
    axisTitles: shape.map((_, k) => axisTitle(record, k)),
    range: finiteRange(values),
    holes: countHoles(values),
    fields,
    soFar,
    trajectory:
      path && path.shape.length === 2 && path.shape[1] === shape.length && countOf(path.shape) > 0
        ? {
            count: path.shape[0]!,
            dimensions: path.shape[1]!,
            coordinates: Float64Array.from(path.data),
            residual: Float64Array.from(record.numbers("trajectory_residual")),
            explained: record.real("trajectory_explained_variance"),
          }
        : null,
  };
}

/** "random, filter-normalised": tells a model's landscapes apart. */
export function landscapeName(record: LossRecord): string {
  if (record.kind === "field") return record.subject || record.name;
  const dimensions = record.real("dimensions");
  const kinds = new Set(
    Array.from({ length: dimensions }, (_, k) => {
      const kind = record.text(`axis_${k}_kind`).replace(/_/g, " ");
      const normalisation = record.text(`axis_${k}_normalisation`);
      return normalisation && normalisation !== "none" ? `${kind}, ${normalisation}` : kind;
    }),
  );
  return `${dimensions}-D, ${[...kinds].join(" and ")}`;
}

/** Records of the model that hold a field. */
export function fieldRecords(model: Model): number[] {
  return [...recordsOf(model, "landscape"), ...recordsOf(model, "field")];
}

export interface Topology {
  readonly hierarchy: Hierarchy;
  readonly record: LossRecord;
  /** Vertices in the field's order: made when a profile is first asked for. */
  readonly order: () => Int32Array;
}

async function topologyRecord(
  study: Study,
  model: Model,
  landscape: Landscape,
  connectivity: string,
): Promise<LossRecord> {
  for (const id of recordsOf(model, "topology")) {
    const stored = await client.record(study.id, id);
    if (
      stored.real("source_record") === landscape.record.id &&
      stored.text("field") === landscape.field &&
      stored.text("connectivity") === connectivity &&
      !(stored.real("superlevel") === 1)
    )
      return stored;
  }
  return client.topology(study.id, landscape.record.id, { field: landscape.field, connectivity });
}

export interface LocalModel {
  readonly study: Study;
  readonly model: Model;
  readonly landscapes: readonly number[];
  readonly landscape: Loading<Landscape>;
  readonly unfinished: Unfinished | null; // the job of a landscape that is not whole
  readonly topology: Loading<Topology>;
}

/** The value, where it has arrived. */
export function ready<T>(loading: Loading<T>): T | null {
  return loading.state === "ready" ? loading.value : null;
}

const landscapes = new WeakMap<LossRecord, Map<string, Landscape>>();
/** One Landscape a record and field, so that views can compare by identity. */
function cachedLandscape(record: LossRecord, field: string): Landscape {
  const known = landscapes.get(record) ?? new Map<string, Landscape>();
  landscapes.set(record, known);
  const made = known.get(field) ?? landscapeOf(record, field);
  known.set(field, made);
  return made;
}
const topologies = new WeakMap<LossRecord, Topology>();

export interface Wanted {
  readonly landscape: number;
  readonly field: string;
  readonly connectivity: string;
}

/** A landscape that is being computed, was stopped or has failed, with what there is of it. */
export interface Unfinished {
  readonly id: number;
  readonly state: "running" | "stopped" | "failed";
  readonly message: string;
}

/** Per model, its landscapes that are not finished and have something to show. */
function useUnfinished(study: Study, models: readonly Model[], mark: string): readonly (readonly Unfinished[])[] {
  const left = study.jobs.waiting + study.jobs.running + study.jobs.failed > 0;
  const base = JSON.stringify([study.id, models.map((m) => m.name)]);
  const found = useKept(
    base,
    useLoaded(left ? JSON.stringify([base, study.revision, mark]) : null, () =>
      Promise.all(models.map((model) => unfinishedOf(study, model))),
    ),
  );
  return found.state === "ready" ? found.value : models.map(() => []);
}

async function unfinishedOf(study: Study, model: Model): Promise<readonly Unfinished[]> {
  const { jobs } = await client.jobs(study.id, { kind: "landscape", subject: model.name });
  const shown: Unfinished[] = [];
  for (const { id, state, message } of jobs) {
    if (state === "done") continue;
    try {
      await client.record(study.id, id);
    } catch {
      continue; // it has nothing to show yet
    }
    const running = state === "running" && study.running;
    shown.push({ id, state: running ? "running" : state === "failed" ? "failed" : "stopped", message });
  }
  return shown;
}

/** While something newer in the place of `base` is loaded, what was there stays. */
function useKept<T>(base: string, now: Loading<T>): Loading<T> {
  const last = useRef<{ base: string; value: Loading<T> } | null>(null);
  if (now.state === "ready" || now.state === "error") last.current = { base, value: now };
  return now.state === "loading" && last.current?.base === base ? last.current.value : now;
}

/** Loads the fields and hierarchies of all models compared. */
export function useLocalModels(study: Study, models: readonly Model[], wanted: Wanted): readonly LocalModel[] {
  const mark = useProgressMark(study.id);
  const unfinished = useUnfinished(study, models, mark);
  const all = models.map((model, i) => [...fieldRecords(model), ...unfinished[i]!.map((u) => u.id)]);
  const ids = all.map((of) => of[Math.min(wanted.landscape, of.length - 1)] ?? null);
  const open = ids.map((id, i) => unfinished[i]!.find((u) => u.id === id) ?? null);
  const base = JSON.stringify([study.id, study.revision, ids, wanted.field]);
  const key = open.some(Boolean) ? JSON.stringify([base, mark]) : base;
  const fields = useEach(
    key,
    ids.map((id) =>
      id === null ? null : async () => cachedLandscape(await client.record(study.id, id), wanted.field),
    ),
    JSON.stringify([study.id, ids, wanted.field]),
  );
  const topologyKey = JSON.stringify([key, wanted.connectivity, fields.map((f) => f.state)]);
  const trees = useEach(
    topologyKey,
    models.map((model, i) => {
      const landscape = ready(fields[i]!);
      return landscape === null || landscape.soFar
        ? null
        : async () => {
            const record = await topologyRecord(study, model, landscape, wanted.connectivity);
            const known = topologies.get(record);
            if (known) return known;
            let order: Int32Array | undefined;
            const made: Topology = {
              hierarchy: hierarchyOf(record),
              record,
              order: () => (order ??= orderOfVertices(landscape.grid.values, record.real("superlevel") === 1)),
            };
            topologies.set(record, made);
            return made;
          };
    }),
  );
  return models.map((model, i) => ({
    study,
    model,
    landscapes: all[i]!,
    unfinished: open[i]!,
    landscape: fields[i] ?? { state: "loading" },
    topology: fields[i]?.state === "error" ? { state: "none" } : (trees[i] ?? { state: "loading" }),
  }));
}

/** Several outcomes, each on its own: one that fails does not hide the others. */
function useEach<T>(key: string, loads: readonly ((() => Promise<T>) | null)[], base = key): readonly Loading<T>[] {
  const loaded = useLoaded(key, () =>
    Promise.all(
      loads.map(async (load): Promise<Loading<T>> => {
        if (!load) return { state: "none" };
        try {
          return { state: "ready", value: await load() };
        } catch (cause) {
          return { state: "error", message: cause instanceof Error ? cause.message : String(cause) };
        }
      }),
    ),
  );
  const outcome = useKept(base, loaded);
  if (outcome.state === "ready") return outcome.value;
  return loads.map((load) => (load ? { state: "loading" } : { state: "none" }));
}

/** Arrays as long as the parameters or longer, which no view draws. */
const LARGE = ["theta", "buffers", "trajectory", "bend", "eigenvectors", "diagonal"] as const;

/** Records without their largest arrays, one a model; null where a model has none. */
export function useSlimRecords(study: Study, ids: readonly (number | null)[]): Loading<(LossRecord | null)[]> {
  return useLoaded(JSON.stringify(["slim", study.id, study.revision, ids]), () =>
    Promise.all(ids.map((id) => (id === null ? Promise.resolve(null) : client.slimRecord(study.id, id, LARGE)))),
  );
}
export function useSlimRecord(study: Study, id: number | null): Loading<LossRecord> {
  return useLoaded(id === null ? null : JSON.stringify(["slim", study.id, study.revision, id]), () =>
    client.slimRecord(study.id, id as number, LARGE),
  );
}

// A small study for tests, with every number chosen so that answers can be read off.
import { readStudy } from "../api/client";
import type { Study } from "../api/types";

export function smallStudy(): Study {
  const model = (name: string, group: number, error: number, eigenvalues: number[]) => ({
    name,
    group,
    settings: { seed: Number(name.slice(-1)) },
    records: {},
    metrics: { loss: error / 10, relative_error: error },
    eigenvalues,
    eigenvalue_residuals: eigenvalues.map(() => 1e-4),
    trace: 10,
    trace_standard_error: 1,
  });
  return readStudy({
    id: "s0",
    name: "small",
    kind: "study",
    revision: 1,
    jobs: { waiting: 0, running: 0, done: 9, failed: 0 },
    running: false,
    provenance: {},
    groups: [
      {
        name: "g1",
        title: "beta 1",
        kind: "pinn",
        settings: {},
        sweep: { beta: 1 },
        models: [0, 1, 2],
        taxonomy: null,
        label: "IV-B",
      },
      {
        name: "g50",
        title: "beta 50",
        kind: "pinn",
        settings: {},
        sweep: { beta: 50 },
        models: [3, 4],
        taxonomy: null,
        label: "I",
      },
    ],
    models: [
      model("g1/0", 0, 0.01, [1, 4, 2]),
      model("g1/1", 0, 0.03, [5, 1]),
      model("g1/2", 0, 0.02, [6, -1]),
      model("g50/0", 1, 0.9, [100, 50]),
      model("g50/1", 1, 1.1, [300, 20]),
    ],
    metrics: [
      { name: "loss", title: "loss", unit: "", better: "lower", scale: "value" },
      { name: "relative_error", title: "relative error", unit: "", better: "lower", scale: "error" },
    ],
    pairs: {
      a: [0, 0, 1, 3],
      b: [1, 2, 2, 4],
      record: [1, 2, 3, 4],
      mc_loss: [-0.1, 0.001, -0.001, -10],
      mc_error: ["NaN", 0, 0, -5],
      barrier: [0.1, 0, 0.001, 10],
      relative_barrier: [0.1, 0, 0.001, 10],
      mean_loss: [0, 0, 0, 0],
      converged: [true, true, false, true],
      cka: [0.9, 0.8, 0.95, 0.5],
    },
    placements: [],
    study_records: { similarity: null, comparison: null, trust: null, distances: [] },
  } as never);
}

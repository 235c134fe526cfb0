// The analyses that a study can be asked for, with every option of docs/study.md (analyses.test.ts compares them).

export interface Option {
  key: string;
  title: string;
  standard: string; // what it is when it is left out, at the effort `standard`; "" = depends, see the hint
  hint?: string;
  choices?: readonly string[];
  main?: boolean; // shown at once
}

export interface Analysis {
  title: string;
  what: string;
  whole?: boolean; // of the study, not of single models
  options: readonly Option[];
}

const YES_NO = ["true", "false"] as const;
const NEIGHBOURS = ["freudenthal", "freudenthal-plus", "axis", "box"] as const;
const option = (key: string, title: string, standard: string, more: Partial<Option> = {}): Option => ({
  key,
  title,
  standard,
  ...more,
});
const yes = (key: string, title: string, standard: "true" | "false", more: Partial<Option> = {}): Option =>
  option(key, title, standard, { choices: YES_NO, ...more });
const main = { main: true } as const;

export const ANALYSES: Readonly<Record<string, Analysis>> = Object.freeze({
  landscape: {
    title: "Landscape",
    what: "The loss over directions around each model, and whether the picture can be trusted.",
    options: [
      option("grid", "Grid", "25x25", { hint: "points along each axis, 1 to 6 axes", ...main }),
      option("range", "Range", "", { hint: "LOW:HIGH, one or one an axis; -1:1, or what holds the path", ...main }),
      option("direction", "Directions", "random", {
        choices: ["random", "hessian", "pca", "gradient", "between"],
        ...main,
      }),
      option("normalisation", "Normalisation", "", {
        hint: "filter for random directions",
        choices: ["none", "model", "layer", "filter"],
        ...main,
      }),
      yes("halves", "Two halves of the data, for the noise", "false", main),
      option("planes", "Planes: repeated over so many seeds", "1", main),
      option("to", "Between: to which model", "", { hint: "group/1, or two for a plane" }),
      option("small_tensors", "Directions of biases and norms", "auto", { choices: ["auto", "zero", "keep", "copy"] }),
      option("orthogonal", "Make the axes orthogonal", "", { choices: YES_NO }),
      option("direction_seed", "Seed of random directions", "", { hint: "the study’s seed" }),
      option("batch_norm", "Batch norm at the other points", "auto", {
        choices: ["auto", "keep", "re-estimate", "batch"],
      }),
      option("batch", "Samples a batch of statistics", "500"),
      option("samples", "Samples of “evaluate”", "", { hint: "all of the role" }),
      yes("gradient_norm", "Gradient norm at every point", "false"),
      yes("eigenvalues", "Extreme eigenvalues at every point", "false"),
      option("adaptive", "Adaptive: error allowed, of the range", "0"),
      yes("uncentred", "PCA about the end, not the mean", "false"),
    ],
  },
  hessian: {
    title: "Hessian",
    what: "Eigenpairs, trace and spectral density of the Hessian at each model.",
    options: [
      option("top", "Eigenpairs", "10", main),
      option("end", "Of the spectrum", "largest", { choices: ["largest", "smallest", "both", "magnitude"], ...main }),
      yes("trace", "Trace", "true", main),
      yes("density", "Spectral density", "true", main),
      option("samples", "Samples of “evaluate”", "1024", { hint: "stratified", ...main }),
      option("tolerance", "Tolerance of an eigenpair’s residual", "0", { hint: "0: 1e-3" }),
      option("products", "Most Hessian products", "2000"),
      option("operator", "Operator", "hessian", { choices: ["hessian", "ggn"] }),
      option("trace_method", "Method of the trace", "hutchinson", { choices: ["hutchinson", "hutch++"] }),
      option("trace_tolerance", "Trace: standard error to stop at", "0.05", { hint: "over the estimate" }),
      option("trace_probes", "Trace: most probes", "200"),
      option("density_steps", "Density: Lanczos steps a probe", "60"),
      option("density_probes", "Density: probes", "5"),
      yes("negative", "Report on negative curvature", "false"),
    ],
  },
  connectivity: {
    title: "Paths between models",
    what: "Paths of low loss between the models of a group.",
    options: [
      option("path", "Path", "bezier", { choices: ["linear", "bezier", "polygon"], ...main }),
      option("pairs", "Pairs", "all", { hint: "all, sample:K of a group, nearest:K of each model", ...main }),
      option("rounds", "Most rounds", "5", { hint: "each doubles the budget", ...main }),
      option("samples", "Samples of “fit”", "2000", { hint: "stratified", ...main }),
      option("optimiser", "Optimiser", "", {
        hint: "lbfgs for problems, else adam",
        choices: ["sgd", "adam", "adamw", "lbfgs"],
      }),
      option("rate", "Learning rate", "0"),
      option("batch", "Samples of a mini-batch", "", { hint: "128 for networks, all for problems" }),
      option("budget", "Steps of the first round", "0", { hint: "0: 50 (lbfgs), 500" }),
      option("points", "Points of the evaluated curve", "61"),
      option("batch_norm", "Batch norm along the path", "re-estimate", { choices: ["re-estimate", "keep"] }),
      yes("yang", "The fixed recipe of Yang et al. 2021", "false"),
    ],
  },
  similarity: {
    title: "Similarity",
    what: "CKA of all models’ layers on the same samples.",
    whole: true,
    options: [
      option("variant", "Estimate", "debiased", { choices: ["biased", "debiased", "minibatch"], ...main }),
      option("samples", "Samples of “evaluate”", "512", { hint: "or points of the grid", ...main }),
      option("layers", "Layers", "all", { hint: "all, last, or names", ...main }),
      option("batch", "Minibatch: samples a batch", "256"),
      yes("baseline", "The value for random features beside each", "true"),
    ],
  },
  placement: {
    title: "Placement",
    what: "The models in the plane by their similarity.",
    whole: true,
    options: [
      option("methods", "Methods", "mds, tsne, umap", main),
      option("layers", "Layers", "last", { hint: "last, or names", ...main }),
      yes("per_group", "Also each group alone", "true", main),
    ],
  },
  topology: {
    title: "Topology",
    what: "Merge tree, persistence and numbers of each landscape and field.",
    options: [
      option("connectivity", "Neighbours of a grid’s vertex", "freudenthal", { choices: NEIGHBOURS, ...main }),
      yes("superlevel", "Maxima and split trees instead", "false", main),
      option("highest_dimension", "Highest dimension of pairs", "1", { hint: "1 loops, 2 voids", ...main }),
    ],
  },
  distances: {
    title: "Distances",
    what: "Distances between the diagrams, trees and values of all fields.",
    whole: true,
    options: [
      option("kinds", "Kinds", "bottleneck, wasserstein, field", {
        hint: "bottleneck, wasserstein, tree, field",
        ...main,
      }),
      option("power", "p of the Wasserstein distance", "2", main),
      option("connectivity", "Neighbours of a grid’s vertex", "freudenthal", { choices: NEIGHBOURS, ...main }),
    ],
  },
  taxonomy: {
    title: "Taxonomy",
    what: "Sharp or flat, poorly or well connected: the label of each group with its evidence.",
    whole: true,
    options: [
      option("connected", "Well connected: barrier over depth at most", "0.05", main),
      option("under_trained", "Under-trained: mc over depth more than", "0.05", main),
      option("flat", "Flat: rise of the loss over depth at most", "0.25", main),
      option("similar", "Similar: CKA at the last layer at least", "0.8", main),
      option("radius", "Radius of the rise", "0.25"),
      option("directions", "Directions of the rise", "8"),
      option("eigenvalue", "Flat also wants a top eigenvalue of at most", ""),
    ],
  },
});

/** The options to send: those that were filled in. */
export function askedOptions(analysis: Analysis, filled: Readonly<Record<string, string>>): Record<string, string> {
  const asked: Record<string, string> = {};
  for (const { key } of analysis.options) {
    const value = (filled[key] ?? "").trim();
    if (value !== "") asked[key] = value;
  }
  return asked;
}

import { expect, test } from "vitest";
import { smallStudy } from "../../model/fixture";
import { tourSteps } from "./steps";

test("the tour speaks in the study’s own numbers", () => {
  const steps = tourSteps(smallStudy(), null, { pass: 5, doubt: 1, fail: 0 });
  const text = steps.map((s) => s.text.join(" ")).join("\n");
  expect(text).toContain("5 trained models in 2 groups: beta=1 (3) and beta=50 (2)");
  expect(text).toContain("mean relative error is 0.02 for beta=1 and 1 for beta=50");
  expect(text).toContain("best model is beta=1/0 (0.01), the worst beta=50/1 (1.1)");
  expect(text).toContain("beta=50/0 was trained down to a loss of 0.09, and its relative error is 0.9");
  expect(text).toContain("200 for beta=50 and 5 for beta=1: 40 times as sharp");
  expect(text).toContain("4 pairs of minima were joined");
  expect(text).toContain("−0.001 for beta=1 and −10 for beta=50");
  expect(text).toContain("poorest connection is between beta=50/0 and beta=50/1 (−10)");
  expect(text).toContain("1 path had not converged: drawn hatched, it bounds");
  expect(text).toContain("beta=1 is type IV-B (flat, well connected, similar)");
  expect(text).toContain("rank correlation 0.9"); // relative error 1 3 2 4 5 against largest eigenvalue 1 2 3 4 5
  expect(text).toContain("Of 6 checks 5 pass, 1 is doubtful and 0 fail");
  expect(steps.find((s) => s.title === "Around single minima")?.selected).toEqual(["g1/1", "g50/0"]);
});

test("without results there is still a first step", () => {
  const empty = {
    ...smallStudy(),
    models: [],
    groups: [],
    metrics: [],
    pairs: {
      a: [],
      b: [],
      record: [],
      mc_loss: [],
      mc_error: [],
      barrier: [],
      relative_barrier: [],
      mean_loss: [],
      converged: [],
      cka: [],
    },
  };
  expect(tourSteps(empty, null, null).length).toBe(1);
});

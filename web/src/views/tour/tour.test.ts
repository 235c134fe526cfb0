import { expect, test } from "vitest";
import { smallStudy } from "../../model/fixture";
import { tourSteps } from "./steps";

test("the tour speaks in the study’s own numbers", () => {
  const steps = tourSteps(smallStudy(), null, { pass: 5, doubt: 1, fail: 0 });
  const text = steps.map((s) => s.text.join(" ")).join("\n");
  expect(text).toContain("5 trained models in 2 groups: beta 1 (3), beta 50 (2)");
  expect(text).toContain("0.02 for beta 1; 1 for beta 50");
  expect(text).toContain("−0.001 for beta 1 and −10 for beta 50");
  expect(text).toContain("1 path had not converged");
  expect(text).toContain("200 for beta 50 and 5 for beta 1: 40 times as sharp");
  expect(text).toContain("best model is g1/0 (0.01), the worst g50/1 (1.1)");
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

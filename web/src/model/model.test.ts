import { expect, test } from "vitest";
import { parseRecord } from "../api/record";
import { extreme, leadingColumn, medoid, modelColumns } from "./columns";
import { smallStudy } from "./fixture";
import { galleryCells } from "./gallery";
import { availableFields, edgeFieldInfo, edgeQuality, meanOverPairs } from "./pairs";

const study = smallStudy();
const columns = modelColumns(study);

test("columns: metrics, curvature, means over pairs, swept parameters", () => {
  expect(columns.map((c) => c.key)).toEqual([
    "loss",
    "relative_error",
    "top_eigenvalue",
    "trace",
    "mc",
    "mc_error",
    "cka",
    "sweep.beta",
  ]);
  expect(columns.find((c) => c.key === "top_eigenvalue")?.values).toEqual([4, 5, 6, 100, 300]);
  const mc = columns.find((c) => c.key === "mc")?.values ?? [];
  expect(mc[0]).toBeCloseTo((-0.1 + 0.001) / 2, 12);
  expect(mc[2]).toBeCloseTo(0, 12);
  expect(mc[4]).toBe(-10);
  expect(meanOverPairs(study.pairs, "mc_error", 5)[1]).toBe(0); // what is not a number does not count
});

test("best, worst and medoid", () => {
  const leading = leadingColumn(columns);
  expect(leading?.key).toBe("relative_error");
  expect(extreme(leading, [0, 1, 2, 3, 4], true)).toBe(0);
  expect(extreme(leading, [0, 1, 2, 3, 4], false)).toBe(4);
  expect(extreme(columns.find((c) => c.key === "mc") ?? null, [0, 1, 2], true)).toBe(2);
  // 1 - CKA sums: model 0 .1 + .2, model 1 .1 + .05, model 2 .2 + .05
  expect(medoid(study, [0, 1, 2], leading)).toBe(1);
  expect(medoid(study, [0, 4], leading)).toBe(0); // no CKA between them: the lower median of the metric
  expect(medoid(study, [], leading)).toBeNull();
});

test("edges: 0 is the best, the worst of all groups is 0, above 0 is its own kind", () => {
  const info = edgeFieldInfo("mc_loss");
  const linear = edgeQuality(study.pairs.mc_loss, info, "linear");
  expect(linear.quality(0)).toBe(1);
  expect(linear.quality(-10)).toBe(0);
  expect(linear.quality(-2.5)).toBeCloseTo(0.75, 12);
  expect(linear.quality(0.001)).toBe(1);
  expect(linear.better(0.001)).toBe(true);
  expect(linear.better(0)).toBe(false);
  expect(linear.quality(NaN)).toBeNaN();
  const log = edgeQuality(study.pairs.mc_loss, info, "symlog");
  expect(log.quality(-0.1)).toBeLessThan(linear.quality(-0.1));
  expect(log.quality(-10)).toBeCloseTo(0, 12);
  const barrier = edgeQuality(study.pairs.barrier, edgeFieldInfo("barrier"), "linear");
  expect(barrier.quality(2.5)).toBeCloseTo(0.75, 12);
  expect(barrier.quality(0)).toBe(1);
  expect(availableFields(study.pairs).map((f) => f.field)).toEqual([
    "mc_loss",
    "mc_error",
    "relative_barrier",
    "barrier",
  ]);
});

test("the gallery: members by group, or medoids by parameter", () => {
  const plain = galleryCells(study, "", "");
  expect(plain.cells).toEqual([
    [0, 1, 2],
    [3, 4, null],
  ]);
  const swept = galleryCells(study, "", "beta");
  expect(swept.columns).toEqual(["beta = 1", "beta = 50"]);
  expect(swept.cells).toEqual([[1, 3]]);
  expect(galleryCells(study, "nothing", "").cells).toEqual(plain.cells);
});

test("a comparison record adds its numbers", () => {
  const json = new TextEncoder().encode(
    JSON.stringify({
      id: 1,
      kind: "comparison",
      schema: 1,
      name: "",
      group: "",
      subject: "",
      other: "",
      fields: [
        { name: "metric_names", unit: "", type: "text", value: "minima\nloss" },
        { name: "model_names", unit: "", type: "text", value: "g50/1\ng1/0" },
        {
          name: "minima_values",
          unit: "",
          type: "array",
          array: { type: "float64", shape: [2], offset: 0, bytes: 16 },
        },
      ],
    }),
  );
  const head = Math.ceil((16 + json.length) / 8) * 8 - 16;
  const bytes = new Uint8Array(16 + head + 16).fill(0x20);
  bytes.set([0x4c, 0x4c, 0x52, 0x42, 1, 0, 0, 0]);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(8, BigInt(head), true);
  bytes.set(json, 16);
  view.setFloat64(16 + head, 7, true);
  view.setFloat64(24 + head, 3, true);
  const found = modelColumns(study, parseRecord(bytes.buffer)).find((c) => c.key === "minima");
  expect(found?.values).toEqual([3, NaN, NaN, NaN, 7]);
});

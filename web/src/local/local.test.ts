// What views read from records, against records made here; drawings against normalised snapshots.
import { describe, expect, it } from "vitest";
import { LossRecord, type RecordArray } from "../api/record";
import { START, boxAxes, eye, projector, turned } from "../geometry/orbit";
import { makeScale } from "../geometry/scales";
import { landscapeName, landscapeOf } from "./model";
import { bandsSvg, makeBands } from "./parts/layers";
import { bandPath, linePath } from "./parts/lines";
import { padded } from "./parts/padded";
import { planeOf } from "./parts/plane";
import { shownSteps } from "./parts/playback";
import { zoomedScale } from "./parts/plot";
import { barsOf } from "./views/eigenvalues";
import { curvesOf } from "./views/curves";

function record(
  kind: string,
  values: Record<string, string | number | { shape: number[]; data: number[]; unit?: string }>,
): LossRecord {
  const arrays = new Map<string, RecordArray>();
  const fields = Object.entries(values).map(([name, value]) => {
    if (typeof value === "object") {
      arrays.set(name, {
        type: "float64",
        shape: value.shape,
        unit: value.unit ?? "",
        data: Float64Array.from(value.data),
      });
      return { name, unit: value.unit ?? "", type: "array" as const };
    }
    return { name, unit: "", type: typeof value === "string" ? ("text" as const) : ("real" as const), value };
  });
  return new LossRecord({ id: 7, kind, schema: 1, name: "x", group: "g", subject: "g/0", other: "", fields }, arrays);
}
const axis = (n: number): number[] => Array.from({ length: n }, (_, i) => (2 * i) / (n - 1) - 1);
const landscape = record("landscape", {
  dimensions: 2,
  axis_0: { shape: [3], data: axis(3) },
  axis_1: { shape: [5], data: axis(5) },
  axis_0_kind: "hessian",
  axis_0_normalisation: "none",
  axis_1_kind: "random",
  axis_1_normalisation: "filter",
  loss: { shape: [3, 5], data: [9, 8, 7, 8, 9, 5, 2, NaN, 2, 5, 9, 8, 7, 8, Infinity], unit: "loss" },
  accuracy: { shape: [3, 5], data: axis(15) },
  direction_norms: { shape: [2], data: [1, 1] },
  trajectory: { shape: [4, 2], data: [1, 1, 0.5, 0.5, 0.1, 0, 0, 0] },
  trajectory_residual: { shape: [4], data: [3, 2, 1, 0] },
});

describe("a landscape record", () => {
  it("gives field, axes, path and what is missing", () => {
    const l = landscapeOf(landscape, "");
    expect(l.field).toBe("loss");
    expect(l.fields).toEqual(["loss", "accuracy"]);
    expect(l.range).toEqual({ low: 2, high: 9 });
    expect(l.holes).toBe(2);
    expect(l.axisTitles).toEqual(["α₀: Hessian eigenvector, unit length", "α₁: random direction, filter-normalised"]);
    expect(l.trajectory?.count).toBe(4);
    expect(landscapeName(landscape)).toBe("2-D, hessian and random, filter");
    expect(landscapeOf(landscape, "accuracy").field).toBe("accuracy");
    expect(landscapeOf(landscape, "nothing").field).toBe("loss");
  });
  it("of a field has its value and plain axes", () => {
    const l = landscapeOf(record("field", { dimensions: 1, value: { shape: [3], data: [1, 2, 3] } }), "");
    expect([l.field, l.axisTitles[0], Array.from(l.grid.axes[0]!)]).toEqual(["value", "Axis 0", [0, 1, 2]]);
    expect(() => landscapeOf(record("field", { dimensions: 1 }), "")).toThrow("no field");
  });
  it("is cut into planes that know their vertices", () => {
    const l = landscapeOf(
      record("field", { value: { shape: [2, 3, 4], data: Array.from({ length: 24 }, (_, i) => i) } }),
      "",
    );
    const plane = planeOf(l, 0, 2, [0, 1, 0]);
    expect(Array.from(plane.grid.values)).toEqual([4, 5, 6, 7, 16, 17, 18, 19]);
    for (let v = 0; v < 8; v++) {
      expect(l.grid.values[plane.vertexOf(v)]).toBe(plane.grid.values[v]);
      expect(plane.planeVertexOf(plane.vertexOf(v))).toBe(v);
    }
    expect(plane.planeVertexOf(0)).toBe(-1);
    expect(planeOf(l, 1, 2, []).at[0]).toBe(1); // the middle where nothing is said
  });
});

describe("other records", () => {
  it("eigenvalues fall, with residuals turned into lengths", () => {
    const bars = barsOf(
      record("eigenpairs", {
        eigenvalues: { shape: [3], data: [4, -2, 10] },
        residuals: { shape: [3], data: [0.01, 0.5, 0.001] },
        sampling_error: { shape: [3], data: [1, 2, 3] },
        residual_floor: 3,
      }),
    );
    expect(bars.map((b) => [b.label, b.value, b.inner, b.outer])).toEqual([
      ["1", 10, 0.01, 3],
      ["2", 4, 0.04, 1],
      ["3", -2, 1.5, 2],
    ]);
  });
  it("training has curves over epochs, also of other data", () => {
    const curves = curvesOf(
      record("training", {
        loss: { shape: [3], data: [3, 2, 1] },
        evaluated_epochs: { shape: [2], data: [1, 3] },
        evaluation_loss: { shape: [2], data: [4, 3] },
        evaluation_metrics: { shape: [2, 1], data: [0.5, 0.75] },
      }),
    );
    expect(curves.map((c) => [c.quantity, c.data, Array.from(c.x), Array.from(c.y)])).toEqual([
      ["loss", "", [1, 2, 3], [3, 2, 1]],
      ["loss", "evaluation", [1, 3], [4, 3]],
      ["accuracy", "evaluation", [1, 3], [0.5, 0.75]],
    ]);
    expect(curvesOf(record("checkpoint", {}))).toEqual([]);
  });
});

describe("drawing", () => {
  it("bands of a small plane", () => {
    const l = landscapeOf(landscape, "");
    const plane = planeOf(l, 0, 1, []);
    const bands = makeBands(plane.grid, makeScale("linear", { low: 2, high: 9 }), 2, "viridis");
    const svg = bandsSvg(
      bands,
      (v) => 50 + 40 * v,
      (v) => 50 - 40 * v,
      true,
    );
    expect(svg.replace(/></g, ">\n<")).toMatchSnapshot();
    expect(svg).not.toContain("NaN");
  });
  it("lines stop at gaps, bands close", () => {
    expect(
      linePath(
        [0, 1, 2, 3],
        [0, NaN, 2, 3],
        (v) => v,
        (v) => v,
      ),
    ).toBe("M0.00 0.00M2.00 2.00L3.00 3.00");
    expect(
      bandPath(
        [0, 1],
        [0, 0],
        [1, 2],
        (v) => v,
        (v) => v,
      ),
    ).toBe("M0.00 1.00L1.00 2.00L1.00 0.00L0.00 0.00Z");
    expect(
      bandPath(
        [0, 1],
        [0, NaN],
        [1, 2],
        (v) => v,
        (v) => v,
      ),
    ).toBe("");
  });
  it("zoomed scales show the part they name", () => {
    for (const kind of ["linear", "log"] as const) {
      const whole = makeScale(kind, { low: 1, high: 100 });
      const part = zoomedScale(whole, 0.5, 2);
      expect(part.low).toBeCloseTo(kind === "log" ? 10 : 50.5, 9);
      expect(part.high).toBeCloseTo(100, 9);
      expect(part.share(whole.value(0.75))).toBeCloseTo(0.5, 9);
    }
    expect(padded(makeScale("log", { low: 1, high: 10 })).low).toBeGreaterThan(0);
  });
  it("playback starts with one checkpoint and ends with all", () => {
    expect([0, 0.5, 1].map((p) => shownSteps(5, p))).toEqual([1, 3, 5]);
    expect(shownSteps(1, 0.3)).toBe(1);
  });
});

describe("camera", () => {
  const project = projector(START, 400, 300, Math.PI / 5);
  it("looks at the middle", () => {
    const middle = project([0, 0, 0]);
    expect(middle.x).toBeCloseTo(200, 9);
    expect(middle.y).toBeCloseTo(150, 9);
    expect(middle.depth).toBeCloseTo(START.distance, 9);
    expect(Math.hypot(...eye(START))).toBeCloseTo(START.distance, 12);
    expect(project([0, 0, 0.2]).y).toBeLessThan(150); // z is up
  });
  it("keeps its bounds", () => {
    expect(turned(START, 0, 9).elevation).toBeLessThan(Math.PI / 2);
    expect(turned(START, 7, 0).azimuth).toBeGreaterThanOrEqual(-Math.PI);
    expect(turned(START, 0, 0, 1e9).distance).toBe(8);
  });
  it("draws axes on the near lower edges and the leftmost upright", () => {
    const [x, y, z] = boxAxes([0.5, 0.5, 0.3], project);
    for (const [axisOf, k] of [
      [x, 0],
      [y, 1],
    ] as const) {
      const far = boxAxes([0.5, 0.5, 0.3], project)[k]!;
      const mirrored = [far.from, far.to].map(
        (p) => p.map((v, i) => (i === 1 - k ? -v : v)) as [number, number, number],
      );
      const height = (p: readonly [number, number, number][]): number => (project(p[0]!).y + project(p[1]!).y) / 2;
      expect(height([[...axisOf.from], [...axisOf.to]] as [number, number, number][])).toBeGreaterThanOrEqual(
        height(mirrored),
      );
    }
    const left = [
      [-1, -1],
      [-1, 1],
      [1, -1],
      [1, 1],
    ].map(([a, b]) => project([a! * 0.5, b! * 0.5, -0.3]).x);
    expect(project(z.from).x).toBeCloseTo(Math.min(...left), 9);
  });
});

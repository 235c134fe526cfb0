import { expect, test } from "vitest";
import { readStudy } from "./client";
import { parseRecord } from "./record";

/** Writes the form of docs/http_api.md byte by byte, apart from the reader. */
function written(fields: object[], body: ArrayBuffer, version = 1): ArrayBuffer {
  const json = new TextEncoder().encode(
    JSON.stringify({ id: 7, kind: "landscape", schema: 1, name: "n", group: "g", subject: "g/0", other: "", fields }),
  );
  const head = Math.ceil((16 + json.length) / 8) * 8 - 16;
  const bytes = new Uint8Array(16 + head + body.byteLength).fill(0x20);
  bytes.set([0x4c, 0x4c, 0x52, 0x42, version, 0, 0, 0], 0);
  new DataView(bytes.buffer).setBigUint64(8, BigInt(head), true);
  bytes.set(json, 16);
  bytes.set(new Uint8Array(body), 16 + head);
  return bytes.buffer;
}
const array = (name: string, type: string, shape: number[], offset: number, bytes: number) => ({
  name,
  unit: "u",
  type: "array",
  array: { type, shape, offset, bytes },
});

test("numbers, texts and arrays of every type", () => {
  const body = new ArrayBuffer(64);
  const view = new DataView(body);
  view.setFloat64(0, -1.5, true);
  view.setFloat64(8, Infinity, true);
  view.setBigInt64(16, -5n, true);
  view.setBigInt64(24, 9007199254740991n, true);
  view.setInt32(32, -7, true);
  view.setUint8(40, 200);
  view.setFloat32(48, 0.25, true);
  const record = parseRecord(
    written(
      [
        { name: "seed", unit: "", type: "integer", value: 3 },
        { name: "bad", unit: "", type: "real", value: "NaN" },
        { name: "big", unit: "", type: "real", value: "-Infinity" },
        { name: "names", unit: "", type: "text", value: "a\nb\n" },
        array("d", "float64", [2], 0, 16),
        array("i", "int64", [2, 1], 16, 16),
        array("s", "int32", [1], 32, 4),
        array("u", "uint8", [1], 40, 1),
        array("f", "float32", [1], 48, 4),
        array("none", "float64", [0, 3], 56, 0),
      ],
      body,
    ),
  );
  expect(record.id).toBe(7);
  expect(record.real("seed")).toBe(3);
  expect(record.real("bad")).toBeNaN();
  expect(record.real("big")).toBe(-Infinity);
  expect(record.lines("names")).toEqual(["a", "b"]);
  expect([...record.numbers("d")]).toEqual([-1.5, Infinity]);
  expect([...record.numbers("i")]).toEqual([-5, 9007199254740991]);
  expect(record.array("i")?.shape).toEqual([2, 1]);
  expect([...record.numbers("s"), ...record.numbers("u"), ...record.numbers("f")]).toEqual([-7, 200, 0.25]);
  expect(record.numbers("none").length).toBe(0);
  expect(record.has("absent")).toBe(false);
  expect(record.real("absent")).toBeNaN();
  expect(record.text("absent")).toBe("");
});

test("what is cut, foreign or of another version is refused", () => {
  const whole = written([array("d", "float64", [2], 0, 16)], new ArrayBuffer(16));
  expect(() => parseRecord(whole)).not.toThrow();
  expect(() => parseRecord(whole.slice(0, whole.byteLength - 1))).toThrow("lies outside");
  expect(() => parseRecord(whole.slice(0, 12))).toThrow("shorter");
  expect(() => parseRecord(written([], new ArrayBuffer(0), 2))).toThrow("version 2");
  const foreign = whole.slice(0);
  new Uint8Array(foreign)[0] = 0x50;
  expect(() => parseRecord(foreign)).toThrow("LLRB");
});

test("a study’s numbers that JSON lacks", () => {
  const study = readStudy({
    id: "s",
    name: "s",
    kind: "study",
    revision: 1,
    jobs: {},
    running: false,
    provenance: {},
    groups: [],
    metrics: [],
    placements: [],
    models: [
      {
        name: "a",
        group: 0,
        settings: {},
        records: {},
        metrics: { loss: "Infinity", accuracy: null },
        eigenvalues: ["NaN", 2],
        eigenvalue_residuals: null,
        trace: null,
        trace_standard_error: "NaN",
      },
    ],
    pairs: { a: [0], b: [1], mc_loss: ["-Infinity"], converged: [1], record: [4] },
    study_records: {},
  } as never);
  expect(study.models[0]?.metrics.loss).toBe(Infinity);
  expect(study.models[0]?.metrics.accuracy).toBeNaN();
  expect(study.models[0]?.eigenvalues).toEqual([NaN, 2]);
  expect(study.pairs.mc_loss).toEqual([-Infinity]);
  expect(study.pairs.cka).toEqual([NaN]);
  expect(study.pairs.converged).toEqual([true]);
  expect(study.study_records.distances).toEqual([]);
});

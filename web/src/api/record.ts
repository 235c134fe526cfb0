// A record as the server sends it (docs/http_api.md): a JSON head, then arrays, little-endian, in C order.

export type NumericArray =
  | Float64Array
  | Float32Array
  | Int32Array
  | Uint32Array
  | Int16Array
  | Uint16Array
  | Int8Array
  | Uint8Array;

/** Types of arrays on the wire. 64-bit integers arrive as doubles: ids stay below 2^53. */
export type ArrayType =
  | "float64"
  | "float32"
  | "int64"
  | "uint64"
  | "int32"
  | "uint32"
  | "int16"
  | "uint16"
  | "int8"
  | "uint8";

export interface RecordArray {
  readonly type: ArrayType;
  readonly shape: readonly number[];
  readonly unit: string;
  readonly data: NumericArray;
}

export interface RecordField {
  readonly name: string;
  readonly unit: string;
  readonly value: string | number | RecordArray;
}

interface HeadField {
  name: string;
  unit: string;
  type: "integer" | "real" | "text" | "array";
  value?: string | number | null;
  array?: { type: ArrayType; shape: number[]; offset?: number; bytes?: number };
}

export interface RecordHead {
  id: number;
  kind: string;
  schema: number;
  name: string;
  group: string;
  subject: string;
  other: string;
  fields: HeadField[];
}

/** JSON has no NaN and no infinity: the API writes them as texts. */
export function numberFromJson(value: string | number | null | undefined): number {
  if (typeof value === "number") return value;
  if (value === "Infinity") return Infinity;
  if (value === "-Infinity") return -Infinity;
  return NaN;
}

/** Units as a reader wants them: a loss is a plain number, percent is a sign. */
export function shownUnit(unit: string): string {
  if (unit === "percent") return "%";
  return unit === "loss" || unit === "1" || unit === "value" ? "" : unit;
}

export class LossRecord {
  readonly id: number;
  readonly kind: string;
  readonly name: string;
  readonly group: string;
  readonly subject: string;
  readonly other: string;
  private readonly byName = new Map<string, RecordField>();

  constructor(head: RecordHead, arrays: ReadonlyMap<string, RecordArray>) {
    this.id = head.id;
    this.kind = head.kind;
    this.name = head.name;
    this.group = head.group;
    this.subject = head.subject;
    this.other = head.other;
    for (const field of head.fields) {
      const array = arrays.get(field.name);
      let value: string | number | RecordArray;
      if (array) value = array;
      else if (field.type === "text") value = String(field.value ?? "");
      else if (field.type === "array")
        continue; // a head without data
      else value = numberFromJson(field.value);
      this.byName.set(field.name, { name: field.name, unit: shownUnit(field.unit), value });
    }
  }

  get fields(): IterableIterator<RecordField> {
    return this.byName.values();
  }
  has(name: string): boolean {
    return this.byName.has(name);
  }
  unit(name: string): string {
    return this.byName.get(name)?.unit ?? "";
  }
  /** "" where the record has no such text. */
  text(name: string): string {
    const value = this.byName.get(name)?.value;
    return typeof value === "string" ? value : "";
  }
  /** A text that lists one name a line. */
  lines(name: string): string[] {
    const text = this.text(name);
    return text === "" ? [] : text.replace(/\n$/, "").split("\n");
  }
  /** NaN where the record has no such number. */
  real(name: string): number {
    const value = this.byName.get(name)?.value;
    return typeof value === "number" ? value : NaN;
  }
  array(name: string): RecordArray | null {
    const value = this.byName.get(name)?.value;
    return typeof value === "object" ? value : null;
  }
  /** The array's numbers; an empty array where the record has none of that name. */
  numbers(name: string): NumericArray {
    return this.array(name)?.data ?? new Float64Array(0);
  }
  /** Names of the arrays, in the record's order. */
  arrayNames(): string[] {
    return [...this.byName.values()].filter((f) => typeof f.value === "object").map((f) => f.name);
  }
}

const ELEMENT_BYTES: Record<ArrayType, number> = {
  float64: 8,
  float32: 4,
  int64: 8,
  uint64: 8,
  int32: 4,
  uint32: 4,
  int16: 2,
  uint16: 2,
  int8: 1,
  uint8: 1,
};

function viewArray(type: ArrayType, buffer: ArrayBuffer, offset: number, count: number): NumericArray {
  switch (type) {
    case "float64":
      return new Float64Array(buffer, offset, count);
    case "float32":
      return new Float32Array(buffer, offset, count);
    case "int32":
      return new Int32Array(buffer, offset, count);
    case "uint32":
      return new Uint32Array(buffer, offset, count);
    case "int16":
      return new Int16Array(buffer, offset, count);
    case "uint16":
      return new Uint16Array(buffer, offset, count);
    case "int8":
      return new Int8Array(buffer, offset, count);
    case "uint8":
      return new Uint8Array(buffer, offset, count);
    case "int64":
      return Float64Array.from(new BigInt64Array(buffer, offset, count), Number);
    case "uint64":
      return Float64Array.from(new BigUint64Array(buffer, offset, count), Number);
  }
}

/** Parses `application/vnd.losslens.record`. Arrays are views of `buffer` (64-bit integers are copies). */
export function parseRecord(buffer: ArrayBuffer): LossRecord {
  const view = new DataView(buffer);
  const fail = (what: string): never => {
    throw new Error(`The server's record cannot be read: ${what}.`);
  };
  if (buffer.byteLength < 16) fail("it is shorter than its head");
  const magic = String.fromCharCode(view.getUint8(0), view.getUint8(1), view.getUint8(2), view.getUint8(3));
  if (magic !== "LLRB") fail("it does not begin with LLRB");
  const version = view.getUint32(4, true);
  if (version !== 1) fail(`version ${version}, this page reads version 1`);
  const headBytes = Number(view.getBigUint64(8, true));
  const start = 16 + headBytes;
  if (start % 8 !== 0 || start > buffer.byteLength) fail(`a head of ${headBytes} bytes`);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 16, headBytes))) as RecordHead;
  const arrays = new Map<string, RecordArray>();
  for (const field of head.fields) {
    const array = field.array;
    if (!array || array.offset === undefined) continue;
    const size = ELEMENT_BYTES[array.type];
    if (size === undefined) fail(`array ${field.name} of type ${String(array.type)}`);
    const count = array.shape.reduce((product, extent) => product * extent, 1);
    const from = start + array.offset;
    if (from % 8 !== 0 || from + count * size > buffer.byteLength) fail(`array ${field.name} lies outside of it`);
    arrays.set(field.name, {
      type: array.type,
      shape: array.shape,
      unit: shownUnit(field.unit),
      data: viewArray(array.type, buffer, from, count),
    });
  }
  return new LossRecord(head, arrays);
}

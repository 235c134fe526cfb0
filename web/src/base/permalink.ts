// State <-> the part of an address after `#`. Only what differs from the defaults is written, one `path=value` each,
// so that a link stays short and can be read: #/s0/landscape?selected=["beta1/0"]&local.scale=log

type Plain = null | boolean | number | string | Plain[] | { [key: string]: Plain };

function isBranch(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** An empty object as a default is a free map: it is written whole. */
function isLeaf(fallback: unknown): boolean {
  return !isBranch(fallback) || Object.keys(fallback).length === 0;
}

function write(value: unknown): string {
  // A text stands for itself unless it could be read as JSON.
  if (typeof value === "string" && !/^[[{"\d-]|^(true|false|null)$|^$/.test(value)) return value;
  return JSON.stringify(value);
}

function read(text: string): unknown {
  if (!/^[[{"\d-]|^(true|false|null)$/.test(text)) return text;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

export function toQuery(state: object, defaults: object): string {
  const parameters = new URLSearchParams();
  const walk = (value: unknown, fallback: unknown, path: string): void => {
    if (isLeaf(fallback)) {
      if (JSON.stringify(value) !== JSON.stringify(fallback)) parameters.set(path, write(value));
      return;
    }
    for (const [key, child] of Object.entries(fallback as Record<string, unknown>))
      walk((value as Record<string, unknown>)[key], child, path === "" ? key : `${path}.${key}`);
  };
  walk(state, defaults, "");
  return parameters.toString();
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : typeof value;
}

/** The state of a query. What is unknown or of another type than its default is left out: a link from elsewhere can
 *  say nonsense but not break the page. A default of null takes anything that `toQuery` writes. */
export function fromQuery<T extends object>(query: string, defaults: T): T {
  const parameters = new URLSearchParams(query);
  const walk = (fallback: unknown, path: string): unknown => {
    if (isLeaf(fallback)) {
      const text = parameters.get(path);
      if (text === null) return fallback;
      const value = read(text);
      if (fallback === null) return value;
      if (kindOf(value) === kindOf(fallback) || (value === null && kindOf(fallback) === "array"))
        return value ?? fallback;
      return fallback;
    }
    const result: Record<string, unknown> = {};
    for (const [key, child] of Object.entries(fallback as Record<string, unknown>))
      result[key] = walk(child, path === "" ? key : `${path}.${key}`);
    return result;
  };
  return walk(defaults, "") as T;
}

export type { Plain };

// The layers: base <- geometry, topology <- api <- model <- widgets <- views, local <- app. A view never imports another.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const LEVEL: Record<string, number> = {
  base: 0,
  geometry: 1,
  topology: 2,
  api: 3,
  "state.ts": 4,
  model: 5,
  widgets: 6,
  local: 7,
  views: 7,
  app: 8,
  "main.tsx": 9,
};

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory()
      ? sources(join(folder, entry.name))
      : /\.tsx?$/.test(entry.name) && !entry.name.includes(".test.")
        ? [join(folder, entry.name)]
        : [],
  );
}
const place = (file: string): { layer: string; view: string } => {
  const [layer = "", view = ""] = relative(root, file).split("/");
  return {
    layer: /^state(\.ts)?$/.test(layer) ? "state.ts" : layer,
    view: layer === "views" ? view : layer === "local" ? "local" : "",
  };
};

test("imports go one way", () => {
  const wrong: string[] = [];
  let seen = 0;
  for (const file of sources(root)) {
    const from = place(file);
    for (const match of readFileSync(file, "utf8").matchAll(/(?:from|import)\s+["'](\.[^"']+)["']/g)) {
      const to = place(resolve(dirname(file), match[1] as string));
      const [a, b] = [LEVEL[from.layer], LEVEL[to.layer]];
      if (a === undefined || b === undefined) continue; // style sheets, declarations
      seen++;
      if (b > a || (from.view !== "" && to.view !== "" && from.view !== to.view))
        wrong.push(`${relative(root, file)} imports ${match[1]}`);
    }
  }
  expect(seen).toBeGreaterThan(100);
  expect(wrong).toEqual([]);
});

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { ANALYSES, askedOptions } from "./analyses";

/** Options of docs/study.md: the name, what stands when it is left out, and the words that are allowed. */
function documented(): Map<string, Map<string, { standard: string; choices: string[] }>> {
  const text = readFileSync(new URL("../../../../docs/study.md", import.meta.url), "utf8");
  const found = new Map<string, Map<string, { standard: string; choices: string[] }>>();
  let options: Map<string, { standard: string; choices: string[] }> | null = null;
  for (const line of text.split("\n")) {
    const head = /^\*\*(\w+)\*\*: /.exec(line);
    if (head) found.set(head[1]!, (options = new Map()));
    else if (line.startsWith("## ")) options = null;
    const row = /^\| (\w+) \| (.*?) ?\| (.*) \|$/.exec(line);
    if (!row || !options || row[1] === "option") continue;
    const efforts = row[2]!.split(" / ");
    options.set(row[1]!, {
      standard: (efforts.length === 3 ? efforts[1]! : row[2]!).trim(),
      choices: /\(([^()]*, [^()]*)\)$/.exec(row[3]!)?.[1]?.split(", ") ?? [],
    });
  }
  return found;
}

test("the form knows every option of the study file, with its default and its choices", () => {
  const documentation = documented();
  expect(documentation.size).toBeGreaterThan(8);
  for (const [name, analysis] of Object.entries(ANALYSES)) {
    const wanted = documentation.get(name);
    expect(analysis.options.map((o) => o.key).sort()).toEqual([...wanted!.keys()].sort());
    for (const option of analysis.options) {
      const { standard, choices } = wanted!.get(option.key)!;
      expect([name, option.key, option.standard]).toEqual([name, option.key, standard]);
      if (option.choices && option.choices[0] !== "true")
        expect([name, option.key, ...[...option.choices].sort()]).toEqual([name, option.key, ...choices.sort()]);
    }
  }
});

test("what is left open is the study's to decide", () => {
  expect(askedOptions(ANALYSES.hessian!, { top: " 5 ", density: "", unknown: "1" })).toEqual({ top: "5" });
});

// Pictures of the application for docs/app: node tests/screenshots.mjs STUDY.db FOLDER
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { serve, Tester } from "./harness.mjs";

const [studyFile, folder] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });
const server = await serve([studyFile]);
const t = await Tester.open(server, { width: 1360, height: 860 });
const id = (await t.api("/api/studies")).studies[0].id;
const study = await t.api(`/api/studies/${id}`);
// The first member of the first and of the last network group.
const groups = study.groups.filter((g) => g.kind !== "field");
const two = [...new Set([groups[0], groups.at(-1)])].map((g) => study.models[g.models[0]].name);
const chosen = (names) => `selected=${encodeURIComponent(JSON.stringify(names))}`;
const views = (kinds) => `local.open=${encodeURIComponent(JSON.stringify(kinds))}`;
const page = await t.page();
const shot = async (name, hash, act) => {
    await t.visit(`#/${id}/${hash}`, page);
    if (act) {
        await act();
        await t.idle(page);
    }
    await page.screenshot({ path: join(folder, `${name}.png`), animations: "disabled" });
    console.log(`${name}.png`);
};
await shot("landscape", `landscape?split=0.46&${chosen(two)}&${views(["contour", "surface"])}`);
await shot("global-structure", "landscape?split=0.75");
await shot("topology", `landscape?split=0.3&${chosen(two)}&${views(["diagram", "tree", "profile"])}`);
await shot("curvature", `landscape?split=0.3&${chosen(two)}&${views(["density", "eigenvalues", "layers"])}`);
await shot("groups", "across");
await shot("relations", "across?across.view=relations");
await shot("gallery", "across?across.view=gallery");
await shot("distances", "across?across.view=distances");
await shot("cards", `models?${chosen(two)}`);
await shot("runs", "runs");
await shot("trust", "trust");
await shot("dark", `landscape?theme=dark&split=0.46&${chosen(two)}&${views(["contour", "profile"])}`);
await t.close();
await server.stop();

// Pictures of the application for docs/app: node tests/screenshots.mjs STUDY.db FOLDER [NAME...] (all without names)
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { serve, Tester } from "./harness.mjs";

const [studyFile, folder, ...only] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });
const server = await serve([studyFile]);
const t = await Tester.open(server, { width: 1280, height: 820 });
const id = (await t.api("/api/studies")).studies[0].id;
const study = await t.api(`/api/studies/${id}`);
// Two members of the first group, one of the second and of the last.
const groups = study.groups.filter((g) => g.kind !== "field");
const member = (g, i) => study.models[groups.at(g).models[i] ?? groups.at(g).models[0]].name;
const two = [...new Set([member(0, 0), member(Math.min(1, groups.length - 1), 0)])];
const pair = [member(Math.min(1, groups.length - 1), 0), member(Math.min(1, groups.length - 1), 1)];
const last = [...new Set([member(-1, 0), member(-1, 1)])];
const chosen = (names) => `selected=${encodeURIComponent(JSON.stringify(names))}`;
const views = (kinds) => `local.open=${encodeURIComponent(JSON.stringify(kinds))}`;
const page = await t.page();
const shot = async (name, hash, act) => {
    if (only.length > 0 && !only.includes(name)) return;
    await t.visit(`#/${id}/${hash}`, page);
    await page.mouse.move(2, 2);
    if (act) {
        await act();
        await t.idle(page);
    }
    await page.screenshot({ path: join(folder, `${name}.png`), animations: "disabled" });
    console.log(`${name}.png`);
};
/** One kind of local view, the first panel of it at the top of its side. */
const local = async (kind, names = two) =>
    shot(kind, `landscape?split=0.25&${chosen(names)}&${views([kind])}`, async () => {
        await page.locator(".landscape-side.local section.panel .local-body").first().scrollIntoViewIfNeeded();
    });

await shot("landscape", `landscape?split=0.46&${chosen(two)}&${views(["contour", "surface"])}`);
await shot("global-structure", "landscape?split=0.75");
await shot("path", "landscape?split=0.75", async () => {
    // The line between two models under the pointer: both ends and the whole curve.
    const centre = async (name) => {
        const box = await page.locator(`.hits button[data-model="${name}"]`).boundingBox();
        return [box.x + box.width / 2, box.y + box.height / 2];
    };
    // The poorest connection first: it has the most to show.
    const worst = study.pairs.mc_loss.map((v, i) => [typeof v === "number" ? v : 0, i]).sort((p, q) => p[0] - q[0]);
    for (const [, i] of worst) {
        const [a, b] = [
            await centre(study.models[study.pairs.a[i]].name),
            await centre(study.models[study.pairs.b[i]].name),
        ];
        for (let bend = 0; bend <= 0.36; bend += 0.02)
            for (const side of [bend, -bend]) {
                await page.mouse.move(
                    (a[0] + b[0]) / 2 - side * (b[1] - a[1]),
                    (a[1] + b[1]) / 2 + side * (b[0] - a[0]),
                );
                await t.idle(page);
                if (await page.locator(".tooltip .curve-preview path").count()) return;
            }
    }
});
for (const kind of [
    "contour",
    "surface",
    "curves",
    "diagram",
    "barcode",
    "tree",
    "profile",
    "density",
    "eigenvalues",
    "layers",
    "cka",
    "solution",
    "difference",
])
    await local(kind);
await local("connectivity", pair);
await local("confusion", last);
await shot("linked", `landscape?split=0.25&${chosen([two.at(-1)])}&${views(["contour", "diagram", "tree", "profile"])}`);
await shot("groups", "across");
await shot("relations", "across?across.view=relations");
await shot("gallery", "across?across.view=gallery");
await shot("distances", "across?across.view=distances");
await shot("cards", `models?${chosen(two)}`);
await shot("runs", `runs?${chosen(two)}`, async () => {
    await page.getByLabel("What", { exact: true }).selectOption("landscape");
});
await shot("trust", "trust");
await shot("tour", "landscape?tour=3");
await shot("dark", `landscape?theme=dark&split=0.46&${chosen(two)}&${views(["contour", "profile"])}`);
if (only.length === 0 || only.includes("studies")) {
    await page.getByRole("button", { name: "losslens", exact: true }).click();
    await t.idle(page);
    await page.screenshot({ path: join(folder, "studies.png"), animations: "disabled" });
}
await t.close();
await server.stop();

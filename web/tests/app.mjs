// The application as a whole with a real study: node tests/app.mjs STUDY.db FIELD.npy
import { accessibility, check, equal, finish, near, picture, save, serve, Tester, whatIsWrong } from "./harness.mjs";

const [studyFile, fieldFile] = process.argv.slice(2);
const server = await serve([studyFile]);
const t = await Tester.open(server);
const id = (await t.api("/api/studies")).studies[0].id;
const study = await t.api(`/api/studies/${id}`);
const number = (v) => (typeof v === "number" ? v : v === "Infinity" ? Infinity : v === "-Infinity" ? -Infinity : NaN);
const networks = study.models.filter((m) => study.groups[m.group].kind !== "field");
const names = networks.map((m) => m.name);
const panelOf = (page, label) =>
    page
        .locator("section.panel")
        .filter({ has: page.locator(`:scope[aria-label="${label}"]`) })
        .or(page.locator(`section.panel[aria-label="${label}"]`))
        .first();

console.log("# the way in");
let page = await t.visit("");
check(page.url().includes(`#/${id}/landscape`), "a server with one study opens it");
const globalPanel = panelOf(page, "Global structure");
const stage = page.locator(".global-stage");
equal(await page.locator(".hits button").count(), names.length, "every model has its glyph");
check(
    (await globalPanel.locator(".panel-head .note").first().textContent()).startsWith(`${names.length} models`),
    "the number of models is said",
);

console.log("# global structure");
const values = study.pairs.mc_loss.map(number).filter(Number.isFinite);
const count = page.locator(".global-foot .count");
equal(await count.textContent(), `${values.length} of ${values.length} shown`, "all paths are shown at first");
const sorted = [...values].sort((a, b) => a - b);
const low = sorted[Math.floor(sorted.length / 2)];
const typed = page.getByLabel(/: lowest shown$/).locator("visible=true");
const lowInput = page.locator(".range-typed input").first();
await lowInput.fill(String(low));
await lowInput.press("Enter");
await t.idle(page);
equal(
    await count.textContent(),
    `${values.filter((v) => v >= low).length} of ${values.length} shown`,
    "a typed limit filters the paths",
);
void typed;
await page.locator(".range-filter .handle").nth(1).press("Home");
await t.idle(page);
equal(
    await count.getAttribute("data-shown"),
    String(
        values.filter((v) => v >= Math.max(low, Math.min(...values)) && v <= Math.max(low, Math.min(...values))).length,
    ),
    "a handle moved by keys filters the paths",
);
await page.getByRole("button", { name: "All", exact: true }).first().click();
await t.idle(page);
equal(await count.getAttribute("data-shown"), String(values.length), "and everything comes back");
if (Math.max(...values) > 0) check(true, "the range reaches positive values");

let before = await picture(stage);
const changes = async (what, act) => {
    await page.mouse.move(5, 5);
    before = await picture(stage);
    await act();
    await page.mouse.move(5, 5);
    await t.idle(page);
    const after = await picture(stage);
    check(after !== before, `${what} changes the drawing`);
};
const show = async (act) => {
    await page.getByRole("button", { name: "What is shown" }).click();
    await act();
    await page.keyboard.press("Escape");
};
for (const label of ["Model labels", "Performance labels", "Performance ring", "Hessian ring", "Paths"]) {
    await changes(label, () => show(() => page.locator(".sheet").getByLabel(label, { exact: true }).click()));
    await show(() => page.locator(".sheet").getByLabel(label, { exact: true }).click());
    await t.idle(page);
}
await changes("the number of eigenvalues", () =>
    show(async () => {
        await page.locator(".sheet").getByLabel("Eigenvalues shown").fill("2");
        await page.keyboard.press("Enter");
    }),
);
for (const scale of ["linear", "symlog"]) {
    await show(() => page.locator(".sheet").getByLabel("Eigenvalue scale").selectOption("auto"));
    const asked = await page.locator(".legend").textContent();
    if (asked.includes(scale === "linear" ? ", log" : ", linear"))
        await changes(`the eigenvalues’ scale: ${scale}`, () =>
            show(() => page.locator(".sheet").getByLabel("Eigenvalue scale").selectOption(scale)),
        );
}
await changes("the error arcs’ scale", () =>
    show(() => page.locator(".sheet").getByLabel("Error arcs").selectOption("log")),
);
await changes("the budget of paths", () =>
    show(async () => {
        await page
            .locator(".sheet")
            .getByLabel(/^Paths drawn at most/)
            .fill("1");
        await page.keyboard.press("Enter");
    }),
);
await show(async () => {
    await page
        .locator(".sheet")
        .getByLabel(/^Paths drawn at most/)
        .fill("0");
    await page.keyboard.press("Enter");
});
if (values.length > 3)
    await changes("the density view", () =>
        show(() => page.locator(".sheet").getByLabel("Density view").selectOption("on")),
    );
await show(() => page.locator(".sheet").getByLabel("Density view").selectOption("auto"));
if (values.filter((v) => v < 0).length > 1)
    await changes("the paths’ scale", () => page.getByLabel("Scale", { exact: true }).selectOption("linear"));
const fieldOptions = await page
    .getByLabel("Paths", { exact: true })
    .locator("visible=true")
    .locator("option")
    .allTextContents();
check(fieldOptions.length >= 2, "paths can show several fields", fieldOptions.join("; "));
const metricButton = page.locator(".legend-button").first();
await changes("a metric of the legend", () => metricButton.click());
await changes("a metric of the legend by key", () => metricButton.press("Enter"));
const methods = await page.getByLabel("Place by").locator("option").allTextContents();
for (const method of methods.slice(1))
    await changes(`placing by ${method}`, () => page.getByLabel("Place by").selectOption({ label: method }));
if (study.groups.length > 1) await changes("a panel a group", () => page.getByLabel("One panel a group").click());
await changes("zooming in", async () => {
    const box = await stage.boundingBox();
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    await page.mouse.wheel(0, -400);
    await t.idle(page);
});
await page.getByRole("button", { name: "Fit" }).click();
await t.idle(page);
for (const badge of await page.locator(".global-groups .badge").all()) {
    await badge.click();
    await t.idle(page);
    check(
        (await page.locator(".sheet").textContent()).length > 60,
        "a label has its evidence",
        (
            await page
                .locator(".sheet p")
                .nth(1)
                .textContent()
                .catch(() => "")
        ).slice(0, 90),
    );
    await page.keyboard.press("Escape");
}

console.log("# linking");
await t.visit(`#/${id}/landscape`, page);
const first = names[0];
const glyph = page.locator(`.hits button[data-model="${first}"]`);
const row = page.locator(".table-panel tbody tr").filter({ hasText: first }).first();
const centre = async (locator) => {
    const box = await locator.boundingBox();
    return [box.x + box.width / 2, box.y + box.height / 2];
};
await page.mouse.move(...(await centre(glyph)));
await t.idle(page);
check((await row.getAttribute("class")).includes("hovered"), "pointing at a glyph lights its row");
check((await page.locator(".tooltip").textContent()).includes(first), "and says what it is");
const unlit = await picture(stage);
await page.mouse.move(...(await centre(page.locator(".table-panel tbody tr").filter({ hasText: names[1] }).first())));
await t.idle(page);
check((await picture(stage)) !== unlit, "pointing at a row lights the graph");
await page.mouse.click(...(await centre(glyph)));
await t.idle(page);
check((await row.getAttribute("class")).includes("selected"), "a click on a glyph selects its row");
check(await page.locator(".landscape-side.local section.panel").first().isVisible(), "and opens its local views");
await page.locator(".table-panel tbody tr").filter({ hasText: names[1] }).first().click();
await t.idle(page);
equal(
    await page.locator(`.hits button[data-model="${names[1]}"]`).getAttribute("aria-pressed"),
    "true",
    "a click on a row selects the glyph",
);
await page.getByRole("button", { name: "Clear selection" }).click();
await t.idle(page);
equal(await page.locator('.hits button[aria-pressed="true"]').count(), 0, "the selection can be cleared");
await glyph.focus();
await page.keyboard.press("Enter");
await t.idle(page);
equal(await glyph.getAttribute("aria-pressed"), "true", "a model is selected by keyboard alone");
await page.keyboard.press("Enter");
// A path is pointed at where no glyph covers it; where two models lie on each other the view is zoomed first.
let seen = "";
async function pointAtPath(i) {
    const boxes = await page.locator(".hits button").evaluateAll((all) =>
        all.map((b) => {
            const r = b.getBoundingClientRect();
            return [b.dataset.model, r.x + r.width / 2, r.y + r.height / 2];
        }),
    );
    const [a, b] = [study.pairs.a[i], study.pairs.b[i]].map((m) => boxes.find((x) => x[0] === study.models[m].name));
    if (!a || !b) return null;
    for (const along of [0.5, 0.35, 0.65]) {
        for (let s = -0.36; s <= 0.36; s += 0.02) {
            await page.mouse.move(
                a[1] + along * (b[1] - a[1]) - s * (b[2] - a[2]),
                a[2] + along * (b[2] - a[2]) + s * (b[1] - a[1]),
            );
            const tip = page.locator(".tooltip");
            if (!(await tip.count())) continue;
            await t.idle(page);
            seen = (await tip.textContent().catch(() => "")) ?? "";
            if (seen.includes(" – ")) return null;
        }
    }
    return [(a[1] + b[1]) / 2, (a[2] + b[2]) / 2];
}
for (let i = 0; i < Math.min(study.pairs.a.length, 30) && !seen.includes(" – "); i++) {
    for (let zoom = 0; zoom < 4 && !seen.includes(" – "); zoom++) {
        const middle = await pointAtPath(i);
        if (middle === null) break;
        await page.mouse.move(...middle);
        await page.mouse.wheel(0, -400);
        await t.idle(page);
    }
}
check(
    seen.includes(" – ") && seen.includes("mode connectivity"),
    "pointing at a path names both ends and its numbers",
    seen.slice(0, 80),
);
await t.idle(page);
check((await page.locator(".tooltip .curve-preview path").count()) > 0, "and shows the whole curve");
const fit = page.getByRole("button", { name: "Fit", exact: true });
if (await fit.isEnabled()) await fit.click();

console.log("# the table");
await page.mouse.move(5, 5);
const column = study.metrics[0];
const metric = study.models.map((m) => number(m.metrics[column.name]));
await page
    .locator(".table-panel th button")
    .filter({ hasText: column.title || column.name })
    .first()
    .click();
await t.idle(page);
const firstRow = async () =>
    (await page.locator(".table-panel tbody tr").first().locator("td").nth(1).textContent()) ?? "";
equal(
    await firstRow(),
    study.models[metric.indexOf(Math.min(...metric.filter(Number.isFinite)))].name,
    "sorting puts the smallest first",
);
await page
    .locator(".table-panel th button")
    .filter({ hasText: column.title || column.name })
    .first()
    .click();
await t.idle(page);
equal(
    await firstRow(),
    study.models[metric.indexOf(Math.max(...metric.filter(Number.isFinite)))].name,
    "and the other way round",
);
const limit = [...metric].filter(Number.isFinite).sort((a, b) => a - b)[1];
await page.getByPlaceholder(/^Filter/).fill(`${column.name}<=${limit}`);
await t.idle(page);
equal(
    await page.locator(".table-panel tbody tr").count(),
    metric.filter((v) => v <= limit).length,
    "a comparison filters the rows",
);
await page.getByPlaceholder(/^Filter/).fill("no such model");
await t.idle(page);
check(await page.getByText("No model matches").isVisible(), "an empty table says so");
await page.getByPlaceholder(/^Filter/).fill("");
for (const pick of ["Medoid", "Best", "Worst", "Best connected", "Worst connected"]) {
    const had = await page.locator('.hits button[aria-pressed="true"]').count();
    await page.getByRole("button", { name: pick, exact: true }).click();
    await t.idle(page);
    check(
        (await page.locator('.hits button[aria-pressed="true"]').count()) >= Math.max(1, had),
        `one click selects: ${pick}`,
    );
}
const lead = ["accuracy", "top1", "relative_error"].find((name) => study.metrics.some((m) => m.name === name));
if (lead) {
    await t.visit(`#/${id}/landscape`, page);
    await page.getByRole("button", { name: "Best", exact: true }).click();
    await t.idle(page);
    const column = study.models.map((m) => number(m.metrics[lead]));
    const finite = column.filter(Number.isFinite);
    const best =
        study.models[
            column.indexOf(
                study.metrics.find((m) => m.name === lead).better === "lower"
                    ? Math.min(...finite)
                    : Math.max(...finite),
            )
        ].name;
    const chosen = await page
        .locator('.hits button[aria-pressed="true"]')
        .evaluateAll((all) => all.map((b) => b.dataset.model));
    check(chosen.includes(best), `the best by ${lead} is chosen`, chosen.join(", "));
}

console.log("# across models");
const ranks = (v) => v.map((x) => v.filter((y) => y < x).length + (v.filter((y) => y === x).length + 1) / 2);
const spearman = (x, y) => {
    const keep = x.map((_, i) => i).filter((i) => Number.isFinite(x[i]) && Number.isFinite(y[i]));
    const [a, b] = [ranks(keep.map((i) => x[i])), ranks(keep.map((i) => y[i]))];
    const m = (keep.length + 1) / 2;
    const dot = (p, q) => p.reduce((s, v, i) => s + (v - m) * (q[i] - m), 0);
    return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
};
await t.visit(`#/${id}/across?across.family=all`, page);
check(
    (await page.locator(".small-multiples section.panel").count()) >= study.metrics.length,
    "a comparison of groups for every number",
    `${await page.locator(".small-multiples section.panel").count()} plots`,
);
equal(
    await page
        .locator(`section.panel[aria-label^="${study.metrics[0].title || study.metrics[0].name} by group"] .model-mark`)
        .count(),
    metric.filter(Number.isFinite).length,
    "every member is a dot",
);
await page.getByRole("radio", { name: "Relations" }).click();
await t.idle(page);
const largest = study.models.map((m) => Math.max(...(m.eigenvalues ?? []).map(number)));
if (largest.filter(Number.isFinite).length > 2) {
    await page.getByLabel("Across", { exact: true }).selectOption("top_eigenvalue");
    await page.getByLabel("Up", { exact: true }).selectOption(column.name);
    await t.idle(page);
    const rho = Number((await page.locator(".relation .statement strong").textContent()).replace("−", "-"));
    near(rho, spearman(largest, metric), 6e-4, "the rank correlation");
    await page.locator(".correlations .cell").first().click();
    await t.idle(page);
    equal(
        await page.locator('.correlations .cell[aria-pressed="true"]').count(),
        1,
        "a cell of the matrix chooses its plot",
    );
}
await page.getByRole("radio", { name: "Gallery" }).click();
await t.idle(page);
check(
    (await page.locator(".gallery-cell section.panel").count()) >= Math.min(2, names.length),
    "the gallery shows small multiples",
    String(await page.locator(".gallery-cell section.panel").count()),
);
const swept = [...new Set(study.groups.flatMap((g) => Object.keys(g.sweep)))];
if (swept.length > 0) {
    await page.getByLabel("Columns", { exact: true }).selectOption(swept[0]);
    await t.idle(page);
    equal(
        await page.locator(".gallery-column").count(),
        new Set(study.groups.map((g) => String(g.sweep[swept[0]] ?? null))).size,
        "over a swept parameter",
    );
}
await page.getByRole("radio", { name: "Distances" }).click();
await t.idle(page);
if (study.study_records.distances.length > 0) {
    check(
        (await page.locator('section.panel[aria-label^="Matrix"] rect').count()) >= names.length,
        "distances as a heat map",
    );
    check(
        (await page.locator('section.panel[aria-label="Models placed by distance"] .model-mark').count()) > 1,
        "and as a placement",
    );
} else check(await page.getByText("No distances yet").isVisible(), "without distances the page says so");

console.log("# cards, runs, trust");
await t.visit(`#/${id}/models?selected=${encodeURIComponent(JSON.stringify([names[0], names.at(-1)]))}`, page);
equal(await page.locator(".card").count(), 2, "two cards");
check(
    (await page.locator(".differences tbody tr:not(.part)").count()) >= 1,
    "what differs between two",
    await page.locator(".differences .panel-head .note").textContent(),
);
await t.visit(`#/${id}/runs`, page);
check((await page.locator(".jobs tbody tr").count()) > 3, "jobs are listed");
const doneJobs = (await t.api(`/api/studies/${id}/jobs?state=done&most=1`)).total;
await page.getByLabel("State", { exact: true }).selectOption("done");
await t.idle(page);
equal(await page.locator(".jobs tbody tr").count(), Math.min(100, doneJobs), "and filtered by their state");
await t.visit(`#/${id}/trust`, page);
if (study.study_records.trust !== null) {
    const trust = await t.api(`/api/studies/${id}/records/${study.study_records.trust}`);
    const checks = trust.fields
        .find((f) => f.name === "check_names")
        .value.trim()
        .split("\n");
    equal(await page.locator(".checks li").count(), checks.length, "every check is listed");
}

console.log("# the tour");
await t.visit(`#/${id}/landscape`, page);
await page.getByRole("button", { name: "Tour", exact: true }).click();
await t.idle(page);
check(
    (await page.locator(".tour").textContent()).includes(String(study.models.length)),
    "the tour speaks in the study’s numbers",
);
let steps = 1;
while (await page.locator(".tour").getByRole("button", { name: "Next" }).count()) {
    await page.locator(".tour").getByRole("button", { name: "Next" }).click();
    await t.idle(page);
    steps++;
}
check(steps >= 4, "and has several steps", String(steps));
await page.locator(".tour").getByRole("button", { name: "Done" }).click();
equal(await page.locator(".tour").count(), 0, "and ends");

console.log("# permalinks");
const hash = `#/${id}/landscape?${new URLSearchParams({ selected: JSON.stringify([names[0]]), "global.edgeScale": "linear", "global.eigenvalues": "3", "global.zoom": "[1.5,-0.2,-0.2]", "table.sort": column.name, "table.filter": study.groups[0].name, split: "0.6", theme: "dark" })}`;
await t.visit(hash, page);
await page.mouse.move(5, 5);
await t.idle(page);
const drawn = await picture(stage);
const settings = (address) => [...new URLSearchParams(address.split("?")[1])].sort().join();
const link = await page.evaluate(() => location.hash);
const other = await t.visit(link);
await other.mouse.move(5, 5);
await t.idle(other);
equal(await picture(other.locator(".global-stage")), drawn, "a link draws the same picture again");
equal(await other.getByPlaceholder(/^Filter/).inputValue(), study.groups[0].name, "and fills the same fields");
equal(await other.evaluate(() => document.documentElement.dataset.theme), "dark", "in the same theme");
equal(await other.locator('.hits button[aria-pressed="true"]').count(), 1, "with the same selection");
await other.getByRole("button", { name: "Trust" }).click();
await t.idle(other);
await other.goBack();
await t.idle(other);
equal(settings(await other.evaluate(() => location.hash)), settings(link), "the browser’s way back restores it");
await other.close();

console.log("# files");
const kept = [
    ["landscape", "Global structure", ["Drawing, SVG", "Picture, PNG", "Legend, SVG", "Numbers shown, CSV"]],
    ["landscape", "Model table", ["Numbers shown, CSV"]],
    [
        "across",
        `${study.metrics[0].title || study.metrics[0].name} by group`,
        ["Drawing, SVG", "Picture, PNG", "Numbers shown, CSV"],
    ],
    ["across?across.view=relations", "Relation of two numbers", ["Drawing, SVG", "Picture, PNG", "Numbers shown, CSV"]],
    ["across?across.view=relations", "Rank correlations of all numbers", ["Drawing, SVG", "Numbers shown, CSV"]],
    ["trust", "Checks", ["Numbers shown, CSV"]],
    ["runs", "Jobs", ["Numbers shown, CSV"]],
];
for (const [where, label, kinds] of kept) {
    await t.visit(`#/${id}/${where}`, page);
    const panel = page.locator(`section.panel[aria-label^="${label}"]`).first();
    if (!(await panel.count())) continue;
    for (const kind of kinds) {
        const file = await save(t, page, panel, kind);
        check(
            (await whatIsWrong(page, file)) === "",
            `${label}: ${kind}`,
            `${file.name}, ${file.bytes.length} bytes${(await whatIsWrong(page, file)) ? `, ${await whatIsWrong(page, file)}` : ""}`,
        );
    }
}

console.log("# what is this?");
for (const where of ["landscape", "across", "across?across.view=relations", "trust"]) {
    await t.visit(`#/${id}/${where}`, page);
    for (const button of (await page.getByRole("button", { name: /^What is this\?/ }).all()).slice(0, 3)) {
        await button.click();
        const text = await page.locator(".explanation").textContent();
        check(
            /How to read it/.test(text) && /Commonly misread/.test(text),
            (await button.getAttribute("aria-label")) ?? "",
        );
        await page.keyboard.press("Escape");
    }
}

console.log("# a field of one’s own");
await t.visit("#/", page);
await page.evaluate(() => {
    location.hash = "#/";
});
await page.getByRole("button", { name: "losslens", exact: true }).click();
await t.idle(page);
await page.locator('.drop input[type="file"]').setInputFiles(fieldFile);
await page.waitForURL(/#\/u/);
await t.idle(page);
check(
    (await page.locator(".landscape-side.local section.panel").count()) > 0,
    "a dropped field is opened and drawn",
    await page.locator(".study-name").textContent(),
);
await t.visit(`#/${id}/trust`, page);
await page.evaluate(() => {
    const data = new DataTransfer();
    data.items.add(new File(["x,y,v\n0,0,1\n0,1,2\n0,2,1\n1,0,3\n1,1,2\n1,2,4\n2,0,2\n2,1,5\n2,2,3\n"], "dropped.csv"));
    document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
});
await page.waitForURL(/#\/u/);
await t.idle(page);
check((await page.locator(".study-name").textContent()).includes("dropped"), "a field can be dropped anywhere");
await t.visit("#/nothing/landscape", page);
check(
    await page.locator(".failure").isVisible(),
    "an unknown study is said in words",
    (await page.locator(".failure p").textContent()) ?? "",
);
t.said.length = 0; // the browser reports the 404 that was asked for

console.log("# accessibility and widths");
for (const theme of ["light", "dark"])
    for (const where of [
        "",
        `${id}/landscape?selected=${encodeURIComponent(JSON.stringify(names.slice(0, 1)))}`,
        `${id}/across`,
        `${id}/across?across.view=relations`,
        `${id}/across?across.view=distances`,
        `${id}/models?selected=${encodeURIComponent(JSON.stringify(names.slice(0, 2)))}`,
        `${id}/runs`,
        `${id}/trust`,
    ]) {
        await t.visit(`#/${where}${where.includes("?") ? "&" : "?"}theme=${theme}`, page);
        const found = await accessibility(page);
        check(
            found.length === 0,
            `axe-core, ${theme}: ${where.split("?")[0] || "studies"}${/view=(\w+)/.exec(where)?.[1] ? ` ${/view=(\w+)/.exec(where)[1]}` : ""}`,
            found.join("\n      "),
        );
    }
for (const [width, height] of [
    [1440, 960],
    [1280, 800],
    [1024, 768],
]) {
    await page.setViewportSize({ width, height });
    for (const where of [
        `landscape?selected=${encodeURIComponent(JSON.stringify(names.slice(0, 2)))}`,
        "across",
        "models",
        "runs",
    ]) {
        await t.visit(`#/${id}/${where}`, page);
        const over = await page.evaluate(
            () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
        );
        check(
            over <= 0,
            `nothing sticks out at ${width} pixels: ${where.split("?")[0]}`,
            over > 0 ? `${over} pixels` : "",
        );
    }
}

await t.close();
await server.stop();
finish();

// The local views with a real study and fields of known shape: node tests/local.mjs STUDY.db
// Timings are printed; LOSSLENS_TIMED=1 also holds them to their bounds (a quiet machine is needed).
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
    accessibility,
    check,
    equal,
    finish,
    framesPerSecond,
    near,
    picture,
    save,
    serve,
    Tester,
    whatIsWrong,
} from "./harness.mjs";

/* ------------------------------------------------------------------ fields whose minima are counted here */

function npy(file, shape, values) {
    const head = `{'descr': '<f8', 'fortran_order': False, 'shape': (${shape.join(", ")},), }`;
    const padded = `${head.padEnd(Math.ceil((11 + head.length) / 64) * 64 - 11)}\n`;
    const bytes = Buffer.alloc(10 + padded.length + 8 * values.length);
    bytes.write("\x93NUMPY\x01\x00", 0, "latin1");
    bytes.writeUInt16LE(padded.length, 8);
    bytes.write(padded, 10, "latin1");
    values.forEach((v, i) => bytes.writeDoubleLE(v, 10 + padded.length + 8 * i));
    writeFileSync(file, bytes);
}

/** Vertices without a lower Freudenthal neighbour, ties by index. */
function minimaOf(shape, values) {
    const n = shape.length;
    const strides = shape.map((_, k) => shape.slice(k + 1).reduce((a, b) => a * b, 1));
    const offsets = [];
    for (let code = 0; code < 3 ** n; code++) {
        const o = shape.map((_, k) => (Math.floor(code / 3 ** k) % 3) - 1);
        const turned = o.map((v, k) => (k === n - 1 ? -v : v));
        if (o.some((v) => v !== 0) && (turned.every((v) => v >= 0) || turned.every((v) => v <= 0))) offsets.push(o);
    }
    const found = [];
    values.forEach((value, v) => {
        if (!Number.isFinite(value)) return;
        const at = strides.map((s, k) => Math.floor(v / s) % shape[k]);
        const lower = offsets.some((o) => {
            const to = at.map((a, k) => a + o[k]);
            if (to.some((a, k) => a < 0 || a >= shape[k])) return false;
            const u = to.reduce((sum, a, k) => sum + a * strides[k], 0);
            return values[u] < value || (values[u] === value && u < v);
        });
        if (!lower) found.push(v);
    });
    return found;
}

const folder = mkdtempSync(join(tmpdir(), "losslens-fields-"));
const grid = (shape, f) =>
    Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, v) => {
        const strides = shape.map((_, k) => shape.slice(k + 1).reduce((a, b) => a * b, 1));
        return f(...strides.map((s, k) => (2 * (Math.floor(v / s) % shape[k])) / Math.max(1, shape[k] - 1) - 1));
    });
const fields = {
    waves: {
        shape: [61, 47],
        values: grid([61, 47], (x, y) => Math.cos(9 * x) * Math.cos(7 * y) + 0.4 * x + 0.3 * y * y + 2),
    },
    decades: {
        shape: [31, 31],
        values: grid([31, 31], (x, y) =>
            x === -1 && y < 0 ? NaN : Math.exp(8 * (x * x + y * y)) * (1.3 + Math.sin(9 * x) * Math.cos(8 * y)),
        ),
    },
    block: {
        shape: [17, 15, 13],
        values: grid([17, 15, 13], (x, y, z) => Math.cos(5 * x) + Math.cos(4 * y) + x * x + y * y + z * z),
    },
    large: {
        shape: [1001, 1001],
        values: grid([1001, 1001], (x, y) => Math.sin(6 * x) * Math.cos(9 * y) + x * x + y * y),
    },
    middle: {
        shape: [251, 251],
        values: grid([251, 251], (x, y) => Math.sin(6 * x) * Math.cos(9 * y) + x * x + y * y),
    },
    line: { shape: [41], values: grid([41], (x) => Math.cos(9 * x) + x * x) },
};
for (const [name, { shape, values }] of Object.entries(fields)) npy(join(folder, `${name}.npy`), shape, values);

/* ------------------------------------------------------------------ helpers */

const [studyFile] = process.argv.slice(2);
const server = await serve([studyFile, ...Object.keys(fields).map((name) => join(folder, `${name}.npy`))]);
const t = await Tester.open(server, { width: 1500, height: 1200 });
const { studies } = await t.api("/api/studies");
const idOf = (name) => studies.find((s) => s.name === name).id;
const timed = process.env.LOSSLENS_TIMED === "1";
const panel = (page, title, model = "") =>
    page.locator(`section.panel[aria-label="${model ? `${title} of ${model}` : title}"]`);
const svgOf = (page, kind, nth = 0) => page.locator(`.local-${kind} .plot > svg`).nth(nth);
const data = (page, kind, name, nth = 0) => svgOf(page, kind, nth).getAttribute(`data-${name}`);
const FIELD_KINDS = ["contour", "surface", "diagram", "barcode", "tree", "profile"];
const open = (kinds) => `local.open=${encodeURIComponent(JSON.stringify(kinds))}`;
/** The address, which follows the state within a quarter of a second. */
const hash = () => page.evaluate(() => new Promise((resolve) => setTimeout(() => resolve(location.hash), 300)));
const leave = (page) => page.mouse.move(2, 2);
const centre = async (locator) => {
    // to the middle: at the top the toolbar lies over what is scrolled there
    await locator.evaluate((e) => e.scrollIntoView({ block: "center" }));
    const box = await locator.boundingBox();
    return [box.x + box.width / 2, box.y + box.height / 2];
};

/* ------------------------------------------------------------------ one field, six views */

console.log("# a field of known minima");
const expected = minimaOf(fields.waves.shape, fields.waves.values);
let page = await t.visit(`#/${idOf("waves")}/landscape?${open(FIELD_KINDS)}`);
const total = expected.length;
check(total > 8, "the field has several minima", String(total));
const kept = async () =>
    [
        await data(page, "contour", "pairs"),
        await data(page, "surface", "pairs"),
        await data(page, "diagram", "features"),
        await data(page, "barcode", "features"),
        await data(page, "tree", "branches"),
        await data(page, "profile", "basins"),
    ].map(Number);
equal(await kept(), Array(6).fill(total), "all six views show the minima counted here");
equal(
    (await page.locator(".local-contour .minimum").evaluateAll((m) => m.map((e) => Number(e.dataset.minimum)))).sort(
        (a, b) => a - b,
    ),
    expected,
    "and at the vertices found here",
);
const said = page.locator(".persistence output.count");
equal(await said.textContent(), `${total} of ${total} minima kept`, "k of n is said");

console.log("# linked in all directions");
const lit = async () => Promise.all(FIELD_KINDS.map((kind) => data(page, kind, "lit")));
const sources = {
    diagram: "circle.feature",
    barcode: ".bar:not(.essential)",
    tree: ".branch:not(.essential) .leaf",
    profile: ".leaf",
    contour: "circle.minimum",
    surface: "circle.minimum",
};
for (const [kind, selector] of Object.entries(sources)) {
    await leave(page);
    await t.idle(page);
    equal(await lit(), Array(6).fill(""), `nothing is lit before ${kind}`);
    const mark = page.locator(`.local-${kind} ${selector}`).last();
    const minimum = kind === "profile" ? null : await mark.evaluate((e) => e.closest("[data-minimum]").dataset.minimum);
    await page.mouse.move(...(await centre(mark)));
    await t.idle(page);
    const now = await lit();
    check(
        now.every((v) => v !== "" && v === now[0]) && (minimum === null || now[0] === minimum),
        `${kind} lights the other five`,
        now.join(" "),
    );
}
check(
    (await page.locator(".tooltip").textContent()).includes("Persistence"),
    "a minimum has a tooltip with its persistence",
);

await leave(page);
for (const kind of FIELD_KINDS) {
    await svgOf(page, kind).press("]");
    await t.idle(page);
    const now = await lit();
    check(
        now.every((v) => v !== "" && v === now[0]),
        `the key ] lights a minimum from the ${kind}`,
        now[0],
    );
    await svgOf(page, kind).press("Escape");
}

console.log("# one slider of persistence");
const slider = page.getByRole("slider", { name: "Persistence above" });
const pairs = await page.evaluate(async (id) => {
    const studyOf = await (await fetch(`/api/studies/${id}`)).json();
    const record = [studyOf.models[0].records.topology].flat()[0];
    const buffer = await (
        await fetch(
            `/api/studies/${id}/records/${record}/data?fields=pair_birth_value,pair_death_value,pair_essential,pair_dimension`,
        )
    ).arrayBuffer();
    const length = Number(new DataView(buffer).getBigUint64(8, true));
    const head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 16, length)));
    const of = (name, type) => {
        const { offset, shape } = head.fields.find((f) => f.name === name).array;
        return Array.from(new type(buffer, 16 + length + offset, shape[0]));
    };
    const [birth, death] = [of("pair_birth_value", Float64Array), of("pair_death_value", Float64Array)];
    const [essential, dimension] = [of("pair_essential", Uint8Array), of("pair_dimension", Int32Array)];
    return birth
        .map((b, i) => ({ p: Math.abs(death[i] - b), essential: essential[i] === 1, dimension: dimension[i] }))
        .filter((x) => x.dimension === 0);
}, idOf("waves"));
await slider.focus();
await slider.press("End");
await t.idle(page);
equal(
    await kept(),
    Array(6).fill(pairs.filter((p) => p.essential).length),
    "the end of the slider leaves the essential pair alone",
);
const middle = pairs.map((p) => p.p).sort((a, b) => a - b)[Math.floor(pairs.length / 2)];
const typed = page.getByLabel("Persistence threshold");
await typed.fill(String(middle));
await typed.press("Enter");
await t.idle(page);
const wanted = pairs.filter((p) => p.essential || p.p > Number(middle)).length;
equal(await kept(), Array(6).fill(wanted), "a typed threshold keeps what is more persistent, in all views");
equal(await said.getAttribute("data-kept"), String(wanted), "and says so");
await slider.press("Home");
await t.idle(page);
equal(await kept(), Array(6).fill(total), "the start brings all back");

console.log("# every control changes what it says");
const changes = async (kind, what, act) => {
    await leave(page);
    await t.idle(page);
    const stage = page.locator(`.local-${kind} .local-body`).first();
    await stage.scrollIntoViewIfNeeded();
    const before = await picture(stage);
    await act();
    await leave(page);
    await t.idle(page);
    await stage.scrollIntoViewIfNeeded();
    check((await picture(stage)) !== before, `${what} changes the ${kind}`);
};
const control = (kind, label) => page.locator(`.local-${kind}`).first().getByLabel(label, { exact: true });
await changes("contour", "Lines", () => control("contour", "Lines").click());
await changes("surface", "Lines", () => control("surface", "Lines").click());
await changes("surface", "Mesh only", () => control("surface", "Mesh only").click());
await control("surface", "Mesh only").click();
await changes("contour", "Saddles and maxima", () => control("contour", "Saddles and maxima").click());
await changes("surface", "Height", () => control("surface", "Height of the surface").press("End"));
await changes("diagram", "Loops", () => control("diagram", "Loops").click());
await changes("profile", "Widths as shares", () => control("profile", "Widths as shares").click());
for (const kind of ["contour", "surface", "barcode", "tree", "profile"])
    await changes(kind, "Level", () => control("contour", "Level").click());
for (const kind of FIELD_KINDS)
    await changes(kind, "Values: quantile", async () => {
        const select = page.getByLabel("Values", { exact: true });
        await select.selectOption((await select.inputValue()) === "quantile" ? "linear" : "quantile");
    });
await page.getByLabel("Values", { exact: true }).selectOption("auto");
if ((await page.locator(".local-contour path.level").count()) === 0) await control("contour", "Level").click();
await t.idle(page);
near(
    Number(await page.locator(".local-contour path.level[data-level]").getAttribute("data-level")),
    (Math.min(...fields.waves.values) + Math.max(...fields.waves.values)) / 2,
    1e-9,
    "the level in the middle of a linear scale is half-way",
);
await control("contour", "Level").click();
for (const kind of ["contour", "surface", "profile"])
    await changes(kind, "Colours", async () => {
        const select = page.getByLabel("Colours", { exact: true });
        await select.selectOption((await select.inputValue()) === "brown" ? "magma" : "brown");
    });
await page.getByRole("button", { name: "Ranges of values and levels" }).click();
await changes("contour", "Contour levels", async () => {
    await page.getByLabel("Contour levels").fill("5");
    await page.getByLabel("Contour levels").press("Enter");
});
equal(await data(page, "contour", "levels"), "5", "as many levels as asked for");
await page.getByLabel("Clip above a value").click();
await t.idle(page);
const clip = Number(decodeURIComponent(/local\.clip=([^&]+)/.exec(await hash())?.[1] ?? "NaN"));
const above = fields.waves.values.filter((v) => v > clip).length;
check(
    (await panel(page, "Contour", "waves").locator(".note").first().textContent()).includes(
        `${above.toLocaleString("en")} above the clip level`,
    ),
    "clipped points are counted",
    String(above),
);
equal(await page.locator(".local-contour .clipped").count(), 1, "and dotted");
await page.getByLabel("Clip above a value").click();
await page.keyboard.press("Escape");
await page.getByLabel("Neighbours", { exact: true }).selectOption("axis");
await t.idle(page);
check(
    (await kept()).every((v, _, all) => v === all[0] && v >= total),
    "other neighbours give their own hierarchy to all views",
    (await kept()).join(" "),
);
await page.getByLabel("Neighbours", { exact: true }).selectOption("freudenthal");
await t.idle(page);

console.log("# zoom, pan, values, pins");
for (const kind of ["contour", "diagram", "barcode", "tree", "profile"]) {
    await changes(kind, "the key +", () => svgOf(page, kind).press("+"));
    await changes(kind, "an arrow key", () => svgOf(page, kind).press("ArrowLeft"));
    await changes(kind, "the key 0", () => svgOf(page, kind).press("0"));
}
await changes("surface", "an arrow key", () => svgOf(page, "surface").press("ArrowLeft"));
await changes("surface", "the key 0", () => svgOf(page, "surface").press("0"));
const box = await svgOf(page, "contour").boundingBox();
await svgOf(page, "contour").scrollIntoViewIfNeeded();
await svgOf(page, "contour").click({ position: { x: box.width * 0.45, y: box.height * 0.5 } });
await t.idle(page);
const card = page.locator(".probe-card");
const facts = Object.fromEntries(
    await card
        .locator(".facts > div")
        .evaluateAll((rows) => rows.map((r) => [r.children[0].textContent, r.children[1].textContent])),
);
const index = facts["grid point"].split(", ").map(Number);
near(
    Number(facts.Value.replace("−", "-")),
    fields.waves.values[index[0] * fields.waves.shape[1] + index[1]],
    5e-4,
    "a click shows the value stored there",
);
await card.getByRole("button", { name: "Close the values" }).click();
await page.locator(".local-barcode .bar:not(.essential)").first().click();
await leave(page);
await t.idle(page);
check(
    (await page.locator(".local-diagram .feature.lit").count()) === 1 &&
        (await page.locator(".local-contour .basin.selected").count()) === 1,
    "a bar that was clicked stays lit in the diagram and on the contour",
);
console.log("# selecting, in all directions");
const selected = async () => (await Promise.all(FIELD_KINDS.map((kind) => data(page, kind, "selected")))).map(Number);
const selection = page.locator(".selection output.count");
const clear = page.locator(".selection").getByRole("button", { name: "Clear" });
const drag = async (from, to, key) => {
    if (key) await page.keyboard.down(key);
    await page.mouse.move(...from);
    await page.mouse.down();
    await page.mouse.move(...to, { steps: 4 });
    await page.mouse.up();
    if (key) await page.keyboard.up(key);
    await leave(page);
    await t.idle(page);
};
const around = async (mark, by) => {
    const [x, y] = await centre(mark);
    return [
        [x - by, y - by],
        [x + by, y + by],
    ];
};
const litIn = (selector) =>
    page
        .locator(selector)
        .evaluateAll((marks) => [...new Set(marks.map((m) => Number(m.closest("[data-minimum]").dataset.minimum)))]);
const ascending = (list) => [...list].sort((a, b) => a - b);
await clear.click();
for (const [kind, selector] of Object.entries(sources)) {
    const mark = page.locator(`.local-${kind} ${selector}`).last();
    const minimum = Number(await mark.evaluate((e) => e.closest("[data-minimum]").dataset.minimum));
    const [from, to] = await around(mark, 5);
    await drag(from, to, "Shift");
    const counts = await selected();
    check(
        counts.every((n) => n >= 1 && n === counts[0]),
        `a rectangle in the ${kind} selects the same in all six views`,
        counts.join(" "),
    );
    const inDiagram = ascending(await litIn(".local-diagram .feature.lit"));
    check(inDiagram.includes(minimum), `and the ${kind}’s minimum is among them`, inDiagram.join(" "));
    equal(ascending(await litIn(".local-tree .branch.lit")), inDiagram, `the tree shows those of the ${kind}`);
    equal(ascending(await litIn(".local-barcode .bar.lit")), inDiagram, `the barcode shows those of the ${kind}`);
    equal(ascending(await litIn(".local-contour .minimum.lit")), inDiagram, `the contour shows those of the ${kind}`);
    equal(ascending(await litIn(".local-profile .leaf.lit")), inDiagram, `the profile shows those of the ${kind}`);
    equal(
        await page.locator(".local-contour .basin.selected").count(),
        counts[0],
        `and outlines the basins of those of the ${kind}`,
    );
    equal(await selection.getAttribute("data-selected"), String(counts[0]), `the count says so (${kind})`);
}
equal(
    await selection.textContent(),
    `${await selection.getAttribute("data-selected")} ${(await selected())[0] === 1 ? "feature" : "features"} selected`,
    "how many are selected is said",
);
await clear.click();
await t.idle(page);
equal(await selected(), Array(6).fill(0), "Clear selects nothing");

// what is in a rectangle is counted here again, from the field alone
const whole = async (kind, selector) => {
    await svgOf(page, kind).evaluate((e) => e.scrollIntoView({ block: "center" }));
    const frame = await svgOf(page, kind).boundingBox();
    const marks = await page.locator(`.local-${kind} ${selector}`).evaluateAll((all) =>
        all.map((e) => {
            const box = e.getBoundingClientRect();
            return { minimum: Number(e.dataset.minimum), x: box.x + box.width / 2, y: box.y + box.height / 2 };
        }),
    );
    return { frame, marks };
};
for (const [kind, selector] of [
    ["diagram", ".feature[data-minimum]"],
    ["contour", ".minimum"],
]) {
    const { frame, marks } = await whole(kind, selector);
    const middleX = frame.x + frame.width * 0.52;
    await drag([middleX, frame.y + 3], [frame.x + frame.width - 3, frame.y + frame.height - 4], "Shift");
    equal(
        ascending(await litIn(".local-diagram .feature.lit")),
        ascending(marks.filter((m) => m.x >= middleX).map((m) => m.minimum)),
        `a rectangle over the right half of the ${kind} selects what lies there`,
    );
}
const before2 = (await selected())[0];
await page.getByLabel("Drag selects").check();
const other2 = page.locator(".local-contour .minimum:not(.lit)").first();
const [cornerA, cornerB] = await around(other2, 5);
await drag(cornerA, cornerB, "Control");
equal(await selected(), Array(6).fill(before2 + 1), "with Drag selects no Shift is needed; Ctrl adds");
check(/drag\.selects/.test(decodeURIComponent(await hash())), "the address knows of Drag selects");
await page.getByLabel("Drag selects").uncheck();

// keys alone
await clear.click();
for (const kind of FIELD_KINDS) {
    await svgOf(page, kind).focus();
    await page.keyboard.press("]");
    await page.keyboard.press("Enter");
    await page.keyboard.press("Shift+BracketRight");
    await page.keyboard.press("Shift+BracketRight");
    await t.idle(page);
    equal(await selected(), Array(6).fill(3), `three minima are selected by keys in the ${kind}`);
    await page.keyboard.press("Delete");
    await page.keyboard.press("Escape");
    await t.idle(page);
    equal(await selected(), Array(6).fill(0), `and none after Delete (${kind})`);
}

// by numbers
const persistences = pairs.map((p) => p.p).sort((a, b) => a - b);
const cut = persistences[Math.floor(persistences.length / 3)];
await page.getByRole("button", { name: "Select features by their numbers" }).click();
await page.getByLabel("Quantity").selectOption("persistence");
await page.getByLabel("At least").fill(String(cut));
await page.getByLabel("At least").press("Enter");
await page.getByRole("button", { name: /^Select [\d,]+ feature/ }).click();
await page.keyboard.press("Escape");
await t.idle(page);
const wantedByNumber = pairs.filter((p) => p.p >= Number(cut)).length;
equal(await selected(), Array(6).fill(wantedByNumber), "features are selected by their persistence");
const brushed = await page.locator(".local-diagram .feature.lit").count();
equal(brushed, wantedByNumber, "and lit");

console.log("# permalink");
const address = await hash();
const before = [await kept(), await data(page, "contour", "levels"), brushed];
page = await t.visit(address, page);
equal(
    [await kept(), await data(page, "contour", "levels"), await page.locator(".local-diagram .feature.lit").count()],
    before,
    "an address restores scale, levels and what is selected",
);

console.log("# files and explanations");
const titles = {
    contour: "Contour",
    surface: "Surface",
    diagram: "Persistence diagram",
    barcode: "Barcode",
    tree: "Merge tree",
    profile: "Landscape profile",
};
for (const [kind, title] of Object.entries(titles)) {
    const at = panel(page, title, "waves");
    for (const label of [
        "Drawing, SVG",
        "Picture, PNG",
        ...(kind === "surface" ? [] : ["Numbers shown, CSV"]),
        ...(kind === "contour" ? ["Field, NPZ", "Field, CSV", "Field, VTI", "Surface, PLY"] : []),
    ])
        equal(await whatIsWrong(page, await save(t, page, at, label)), "", `${title}: ${label}`);
    await at.getByRole("button", { name: /^What is this\?/ }).click();
    check((await page.locator(".explanation").textContent()).length > 300, `${title} explains itself`);
    await page.keyboard.press("Escape");
}

console.log("# decades, holes, lines, volumes");
page = await t.visit(`#/${idOf("decades")}/landscape?${open(["contour", "diagram"])}`, page);
equal(await page.locator(".scale-note").getAttribute("data-scale"), "log", "more than three decades: logarithmic");
check(
    /spans? [\d.]+ decades/.test(await page.locator(".scale-note").textContent()),
    "and it is said",
    await page.locator(".scale-note").textContent(),
);
const holes = fields.decades.values.filter((v) => !Number.isFinite(v)).length;
equal(await data(page, "contour", "holes"), String(holes), "points that are not finite are counted");
check((await page.locator(".local-contour .hole").count()) > 0, "and hatched");
page = await t.visit(`#/${idOf("line")}/landscape?${open(["contour", "barcode"])}`, page);
equal(
    Number(await data(page, "barcode", "features")),
    minimaOf(fields.line.shape, fields.line.values).length,
    "a line has its minima",
);
equal(await page.locator(".local-contour .dot").count(), 41, "and its points");
page = await t.visit(`#/${idOf("block")}/landscape?${open(["contour", "volume", "profile"])}`, page);
equal(
    Number(await data(page, "profile", "basins")),
    minimaOf(fields.block.shape, fields.block.values).length,
    "a block has its minima",
);
const few = Number(await data(page, "volume", "triangles"));
await page.getByLabel("Level of the surface").press("ArrowRight");
for (let i = 0; i < 20; i++) await page.getByLabel("Level of the surface").press("ArrowRight");
await t.idle(page);
check(Number(await data(page, "volume", "triangles")) !== few, "another level is another surface");
await changes("contour", "the slice", () =>
    page.locator(".local-contour").getByLabel("Position of the slice on axis 2").press("End"),
);
await changes("volume", "an arrow key", () => svgOf(page, "volume").press("ArrowRight"));

console.log("# large fields");
const appear = async (name, kind) => {
    page = await t.visit(`#/${idOf(name)}/landscape?${open(["tree"])}`, page);
    const chip = page.locator(`.chip[data-view="${kind}"]`);
    const started = Date.now();
    await chip.click();
    await svgOf(page, kind).waitFor();
    await t.idle(page);
    return Date.now() - started;
};
for (const [name, kind] of [
    ["large", "contour"],
    ["middle", "surface"],
]) {
    const took = await appear(name, kind);
    console.log(`     ${name} ${kind}: ${took} ms until drawn and idle`);
    if (timed) check(took < 1000, `a ${fields[name].shape.join(" x ")} ${kind} appears within a second`, `${took} ms`);
}
const surface = await svgOf(page, "surface").boundingBox();
const [cx, cy] = [surface.x + surface.width / 2, surface.y + surface.height / 2];
const frames = () => page.locator(".local-surface canvas").getAttribute("data-frames").then(Number);
const first = await frames();
await page.mouse.move(cx, cy);
await page.mouse.down();
const { fps, median } = await framesPerSecond(page, async () => {
    for (let i = 1; i <= 60; i++) await page.mouse.move(cx + 2 * i, cy + 20 * Math.sin(i / 8));
});
const drawn = (await frames()) - first;
equal(
    await page.locator(".local-surface canvas").getAttribute("data-quality"),
    "light",
    "while it turns, a lighter picture is drawn",
);
await page.mouse.up();
await t.idle(page);
equal(await page.locator(".local-surface canvas").getAttribute("data-quality"), "full", "at rest the full one");
check(
    drawn > 5,
    "the surface turns",
    `${drawn} pictures, ${fps.toFixed(0)} frames a second, median ${median.toFixed(0)}`,
);
if (timed) check(fps >= 30, "30 frames a second while turning a 251 x 251 surface", fps.toFixed(0));

/* ------------------------------------------------------------------ a study */

console.log("# models of a study");
const id = studies.find((s) => s.kind === "study").id;
const study = await t.api(`/api/studies/${id}`);
const has = (m, kind) => [m.records[kind] ?? []].flat().filter((r) => r !== null).length > 0;
const select = (models) => `selected=${encodeURIComponent(JSON.stringify(models.map((m) => m.name)))}`;
const withField = study.models.filter((m) => has(m, "landscape"));
const group = study.groups.find((g) => g.models.filter((i) => has(study.models[i], "landscape")).length > 1);
const two = group.models
    .map((i) => study.models[i])
    .filter((m) => has(m, "landscape"))
    .slice(0, 2);
page = await t.visit(`#/${id}/landscape?${select(two)}&${open(["contour", "surface", "difference"])}`, page);
equal(await page.locator(".local-contour").count(), 2, "two models side by side");
const zoomOf = async () => (await page.locator(".local-contour .axis text").allTextContents()).join();
const axes = async (nth) =>
    (await page.locator(".local-contour").nth(nth).locator(".axis text").allTextContents()).join(" ");
let [a, b] = [await axes(0), await axes(1)];
await svgOf(page, "contour", 0).press("+");
await t.idle(page);
check((await axes(0)) !== a && (await axes(1)) !== b, "locked: zooming one zooms the other");
await page.locator(".button.lock").click();
await page.getByRole("button", { name: "Reset views" }).click();
await t.idle(page);
[a, b] = [await axes(0), await axes(1)];
await svgOf(page, "contour", 0).press("+");
await t.idle(page);
check((await axes(0)) !== a && (await axes(1)) === b, "unlocked: each its own zoom");
void zoomOf;
const stage = (nth) => page.locator(".local-surface .local-body").nth(nth);
let other = await picture(stage(1));
await svgOf(page, "surface", 0).press("ArrowLeft");
await t.idle(page);
equal(await picture(stage(1)), other, "unlocked: each its own camera");
const scales = await Promise.all(
    [0, 1].map(async (nth) =>
        (await page.locator(".local-contour").nth(nth).locator(".colorbar text").allTextContents()).join(" "),
    ),
);
const ranges = two.map((m) => m.name);
check(scales[0] !== scales[1] || ranges[0] === ranges[1], "unlocked: each its own scale of values", scales.join(" | "));
await page.locator(".button.lock").click();
await t.idle(page);
other = await picture(stage(1));
await svgOf(page, "surface", 0).press("ArrowLeft");
await t.idle(page);
check((await picture(stage(1))) !== other, "locked: one camera");
check(
    (await page.locator(".local-difference .plot > svg").count()) +
        (await page.locator(".local-difference .empty").count()) ===
        1,
    "A − B is drawn, or says why not",
);
const moving = withField.find((m) => m === two[0]);
const path = page.locator(".local-contour .trajectory").first();
if (moving && (await path.count()) > 0) {
    const all = await path.getAttribute("data-count");
    equal(await path.getAttribute("data-shown"), all, "the whole path is shown");
    await page.getByLabel("Checkpoint shown").first().press("Home");
    await t.idle(page);
    equal(await path.getAttribute("data-shown"), "1", "playback goes back to the first checkpoint");
    await page.getByRole("button", { name: "Play the path" }).first().click();
    await page.locator('.local-contour .trajectory[data-shown="2"]').first().waitFor();
    check(true, "and plays");
}

console.log("# a landscape that is not finished");
const half = (await t.api(`/api/studies/${id}/jobs?kind=landscape&state=failed`)).jobs[0];
if (half) {
    const head = await t.api(`/api/studies/${id}/records/${half.id}`);
    const number = (name) => head.fields.find((f) => f.name === name).value;
    page = await t.visit(
        `#/${id}/landscape?${select([{ name: half.subject }])}&local.landscape=99&${open(FIELD_KINDS)}`,
        page,
    );
    const bar = page.locator(".local-contour .so-far");
    equal(
        [await bar.getAttribute("data-done"), await bar.getAttribute("data-total")].map(Number),
        [number("points_evaluated"), number("points")],
        "says how many of its points are there",
    );
    equal(await data(page, "contour", "holes"), "0", "is drawn whole, interpolated between its points");
    equal(await page.locator(".local-surface .so-far").count(), 1, "also as a surface");
    equal(await page.locator(".local-diagram .empty").count(), 1, "its topology waits");
}

const kinds = {
    curves: "Training curves",
    density: "Spectral density",
    eigenvalues: "Hessian eigenvalues",
    layers: "Trace by layer",
    cka: "Similarity of layers",
    confusion: "Predictions",
    connectivity: "Connectivity",
    solution: "Solution",
};
for (const g of study.groups.filter((x) => x.kind !== "field")) {
    const members = g.models.slice(0, 2).map((i) => study.models[i]);
    page = await t.visit(`#/${id}/landscape?${select(members)}&${open(Object.keys(kinds))}`, page);
    const offered = await page.locator(".chip").evaluateAll((chips) => chips.map((c) => c.dataset.view));
    for (const [kind, title] of Object.entries(kinds).filter(([k]) => offered.includes(k))) {
        const shown = await page.locator(`.local-${kind}`).count();
        const failures = await page.locator(`.local-${kind} .failure`).count();
        const drawings = await page.locator(`.local-${kind} .plot > svg`).count();
        const empties = await page.locator(`.local-${kind} .empty`).count();
        check(
            shown > 0 && failures === 0 && drawings + empties >= shown,
            `${g.name}: ${title}`,
            `${drawings} drawings${empties ? `, ${empties} say why not` : ""}`,
        );
        const saved = page
            .locator(`section.panel.local-${kind}`)
            .filter({ has: page.getByRole("button", { name: /^Save: / }) })
            .first();
        if (drawings > 0 && (await saved.count()) > 0)
            for (const label of ["Drawing, SVG", "Picture, PNG", "Numbers shown, CSV"])
                equal(await whatIsWrong(page, await save(t, page, saved, label)), "", `${g.name}: ${title}: ${label}`);
    }
    const model = members[0];
    if (offered.includes("eigenvalues") && model.eigenvalues?.length > 0)
        equal(
            Number(await data(page, "eigenvalues", "bars")),
            model.eigenvalues.length,
            `${g.name}: a bar for each eigenvalue`,
        );
}

console.log("# accessibility");
for (const theme of ["light", "dark"]) {
    page = await t.visit(`#/${idOf("waves")}/landscape?theme=${theme}&${open(FIELD_KINDS)}`, page);
    equal(await accessibility(page), [], `no serious finding, ${theme}: views of a field`);
    page = await t.visit(`#/${id}/landscape?theme=${theme}&${select(two)}&${open(Object.keys(kinds))}`, page);
    equal(await accessibility(page), [], `no serious finding, ${theme}: views of two models`);
}

await t.close();
await server.stop();
rmSync(folder, { recursive: true, force: true });
finish();

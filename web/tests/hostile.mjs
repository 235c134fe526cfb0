// A study whose names, messages and provenance try to be markup: node tests/hostile.mjs STUDY.db
import { check, equal, finish, save, serve, Tester } from "./harness.mjs";

const server = await serve([process.argv[2]]);
const t = await Tester.open(server);
const id = (await t.api("/api/studies")).studies[0].id;
const raw = JSON.stringify(await t.api(`/api/studies/${id}`));
check(/<\/?script/i.test(raw), "the study does try");
const page = await t.visit(`#/${id}/landscape`);
let dialogs = 0;
page.on("dialog", (dialog) => {
    dialogs++;
    void dialog.dismiss();
});
const study = await t.api(`/api/studies/${id}`);
const selected = encodeURIComponent(JSON.stringify(study.models.slice(0, 2).map((m) => m.name)));
for (const where of [
    "landscape",
    "across",
    "across?across.view=relations",
    "across?across.view=gallery",
    "across?across.view=distances",
    "models",
    "runs",
    "trust",
]) {
    await t.visit(`#/${id}/${where}${where.includes("?") ? "&" : "?"}selected=${selected}`, page);
    const foreign = await page.evaluate(() =>
        [
            ...document.querySelectorAll(
                'script, iframe, object, embed, [onerror], [onload], [onclick], a[href^="javascript"]',
            ),
        ]
            .filter((e) => !(e instanceof HTMLScriptElement && e.src.startsWith(location.origin)))
            .map((e) => e.outerHTML.slice(0, 100)),
    );
    equal(foreign, [], `names stay text: ${where}`);
}
await t.visit(`#/${id}/landscape?global.perGroup=true`, page);
const file = await save(t, page, page.locator('section.panel[aria-label="Global structure"]'), "Drawing, SVG");
check(!/<script/i.test(file.bytes.toString()), "and in saved drawings");
equal(dialogs, 0, "nothing ran");
await t.close();
await server.stop();
finish();

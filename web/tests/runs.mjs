// Starting, watching and stopping a run from the page, and adding a checkpoint to a group:
// node tests/runs.mjs STUDY.db STUDY_OF_CHECKPOINTS.db CHECKPOINT (both studies are changed)
import { check, equal, finish, serve, Tester } from "./harness.mjs";

const [trained, given, checkpoint] = process.argv.slice(2);
const server = await serve([trained, given]);
const t = await Tester.open(server);
const id = (await t.api("/api/studies")).studies[0].id;
const before = await t.api(`/api/studies/${id}`);
const model = before.models[0].name;
const landscapes = (study) => [study.models[0].records.landscape ?? []].flat().length;

const page = await t.visit(`#/${id}/runs?selected=${encodeURIComponent(JSON.stringify([model]))}`);
const form = page.locator('section.panel[aria-label="Start a run"]');
await form.getByLabel("What", { exact: true }).selectOption("landscape");
check((await form.textContent()).includes(`For ${model}`), "an analysis is asked for the selected models");
await form.getByLabel("Grid", { exact: true }).fill("7x7");
await form.getByLabel("Range", { exact: true }).fill("-0.3:0.3");
await form.getByRole("button", { name: "Start", exact: true }).click();
await page
    .locator('section.panel[aria-label="State of the run"] h2')
    .filter({ hasText: "Running" })
    .waitFor({ timeout: 60_000 })
    .catch(() => {});
await form.getByText(/asked for/).waitFor({ timeout: 60_000 });
check(true, "the server took it");
await page
    .locator('section.panel[aria-label="State of the run"] h2')
    .filter({ hasText: "Complete" })
    .waitFor({ timeout: 240_000 });
await t.idle(page);
const after = await t.api(`/api/studies/${id}`);
equal(landscapes(after), landscapes(before) + 1, "one more landscape is stored");
check(
    after.jobs.done > before.jobs.done,
    "and the page follows",
    (await page.locator('section.panel[aria-label="State of the run"] p').first().textContent()) ?? "",
);

await form.getByLabel("What", { exact: true }).selectOption("landscape");
await form.getByLabel("Grid", { exact: true }).fill("201x201");
await form.getByRole("button", { name: "Start", exact: true }).click();
const stop = page.getByRole("button", { name: "Stop", exact: true });
await stop.waitFor({ timeout: 60_000 });
await page.locator(".job-progress").first().waitFor({ timeout: 60_000 });
check(
    (await page.locator(".job-progress").first().textContent()).length > 5,
    "progress is shown while it runs",
    (await page.locator(".job-progress .note").first().textContent()) ?? "",
);
await stop.click();
await page
    .locator('section.panel[aria-label="State of the run"] h2')
    .filter({ hasText: "Not running" })
    .waitFor({ timeout: 120_000 });
const run = await t.api(`/api/studies/${id}/run`);
equal(run.running, false, "a run is stopped from the page");

const other = (await t.api("/api/studies")).studies[1].id;
const had = (await t.api(`/api/studies/${other}`)).models.length;
await t.visit(`#/${other}/runs`, page);
const add = page.locator('section.panel[aria-label="Add checkpoints"]');
await add.locator('input[type="file"]').setInputFiles(checkpoint);
await add.getByText(/^Added /).waitFor();
check(true, "a checkpoint is added to a group", (await add.locator('[role="status"]').textContent()) ?? "");
await page
    .locator('section.panel[aria-label="Start a run"]')
    .getByRole("button", { name: "Start", exact: true })
    .click();
await page
    .locator(".jobs tbody tr")
    .filter({ hasText: `/${had}` })
    .first()
    .waitFor({ timeout: 120_000 });
await page
    .locator('section.panel[aria-label="State of the run"] h2')
    .filter({ hasText: "Complete" })
    .waitFor({ timeout: 120_000 });
equal((await t.api(`/api/studies/${other}`)).models.length, had + 1, "and is a model after the next run");
await t.close();
await server.stop();
finish();

// What the browser tests share: the real program serving real studies, Debian's Chromium without a window, and checks
// that print one line each. Nothing sleeps: a page is waited for until it says that it is idle.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const here = fileURLToPath(new URL(".", import.meta.url));
export const browserPath =
    process.env.CHROMIUM ?? ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find(existsSync) ?? "/usr/bin/chromium";

let failed = 0;
let passed = 0;
export function check(holds, what, detail = "") {
    if (holds) passed++;
    else failed++;
    console.log(`${holds ? "ok  " : "FAIL"} ${what}${detail === "" ? "" : `: ${detail}`}`);
}
export function equal(got, wanted, what) {
    const same = JSON.stringify(got) === JSON.stringify(wanted);
    check(same, what, same ? "" : `got ${JSON.stringify(got)}, wanted ${JSON.stringify(wanted)}`);
}
export function near(got, wanted, tolerance, what) {
    check(Math.abs(got - wanted) <= tolerance, what, `${got} beside ${wanted}`);
}

/** Serves files with the program under test; an address with its token. */
export async function serve(files, more = []) {
    const program = process.env.LOSSLENS;
    if (!program) throw new Error("LOSSLENS names the program");
    const child = spawn(
        program,
        ["serve", ...files, "--port", "0", "--web", process.env.LOSSLENS_WEB ?? join(here, "..", "dist"), ...more],
        { stdio: ["ignore", "pipe", "pipe"] },
    );
    process.once("exit", () => child.kill("SIGTERM")); // also when a test throws
    // A test that ends early leaves no server behind.
  process.once("exit", () => child.kill("SIGKILL"));
  let said = "";
    const address = await new Promise((resolve, reject) => {
        const listen = (chunk) => {
            said += chunk;
            const match = /http:\/\/[^\s]*\?token=\w+/.exec(said);
            if (match) resolve(match[0]);
        };
        child.stdout.on("data", listen);
        child.stderr.on("data", listen);
        child.on("exit", (code) => reject(new Error(`the server ended with ${code}: ${said}`)));
    });
    return {
        address,
        origin: new URL(address).origin,
        stop: () =>
            new Promise((resolve) => {
                child.removeAllListeners("exit");
                child.on("exit", resolve);
                child.kill("SIGTERM");
            }),
    };
}

/** What a page may say although nothing is wrong: notes of the software that stands in for a graphics card. */
const HARMLESS = /GL Driver Message|software WebGL|GPU stall|swiftshader/i;

export class Tester {
    static async open(server, options = {}) {
        const browser = await chromium.launch({
            executablePath: browserPath,
            args: ["--no-sandbox", "--disable-dev-shm-usage", "--enable-unsafe-swiftshader"],
        });
        const tester = new Tester(server, browser);
        await tester.context(options);
        return tester;
    }
    constructor(server, browser) {
        this.server = server;
        this.browser = browser;
        this.said = []; // console errors and warnings
        this.outside = []; // requests that leave this machine
        this.folder = mkdtempSync(join(tmpdir(), "losslens-web-"));
    }
    async context({ width = 1440, height = 960, colorScheme = "light" } = {}) {
        this.at = await this.browser.newContext({ viewport: { width, height }, colorScheme, acceptDownloads: true });
        const first = await this.page();
        await first.goto(this.server.address);
        await first.close();
    }
    async page() {
        const page = await this.at.newPage();
        page.setDefaultTimeout(30_000);
        page.on("console", (message) => {
            if (["error", "warning"].includes(message.type()) && !HARMLESS.test(message.text()))
                this.said.push(message.text());
        });
        page.on("pageerror", (error) => this.said.push(`${error.message}\n${error.stack ?? ""}`));
        page.on("request", (request) => {
            const url = new URL(request.url());
            if (!["data:", "blob:"].includes(url.protocol) && url.hostname !== "127.0.0.1")
                this.outside.push(request.url());
        });
        return page;
    }
    /** A page at an address of the application, waited for. */
    async visit(hash, old = null) {
        const page = old ?? (await this.page());
        await page.goto("about:blank");
        await page.goto(`${this.server.origin}/${hash}`);
        await this.idle(page);
        return page;
    }
    async idle(page) {
        // Two frames first: what was just done must have begun.
        await page.evaluate(
            () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))),
        );
        await page.locator('html[data-idle="true"]').waitFor({ state: "attached", timeout: 60_000 });
        await page.evaluate(
            () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))),
        );
    }
    async api(path) {
        return (await this.at.request.get(`${this.server.origin}${path}`)).json();
    }
    async close() {
        await this.browser.close();
        rmSync(this.folder, { recursive: true, force: true });
        equal(this.outside, [], "no request leaves this machine");
        equal(this.said, [], "nothing on the console");
    }
}

/** A number that changes when the picture of an element does. */
export async function picture(locator) {
    const bytes = await locator.screenshot({ animations: "disabled" });
    let hash = 2166136261;
    for (const byte of bytes) hash = Math.imul(hash ^ byte, 16777619);
    return hash >>> 0;
}

/** Saves by the menu of a panel; the file's bytes. */
export async function save(tester, page, panel, label) {
    await panel.getByRole("button", { name: /^Save: / }).click();
    const waiting = page.waitForEvent("download");
    await page.locator(".menu").getByText(label, { exact: true }).click();
    const download = await waiting;
    const path = join(tester.folder, download.suggestedFilename());
    await download.saveAs(path);
    await tester.idle(page);
    return { name: download.suggestedFilename(), bytes: readFileSync(path) };
}

/** Parses a file as its name says; what is wrong with it, or ''. */
export async function whatIsWrong(page, { name, bytes }) {
    if (name.endsWith(".png")) {
        if (bytes.subarray(1, 4).toString() !== "PNG") return "not a PNG";
        const [width, height] = [bytes.readUInt32BE(16), bytes.readUInt32BE(20)];
        return width > 100 && height > 60 && bytes.length > 1000
            ? ""
            : `PNG of ${width} x ${height}, ${bytes.length} bytes`;
    }
    if (name.endsWith(".svg")) {
        const text = bytes.toString("utf8");
        if (/var\(--|NaN|undefined|Infinity/.test(text))
            return `unresolved: ${/.{30}(var\(--|NaN|undefined|Infinity).{10}/.exec(text)?.[0]}`;
        return page.evaluate((source) => {
            const parsed = new DOMParser().parseFromString(source, "image/svg+xml");
            if (parsed.querySelector("parsererror")) return "not XML";
            return parsed.querySelectorAll("path, circle, rect, line, polyline, polygon, text").length > 3
                ? ""
                : "empty";
        }, text);
    }
    if (name.endsWith(".csv")) {
        const rows = [];
        let cells = 1;
        let quoted = false;
        for (const c of bytes.toString("utf8")) {
            if (c === '"') quoted = !quoted;
            else if (c === "," && !quoted) cells++;
            else if (c === "\n" && !quoted) {
                rows.push(cells);
                cells = 1;
            }
        }
        return rows.length > 1 && rows.every((n) => n === rows[0])
            ? ""
            : `rows of ${[...new Set(rows)].join(", ")} cells, ${rows.length} rows`;
    }
    if (name.endsWith(".npz")) return bytes.subarray(0, 2).toString() === "PK" ? "" : "not a ZIP";
    if (name.endsWith(".vti")) return /<VTKFile/.test(bytes.subarray(0, 400).toString()) ? "" : "not VTK";
    if (name.endsWith(".ply")) return bytes.subarray(0, 3).toString() === "ply" ? "" : "not PLY";
    if (name.endsWith(".json")) return typeof JSON.parse(bytes.toString("utf8")) === "object" ? "" : "not JSON";
    return `unknown kind of file: ${name}`;
}

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
/** Serious and critical findings of axe-core, in words. */
export async function accessibility(page) {
    await page.evaluate(axeSource);
    const { violations, passed } = await page.evaluate(async () => {
        const { violations, passes } = await globalThis.axe.run(document);
        return { violations, passed: passes.length };
    });
    if (passed < 5) return [`axe-core looked at almost nothing: ${passed} rules passed`];
    return violations
        .filter((v) => ["serious", "critical"].includes(v.impact))
        .map(
            (v) =>
                `${v.id} (${v.nodes.length}): ${v.nodes
                    .slice(0, 3)
                    .map((n) => `${n.target.join(" ")} — ${n.any?.[0]?.message ?? n.failureSummary?.slice(0, 160)}`)
                    .join(" | ")}`,
        );
}

/** Frames a second while `act` runs, and the longest frame in ms. Chromium without a card draws in software. */
export async function framesPerSecond(page, act) {
    await page.evaluate(() => {
        const marks = [performance.now()];
        globalThis.losslensFrames = { marks, on: true };
        const tick = (now) => {
            marks.push(now);
            if (globalThis.losslensFrames.on) requestAnimationFrame(tick);
        };
        requestAnimationFrame(tick);
    });
    await act();
    return page.evaluate(() => {
        const { marks } = globalThis.losslensFrames;
        globalThis.losslensFrames.on = false;
        const steps = marks.slice(2).map((m, i) => m - marks[i + 1]);
        steps.sort((a, b) => a - b);
        return {
            fps: (1000 * steps.length) / steps.reduce((s, v) => s + v, 0),
            worst: steps.at(-1),
            median: 1000 / steps[Math.floor(steps.length / 2)],
        };
    });
}

/** The last line, in the form that test runners read. */
export function finish() {
    console.log(`${passed} passed, ${failed} failed`);
    process.exit(failed === 0 ? 0 : 1);
}

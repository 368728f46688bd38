// Chromium on a page of the server under test, with what every look at it needs: patience, axe-core, and what went wrong.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** How long anything may take that should take a second. */
export const PATIENCE = { timeout: 20_000 };

/** Opens a browser, lets `look` use its page, and fails at the first thing that is not so. `look` names what it does by `step`. */
export async function looking(base, look) {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
      "--disable-background-networking", "--disable-component-update", "--disable-sync",
    ],
  });
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: "en-GB", colorScheme: "light", reducedMotion: "reduce" });
  const page = await context.newPage();
  const elsewhere = [];
  const errors = [];
  page.on("request", (request) => request.url().startsWith(base) || /^(data|blob):/.test(request.url()) || elsewhere.push(request.url()));
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (message) => {
    // Chromium notes every 400 and 401; those are answers here, and looked at where they are shown.
    if (message.type() === "error" && !/status of 40[01]/.test(message.text())) errors.push(message.text());
  });

  let doing = "opening";
  const step = (name) => (doing = name);

  /** Waits until what a selector shows is what is wanted, and tells the difference if it never is. */
  async function shows(read, wanted, argument, arranged = (seen) => seen) {
    const deadline = Date.now() + PATIENCE.timeout;
    let seen;
    do {
      seen = arranged(await page.evaluate(read, argument));
      try {
        return assert.deepEqual(seen, wanted);
      } catch {
        await page.waitForTimeout(100);
      }
    } while (Date.now() < deadline);
    assert.deepEqual(seen, wanted, doing);
  }

  /** Looks at the page as it is with axe-core, and for anything wider than the window. */
  async function accessible(name) {
    await page.waitForTimeout(300);
    await page.evaluate(axe);
    const found = await page.evaluate(() => window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }));
    assert.deepEqual(found.violations.map(({ id, nodes }) => `${id}: ${nodes[0].html}`), [], `axe-core, ${name}`);
    assert.ok(found.passes.length > 10, `axe-core looked at something, ${name}`);
    assert.ok((await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)) <= 0, `no horizontal scroll, ${name}`);
  }

  /** Opens an address and waits for its numbers or lists. */
  async function open(query) {
    await page.goto(`${base}/${query}`);
    await page.waitForSelector(".total .value, .live-now, .ledger-view table, .define, .funnel table", PATIENCE);
    await page.waitForFunction(() => document.querySelector("[aria-busy=true]") === null, null, PATIENCE);
  }

  try {
    const seen = await look({ page, context, step, shows, accessible, open });
    assert.deepEqual([elsewhere, errors], [[], []]);
    console.log(JSON.stringify(seen ?? {}));
  } catch (error) {
    error.message = `${doing}: ${error.message}`;
    console.error(error, errors);
    process.exitCode = 1;
  } finally {
    await browser.close();
  }
}

/** A list's rows: name and first number. */
export const listed = (card) => [...document.querySelectorAll(`.list.${card} table.rows tbody tr`)].map((row) => [row.querySelector(".name").innerText.trim(), Number(row.querySelector("td").innerText.replaceAll(",", ""))]);

/** Equal rows have an order of their own on the page. */
export const sorted = (rows) => [...rows].sort(([one, n], [other, m]) => m - n || (one < other ? -1 : 1));

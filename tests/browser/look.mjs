// What the scripts that look at the dashboard share: a browser that notices what goes elsewhere or wrong, and looks with axe-core.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium as chromiums } from "playwright-core";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** How long anything may take that should take a second. */
export const PATIENCE = { timeout: 60_000 };

/** Chromium, with more arguments where they are needed. */
export function chromium(more = []) {
  return chromiums.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
      "--disable-background-networking", "--disable-component-update", "--disable-sync",
      ...more,
    ],
  });
}

/** A browser with one page. `quiet` are the statuses that are answers here, and looked at where they are shown. */
export async function launch(base, quiet) {
  const browser = await chromium();
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: "en-GB", colorScheme: "light", reducedMotion: "reduce" });
  const page = await context.newPage();
  const elsewhere = [];
  const errors = [];
  page.on("request", (request) => request.url().startsWith(base) || /^(data|blob):/.test(request.url()) || elsewhere.push(request.url()));
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error" && !quiet.test(message.text())) errors.push(message.text());
  });
  return { browser, context, page, elsewhere, errors };
}

/** Looks at the page as it is with axe-core, and for anything wider than the window. */
export async function accessible(page, name) {
  await page.waitForTimeout(300);
  await page.evaluate(axe);
  const found = await page.evaluate(() => window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }));
  assert.deepEqual(found.violations.map(({ id, nodes }) => `${id}: ${nodes[0].html}`), [], `axe-core, ${name}`);
  assert.ok(found.passes.length > 10, `axe-core looked at something, ${name}`);
  assert.ok((await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)) <= 0, `no horizontal scroll, ${name}`);
}

// A look at the dashboard from beginning to end: names what it does, waits for what it wants, and tells the difference if it never comes.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { PATIENCE, accessible as looks, launch } from "./look.mjs";

export { PATIENCE };

/**
 * Opens a browser, lets `look` use its page, and fails at the first thing that is not so. `look` names what it does by `step`; `quiet`
 * are the statuses that are answers there.
 */
export async function looking(base, look, quiet = /status of 40[01]/) {
  const { browser, context, page, elsewhere, errors } = await launch(base, quiet);
  const accessible = (name) => looks(page, name);

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

  /** Opens an address and waits for its numbers or lists. */
  async function open(query) {
    await page.goto(`${base}/${query}`);
    await page.waitForSelector(".total .value, .live-now, .ledger-view table, .define, .funnel table, .ways, .sites tbody tr, .centred-card, .taught", PATIENCE);
    await page.waitForFunction(() => document.querySelector("[aria-busy=true]") === null, null, PATIENCE);
  }

  /** What a button downloads: the first one that fits makes CSV. */
  async function taken(selector) {
    const [file] = await Promise.all([page.waitForEvent("download", PATIENCE), page.click(`${selector} >> nth=0`)]);
    return readFileSync(await file.path(), "utf8");
  }

  try {
    const seen = await look({ page, context, step, shows, accessible, open, taken });
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

/** The lines of a table that was downloaded, the heads first. */
export const cells = (csv) => csv.replace("\uFEFF", "").trim().split("\r\n").map((line) => line.split(","));

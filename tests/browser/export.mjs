// A list that is longer than one answer as a file: how far it is is told while it comes, and what is stopped, left or fails leaves no file.
// Prints the pages of the file and their page views as JSON. Usage: node export.mjs BASE_URL TOKEN EXPECTED_JSON
import assert from "node:assert/strict";
import { PATIENCE, cells, looking } from "./looking.mjs";

const [base, token, given] = process.argv.slice(2);
const { site, dates, pages, answer } = JSON.parse(given);

const EXPORT = ".list.pages .export";

/** What the buttons tell: how far the file is, what is said of it, and which buttons have to be left alone. */
const told = (place) => {
  const [span, progress] = [document.querySelector(place), document.querySelector(`${place} progress`)];
  return [progress && [progress.value, progress.max], span.querySelector("[role=status]").innerText, [...span.querySelectorAll("button:not(.stop)")].map((button) => button.ariaDisabled)];
};

await looking(base, async ({ page, step, shows, accessible, open, taken }) => {
  const whole = pages.toLocaleString("en");
  const first = answer.toLocaleString("en");
  let files = 0;
  page.on("download", () => (files += 1));
  /** Questions of a file from the second on, which are answered by `then` when they come, or never. */
  let then = () => undefined;
  let asked = 0;
  await page.route("**/api/v2/query", (route) => {
    const isFile = route.request().headers()["footfall-export"] !== undefined;
    asked += isFile ? 1 : 0;
    return isFile && route.request().postDataJSON().pagination.offset > 0 ? then(route) : route.continue();
  });
  const running = () => shows(told, [[answer, pages], `${first} of ${whole} rows`, ["true", "true"]], EXPORT);
  const over = (said) => shows(told, [null, said, ["false", "false"]], EXPORT);

  step("signing in");
  await page.goto(`${base}/#token=${token}`);
  await page.waitForSelector(".total", PATIENCE);
  await open(`?site=${site}&from=${dates[0]}&to=${dates[1]}&compare=off`);
  await shows(() => document.querySelector(".list.pages .under > button").innerText.trim(), `All ${whole} →`);

  step("how far it is, and no second one beside it");
  await page.click(`${EXPORT} button >> nth=0`);
  await running();
  assert.equal(await page.getAttribute(`${EXPORT} button >> nth=0`, "aria-busy"), "true");
  await page.focus(`${EXPORT} button >> nth=1`);
  await page.keyboard.press("Enter");
  await accessible("a file that comes");
  assert.equal(asked, 2);
  step("cancelled by keyboard, the focus stays here");
  await page.focus(`${EXPORT} .stop`);
  await page.keyboard.press("Enter");
  await over("Cancelled: there is no file");
  assert.equal(await page.evaluate((place) => document.activeElement === document.querySelector(`${place} button`), EXPORT), true);

  step("left while it comes");
  await page.keyboard.press("Enter");
  await running();
  const left = page.waitForEvent("requestfailed", { ...PATIENCE, predicate: (request) => request.headers()["footfall-export"] !== undefined });
  await page.keyboard.press("g");
  await left;
  await page.waitForSelector(".ledger-view table", PATIENCE);
  await page.goBack();
  await page.waitForSelector(EXPORT, PATIENCE);
  await over("");

  step("what fails half-way leaves no half of a file");
  then = (route) => route.fulfill({ status: 503, json: { error: "away" } });
  await page.click(`${EXPORT} button >> nth=0`);
  await over("The export failed: away");

  step("all of it, which is the first file");
  then = (route) => route.continue();
  const [head, ...rows] = cells(await taken(`${EXPORT} button`));
  await over(`${whole} rows exported`);
  assert.equal(files, 1);
  const views = head.indexOf("pageviews");
  return { pages: rows.map((row) => [row[0], Number(row[views])]) };
}, /status of (40[01]|503)/);

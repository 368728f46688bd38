// What the page does not tell, and says so: a site in mode exempt tells tens, in totals, changes, list, graph and file; and of a closed day
// too few visitors stand together. Usage: node honesty.mjs BASE_URL TOKEN EXPECTED_JSON
import assert from "node:assert/strict";
import { PATIENCE, cells, listed, looking } from "./looking.mjs";

const [base, token, given] = process.argv.slice(2);
const { tens, folded } = JSON.parse(given);

const totals = () => Object.fromEntries([...document.querySelectorAll(".total")].map((total) => [total.dataset.metric, total.querySelector(".value").innerText]));

/** The rows of a list as they are told: "<10" is no number. */
const rows = (card) => [...document.querySelectorAll(`.list.${card} tbody tr`)].map((row) => [row.querySelector(".name").innerText, ...[...row.querySelectorAll("td")].map((cell) => cell.innerText)]);

/** The numbers of the table under the graph. */
const table = () => [...document.querySelectorAll(".overview .as-table td")].map((cell) => cell.textContent);

await looking(base, async ({ page, step, shows, accessible, open, taken }) => {
  step("signing in");
  await page.goto(`${base}/#token=${token}`);
  await page.waitForSelector(".total", PATIENCE);

  step("totals, list and graph in tens");
  const [first, last] = [tens.days[0], tens.days.at(-1)];
  await open(`?site=${tens.site}&from=${first}&to=${last}&compare=off`);
  await shows(totals, tens.totals);
  await shows(table, tens.visitors);
  await shows(rows, tens.pages, "pages");
  await shows(() => [...document.querySelectorAll(".overview .notes p")].some((note) => note.innerText === "Counts are rounded to the nearest 10; fewer are shown as <10."), true);
  await accessible("tens");
  step("files in tens");
  const [, ...days] = cells(await taken(".overview .takes .labelled:nth-child(2) .export button"));
  assert.deepEqual(days, tens.days.map((day, i) => [day, tens.visitors[i], "yes"]));
  const [head, ...pages] = cells(await taken(".list.pages .export button"));
  const columns = ["event:page", "daily_visitors", "pageviews"].map((name) => head.indexOf(name));
  assert.deepEqual(pages.map((row) => columns.map((column) => row[column])), tens.pages);
  for (const [day, told] of tens.changes) {
    step(`what ${day} is compared with`);
    await open(`?site=${tens.site}&from=${day}&to=${day}`);
    await shows(() => ["visitors", "visits"].map((metric) => document.querySelector(`.total[data-metric=${metric}] .change`)?.innerText.split(",")[0].trim()), Array(2).fill(told));
  }

  step("too few of a closed day stand together, and nobody filters by them");
  const report = `?site=${folded.site}&from=${folded.day}&to=${folded.day}&compare=off&tabs=browser_version`;
  await open(report);
  await shows(listed, folded.versions, "devices");
  assert.equal(await page.locator(".list.devices .folded button").count(), 0);
  const [, ...versions] = cells(await taken(".list.devices .export button"));
  assert.deepEqual(versions.map(([version, visitors]) => [version, Number(visitors)]), folded.versions.map(([, visitors], i) => [folded.values[i], visitors]));
  await shows(listed, folded.sources, "sources");
  assert.equal(await page.locator(".may-lack, .lacks").count(), 0);
  step("under a filter they are in no row, and that is said");
  await open(`${report}&f=is,event:page,/`);
  await shows(listed, folded.filtered, "sources");
  await shows(() => document.querySelector("main > .may-lack")?.innerText, `Filtered: rows and sums may lack what fewer than ${folded.below} visitors of a closed day had in common.`);
  await shows(() => document.querySelector(".list.sources .lacks")?.innerText, "Some are in no row");
  await accessible("folded");
});

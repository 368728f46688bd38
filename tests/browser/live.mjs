// Who is there now: in the line on top and in the live view, by minute, and what the hour that is running has seen.
// Usage: node live.mjs BASE_URL TOKEN EXPECTED_JSON
import assert from "node:assert/strict";
import { PATIENCE, cells, looking, sorted } from "./looking.mjs";

const [base, token, given] = process.argv.slice(2);
const { site, other, tens, sent, visitors, hour } = JSON.parse(given);

const MINUTE_MS = 60_000;
const MINUTES = 30;

/** Visitors now, on top and in the view. */
const now = () => [".top .live", ".live-now .huge"].map((place) => document.querySelector(place)?.textContent.trim());

/** The tables of the hour: pages, sources, countries, each with its page views. */
const seen = () => [...document.querySelectorAll(".thirds > section")].map((card) => [...card.querySelectorAll("tbody tr")].map((row) => [row.querySelector(".name").innerText, Number(row.querySelector("td").innerText)]));

/** The table of the minutes that are known. */
const minutes = () => [...document.querySelectorAll(".minutes tbody tr")].map(({ cells: [minute, count] }) => [minute.textContent, count.textContent]);

await looking(base, async ({ page, step, shows, accessible, open, taken }) => {
  step("signing in");
  // By the page's clock it is the hour in which the hits were sent, for as long as the looking takes.
  await page.clock.setFixedTime(sent[1]);
  await page.goto(`${base}/#token=${token}`);
  await page.waitForSelector(".total", PATIENCE);

  step("visitors now, and what the hour has seen");
  await open(`?site=${site}&view=live`);
  await shows(now, Array(2).fill(`${visitors} visitors now`));
  await shows(seen, [hour.pages, hour.sources, hour.countries].map(sorted), undefined, (seen) => seen.map(sorted));
  await accessible("who is there");

  step("visitors by minute");
  const [head, ...lines] = cells(await taken(".minutes .export button"));
  assert.deepEqual(head, ["minute", "visitors"]);
  const at = lines.map(([minute]) => Date.parse(minute));
  assert.deepEqual(at, Array.from({ length: MINUTES }, (_, i) => at[0] + i * MINUTE_MS));
  const known = lines.map(([minute, count], i) => ({ at: at[i], told: [minute.slice(11, 16), count] })).filter(({ told }) => told[1] !== "");
  // As many as came: none before the first hit, all of them after the last one, and in between no fewer than before.
  const counts = known.map(({ told }) => Number(told[1]));
  assert.deepEqual(counts, counts.toSorted((one, other) => one - other));
  assert.deepEqual([counts.at(-1), known.find(({ told }) => Number(told[1]) > 0).at >= sent[0] - (sent[0] % MINUTE_MS)], [visitors, true]);
  await shows(minutes, known.map(({ told }) => told), undefined, (seen) => seen.slice(0, known.length));
  const bars = () => [document.querySelectorAll(".minutes rect").length, document.querySelectorAll(".minutes rect:not(.unknown)").length - document.querySelectorAll(".minutes tbody tr").length];
  await shows(bars, [MINUTES, 0]);

  step("tens, where a site tells no less");
  await open(`?site=${tens}&view=live`);
  await shows(now, Array(2).fill("<10 visitors now"));
  await shows(() => [...document.querySelectorAll(".thirds > section tbody td")].map((cell) => cell.innerText), Array(3).fill("<10"));
  const [, ...few] = cells(await taken(".minutes .export button"));
  // Nobody is fewer than ten as well.
  assert.deepEqual([...new Set(few.map(([, count]) => count))].sort(), ["", "<10"]);

  step("nobody");
  await open(`?site=${other}&view=live`);
  await shows(now, Array(2).fill("0 visitors now"));
  await shows(() => document.querySelector(".live-now .hint").innerText, "Nobody is there right now. The next visit appears here by itself.");
  await shows(() => [...document.querySelectorAll(".thirds > section")].map((card) => card.querySelector(".empty")?.innerText), Array(3).fill("Nothing was counted in this period"));
});

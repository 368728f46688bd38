// The main graph by hours, weeks and months, as the address says and as the reader chooses, in the table under it and in its file; and the
// small lines of the totals and of the sites, which are as high as what was counted. Usage: node intervals.mjs BASE_URL TOKEN EXPECTED_JSON
import assert from "node:assert/strict";
import { PATIENCE, cells, looking } from "./looking.mjs";

const [base, token, given] = process.argv.slice(2);
const { site, now, over, open: running, days, two } = JSON.parse(given);

const CHOICE = ".overview .graph-tools select";
const SMALL = ".total[data-metric=visitors] .spark";
const HEADS = { hour: "Visitors", day: "Visitors", week: "Visitors (sum of daily visitors)", month: "Visitors (sum of daily visitors)" };
/** By what a range of two days may be drawn, and one of weeks. */
const OFFERED = { hour: ["hour", "day"], week: ["day", "week", "month"], month: ["day", "week", "month"] };

/** The table under the graph, its heads first, without what it is compared with. */
const table = () => [...document.querySelectorAll(".overview .as-table tr")].map((row) => [...row.cells].slice(0, 2).map((cell) => cell.textContent));

/** The points of a small line. */
const points = (line) => (document.querySelector(`${line} polyline`)?.getAttribute("points") ?? "").split(" ").map((point) => point.split(",").map(Number));

/** The lowest place of a line, where nothing was counted. */
const lowest = (points) => Math.max(...points.map(([, y]) => y));

/** What a line tells: how many steps each point is along, and its number, where the highest is the largest. */
function told(points, largest, floor = lowest(points)) {
  const [step, top] = [points.at(-1)[0] / (points.length - 1), Math.min(...points.map(([, y]) => y))];
  return points.map(([x, y]) => [x / step, ((floor - y) / (floor - top)) * largest].map(Math.round));
}

await looking(base, async ({ page, step, shows, accessible, open, taken }) => {
  const search = () => page.evaluate(() => Object.fromEntries(new URLSearchParams(location.search)));
  /** What buckets are called: one that its range cuts says what is left of it, and the last one may not be over. */
  const called = (buckets, isOver = true) =>
    page.evaluate(([buckets, isOver]) => {
      const dates = new Intl.DateTimeFormat("en", { timeZone: "UTC", day: "numeric", month: "short", year: "numeric" });
      const span = ([first, last]) => (first === last ? dates.format(new Date(first)) : dates.formatRange(new Date(first), new Date(last)));
      return buckets.map(([, name, , , part], i) => (!isOver && i === buckets.length - 1 ? `${name} (so far)` : part === null ? name : `${name} (${span(part)})`));
    }, [buckets, isOver]);
  /** The table has the visitors of these buckets. */
  const shown = async (by, buckets, isOver = true) => {
    const names = await called(buckets, isOver);
    await shows(table, [["When", HEADS[by]], ...buckets.map(([, , visitors], i) => [names[i], String(visitors)])]);
  };
  const drawn = (line, counts, floor) => shows(points, counts.map((count, i) => [i, count]), line, (points) => told(points, Math.max(...counts), floor));

  step("signing in");
  await page.goto(`${base}/#token=${token}`);
  await page.waitForSelector(".total", PATIENCE);

  for (const { by, dates: [from, to], buckets } of over) {
    step(`by ${by}, as the address says`);
    await open(`?site=${site}&from=${from}&to=${to}&compare=off&interval=${by}`);
    await shown(by, buckets);
    assert.equal(await page.inputValue(CHOICE), by);
    assert.deepEqual(await page.evaluate((choice) => [...document.querySelectorAll(`${choice} option`)].map(({ value }) => value), CHOICE), OFFERED[by]);
    await page.click(".total[data-metric=pageviews]");
    const names = await called(buckets);
    await shows(table, [["When", "Page views"], ...buckets.map(([, , , views], i) => [names[i], String(views)])]);
    const file = cells(await taken(".overview .takes .labelled:nth-child(2) .export button"));
    assert.deepEqual(file, [[`time:${by}`, "pageviews", "complete"], ...buckets.map(([at, , , views, part]) => [at, String(views), part === null ? "yes" : "no"])]);
  }

  step("by days, unless somebody chooses");
  const { dates: [from, to], buckets } = days;
  await open(`?site=${site}&from=${from}&to=${to}`);
  await shown("day", buckets);
  step("the small lines are as high as the numbers");
  const counts = (column) => buckets.map((bucket) => bucket[column]);
  await drawn(SMALL, counts(2));
  await drawn(".total[data-metric=pageviews] .spark", counts(3));
  const floor = lowest(await page.evaluate(points, SMALL));
  step("days without a visit are in them also where nothing is compared");
  await open(`?site=${site}&from=${from}&to=${to}&compare=off`);
  await drawn(SMALL, counts(2), floor);
  step("by what is chosen, and back again");
  await open(`?site=${site}&from=${from}&to=${to}`);
  for (const { by, buckets } of over.filter(({ by }) => by !== "hour")) {
    await page.selectOption(CHOICE, by);
    await shown(by, buckets);
    await drawn(SMALL, buckets.map(([, , visitors]) => visitors), floor);
    assert.equal((await search()).interval, by);
  }
  await accessible("the graph by months");
  await page.reload();
  await shown("month", over.at(-1).buckets);
  await page.goBack();
  await shown("week", over.at(-2).buckets);
  await page.goBack();
  await shown("day", buckets);
  assert.deepEqual(await search(), { site, from, to });

  step("days that all had visitors stand over what none would be");
  await open(`?site=${site}&from=${two.dates[0]}&to=${two.dates[1]}&interval=day`);
  await shown("day", two.buckets);
  await drawn(SMALL, two.buckets.map(([, , visitors]) => visitors), floor);

  step("the sites' lines");
  await open(`?site=${site}&from=${from}&to=${to}&view=sites`);
  await drawn(".sites tbody tr .spark", counts(2), floor);

  // The page's clock stands from here on: what is not over must not be over in a moment.
  await page.clock.setFixedTime(now);
  for (const { by, dates: [from, to], buckets } of running) {
    step(`by ${by}, up to now`);
    await open(`?site=${site}&from=${from}&to=${to}&interval=${by}`);
    await shown(by, buckets, false);
    await drawn(SMALL, buckets.map(([, , visitors]) => visitors), floor);
  }
});

// The main graph: the step into what is not over is dashed, and what it is compared with is what was counted on those days, in the table
// behind it and in its file. Usage: node graph.mjs BASE_URL TOKEN EXPECTED_JSON
import assert from "node:assert/strict";
import { PATIENCE, cells, looking } from "./looking.mjs";

const [base, token, given] = process.argv.slice(2);
const expected = JSON.parse(given);
const { site } = expected;

/** Notes what is drawn: no part of a canvas can be asked for. */
function note() {
  window.drawn = { solid: [], dashed: [] };
  const points = new WeakMap();
  const { moveTo, lineTo } = Path2D.prototype;
  const noted = (move) =>
    function (x, y) {
      points.set(this, [...(points.get(this) ?? []), [Math.round(x), Math.round(y)]]);
      move.call(this, x, y);
    };
  Object.assign(Path2D.prototype, { moveTo: noted(moveTo), lineTo: noted(lineTo) });
  const { stroke } = CanvasRenderingContext2D.prototype;
  CanvasRenderingContext2D.prototype.stroke = function (...path) {
    // The line of what is compared with is thinner, and never dashed.
    if (path.length > 0 && this.lineWidth === 2) window.drawn[this.getLineDash().length > 0 ? "dashed" : "solid"] = points.get(path[0]) ?? [];
    stroke.apply(this, path);
  };
}

/** The table behind the graph: its heads, then whether a day is not over, and its numbers. */
const table = () => {
  const heads = [...document.querySelectorAll(".overview .as-table thead th")].map((head) => head.textContent);
  const days = [...document.querySelectorAll(".overview .as-table tbody tr")].map(({ cells: [when, ...numbers] }) => [when.textContent.includes("(so far)"), ...numbers.map((number) => number.textContent)]);
  return [heads, ...days];
};

/** Rows as the table has them; a day that is compared with none has a dash. */
const rows = (counts, before) => counts.map((count, i) => [false, String(count), String(before[i] ?? "–")]);

await looking(base, async ({ page, step, shows, open, taken }) => {
  const search = () => page.evaluate(() => Object.fromEntries(new URLSearchParams(location.search)));
  step("signing in");
  await page.addInitScript(note);
  await page.goto(`${base}/#token=${token}`);
  await page.waitForSelector(".total", PATIENCE);

  step("days that are over, and one that is not");
  await open(`?site=${site}&period=7d&compare=off`);
  await shows(table, [["When", "Visitors"], ...expected.week.map((count, i) => [i === 6, String(count)])]);
  await shows(() => [drawn.solid.length, drawn.dashed.length], [6, 2]);
  assert.deepEqual(await page.evaluate(() => drawn.dashed[0]), await page.evaluate(() => drawn.solid.at(-1)), "one goes on where the other ends");
  await page.focus(".plot");
  await page.keyboard.press("ArrowLeft");
  await shows(() => document.querySelector(".tip")?.innerText.includes("(so far)"), true);
  await page.keyboard.press("ArrowLeft");
  await shows(() => document.querySelector(".tip")?.innerText.includes("(so far)"), false);

  step("days that are all over");
  const { dates, counts, before } = expected;
  const [[from, to], sum] = [dates, counts.reduce((sum, count) => sum + count)];
  await open(`?site=${site}&from=${from}&to=${to}`);
  await shows(() => [drawn.solid.length, drawn.dashed.length], [counts.length, 1]);

  for (const { compare, name, against, counts: earlier } of before) {
    step(`compared with ${compare}`);
    await page.click(".period .opener");
    await page.selectOption(".period .sheet > .field select", compare);
    if (compare === "custom") {
      await page.fill(".own.against input >> nth=0", against[0]);
      await page.fill(".own.against input >> nth=1", against[1]);
      await page.keyboard.press("Enter");
    } else await page.keyboard.press("Escape");
    await shows(table, [["When", "Visitors", "Compare with"], ...rows(counts, earlier)]);
    await shows((name) => document.querySelector(".overview .legend .earlier")?.parentElement.innerText.trim().endsWith(name), true, name);
    const sumBefore = earlier.reduce((sum, count) => sum + count);
    const change = Math.round(((sum - sumBefore) / sumBefore) * 100);
    await shows(() => document.querySelector(".total[data-metric=visitors] .change")?.innerText.split(",")[0].trim(), `${change > 0 ? "↑" : "↓"} ${Math.abs(change)}%`);
    const [, ...lines] = cells(await taken(".overview .takes .labelled:nth-child(2) .export button"));
    const days = (first, count) => Array.from({ length: count }, (_, i) => new Date(Date.parse(first) + i * 86_400_000).toISOString().slice(0, 10));
    const [now, then] = [days(from, counts.length), days(against[0], earlier.length)];
    assert.deepEqual(lines, now.map((day, i) => [day, counts[i], "yes", then[i] ?? "", earlier[i] ?? ""].map(String)));
  }
  assert.deepEqual(await search(), { site, from, to, compare: "custom", compare_from: before.at(-1).against[0], compare_to: before.at(-1).against[1] });
});

// A list in full, searched, in other orders, page by page and back again; then what was earned. Usage: node details.mjs BASE_URL TOKEN EXPECTED_JSON
import assert from "node:assert/strict";
import { PATIENCE, cells, listed, looking, sorted } from "./looking.mjs";

const [base, token, given] = process.argv.slice(2);
const expected = JSON.parse(given);
const { site } = expected;

const ROWS_PER_PAGE = 50;

/** The rows of the list in full: name, visitors and page views. */
const inFull = () => [...document.querySelectorAll("dialog .rows tbody tr")].map((row) => [row.querySelector(".name").innerText, Number(row.cells[1].innerText), Number(row.cells[3].innerText)]);

/** The order of rows by one of their numbers: equal ones by visitors, then by name. */
const by = (column, turn = 1) => (one, other) => turn * (other[column] - one[column]) || other[1] - one[1] || (one[0] < other[0] ? -1 : 1);

await looking(base, async ({ page, step, shows, open, taken }) => {
  const search = () => page.evaluate(() => Object.fromEntries(new URLSearchParams(location.search)));
  const pager = () => document.querySelector("dialog .pager [role=status]").innerText;
  step("signing in");
  await page.goto(`${base}/#token=${token}`);
  await page.waitForSelector(".total", PATIENCE);

  step("a list in full");
  const { pages } = expected;
  const [first, second] = [pages.toSorted(by(1)).slice(0, ROWS_PER_PAGE), pages.toSorted(by(1)).slice(ROWS_PER_PAGE)];
  assert.ok(second.length > 0, "more rows than a page has");
  await open(`?site=${site}`);
  await shows(() => document.querySelector(".list.pages .under > button")?.innerText.trim(), `All ${pages.length} →`);
  await page.click(".list.pages .under > button");
  await shows(inFull, first);
  // At once, before anything could have been typed.
  await page.click(".pager button:has-text('Next'):enabled");
  await shows(inFull, second);
  await page.click(".pager button:has-text('Previous')");
  await shows(inFull, first);
  await shows(pager, `1–${ROWS_PER_PAGE} of ${pages.length}`);
  assert.deepEqual(await search(), { site, detail: "page" });
  step("searched, whatever the case");
  const found = pages.filter(([name]) => name.includes(expected.search));
  await page.fill("#detail-search", expected.search.toUpperCase());
  await shows(inFull, found.toSorted(by(1)));
  await shows(pager, `1–${found.length} of ${found.length}`);
  await page.fill("#detail-search", "nowhere");
  await shows(() => document.querySelector("dialog .detail-rows").innerText, "Nothing here in this period");
  await shows(pager, "");
  await page.fill("#detail-search", "");
  await shows(inFull, first);
  step("the next page and the one before");
  await page.click(".pager button:has-text('Next')");
  await shows(inFull, second);
  await shows(pager, `${ROWS_PER_PAGE + 1}–${pages.length} of ${pages.length}`);
  assert.equal(await page.isDisabled(".pager button:has-text('Next')"), true);
  await page.click(".pager button:has-text('Previous')");
  await shows(inFull, first);
  assert.equal(await page.isDisabled(".pager button:has-text('Previous')"), true);
  step("another order, from the first page on");
  const heads = () => [...document.querySelectorAll("dialog th[aria-sort]")].map((head) => [head.innerText, head.ariaSort]);
  await page.click(".pager button:has-text('Next')");
  await shows(inFull, second);
  // By keyboard, which stays where it is.
  await page.focus("dialog th button:has-text('Page views')");
  await page.keyboard.press("Enter");
  await shows(inFull, pages.toSorted(by(2)).slice(0, ROWS_PER_PAGE));
  assert.deepEqual(await page.evaluate(heads), [["Page views ↓", "descending"]]);
  await page.keyboard.press("Enter");
  await shows(inFull, pages.toSorted(by(2, -1)).slice(0, ROWS_PER_PAGE));
  assert.deepEqual(await page.evaluate(heads), [["Page views ↑", "ascending"]]);
  await page.click(".pager button:has-text('Next')");
  await shows(inFull, pages.toSorted(by(2, -1)).slice(ROWS_PER_PAGE));
  step("searched in the order that was chosen, from the first page on");
  await page.fill("#detail-search", expected.search);
  await shows(inFull, found.toSorted(by(2, -1)));
  step("a chosen row is a filter, and back goes back");
  const [name, visitors] = found[0];
  await page.fill("#detail-search", name);
  await shows(inFull, [found[0]]);
  await page.click(`dialog button.name[title="${name}"]`);
  await page.waitForSelector("dialog", { ...PATIENCE, state: "detached" });
  await shows(() => document.querySelector(".total[data-metric=visitors] .value").innerText, String(visitors));
  assert.deepEqual(await search(), { site, f: `is,event:page,${name}` });
  await page.goBack();
  await shows(inFull, first);
  assert.deepEqual(await search(), { site, detail: "page" });
  await page.reload();
  await shows(inFull, first);
  await page.goBack();
  await page.waitForSelector("dialog", { ...PATIENCE, state: "detached" });
  assert.deepEqual(await search(), { site });

  step("money");
  /** Shown short, and in full by its title. */
  const amounts = (selector) => [...document.querySelectorAll(selector)].map((amount) => [amount.innerText, amount.title]);
  await open(`?site=${site}&period=7d`);
  await shows(amounts, [expected.revenue.sum], ".total[data-metric=total_revenue] .value");
  await shows(listed, sorted(expected.events), "events", sorted);
  await shows(amounts, [expected.revenue.sum, expected.revenue.none], ".list.events tbody td:last-child");
  await page.click(".total[data-metric=total_revenue]");
  await shows(() => [...document.querySelectorAll(".overview .as-table thead th")].map((head) => head.textContent), ["When", "Revenue"]);
  await shows(() => [...document.querySelectorAll(".overview .as-table td")].map((day) => day.textContent), [expected.revenue.sum[0]]);
  assert.equal((await search()).metric, "total_revenue");
  const [head, ...rows] = cells(await taken(".list.events .export button"));
  const orders = rows.find(([event]) => event === "Order");
  assert.deepEqual(["total_revenue", "average_revenue"].map((metric) => Number(orders[head.indexOf(metric)])), expected.revenue.exported);
});

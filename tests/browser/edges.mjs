// Cards whose question fails, and what there is to see of days without a visit. Usage: node edges.mjs BASE_URL TOKEN EXPECTED_JSON
import { PATIENCE, listed, looking } from "./looking.mjs";

const [base, token, given] = process.argv.slice(2);
const { site, other, lists } = JSON.parse(given);

/** What failed and is said to have, by the card that says it. */
const alerts = () => Object.fromEntries([...document.querySelectorAll("main [role=alert]")].map((alert) => [alert.closest("section").className.split(" ").at(-1), alert.innerText]));

await looking(base, async ({ page, step, shows, accessible, open }) => {
  step("signing in");
  await page.goto(`${base}/#token=${token}`);
  await page.waitForSelector(".total", PATIENCE);

  step("cards whose question fails say so, and the others stand");
  const answers = {
    "time:day": (route) => route.fulfill({ status: 503, body: "" }),
    "visit:source": (route) => route.fulfill({ status: 503, body: "" }),
    "event:page": (route) => route.fulfill({ status: 500, json: { error: "the engine is away" } }),
    "visit:browser": (route) => route.abort(),
  };
  const failing = (route) => (answers[route.request().postDataJSON().dimensions?.[0]] ?? ((route) => route.continue()))(route);
  await page.route("**/api/v2/query", failing);
  await open(`?site=${site}&period=7d&theme=dark`);
  await shows(alerts, {
    overview: "Footfall answered with status 503.",
    sources: "Footfall answered with status 503.",
    pages: "the engine is away",
    devices: "Footfall cannot be reached. Trying again…",
  });
  await shows(() => document.querySelector(".total[data-metric=visitors] .value").innerText, "1");
  await shows(listed, lists.systems, "systems");
  await accessible("cards that failed");
  step("they are asked again, and what failed is mended");
  await page.unroute("**/api/v2/query", failing);
  await shows(alerts, {});
  for (const [card, rows] of Object.entries(lists)) await shows(listed, rows, card);
  await shows(() => document.querySelectorAll(".overview .as-table tbody tr").length, 1);
  step("so are those of days that are over");
  await page.route("**/api/v2/query", failing);
  await open(`?site=${site}&period=yesterday`);
  await shows(() => document.querySelectorAll("main [role=alert]").length, 3);
  await page.unroute("**/api/v2/query", failing);
  await shows(alerts, {});
  await open(`?site=${site}&period=7d`);
  for (const [card, rows] of Object.entries(lists)) await shows(listed, rows, card);
  step("what fails later leaves what was there");
  await page.route("**/api/v2/query", (route) => route.abort());
  // Whoever comes back to the page is asked for at once, and again only when the page knows that it failed.
  for (let times = 0; times < 2; times++) {
    const failed = page.waitForEvent("requestfailed", { ...PATIENCE, predicate: (request) => request.postDataJSON()?.dimensions?.[0] === "time:day" });
    await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
    await failed;
  }
  await shows(alerts, {});
  await shows(() => document.querySelector(".total[data-metric=visitors] .value").innerText, "1");
  for (const [card, rows] of Object.entries(lists)) await shows(listed, rows, card);
  await page.unroute("**/api/v2/query");

  step("a period without a visit");
  const nothing = () => [document.querySelector(".plot.nothing h2")?.innerText, document.querySelector(".plot.nothing pre")?.innerText ?? ""];
  const line = `<script defer data-domain="${other}" src="${base}/js/script.js"></script>`;
  for (const [period, said] of [["day", ["Nothing was counted today yet", line]], ["yesterday", ["Nothing was counted in this period", ""]]]) {
    await open(`?site=${other}&period=${period}`);
    await shows(nothing, said);
    await shows(() => [...document.querySelectorAll(".list")].map((card) => card.querySelector(".empty")?.innerText), Array(7).fill("Nothing here in this period"));
    await shows(() => ["visitors", "visits", "pageviews"].map((metric) => document.querySelector(`.total[data-metric=${metric}] .value`).innerText), ["0", "0", "0"]);
  }
  step("a filter that nobody fits");
  await open(`?site=${site}&f=is,event:page,/nowhere`);
  await shows(nothing, ["Nothing was counted today yet", ""]);

  step("an address that is not understood");
  await open(`?site=${site}&period=fortnight&f=equals,visit:source,Google`);
  await shows(() => [...document.querySelectorAll(".left-out code")].map((part) => part.innerText), ["period=fortnight", "f=equals,visit:source,Google"]);
  await accessible("what was left out");
  step("a site that is not there");
  await page.goto(`${base}/?site=nope.example`);
  await shows(() => [...document.querySelectorAll("main .choices button")].map((choice) => choice.innerText), [site, other]);
  await accessible("a site that is not there");
  await page.click("main .choices button >> nth=0");
  await shows(() => document.querySelector(".total[data-metric=visitors] .value")?.innerText, "1");
}, /status of (400|50[03])|net::ERR_FAILED/);

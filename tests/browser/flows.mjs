// Real pages with the tracker that measures, in Chromium: moves between them, scrolls, clicks, and notes for itself what the browser measured.
// Then, in a second part, the views that show it. Usage: node flows.mjs BASE_URL TOKEN visit | node flows.mjs BASE_URL TOKEN show EXPECTED_JSON
import assert from "node:assert/strict";
import { PATIENCE, launch } from "./look.mjs";
import { cells, looking } from "./looking.mjs";

const [base, token, part, given] = process.argv.slice(2);
if (part === "visit") await visit();
else await show(JSON.parse(given));

/** What the browser hands to anybody who asks, noted by nothing of ours. */
function note() {
  window.noted = { lcp: null, fcp: null, cls: 0, events: {} };
  const watch = (type, each) => new PerformanceObserver((list) => list.getEntries().forEach(each)).observe({ type, buffered: true, durationThreshold: 16 });
  watch("largest-contentful-paint", (entry) => (window.noted.lcp = entry.startTime));
  watch("paint", (entry) => entry.name === "first-contentful-paint" && (window.noted.fcp = entry.startTime));
  // The pages are still but for what a test moves; one window of five seconds holds it all.
  watch("layout-shift", (entry) => entry.hadRecentInput || (window.noted.cls += entry.value));
  watch("event", (entry) => {
    const { events } = window.noted;
    if (entry.interactionId) events[entry.interactionId] = Math.max(events[entry.interactionId] ?? 0, entry.duration);
  });
}

async function visit() {
  const { browser, context, page, elsewhere, errors } = await launch(base, /^$/);
  const measured = [];
  const sent = [];
  page.on("request", (request) => {
    if (!request.url().endsWith("/api/event")) return;
    const hit = JSON.parse(request.postData());
    if (hit.n === "engagement") sent.push(hit);
  });
  try {
    // So low that a page is longer than the window.
    await page.setViewportSize({ width: 500, height: 240 });
    await context.addInitScript(note);
    const arrive = async (path, go) => {
      await go();
      await page.waitForURL(`${base}${path}`, PATIENCE);
      await page.waitForFunction(() => typeof window.footfall === "function" && window.noted.lcp !== null && window.noted.fcp !== null, null, PATIENCE);
      await page.waitForTimeout(400);
    };
    /** What was measured on the page that is about to be left. */
    const leave = async (path) => {
      await page.waitForTimeout(300);
      const told = await page.evaluate(() => ({ ...window.noted, ttfb: performance.getEntriesByType("navigation")[0].responseStart }));
      const { lcp, fcp, cls, ttfb, events } = told;
      measured.push({ path, lcp, fcp, cls, ttfb, inp: Object.values(events).length === 0 ? null : Math.max(...Object.values(events)) });
    };
    await arrive("/demo", () => page.goto(`${base}/demo`));
    await page.mouse.wheel(0, 5000);
    await page.waitForFunction(() => scrollY + innerHeight >= document.documentElement.scrollHeight - 2, null, PATIENCE);
    // Something above the rest comes late: the page moves.
    await page.evaluate(() => {
      scrollTo(0, 0);
      document.body.insertAdjacentHTML("afterbegin", '<div style="height: 90px">late</div>');
    });
    await page.waitForTimeout(700);
    // Answers slowly.
    await page.evaluate(() =>
      document.querySelector("[data-demo=event]").addEventListener("click", () => {
        const until = performance.now() + 120;
        while (performance.now() < until);
      }),
    );
    await page.click("[data-demo=event]");
    await page.waitForTimeout(400);
    await leave("/demo");
    await arrive("/demo/second", () => page.evaluate(() => document.querySelector("[data-demo=next]").click()));
    await leave("/demo/second");
    await arrive("/demo", () => page.evaluate(() => document.querySelector("[data-demo=next]").click()));
    const depth = await page.evaluate(() => (100 * innerHeight) / document.documentElement.scrollHeight);
    await leave("/demo");
    await page.goto("about:blank");
    await page.waitForTimeout(500);
    assert.deepEqual([elsewhere.filter((url) => url !== "about:blank"), errors], [[], []]);
    console.log(JSON.stringify({ measured, depth, sent: sent.map(({ u, sd, vitals }) => ({ u, sd, vitals })) }));
  } finally {
    await browser.close();
  }
}

async function show(expected) {
  await looking(base, async ({ page, step, shows, accessible, open, taken }) => {
    const search = () => page.evaluate(() => Object.fromEntries(new URLSearchParams(location.search)));
    step("signing in");
    await page.goto(`${base}/#token=${token}`);
    await page.waitForSelector(".total", PATIENCE);

    step("the flow of a page");
    await open(`?site=${expected.site}&view=flows&page=/demo`);
    const flow = () => {
      const rows = (side) => [...side.querySelectorAll("li")].map((row) => [row.querySelector(".name").innerText, Number(row.querySelector(".amount").innerText.split(/\s/)[0])]);
      return [...document.querySelectorAll(".side")].map(rows);
    };
    await shows(flow, expected.flows["/demo"]);
    await shows(() => document.querySelector(".centre b").innerText, String(expected.views["/demo"]));
    step("a click moves the centre, and back goes back");
    await page.click(".side:first-child li button");
    await shows(flow, expected.flows["/demo/second"]);
    assert.equal((await search()).page, "/demo/second");
    await page.goBack();
    await shows(flow, expected.flows["/demo"]);
    step("by keyboard, and the table behind");
    await page.focus(".side:last-child li button");
    await page.keyboard.press("Enter");
    await shows(flow, expected.flows["/demo/second"]);
    await page.focus("#flow-page");
    await page.fill("#flow-page", "/demo");
    await page.keyboard.press("Enter");
    await shows(flow, expected.flows["/demo"]);
    await page.click(".flow .as-table summary");
    await shows(() => [...document.querySelectorAll(".flow .as-table tbody tr")].map((row) => Number(row.children[2].innerText)), expected.table);
    step("from a filter by a page");
    await open(`?site=${expected.site}&f=is,event:page,/demo/second`);
    await page.click("main > .chips button:has-text('Ways from and to this page')");
    await shows(flow, expected.flows["/demo/second"]);

    step("web vitals");
    await page.evaluate(() => document.activeElement?.blur());
    await page.keyboard.press("v");
    await page.waitForSelector(".vitals .total", PATIENCE);
    const ratings = () => Object.fromEntries([...document.querySelectorAll(".vitals .total")].map((total) => [total.dataset.vital, total.querySelector(".rating").innerText]));
    await shows(ratings, expected.ratings);
    for (const vital of ["lcp", "inp", "cls", "fcp", "ttfb"]) {
      await page.click(`.vitals .total[data-vital=${vital}]`);
      await shows(() => [...document.querySelectorAll(".buckets tbody td")].map((cell) => Number(cell.innerText)), expected.buckets[vital]);
      await shows(
        () => Object.fromEntries([...document.querySelectorAll(".lists .list:first-child tbody tr")].map((row) => [row.querySelector(".name").innerText, Number(row.querySelector("td:last-child").innerText)])),
        expected.by_page[vital],
      );
      step(`files of ${vital}`);
      const [, ...buckets] = cells(await taken(".vitals .takes .labelled:nth-child(2) .export button"));
      assert.deepEqual(buckets.map((line) => Number(line.at(-1))), expected.buckets[vital]);
      const [, ...pages] = cells(await taken(".lists .list:first-child .export button"));
      assert.deepEqual(Object.fromEntries(pages.map((line) => [line[0], Number(line.at(-1))])), expected.by_page[vital]);
    }
    assert.equal((await search()).vital, "ttfb");
    step("a file of all vitals");
    const [head, ...vitals] = cells(await taken(".vitals .takes .labelled:nth-child(1) .export button"));
    const told = (name) => Object.fromEntries(vitals.map((line) => [line[0], line[head.indexOf(name)]]));
    assert.deepEqual(told("rating"), Object.fromEntries(Object.entries(expected.ratings).map(([vital, rating]) => [vital, rating.toLowerCase().replace(" ", "_")])));
    assert.deepEqual(told("measurements"), Object.fromEntries(Object.entries(expected.buckets).map(([vital, counts]) => [vital, String(counts.reduce((sum, count) => sum + count, 0))])));

    step("all sites");
    await page.selectOption(".site select", "*");
    await shows(() => Object.fromEntries([...document.querySelectorAll(".sums div")].map((sum) => [sum.dataset.metric, Number(sum.querySelector("dd").innerText.split(/\s/)[0])])), expected.sums);
    await shows(() => Object.fromEntries([...document.querySelectorAll(".sites tbody tr")].map((row) => [row.querySelector(".name").innerText, Number(row.querySelector("td").innerText)])), expected.sites);
    step("all sites over time");
    await page.click(".sums [data-metric=pageviews] button");
    assert.equal((await search()).metric, "pageviews");
    // Page views of hours are those of the day; a visitor may be of two hours.
    await shows(() => [...document.querySelectorAll(".all-sites .as-table tbody td")].reduce((sum, cell) => sum + Number(cell.textContent), 0), expected.sums.pageviews);
    await accessible("all sites over time");
    await page.click(`.sites button.name:has-text("${expected.other}")`);
    await page.waitForSelector(".overview .total", PATIENCE);
    assert.equal((await search()).site, expected.other);

    step("a property is chosen, not typed");
    await open(`?site=${expected.site}&tabs=property`);
    await page.click(".list.events .names button:has-text('plan')");
    await shows(() => [...document.querySelectorAll(".list.events tbody tr")].map((row) => row.querySelector(".name").innerText), ["free"]);

    step("nothing measured says how to");
    await open(`?site=${expected.other}&view=vitals`);
    await shows(() => /script\.vitals\.js/.test(document.querySelector(".centred-card pre").innerText), true);
    await accessible("no vitals");

    for (const [width, height] of [[1280, 900], [360, 740]]) {
      await page.setViewportSize({ width, height });
      for (const [theme, lang] of [["light", "en"], ["dark", "ja"]]) {
        for (const view of ["flows&page=/demo", "vitals&vital=cls", "sites", "define"]) {
          step(`${view} ${theme} ${lang} ${width}`);
          await open(`?site=${expected.site}&view=${view}&theme=${theme}&lang=${lang}`);
          await accessible(`${view} ${theme} ${lang} ${width}`);
        }
      }
    }
  });
}

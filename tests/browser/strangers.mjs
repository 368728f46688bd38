// What strangers wrote into their hits, as people see it: markup is shown as the text it is wherever the page shows it, and nothing of it
// becomes a part of the page. The hits are the browser's own, so that /privacy/me tells of them, too.
// Usage: node strangers.mjs BASE_URL TOKEN EXPECTED_JSON
import assert from "node:assert/strict";
import { PATIENCE, looking } from "./looking.mjs";

const [base, token, given] = process.argv.slice(2);
const { site, hits, pages, source, referrer, event, property, value } = JSON.parse(given);

const texts = (selector) => [...document.querySelectorAll(selector)].map((part) => part.innerText.trim());

await looking(base, async ({ page, step, shows, open }) => {
  /** Waits until every text stands there as it is, then looks whether any of it is more than that. */
  const tells = async (selector, ...wanted) => {
    await shows(texts, wanted, selector, (seen) => wanted.filter((text) => seen.includes(text)));
    const found = await page.evaluate(() => [typeof window.pwned, document.querySelectorAll("[onerror], img[src=x], script:not([src])").length]);
    assert.deepEqual(found, ["undefined", 0], selector);
  };

  step("sending");
  await page.goto(`${base}/`);
  const outcomes = await page.evaluate(async (hits) => {
    const send = async (hit) => (await fetch("/api/event", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(hit) })).headers.get("x-footfall-outcome");
    const outcomes = [];
    for (const hit of hits) outcomes.push(await send(hit));
    return outcomes;
  }, hits);
  assert.deepEqual(outcomes, hits.map(() => "counted"));

  step("signing in");
  await page.goto(`${base}/#token=${token}`);
  await page.waitForSelector(".total", PATIENCE);

  step("the report");
  await open(`?site=${site}`);
  await tells(".list.pages .name", ...pages);
  await tells(".list.sources .name", source);
  await tells(".list.events .name", event);
  await page.click("#sources-referrer");
  await tells(".list.sources .name", referrer);
  await page.click("#campaigns-utm_source");
  await tells(".list.campaigns .name", source);
  step("a property");
  await page.click("#events-property");
  await tells(".list.events .names .chip", property);
  await page.click(".list.events .names .chip");
  await tells(".list.events tbody .name", value);

  step("each as a filter");
  for (const [card, tab, name] of [["pages", "page", pages[0]], ["pages", "page", pages[1]], ["sources", "source", source], ["sources", "referrer", referrer], ["events", "event", event]]) {
    await open(`?site=${site}`);
    await page.click(`#${card}-${tab}`);
    await page.click(`.list.${card} tbody button.name:text-is(${JSON.stringify(name)})`, PATIENCE);
    await tells("main > .chips .value-of b", name);
    await page.reload();
    await tells("main > .chips .value-of b", name);
  }
  step("offered for a filter, and chosen");
  await page.click("main > .chips .chip");
  await page.click(".when > button[aria-keyshortcuts=n]");
  await page.selectOption("[name=filter-dimension]", "event:page", PATIENCE);
  await tells(".edit-filter [role=option]", ...pages);
  await page.click(".edit-filter [role=option] >> nth=0");
  await shows(() => document.querySelectorAll(".edit-filter .names .chip").length, 1);
  await tells(".edit-filter [role=option]");

  step("a list in full");
  await open(`?site=${site}&detail=page`);
  await tells("dialog[open] .name", ...pages);
  step("the ways from and to a page");
  await open(`?site=${site}&view=flows&page=${encodeURIComponent(pages[0])}`);
  await tells(".side .name", pages[1]);
  step("the live view");
  await open(`?site=${site}&view=live`);
  await tells(".lists .name", ...pages, source);

  step("what is held of this browser");
  await page.goto(`${base}/privacy/me?d=${site}`);
  await tells("dd", source, referrer);
  const held = await page.innerText("main");
  for (const text of [...pages, event, property, value]) assert.ok(held.includes(text), `${text} in ${held}`);
  await tells("h1");
});

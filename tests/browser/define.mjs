// Goals, funnels, segments and notes on the page, in Chromium, in two parts, because what is defined is counted only from then on.
// Usage: node define.mjs BASE_URL TOKEN define SITE | node define.mjs BASE_URL TOKEN show EXPECTED_JSON
import assert from "node:assert/strict";
import { PATIENCE, cells, listed, looking, sorted } from "./looking.mjs";

const [base, token, part, given] = process.argv.slice(2);
/** Looks at every new view, wide and narrow, in both themes and languages. */
const LOOKS = [[1280, 900, "light", "en"], [360, 740, "dark", "ja"]];

await looking(base, async (tools) => {
  const { page, step } = tools;
  step("signing in");
  await page.goto(`${base}/`);
  await page.fill("#token", token, PATIENCE);
  await page.keyboard.press("Enter");
  await page.waitForSelector(".total", PATIENCE);
  await (part === "define" ? define(tools, given) : show(tools, JSON.parse(given)));
});

async function define({ page, step, accessible, open }, site) {
  const section = (kind) => `section[aria-labelledby=define-${kind}]`;
  const add = async (kind, fields) => {
    for (const [number, text] of fields.entries()) await page.fill(`${section(kind)} input >> nth=${number}`, text);
    await page.click(`${section(kind)} form button[type=submit]`);
    await page.waitForFunction(([kind, name]) => document.querySelector(`section[aria-labelledby=define-${kind}] .said`).innerText.includes(name), [kind, fields[0]], PATIENCE);
  };
  step("nothing is defined yet");
  await page.goto(`${base}/?site=${site}&view=funnels`);
  await page.click(".centred-card button");
  await page.waitForSelector(".define .empty", PATIENCE);
  step("a goal");
  await add("goals", ["Bought", "/thanks/**"]);
  assert.match(await page.innerText(`${section("goals")} .said`), /Bought is saved and counts from \d\d:\d\d:\d\d on\./);
  await add("goals", ["Sale", "Paid"]);
  await add("goals", ["Mistake", "/thnaks"]);
  step("a goal that is none is refused in the server's words, and what was typed stays");
  await page.fill(`${section("goals")} input >> nth=0`, "Odd");
  await page.fill(`${section("goals")} input >> nth=1`, "/a/*/*/*/*/*/*/*/*/*");
  await page.click(`${section("goals")} form button[type=submit]`);
  await page.waitForFunction(() => /at most 8/.test(document.querySelector("section[aria-labelledby=define-goals] .said").innerText), null, PATIENCE);
  assert.equal(await page.inputValue(`${section("goals")} input >> nth=0`), "Odd");
  step("a goal is removed only when asked twice");
  await page.click(`${section("goals")} button[aria-label="Remove Mistake"]`);
  await page.focus(`${section("goals")} input`);
  await page.click(`${section("goals")} button[aria-label="Remove Mistake"]`);
  assert.equal(await page.locator(`${section("goals")} li`).count(), 3, "asked and left is not removed");
  await page.click(`${section("goals")} button.sure`);
  await page.waitForFunction(() => document.querySelectorAll("section[aria-labelledby=define-goals] li").length === 2, null, PATIENCE);
  step("a funnel");
  await page.click(`${section("funnels")} .steps button >> nth=0`);
  await add("funnels", ["Order", "/", "/cart", "Paid"]);
  step("a note");
  await page.fill(`${section("annotations")} input[type=text]`, "Release 2.0");
  await page.click(`${section("annotations")} form button[type=submit]`);
  await page.waitForFunction(() => /Release 2\.0/.test(document.querySelector("section[aria-labelledby=define-annotations] ul").innerText), null, PATIENCE);
  for (const [width, height, theme, lang] of LOOKS) {
    await page.setViewportSize({ width, height });
    await open(`?site=${site}&view=define&theme=${theme}&lang=${lang}`);
    await accessible(`define ${theme} ${lang}`);
  }
  step("the filters as a segment");
  await page.setViewportSize({ width: 1280, height: 900 });
  await open(`?site=${site}&f=is,visit:browser,Firefox&f=contains,event:page,/cart`);
  await page.click("main > .chips button:has-text('Save as segment')");
  await page.fill(".save-segment input", "Foxes at the cart");
  await accessible("saving a segment");
  await page.keyboard.press("Enter");
  await page.waitForSelector(".save-segment [role=status]", PATIENCE);
  await page.click(".save-segment button.plain");
  await page.waitForSelector("main > .chips .chip:has-text('Foxes at the cart')", PATIENCE);
}

async function show({ page, step, shows, accessible, open, taken }, expected) {
  const { site } = expected;
  for (const tab of ["goal", "segment"]) {
    step(`the list ${tab}`);
    await open(`?site=${site}&tabs=${tab}`);
    await shows(listed, sorted(expected[tab]), "events", sorted);
    if (tab === "goal") await shows(() => Object.fromEntries([...document.querySelectorAll(".list.events tbody tr")].map((row) => [row.querySelector(".name").innerText, row.querySelector("td:last-child").innerText])), expected.brought);
  }
  step("the report of a segment");
  await page.click(`.list.events button.name[title="Foxes at the cart"]`);
  await shows(() => document.querySelector(".total[data-metric=visitors] .value").innerText, String(expected.segment[0][1]));
  await shows(listed, sorted(expected.pages), "pages", sorted);
  await accessible("a segment's report");
  step("the funnel");
  await page.keyboard.press("0");
  await page.keyboard.press("u");
  await shows(() => [...document.querySelectorAll(".funnel tbody tr")].map((row) => Number(row.querySelector("td").innerText)), expected.funnel);
  const share = (count, of) => Math.round((1000 * count) / of) / 10;
  // The first step's share is of all visitors.
  const before = [expected.visitors, ...expected.funnel];
  const steps = ["/", "/cart", "Paid"].map((step, i) => [i + 1, step, expected.funnel[i], share(expected.funnel[i], before[i]), share(expected.funnel[i], expected.funnel[0])].map(String));
  assert.deepEqual(cells(await taken(".funnel .export button")), [["step", "name", "visitors", "step_conversion_rate", "conversion_rate"], ...steps]);
  for (const [width, height, theme, lang] of LOOKS) {
    await page.setViewportSize({ width, height });
    await open(`?site=${site}&view=funnels&theme=${theme}&lang=${lang}`);
    await accessible(`funnels ${theme} ${lang}`);
  }
  step("the note");
  await page.setViewportSize({ width: 1280, height: 900 });
  await open(`?site=${site}&period=7d`);
  await page.click(".overview .as-table summary");
  await shows(() => [...document.querySelectorAll(".overview .as-table .noted")].map((note) => note.innerText.replace(/^ ?· /, "")), ["Release 2.0"]);
  step("the last half hour");
  await open(`?site=${site}&view=live`);
  await page.click(".minutes .as-table summary");
  await shows(() => document.querySelectorAll(".minutes .as-table tbody tr").length > 0, true);
  await shows(() => /Complete up to \d\d:\d\d:\d\d/.test(document.querySelector(".live-now").innerText), true);
}

// The dashboard as an analyst uses it, in Chromium: signs in, compares every report with the numbers it was given, filters,
// compares, changes language and theme, uses the keyboard alone, looks at every view with axe-core, and weighs the first load.
// Prints what it saw as JSON; fails at the first thing that is not so. Usage: node dashboard.mjs BASE_URL TOKEN EXPECTED_JSON
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { PATIENCE, listed, looking, sorted } from "./looking.mjs";

const [base, token, given] = process.argv.slice(2);
const expected = JSON.parse(given);

/** All totals but how long visits took, which is the machine's affair where it sent them now. */
const totals = () => Object.fromEntries([...document.querySelectorAll(".total:not([data-metric=visit_duration])")].map((total) => [total.dataset.metric, total.querySelector(".value").innerText]));

await looking(base, async ({ page, context, step, shows, accessible, open, taken }) => {
  const search = () => page.evaluate(() => Object.fromEntries(new URLSearchParams(location.search)));

  step("weighing the first load");
  const wire = await context.newCDPSession(page);
  await wire.send("Network.enable");
  let bytes = 0;
  wire.on("Network.loadingFinished", ({ encodedDataLength }) => (bytes += encodedDataLength));
  const first = await page.goto(`${base}/`, { waitUntil: "networkidle" });
  assert.doesNotMatch(first.headers()["content-security-policy"], /unsafe|\*/);
  assert.ok(bytes > 10_000 && bytes <= 120_000, `the first load is ${bytes} bytes compressed; at most 120,000`);
  const firstLoad = bytes;

  step("signing in");
  await page.waitForSelector("#token", PATIENCE);
  await accessible("sign-in");
  await page.fill("#token", "wrong");
  await page.keyboard.press("Enter");
  await page.waitForSelector("#token-wrong", PATIENCE);
  await page.fill("#token", token);
  await page.keyboard.press("Enter");
  await page.waitForSelector(".total", PATIENCE);

  step("totals and lists");
  await open(`?site=${expected.site}&period=7d`);
  await shows(totals, expected.totals);
  for (const { card, tab, rows } of expected.lists) {
    step(`the list ${tab}`);
    await page.click(`#${card}-${tab}`);
    await page.waitForSelector(`#${card}-${tab}[aria-selected=true]`, PATIENCE);
    await shows(listed, sorted(rows), card, sorted);
  }
  step("the map");
  await page.click("#places-country");
  await page.waitForSelector("svg.map path.known", { ...PATIENCE, state: "attached" });

  step("a property");
  await page.click("#events-property");
  await page.fill("#property-name", "plan");
  await page.keyboard.press("Enter");
  await shows(listed, expected.property, "events");
  assert.equal((await search()).property, "plan");

  step("the ways from a page");
  await open(`?site=${expected.site}&period=7d&view=flows&page=/`);
  const ways = () => [...document.querySelectorAll(".side")].map((side) => [...side.querySelectorAll("li")].map((row) => [row.querySelector(".name").innerText, Number(row.querySelector(".amount").innerText.split(/\s/)[0])]));
  await shows(ways, expected.ways);

  step("the comparison");
  await open(`?site=${expected.site}&period=7d`);
  await shows(() => document.querySelector(".total[data-metric=visitors] .change")?.innerText.split("\n")[0].split(",")[0].trim(), expected.change);
  await page.keyboard.press("x");
  await shows(() => document.querySelector(".change"), null);
  assert.equal((await search()).compare, "off");
  await page.goBack();
  await shows(() => document.querySelector(".change") !== null, true);

  step("how long visits took");
  const { day, average } = expected.took;
  await open(`?site=${expected.site}&from=${day}&to=${day}`);
  await shows(() => document.querySelector(".total[data-metric=visit_duration] .value").innerText, average);

  step("a comparison with own dates");
  await open(`?site=${expected.site}&period=7d`);
  await page.click(".period .opener");
  await page.selectOption(".period .sheet > .field select", "custom");
  await page.fill(".own.against input >> nth=0", expected.before[1]);
  await page.fill(".own.against input >> nth=1", expected.before[0]);
  await page.click(".own.against button");
  await page.waitForSelector(".own.against .wrong[role=alert]", PATIENCE);
  await accessible("the comparison's dates");
  await page.fill(".own.against input >> nth=0", expected.before[0]);
  await page.fill(".own.against input >> nth=1", expected.before[1]);
  await page.keyboard.press("Enter");
  await shows(() => document.querySelector(".total[data-metric=visitors] .change")?.innerText.split("\n")[0].split(",")[0].trim(), expected.change);
  assert.deepEqual([(await search()).compare, (await search()).compare_from, (await search()).compare_to], ["custom", ...expected.before]);
  await page.reload();
  await page.waitForSelector(".total[data-metric=visitors] .change", PATIENCE);

  step("sums of daily visitors are called that");
  await open(`?site=${expected.site}&period=30d&interval=week`);
  await shows(() => document.querySelector(".overview .legend")?.innerText.includes("sum of daily visitors"), true);
  await open(`?site=${expected.site}&period=7d&interval=day`);
  await shows(() => document.querySelector(".overview .legend")?.innerText.includes("sum of daily visitors") ?? false, false);

  step("the graph by keyboard, also while what it is compared with is on its way, and its table");
  let release;
  const held = new Promise((resolve) => (release = resolve));
  const isFirstDay = (request) => request.postDataJSON()?.date_range === "all";
  await page.route("**/api/v2/query", (route) => (isFirstDay(route.request()) ? held : Promise.resolve()).then(() => route.continue()));
  await open(`?site=${expected.site}&period=7d&interval=day`);
  await page.focus(".plot");
  await page.keyboard.press("ArrowLeft");
  await shows(() => document.querySelector(".tip b")?.innerText, expected.totals.visitors);
  await shows(() => document.querySelector(".overview .legend .earlier") !== null, false);
  release();
  await shows(() => document.querySelector(".overview .legend .earlier") !== null, true);
  await shows(() => document.querySelector(".tip b")?.innerText, expected.totals.visitors);
  await page.unroute("**/api/v2/query");
  await page.keyboard.press("Escape");
  await page.focus(".overview .as-table summary");
  await page.keyboard.press("Enter");
  await shows(() => [...document.querySelectorAll(".overview .as-table tbody tr")].reduce((sum, row) => sum + Number(row.querySelector("td").innerText), 0), Number(expected.totals.visitors));

  step("a filter by a click");
  await page.click(`.list.sources button.name[title="${expected.filter.source}"]`);
  await page.waitForSelector(".chip", PATIENCE);
  await shows(totals, expected.filter.totals);
  await shows(listed, expected.filter.pages, "pages");
  assert.equal((await search()).f, `is,visit:source,${expected.filter.source}`);
  step("what the counts do not hold is taught where it happens");
  await page.waitForSelector(".list.devices .taught .chip", PATIENCE);
  await page.click(".list.devices .taught summary");
  assert.match(await page.innerText(".list.devices .taught details"), /not a declared pair/);
  await accessible("filtered");
  await page.reload();
  await shows(totals, expected.filter.totals);
  await page.click("main > .chips .chip");
  await shows(totals, expected.totals);
  await page.goBack();
  await shows(totals, expected.filter.totals);
  step("a filter turned round");
  await page.focus("main > .chips .turn");
  await page.keyboard.press("Enter");
  await shows(() => document.querySelector(".total[data-metric=visits] .value")?.innerText, expected.turned);
  assert.equal((await search()).f, `is_not,visit:source,${expected.filter.source}`);
  await page.keyboard.press("Enter");
  await shows(totals, expected.filter.totals);
  step("views without filters say so");
  await open(`?site=${expected.site}&period=7d&view=ledger&f=is,visit:source,${expected.filter.source}`);
  await page.waitForSelector("main > .not-here", PATIENCE);
  await open(`?site=${expected.site}&period=7d&f=is,visit:source,${expected.filter.source}`);
  await shows(totals, expected.filter.totals);
  await page.keyboard.press("0");
  await shows(totals, expected.totals);

  step("a list in full");
  await page.click(".list.pages .under > button");
  await page.waitForSelector("dialog[open] table.rows", PATIENCE);
  await accessible("a list in full");
  await page.fill("#detail-search", "pric");
  await shows(() => [...document.querySelectorAll("dialog .rows tbody .name")].map((name) => name.innerText), ["/pricing"]);
  assert.equal((await search()).detail, "page");
  await page.keyboard.press("Escape");
  await page.keyboard.press("Escape");
  await page.waitForSelector("dialog", { ...PATIENCE, state: "detached" });
  step("a country is found by its name");
  for (const [lang, typed, found] of [["en", "jap", ["Japan"]], ["ja", "日本", ["日本"]], ["en", "qqqq", []]]) {
    await open(`?site=${expected.site}&period=7d&detail=country&lang=${lang}`);
    await page.waitForSelector("dialog[open] table.rows", PATIENCE);
    await page.fill("#detail-search", typed);
    await shows(() => [...document.querySelectorAll("dialog .rows tbody .name")].map((name) => name.innerText.trim()), found);
  }
  await open(`?site=${expected.site}&period=7d`);

  step("files");
  const download = async (card, format) => {
    const [file] = await Promise.all([page.waitForEvent("download", PATIENCE), page.click(`.list.${card} .export button:nth-child(${format === "csv" ? 1 : 2})`)]);
    return readFileSync(await file.path(), "utf8");
  };
  const csv = await download("campaigns", "csv");
  assert.match(csv, /^\uFEFFvisit:utm_campaign,daily_visitors,/);
  assert.match(csv, /\r\n"'=1\+1",1,/, "a formula is a text");
  const pages = JSON.parse(await download("pages", "json"));
  assert.equal(pages.rows.find((row) => row["event:page"] === "/pricing").daily_visitors, expected.pricing);
  const [heads, values] = (await taken(".overview .takes .labelled:nth-child(1) .export button")).replace("\uFEFF", "").split("\r\n").map((line) => line.split(","));
  assert.equal(values[heads.indexOf("daily_visitors")], expected.totals.visitors);
  const days = (await taken(".overview .takes .labelled:nth-child(2) .export button")).trim().split("\r\n").slice(1);
  assert.equal(days.length, 7);
  assert.equal(days.reduce((sum, day) => sum + Number(day.split(",")[1]), 0), Number(expected.totals.visitors));

  step("files of the other reports, and one that fails");
  await open(`?site=${expected.site}&period=7d&view=ledger`);
  assert.match(await taken(".ledger .export button"), /^\uFEFFoutcome,reason,hits,share\r\n/);
  await open(`?site=${expected.site}&view=live`);
  assert.equal((await taken(".minutes .export button")).trim().split("\r\n").length, 31);
  await open(`?site=${expected.site}&period=7d&view=flows&page=/`);
  assert.match(await taken(".flow .export button"), /\(entries\)/);
  await open(`?site=${expected.site}&period=7d&view=sites`);
  assert.match(await taken(".sites .export button"), /\(all\)/);
  await open(`?site=${expected.site}&period=7d`);
  await page.route("**/api/v2/query", (route) => (route.request().headers()["footfall-export"] ? route.fulfill({ status: 503, json: { error: "away" } }) : route.continue()));
  await page.click(".list.pages .export button >> nth=0");
  await shows(() => /failed/.test(document.querySelector(".list.pages .export")?.innerText ?? ""), true);
  await page.unroute("**/api/v2/query");

  step("the keyboard");
  await page.evaluate(() => document.activeElement?.blur());
  const periods = [
    ["t", undefined, "Today"], ["y", "yesterday", "Yesterday"], ["d", undefined, "Today"], ["e", "yesterday", "Yesterday"], ["w", "7d", "7 days"], ["f", "30d", "30 days"],
    ["q", "90d", "90 days"], ["m", "month", "This month"], ["p", "lastmonth", "Last month"], ["l", "12mo", "12 months"], ["a", "all", "All time"],
  ];
  for (const [key, period, name] of periods) {
    await page.keyboard.press(key);
    assert.equal((await search()).period, period, `the key ${key}`);
    await shows(() => document.querySelector(".period .opener b").innerText, name);
  }
  const views = [["r", "Live"], ["u", "Funnels"], ["o", "Flows"], ["v", "Vitals"], ["g", "Ledger"]];
  for (const [key, name] of views) {
    for (const view of [name, "Report"]) {
      await page.keyboard.press(key);
      await shows(() => document.querySelector("nav.views [aria-current=page]").innerText, view);
    }
  }
  const dates = async () => {
    const { from, to } = await search();
    return [from, to];
  };
  await page.keyboard.press("w");
  await page.keyboard.press("[");
  assert.deepEqual(await dates(), expected.before);
  await page.keyboard.press("]");
  assert.deepEqual(await dates(), expected.week);
  await page.keyboard.press("]");
  assert.deepEqual(await dates(), expected.week, "nothing is after today");
  await page.keyboard.press("?");
  await page.waitForSelector("dialog.keys[open]", PATIENCE);
  const told = await page.evaluate(() => [...document.querySelectorAll("dialog.keys dl > div")].flatMap((row) => [...row.querySelectorAll("kbd")].map((key) => [key.innerText.toLowerCase(), row.querySelector("dd").innerText])));
  const done = [...periods.map(([key, , name]) => [key, name]), ...views, ["[", "The period before"], ["]", "The period after"], ["x", "Comparison on or off"], ["n", "Add a filter"], ["0", "Remove all filters"], ["esc", "Close what is open"], ["?", "Show the keyboard shortcuts"]];
  assert.deepEqual(Object.fromEntries(told), Object.fromEntries(done), "the sheet tells what the keys did");
  await accessible("the keys");
  await page.keyboard.press("t");
  assert.ok("from" in (await search()), "an open sheet keeps the keys");
  await page.keyboard.press("Escape");
  await page.waitForSelector("dialog", { ...PATIENCE, state: "detached" });
  await page.focus("#sources-source");
  await page.keyboard.press("ArrowRight");
  await page.waitForSelector("#sources-channel[aria-selected=true]", PATIENCE);
  assert.equal(await page.evaluate(() => document.activeElement.id), "sources-channel");
  await page.focus(".period .opener");
  await page.keyboard.press("Enter");
  await page.waitForSelector(".own input", PATIENCE);
  await accessible("the picker");
  await page.keyboard.press("Escape");
  assert.equal(await page.evaluate(() => document.activeElement.className), "opener", "the focus is where it was");

  step("languages and themes");
  await open(`?site=${expected.site}&period=7d`);
  await page.click(".settings .opener");
  await page.selectOption(".settings select >> nth=0", "ja");
  await shows(() => [document.documentElement.lang, document.querySelector(".total .label").innerText], ["ja", "訪問者"]);
  await page.selectOption(".settings select >> nth=1", "dark");
  await shows(() => getComputedStyle(document.body).backgroundColor, "rgb(15, 20, 19)");
  assert.deepEqual([(await search()).lang, (await search()).theme], ["ja", "dark"]);
  assert.equal(await page.evaluate(() => getComputedStyle(document.querySelector(".dot")).animationName), "none", "motion is reduced");

  step("every view, language and theme, wide and narrow");
  for (const [width, height] of [[1280, 900], [360, 740], [1920, 1080]]) {
    await page.setViewportSize({ width, height });
    for (const [theme, lang] of [["light", "en"], ["dark", "ja"]]) {
      for (const view of ["report", "live", "ledger", "flows", "sites"]) {
        await open(`?site=${expected.site}&period=7d&view=${view}&theme=${theme}&lang=${lang}`);
        await accessible(`${view} ${theme} ${lang} ${width}`);
      }
    }
  }

  step("another site, and its ledger");
  await page.setViewportSize({ width: 1280, height: 900 });
  await open(`?site=${expected.site}&period=7d&view=ledger`);
  await page.selectOption(".site select", expected.other);
  await shows(() => Object.fromEntries([...document.querySelectorAll(".ledger tbody tr")].map((row) => [row.querySelector(".name").innerText, Number(row.querySelector("td").innerText)])), expected.ledger);
  assert.equal(await page.innerText(".balance"), "Balances: the lines add up to what was received.");

  return { firstLoad };
}, /status of (40[01]|503)/);

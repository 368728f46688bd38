// Filters made, changed and taken off, in Chromium: by the key and by the button, with several values, with a country's name, by a click
// on the map and with a value that is offered, each against the numbers of the hits that fit; then with axe-core, in a narrow window, and
// where no filter applies. Usage: node filter.mjs BASE_URL TOKEN EXPECTED_JSON
import assert from "node:assert/strict";
import { PATIENCE, looking, sorted } from "./looking.mjs";

const [base, token, given] = process.argv.slice(2);
const { site, contains, two, changed, country, map, source, sums } = JSON.parse(given);

const DIALOG = "dialog.edit-filter[open]";
const BUTTON = ".when > button[aria-keyshortcuts=n]";
const FIELD = ".edit-filter [role=combobox]";
/** Looks at the window, wide and as narrow as any, in both themes and languages. */
const LOOKS = [[1280, 900, "light", "en"], [1280, 900, "dark", "en"], [320, 640, "light", "en"], [320, 640, "dark", "ja"]];

/** The totals that are told. */
const told = (names) => names.map((name) => document.querySelector(`.total[data-metric=${name}] .value`)?.innerText);

/** The list of pages: name, visitors and page views. */
const pages = () => [...document.querySelectorAll(".list.pages table.rows tbody tr")].map((row) => [row.querySelector(".name").innerText, ...[...row.querySelectorAll("td")].map((cell) => Number(cell.innerText))]);

/** The filters that are on: of what, how, and the values. */
const chips = () => [...document.querySelectorAll("main > .chips .turns")].map((chip) => ["of", "op"].map((part) => chip.querySelector(`.${part}`).innerText).concat(chip.querySelector("b").innerText));

/** Countries on the map: what each tells. */
const onMap = (codes) => codes.map((code) => document.querySelector(`svg.map path[data-country=${code}] title`)?.textContent);

/** How dark countries are on the map. */
const shades = (codes) => codes.map((code) => Number(document.querySelector(`svg.map path[data-country=${code}]`).getAttribute("fill-opacity")));

/** A place of the window where a country on the map is, and nothing over it. */
const within = (code) => {
  const shape = document.querySelector(`svg.map path[data-country=${code}]`);
  shape.scrollIntoView({ block: "center" });
  const { x, y, width, height } = shape.getBoundingClientRect();
  const places = Array.from({ length: 1_600 }, (_, i) => [x + (width * (i % 40)) / 40, y + (height * Math.floor(i / 40)) / 40]);
  return places.find((place) => document.elementFromPoint(...place) === shape);
};

const chosen = () => [...document.querySelectorAll(".edit-filter .names .chip")].map((chip) => chip.innerText.replace(/ ?×$/, ""));
const offered = () => [...document.querySelectorAll(".edit-filter [role=option]")].map((option) => option.innerText);

await looking(base, async ({ page, step, shows, accessible, open }) => {
  const filters = () => page.evaluate(() => new URLSearchParams(location.search).getAll("f"));
  const gone = () => page.waitForSelector("dialog", { ...PATIENCE, state: "detached" });
  /** Whether an element has the focus. */
  const holds = (selector) => shows((selector) => document.activeElement === document.querySelector(selector), true, selector);
  /** What the report shows of those who fit: page views, and visitors where they add up. */
  const counts = ({ visitors, views }) => (visitors === undefined ? shows(told, [String(views)], ["pageviews"]) : shows(told, [visitors, views].map(String), ["visitors", "pageviews"]));

  step("signing in");
  await page.goto(`${base}/#token=${token}`);
  await page.waitForSelector(".total", PATIENCE);
  const [yesterday, today] = [1, 0].map((days) => new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 10));
  await open(`?site=${site}&from=${yesterday}&to=${today}`);
  await counts(sums);

  step("by the key: pages that contain a word");
  await page.keyboard.press("n");
  await page.waitForSelector(DIALOG, PATIENCE);
  await holds("[name=filter-dimension]");
  await page.selectOption("[name=filter-dimension]", "event:page");
  await page.selectOption("[name=filter-operator]", "contains");
  await page.fill(FIELD, contains.text);
  await shows(offered, sorted(contains.rows).map(([name]) => name));
  // What was typed last is meant, too.
  await page.click(".edit-filter button[type=submit]");
  await gone();
  await counts(contains);
  await shows(pages, sorted(contains.rows), undefined, sorted);
  await shows(chips, [["Page", "contains", contains.text]]);
  assert.deepEqual(await filters(), [`contains,event:page,${contains.text}`]);
  step("the graph by the hour keeps the filter");
  await page.selectOption(".overview .graph-tools select", "hour");
  await page.click(".total[data-metric=pageviews]");
  // The hits may have been sent before and after an hour's end; page views add up.
  const ofHours = () => [...document.querySelectorAll(".overview .as-table tbody tr")].reduce((sum, row) => sum + Number(row.cells[1].textContent), 0);
  await shows(ofHours, contains.views);
  await page.goBack();
  await page.goBack();

  step("a filter is taken off by its cross, and back goes back");
  await page.click("main > .chips .chip");
  await shows(chips, []);
  await counts(sums);
  assert.deepEqual(await filters(), []);
  await page.goBack();
  await counts(contains);
  await page.goForward();
  await counts(sums);

  step("by the button: nothing chosen is said, and nothing is filtered");
  await page.focus(BUTTON);
  await page.keyboard.press("Enter");
  await page.waitForSelector(DIALOG, PATIENCE);
  await page.focus(FIELD);
  await page.keyboard.press("Enter");
  await shows(() => document.querySelector(".edit-filter [role=alert]")?.innerText, "Choose or type a value first.");
  assert.deepEqual(await filters(), []);
  await accessible("no value is chosen");
  step("left without a filter, the focus is where it was");
  await page.keyboard.press("Escape");
  await gone();
  await holds(BUTTON);
  assert.deepEqual(await filters(), []);

  step("two pages at once, the message goes as soon as there is one");
  await page.keyboard.press("Enter");
  await page.waitForSelector(DIALOG, PATIENCE);
  await page.focus(FIELD);
  await page.keyboard.press("Enter");
  await page.waitForSelector(".edit-filter [role=alert]", PATIENCE);
  // It was said of another dimension.
  await page.selectOption("[name=filter-dimension]", "visit:source");
  await shows(() => document.querySelectorAll(".edit-filter [role=alert]").length, 0);
  await page.selectOption("[name=filter-dimension]", "event:page");
  await page.focus(FIELD);
  await page.keyboard.press("Enter");
  await page.waitForSelector(".edit-filter [role=alert]", PATIENCE);
  for (const [at, value] of two.values.entries()) {
    await page.keyboard.type(value);
    await page.keyboard.press("Enter");
    await shows(chosen, two.values.slice(0, at + 1));
  }
  assert.equal(await page.locator(".edit-filter [role=alert]").count(), 0);
  await page.keyboard.press("Enter");
  await gone();
  await holds(BUTTON);
  await counts(two);
  await shows(pages, sorted(two.rows), undefined, sorted);
  await shows(chips, [["Page", "is", two.values.join(" / ")]]);
  assert.deepEqual(await filters(), [`is,event:page,${two.values.join(",")}`]);
  await page.reload();
  await counts(two);

  step("a filter is changed where its value stands: one less and another one");
  await page.focus("main > .chips .value-of");
  await page.keyboard.press("Enter");
  await page.waitForSelector(DIALOG, PATIENCE);
  await holds(FIELD);
  assert.deepEqual([await page.inputValue("[name=filter-dimension]"), await page.inputValue("[name=filter-operator]")], ["event:page", "is"]);
  await shows(chosen, two.values);
  await page.click(".edit-filter .names .chip >> nth=0");
  await holds(FIELD);
  await page.keyboard.type(changed.values.at(-1));
  await page.keyboard.press("Enter");
  await shows(chosen, changed.values);
  await page.keyboard.press("Enter");
  await gone();
  await holds("main > .chips .value-of");
  await counts(changed);
  await shows(pages, sorted(changed.rows), undefined, sorted);
  await shows(chips, [["Page", "is", changed.values.join(" / ")]]);
  assert.deepEqual(await filters(), [`is,event:page,${changed.values.join(",")}`]);
  step("taken off by keys, the focus goes where filters are added");
  await page.focus("main > .chips .chip");
  await page.keyboard.press("Enter");
  await counts(sums);
  await holds(BUTTON);

  step("a country by its name");
  await page.evaluate(() => document.activeElement?.blur());
  await page.keyboard.press("n");
  await page.waitForSelector(DIALOG, PATIENCE);
  await page.selectOption("[name=filter-dimension]", "visit:country");
  const operators = () => [...document.querySelectorAll("[name=filter-operator] option")].map((option) => option.value);
  assert.deepEqual(await page.evaluate(operators), ["is", "is_not"], "a part of a code is none of a name");
  await page.focus(FIELD);
  await page.keyboard.type(country.name.toLowerCase());
  await page.keyboard.press("Enter");
  await shows(chosen, [country.name]);
  step("no country is called so");
  await page.keyboard.type("atlantis");
  await page.keyboard.press("Enter");
  await shows(() => document.querySelector(".edit-filter [role=alert]")?.innerText, "Nothing is called “atlantis”.");
  await page.keyboard.press("Backspace");
  await shows(() => document.querySelectorAll(".edit-filter [role=alert]").length, 0);
  await page.fill(FIELD, "");
  await page.keyboard.press("Enter");
  await gone();
  await counts(country);
  await shows(chips, [["Country", "is", country.name]]);
  assert.deepEqual(await filters(), [`is,visit:country,${country.code}`]);
  step("all filters are taken off by a key and by a button, which leaves the focus where they are added");
  await page.keyboard.press("0");
  await counts(sums);
  await open(`?site=${site}&f=is,visit:country,${country.code}&f=is,visit:source,${source.name}`);
  await shows(chips, [["Country", "is", country.name], ["Source", "is", source.name]]);
  await page.focus("main > .chips > li:last-child > button");
  await page.keyboard.press("Enter");
  await counts(sums);
  await holds(BUTTON);

  step("the map tells each country's visitors, the more the darker");
  const codes = map.map(([code]) => code);
  await page.locator(".map").scrollIntoViewIfNeeded();
  await shows(onMap, map.map(([, told]) => told), codes);
  const [most, fewer, none] = await page.evaluate(shades, codes);
  assert.ok(most > fewer && fewer > none, `${most} ${fewer} ${none}`);
  step("nobody came from there, so that a click does nothing");
  await page.mouse.click(...(await page.evaluate(within, codes[2])));
  assert.deepEqual(await filters(), []);
  step("a country by a click on the map");
  await page.mouse.click(...(await page.evaluate(within, country.code)));
  await counts(country);
  await shows(chips, [["Country", "is", country.name]]);
  assert.deepEqual(await filters(), [`is,visit:country,${country.code}`]);
  await page.keyboard.press("0");
  await counts(sums);

  step("a value that is offered, by keyboard alone");
  await page.evaluate(() => document.activeElement?.blur());
  await page.keyboard.press("n");
  await page.waitForSelector(DIALOG, PATIENCE);
  await holds("[name=filter-dimension]");
  assert.equal(await page.inputValue("[name=filter-dimension]"), "visit:source");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  await holds(FIELD);
  await shows(offered, source.offered);
  await page.keyboard.type(source.typed);
  await shows(offered, [source.name]);
  await page.keyboard.press("ArrowDown");
  await shows(() => document.getElementById(document.querySelector(".edit-filter [role=combobox]").getAttribute("aria-activedescendant"))?.innerText, source.name);
  await page.keyboard.press("Enter");
  await shows(chosen, [source.name]);
  assert.equal(await page.inputValue(FIELD), "");
  await page.keyboard.press("Enter");
  await gone();
  await counts(source);
  await shows(pages, sorted(source.rows), undefined, sorted);
  await shows(chips, [["Source", "is", source.name]]);
  assert.deepEqual(await filters(), [`is,visit:source,${source.name}`]);

  step("all sites are counted without it, and say so");
  await open(`?site=${site}&view=sites&f=is,visit:source,${source.name}`);
  await shows(() => document.querySelector("main > .not-here")?.innerText, "The report’s filters do not apply here: these numbers are without them.");
  await shows(() => Object.fromEntries([...document.querySelectorAll(".sums div")].map((sum) => [sum.dataset.metric, Number(sum.querySelector("dd").innerText.split(/\s/)[0])])), sums.all);

  for (const [width, height, theme, lang] of LOOKS) {
    step(`the window, ${theme} ${lang} ${width}`);
    await page.setViewportSize({ width, height });
    await open(`?site=${site}&theme=${theme}&lang=${lang}&f=is,event:page,${two.values.join(",")}`);
    if (width >= 1160) assert.equal(await page.evaluate(() => new Set([...document.querySelector(".top").children].map((part) => Math.round(part.getBoundingClientRect().top + part.offsetHeight / 2))).size), 1, "the top is one line");
    await page.click(BUTTON);
    await page.waitForSelector(DIALOG, PATIENCE);
    await page.selectOption("[name=filter-dimension]", "event:page");
    await page.fill(FIELD, contains.text);
    await shows(offered, sorted(contains.rows).map(([name]) => name));
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await shows(chosen, [sorted(contains.rows)[0][0]]);
    await accessible(`a filter ${theme} ${lang} ${width}`);
    const wider = () => [...document.querySelectorAll(".edit-filter, .edit-filter .dialog-body, .edit-filter .offered, .edit-filter .options")].filter((part) => part.scrollWidth > part.clientWidth).map((part) => part.className);
    assert.deepEqual(await page.evaluate(wider), [], `nothing in it scrolls sideways, ${width}`);
    await page.keyboard.press("Escape");
    await gone();
  }
});

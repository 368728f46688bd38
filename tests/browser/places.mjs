// Where visitors are, down to cities, where the server has a database of them. Usage: node places.mjs BASE_URL TOKEN EXPECTED_JSON
import assert from "node:assert/strict";
import { PATIENCE, listed, looking, sorted } from "./looking.mjs";

const [base, token, given] = process.argv.slice(2);
const { site, lists, placed, region, city, visitors } = JSON.parse(given);

await looking(base, async ({ page, step, shows, accessible, open }) => {
  step("signing in");
  await page.goto(`${base}/#token=${token}`);
  await page.waitForSelector(".total", PATIENCE);
  await open(`?site=${site}`);
  await shows(() => document.querySelector(".total[data-metric=visitors] .value").innerText, String(visitors));
  for (const tab of ["country", "region", "city"]) {
    step(`the list ${tab}`);
    await page.click(`#places-${tab}`);
    await page.waitForSelector(`#places-${tab}[aria-selected=true]`, PATIENCE);
    await shows(listed, sorted(lists[tab]), "places", sorted);
  }
  step("regions and cities on the map, as far as it knows them");
  const dots = () => [...document.querySelectorAll("svg.map circle.dot")].map((dot) => dot.dataset.place).sort();
  await shows(dots, placed.city);
  await page.click("#places-region");
  await shows(dots, placed.region);
  await accessible("regions");
  const [code, called] = region;
  await page.click(`svg.map circle[data-place="${code}"]`);
  await page.waitForSelector(`main > .chips .chip:has-text("${called}")`, PATIENCE);
  await shows(listed, lists.region.filter(([name]) => name === called), "places");
  await page.click("main > .chips .chip");
  await page.click("#places-city");
  await shows(dots, placed.city);
  await accessible("cities");
  step("a region is typed by its name");
  await page.evaluate(() => document.activeElement?.blur());
  await page.keyboard.press("n");
  await page.waitForSelector("dialog.edit-filter[open]", PATIENCE);
  await page.selectOption("[name=filter-dimension]", "visit:region");
  await page.fill(".edit-filter [role=combobox]", called.slice(0, 4).toLowerCase());
  await page.waitForSelector(`.edit-filter [role=option]:has-text("${called}")`, PATIENCE);
  await page.click(".edit-filter button[type=submit]");
  await page.waitForSelector("dialog", { ...PATIENCE, state: "detached" });
  await page.waitForSelector(`main > .chips .chip:has-text("${called}")`, PATIENCE);
  assert.deepEqual(await page.evaluate(() => new URLSearchParams(location.search).getAll("f")), [`is,visit:region,${code}`]);
  await page.click("main > .chips .chip");
  step("a city as a filter");
  const [name, theirs] = city;
  await page.click(`.list.places button.name[title="${name}"]`);
  await page.waitForSelector(`main > .chips .chip:has-text("${name}")`, PATIENCE);
  await shows(() => document.querySelector(".total[data-metric=visitors] .value").innerText, String(theirs));
  await page.reload();
  await shows(() => document.querySelector(".total[data-metric=visitors] .value")?.innerText, String(theirs));
  await shows(listed, [city], "places");
  step("countries on the map");
  await page.click("main > .chips .chip");
  await page.click("#places-country");
  await shows(() => document.querySelectorAll("svg.map path.known").length, lists.country.length);
});

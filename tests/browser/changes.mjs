// Days of one's own, chosen in the form of the period and kept in the address; then every total of them, and how each changed against
// other days: in percent, and in points where it is in percent itself. Usage: node changes.mjs BASE_URL TOKEN EXPECTED_JSON
import assert from "node:assert/strict";
import { PATIENCE, looking } from "./looking.mjs";

const [base, token, given] = process.argv.slice(2);
const { site, now, before, changes } = JSON.parse(given);

const FORM = ".period .own:not(.against)";
const [FROM, TO] = [`${FORM} input >> nth=0`, `${FORM} input >> nth=1`];

/** Each total: what is told, how it changed, whether that is good, and what it is compared with. */
const totals = () =>
  Object.fromEntries(
    [...document.querySelectorAll(".total")].map((total) => {
      const change = total.querySelector(".change");
      return [total.dataset.metric, [total.querySelector(".value").innerText, change?.firstChild.textContent, change?.className, change?.title]];
    }),
  );

/** Totals as the page has them: with the changes of one kind, against other days that are called so. */
const told = ({ totals }, kind, other, name) => Object.fromEntries(Object.entries(totals).map(([metric, value]) => [metric, [value, ...changes[kind][metric], `${name}: ${other.totals[metric]}`]]));

await looking(base, async ({ page, step, shows, accessible, open }) => {
  const search = () => page.evaluate(() => Object.fromEntries(new URLSearchParams(location.search)));
  const label = () => page.innerText(".period .opener b");
  const [from, to] = now.dates;
  const grown = told(now, "grown", before, "the period before");
  step("signing in");
  await page.goto(`${base}/#token=${token}`);
  await page.waitForSelector(".total", PATIENCE);
  await open(`?site=${site}`);

  step("days in the wrong order are told, and not gone to");
  await page.focus(".period .opener");
  await page.keyboard.press("Enter");
  await page.fill(FROM, to, PATIENCE);
  await page.fill(TO, from);
  await page.click(`${FORM} button`);
  await shows((form) => document.querySelector(`${form} [role=alert]`)?.innerText, "The first day is after the last one.", FORM);
  const wrong = (form) => [...document.querySelectorAll(`${form} input`)].map((input) => input.ariaInvalid);
  assert.deepEqual(await page.evaluate(wrong, FORM), ["true", "true"]);
  assert.deepEqual(await search(), { site });
  await accessible("days in the wrong order");
  step("the message goes with the first day that is changed");
  await page.fill(FROM, from);
  await shows((form) => document.querySelectorAll(`${form} [role=alert]`).length, 0, FORM);
  assert.deepEqual(await page.evaluate(wrong, FORM), ["false", "false"]);
  step("no day is after today, and both are needed");
  for (const day of ["2999-12-31", ""]) {
    await page.fill(TO, day);
    await page.keyboard.press("Enter");
    assert.equal(await page.evaluate((form) => document.querySelector(form).checkValidity(), FORM), false);
    assert.deepEqual(await search(), { site });
  }
  step("the days are those of the address, and stay when the page is loaded anew");
  await page.fill(TO, to);
  await page.keyboard.press("Enter");
  await page.waitForSelector(FORM, { ...PATIENCE, state: "detached" });
  assert.equal(await page.evaluate(() => document.activeElement.className), "opener");
  assert.deepEqual(await search(), { site, from, to });
  await shows(totals, grown);
  const named = await label();
  await page.reload();
  await shows(totals, grown);
  assert.deepEqual([await search(), await label()], [{ site, from, to }, named]);
  step("the form has them");
  await page.click(".period .opener");
  await page.waitForSelector(FORM, PATIENCE);
  assert.deepEqual([await page.inputValue(FROM), await page.inputValue(TO)], now.dates);
  await page.keyboard.press("Escape");
  step("back to where they were chosen, and forth");
  await page.goBack();
  await shows(() => document.querySelector(".period .opener b").innerText, "Today");
  assert.deepEqual(await search(), { site });
  await page.goForward();
  await shows(totals, grown);

  for (const [kind, shown, other] of [["shrunk", before, now], ["same", now, now]]) {
    step(`changes: ${kind}`);
    await open(`?site=${site}&from=${shown.dates[0]}&to=${shown.dates[1]}&compare=custom&compare_from=${other.dates[0]}&compare_to=${other.dates[1]}`);
    // Days to compare with are called as the period of these days is.
    await shows(totals, told(shown, kind, other, named));
  }
});

// Every window and form over the page in the dark, looked at with axe-core. Usage: node dark.mjs BASE_URL TOKEN EXPECTED_JSON
import { PATIENCE, looking } from "./looking.mjs";

const [base, token, given] = process.argv.slice(2);
const { site, page: filtered } = JSON.parse(given);

await looking(base, async ({ page, step, accessible, open }) => {
  const closed = async () => {
    await page.keyboard.press("Escape");
    await page.waitForSelector("dialog", { ...PATIENCE, state: "detached" });
  };
  step("the settings");
  await page.goto(`${base}/#token=${token}`);
  await page.waitForSelector(".total", PATIENCE);
  await open(`?site=${site}&view=ledger&theme=dark`);
  await page.click(".settings .opener");
  await accessible("the settings");
  await page.keyboard.press("Escape");

  step("the picker, with dates that cannot be");
  await page.click(".period .opener");
  await page.selectOption(".period .sheet > .field select", "custom");
  await page.fill(".own.against input >> nth=0", "2026-01-02");
  await page.fill(".own.against input >> nth=1", "2026-01-01");
  await page.click(".own.against button");
  await page.waitForSelector(".own.against .wrong[role=alert]", PATIENCE);
  await accessible("the picker");
  await page.keyboard.press("Escape");

  step("the keys");
  await page.keyboard.press("?");
  await page.waitForSelector("dialog.keys[open]", PATIENCE);
  await accessible("the keys");
  await closed();

  step("saving a segment");
  await open(`?site=${site}&theme=dark&f=is,event:page,${filtered}`);
  await page.click("main > .chips button:has-text('Save as segment')");
  await page.waitForSelector("dialog.save-segment[open]", PATIENCE);
  await accessible("saving a segment");
  await closed();

  step("a list in full");
  await page.click(".list.events .under > button");
  await page.waitForSelector("dialog.detail[open] table.rows", PATIENCE);
  await accessible("a list in full");
  await closed();

  step("goals, funnels and notes, one about to be removed");
  await open(`?site=${site}&view=define&theme=dark`);
  await page.fill("section[aria-labelledby=define-goals] input >> nth=0", "Seen");
  await page.fill("section[aria-labelledby=define-goals] input >> nth=1", filtered);
  await page.keyboard.press("Enter");
  await page.click("button[aria-label='Remove Seen']", PATIENCE);
  await page.waitForSelector("button.sure", PATIENCE);
  await accessible("goals, funnels and notes");

  step("a link that was made, and one that is changed");
  await page.goto(`${base}/?site=${site}&view=share&theme=dark`);
  await page.fill("#new-share [name=share-name]", "Board", PATIENCE);
  await page.keyboard.press("Enter");
  await page.waitForSelector(".secret .link", PATIENCE);
  await page.click("[data-share=Board] button:has-text('Change')");
  await page.waitForSelector("[data-share=Board] form", PATIENCE);
  await accessible("what is shared");
});

// A visitor on the privacy page: opts out, and in again, and after each step visits the demo page. Prints what was seen as
// JSON; with a folder, also keeps pictures there. Usage: node privacy.mjs BASE_URL [FOLDER]
import { chromium } from "./look.mjs";

const [base, folder] = process.argv.slice(2);
const browser = await chromium();
const address = `${base}/privacy?d=example.com`;
const errors = [];
const elsewhere = [];
const watch = (page) => {
  page.on("request", (request) => request.url().startsWith(base) || elsewhere.push(request.url()));
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  page.on("pageerror", (error) => errors.push(String(error)));
  return page;
};

const visitor = await browser.newContext({ locale: "en-GB" });
const page = watch(await visitor.newPage());
const states = [];
const outcomes = [];
const look = async () => {
  states.push(await page.textContent(".state"));
  const visit = await visitor.newPage();
  const reported = visit.waitForResponse((response) => response.url().endsWith("/api/event"));
  await visit.goto(`${base}/demo`);
  outcomes.push((await reported).headers()["x-footfall-outcome"]);
  await visit.close();
};
await page.goto(address);
await look();
for (let press = 0; press < 2; press += 1) {
  await page.click("aside button");
  await look();
}
const scripts = await page.locator("script").count();

const phone = watch(await browser.newPage({ locale: "ja-JP", viewport: { width: 360, height: 740 } }));
await phone.goto(address);
const wide = await phone.evaluate(() => document.documentElement.scrollWidth > innerWidth);

if (folder) {
  const looks = [
    ["light-en", { locale: "en-GB", viewport: { width: 1100, height: 900 } }],
    ["dark-ja", { locale: "ja-JP", colorScheme: "dark", viewport: { width: 1100, height: 900 } }],
    ["phone-ja", { locale: "ja-JP", viewport: { width: 360, height: 740 }, extraHTTPHeaders: { "sec-gpc": "1" } }],
    ["phone-dark-en", { locale: "en-GB", colorScheme: "dark", viewport: { width: 360, height: 740 } }],
  ];
  for (const [name, look] of looks) {
    const view = await browser.newPage(look);
    await view.goto(address);
    await view.screenshot({ path: `${folder}/${name}.png`, fullPage: !name.startsWith("phone-dark") });
    await view.goto(`${base}/privacy?d=none.example`);
    await view.screenshot({ path: `${folder}/${name}-unknown.png` });
  }
}
console.log(JSON.stringify({ states, outcomes, errors, elsewhere, wide, scripts }));
await browser.close();

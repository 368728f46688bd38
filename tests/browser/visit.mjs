// A real visit: opens the demo page in Chromium, moves to a second page, clicks an event, then looks at the dashboard until
// it shows the visit. Prints what it saw as JSON. Usage: node visit.mjs BASE_URL [SCREENSHOT]
import { chromium } from "./look.mjs";

const [base, screenshot] = process.argv.slice(2);
const browser = await chromium();
const elsewhere = [];
const errors = [];
const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
page.on("request", (request) => request.url().startsWith(base) || request.url().startsWith("data:") || elsewhere.push(request.url()));
page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
page.on("pageerror", (error) => errors.push(String(error)));

await page.goto(`${base}/demo`, { waitUntil: "load" });
await page.waitForFunction(() => typeof window.footfall === "function");
await page.click("[data-demo=next]");
await page.click("[data-demo=event]");
await page.waitForTimeout(300);
const cookies = await page.context().cookies();
const stored = await page.evaluate(() => localStorage.length + sessionStorage.length);

const started = Date.now();
await page.goto(`${base}/`, { waitUntil: "load" });
await page.waitForFunction(() => /\/demo/.test(document.body.innerText), null, { timeout: 15000 });
const seconds = (Date.now() - started) / 1000;
await page.waitForTimeout(500);
if (screenshot) await page.screenshot({ path: screenshot, fullPage: true });
console.log(JSON.stringify({ seconds, cookies: cookies.length, stored, elsewhere, errors }));
await browser.close();

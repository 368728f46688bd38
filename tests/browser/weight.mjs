// What a browser that is signed in loads before it shows the report: the page with its scripts, styles and fonts, as they come over the
// wire, and not what they ask for: answers with numbers, and flags; and what comes when who reads comes near the map. Prints each with
// its size as JSON, `first` and `map`, and how far down the map begins, `top`.
// Usage: node weight.mjs BASE_URL TOKEN SITE
import { PATIENCE, looking } from "./looking.mjs";

const [base, token, site] = process.argv.slice(2);

await looking(base, async ({ page, context, step, open }) => {
  step("signing in");
  await page.goto(`${base}/#token=${token}`);
  await page.waitForSelector(".total .value", PATIENCE);
  step("loading the report with nothing kept from before");
  const wire = await context.newCDPSession(page);
  await wire.send("Network.enable");
  await wire.send("Network.setCacheDisabled", { cacheDisabled: true });
  const paths = new Map();
  const loaded = {};
  wire.on("Network.responseReceived", ({ requestId, response }) => paths.set(requestId, new URL(response.url).pathname));
  wire.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
    const path = paths.get(requestId);
    const isAsked = path === undefined || path.startsWith("/api/") || /\/flags[^/]*\/[A-Z]{2}\.svg$/.test(path);
    if (!isAsked) loaded[path] = encodedDataLength;
  });
  await open(`?site=${site}`);
  await page.waitForSelector(".list.pages tbody tr", PATIENCE);
  await page.waitForSelector(".list.places tbody tr", PATIENCE);
  await page.waitForLoadState("networkidle");
  const first = { ...loaded };
  const { top } = await page.locator(".map").evaluate((map) => map.getBoundingClientRect());
  step("coming to the map");
  await page.locator(".map").scrollIntoViewIfNeeded();
  await page.waitForSelector("svg.map path.known", { ...PATIENCE, state: "attached" });
  await page.waitForLoadState("networkidle");
  const map = Object.fromEntries(Object.entries(loaded).filter(([path]) => !(path in first)));
  return { first, map, top };
});

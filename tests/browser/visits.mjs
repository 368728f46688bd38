// Visits as people make them: each in a browser of its own, to pages that carry the tracker as this server hands it out, by links, by
// moves within a page, and with events. It asks nobody what was counted.
//
// The pages are no server's: they are made here, in whatever site a visit names, and what they ask for of `/js/` and `/api/` comes from
// the server under test, as with a site that hands both on. Addresses are what a proxy in front says.
//
// Usage: node visits.mjs BASE_URL VISITS_JSON, a list of
// {address, agent, site, host, language, width, referrer, gpc, unwatched, does: [{view} | {move} | {event, props, revenue}]}
import { PATIENCE, chromium } from "./look.mjs";

const [base, given] = process.argv.slice(2);
const { host: server } = new URL(base);
// The sites are on this machine and, to the browser, where sites are: those elsewhere may ask nothing of a machine's own network.
const browser = await chromium([`--host-resolver-rules=MAP * ${server}`, `--ip-address-space-overrides=${server}=public`]);
try {
  for (const visit of JSON.parse(given)) await make(visit);
  console.log("null");
} finally {
  await browser.close();
}

async function make({ address, agent, site, host = site, language = "en-GB", width = 1280, referrer, gpc = false, unwatched = false, does }) {
  const context = await browser.newContext({
    userAgent: agent,
    locale: language,
    viewport: { width, height: 900 },
    extraHTTPHeaders: { "x-forwarded-for": address, ...(gpc ? { "sec-gpc": "1" } : {}) },
  });
  // Chromium has no such setting: this is what browsers that have one tell a page.
  if (gpc) await context.addInitScript(() => Object.defineProperty(Navigator.prototype, "globalPrivacyControl", { get: () => true }));
  // No attention, and so none to report.
  if (unwatched) await context.addInitScript(() => (document.hasFocus = () => false));
  const page = await context.newPage();
  await context.route(
    (url) => !/^\/(js|api)\//.test(url.pathname),
    (route) => route.fulfill({ contentType: "text/html", body: `<!doctype html><title>A page</title><script defer data-domain="${site}" src="/js/script.js"></script><p>Words.` }),
  );
  /** Does something that reports under a name, and waits until that was answered. */
  const reports = async (name, act) => {
    const [request] = await Promise.all([page.waitForRequest((request) => request.url().endsWith("/api/event") && request.postDataJSON().n === name, PATIENCE), act()]);
    const response = await request.response();
    if (response?.status() !== 202) throw new Error(`${name}: ${response?.status()} ${await response?.text()}`);
  };
  let been = false;
  for (const { view, move, event, props, revenue } of does) {
    if (event) await reports(event, () => page.evaluate(([event, options]) => window.footfall(event, options), [event, { props, revenue }]));
    else if (move) await reports("pageview", () => page.evaluate((path) => history.pushState(null, "", path), move));
    else if (been) await reports("pageview", () => page.evaluate((path) => document.body.appendChild(Object.assign(document.createElement("a"), { href: path })).click(), view));
    else await reports("pageview", () => page.goto(`http://${host}${view}`, { referer: referrer || undefined }));
    been = true;
  }
  // Left, so that what the last page has to say of attention is sent; nobody hears of its answer.
  await page.goto("about:blank");
  await page.waitForTimeout(100);
  await context.close();
}

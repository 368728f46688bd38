// Sharing, in Chromium: links made on the page and followed in clean browsers, what they show against what the test worked out, a
// password, a frame on other origins' pages, links that end in every way, and a public dashboard; with axe-core at every new view.
// Usage: node shared.mjs BASE_URL TOKEN EXPECTED_JSON
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { PATIENCE, listed, looking, sorted } from "./looking.mjs";
import { accessible as looks } from "./look.mjs";

const [base, token, given] = process.argv.slice(2);
const expected = JSON.parse(given);
const { site } = expected;
/** Looks at every new view, wide and narrow, in both themes and languages. */
const LOOKS = [[1280, 900, "light", "en"], [360, 740, "dark", "ja"]];

/** A page of another origin that shows an address in a frame. */
async function frameFrom() {
  const server = createServer((request, response) => {
    const shown = new URL(request.url, "http://x").searchParams.get("shown");
    response.setHeader("content-type", "text/html");
    response.end(`<!doctype html><title>Intranet</title><iframe id="frame" width="1200" height="1400" src="${(shown ?? "about:blank").replaceAll("&", "&amp;").replaceAll('"', "&quot;")}"></iframe>`);
  });
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  return { origin: `http://127.0.0.1:${server.address().port}`, close: () => server.close() };
}

/** The API from outside the browser. */
async function api(bearer, method, path, body) {
  const answer = await fetch(base + path, { method, headers: { authorization: `Bearer ${bearer}`, "content-type": "application/json" }, body: body && JSON.stringify(body) });
  return { status: answer.status, body: await answer.json().catch(() => null) };
}
const question = (more) => ({ site_id: site, metrics: ["visitors"], date_range: "day", ...more });

await looking(base, async ({ page, context, step, accessible }) => {
  const browser = context.browser();
  const [allowed, other] = [await frameFrom(), await frameFrom()];
  /** A browser that nobody has used, and what went wrong in it. */
  const clean = async (options = {}) => {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: "en-GB", reducedMotion: "reduce", ...options });
    const page = await context.newPage();
    page.wrong = [];
    page.on("pageerror", (error) => page.wrong.push(String(error)));
    return { context, page };
  };
  const visitors = (of) => of.waitForFunction((wanted) => document.querySelector(".total[data-metric=visitors] .value")?.innerText === wanted, String(expected.visitors), PATIENCE);
  const secret = (link) => new URL(link).hash.slice(1);
  const shareNamed = (name) => `[data-share="${name}"]`;
  /** Presses what asks twice. */
  const twice = async (selector) => {
    await page.click(selector);
    await page.click(`${selector}.sure`);
  };
  const newLink = async (before) => {
    await page.waitForFunction((before) => (document.querySelector(".secret .link")?.innerText ?? before) !== before, before, PATIENCE);
    return page.innerText(".secret .link");
  };

  try {
    step("opening what is shared, by the menu");
    await page.goto(`${base}/?site=${site}#token=${token}`);
    await page.waitForSelector(".total .value", PATIENCE);
    await page.click(".settings .opener");
    await page.click(".settings .sheet button:has-text('Share')");
    await page.waitForSelector("#new-share form", PATIENCE);
    await page.waitForSelector("#shares .hint", PATIENCE);

    step("a share that cannot be");
    await page.fill("#new-share [name=share-name]", "Board");
    await page.fill("#new-share [name=share-origins]", "https://*.example");
    await page.click("#new-share button[type=submit]");
    await page.waitForFunction(() => /an origin is/.test(document.querySelector("#new-share .said")?.innerText), null, PATIENCE);

    step("a share of two reports with a password");
    await page.fill("#new-share [name=share-origins]", "");
    await page.uncheck("#new-share [name=everything]");
    await page.check("#new-share [name=pages]");
    assert.equal(await page.isChecked("#new-share [name=overview]"), true);
    await page.fill("#new-share [name=share-password]", "brass umbrella");
    await page.focus("#new-share button[type=submit]");
    await page.keyboard.press("Enter");
    const board = await newLink();
    assert.match(board, new RegExp(`^${base}/share/[0-9a-f]{16}#fs_[0-9a-f]{64}$`));
    await page.waitForSelector(shareNamed("Board"), PATIENCE);
    assert.match(await page.innerText(shareNamed("Board")), /Overview, Pages · does not expire · never used/);
    await accessible("a link that was made");

    step("a share of everything, for frames");
    await page.check("#new-share [name=everything]");
    await page.fill("#new-share [name=share-name]", "Wall");
    await page.fill("#new-share [name=share-origins]", allowed.origin);
    await page.click("#new-share button[type=submit]");
    const wall = await newLink(board);
    const frame = await page.innerText(".secret .frame");
    const embed = /src="([^"]+)"/.exec(frame)[1];
    assert.equal(embed, wall.replace("/share/", "/embed/"));

    step("a share of a segment");
    await page.fill("#new-share [name=share-name]", "Foxes only");
    await page.fill("#new-share [name=share-origins]", "");
    await page.selectOption("#new-share [name=share-segment]", "Foxes");
    await page.click("#new-share button[type=submit]");
    const foxes = await newLink(wall);
    await page.reload();
    await page.waitForSelector(shareNamed("Foxes only"), PATIENCE);
    assert.doesNotMatch(await page.content(), /fs_[0-9a-f]{64}/, "a link is shown once");

    step("the view, however it is looked at");
    await page.click(`${shareNamed("Board")} button:has-text("Change")`);
    for (const [width, height, theme, lang] of LOOKS) {
      await page.setViewportSize({ width, height });
      await page.goto(`${base}/?site=${site}&view=share&theme=${theme}&lang=${lang}`);
      await page.waitForSelector(shareNamed("Board"), PATIENCE);
      await page.click(`${shareNamed("Board")} .acts button >> nth=0`);
      await page.waitForSelector(`${shareNamed("Board")} form`, PATIENCE);
      await accessible(`share ${theme} ${lang}`);
    }
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.goto(`${base}/?site=${site}&view=share`);
    await page.waitForSelector(shareNamed("Board"), PATIENCE);

    step("following the link: the password");
    const guest = await clean();
    await guest.page.goto(board);
    await guest.page.waitForSelector("#share-password", PATIENCE);
    await looks(guest.page, "a password is asked for");
    await guest.page.keyboard.type("not this one");
    await guest.page.keyboard.press("Enter");
    await guest.page.waitForSelector("#share-password-wrong", PATIENCE);
    await looks(guest.page, "a wrong password");
    await guest.page.fill("#share-password", "brass umbrella");
    await guest.page.keyboard.press("Enter");

    step("following the link: what it shows");
    await visitors(guest.page);
    await guest.page.waitForSelector(".list.pages tbody tr", PATIENCE);
    assert.deepEqual(sorted(await guest.page.evaluate(listed, "pages")), sorted(expected.pages));
    assert.deepEqual(await guest.page.evaluate(() => [...document.querySelectorAll(".list")].map((card) => card.className.split(" ").at(-1))), ["pages"], "no other card");
    assert.equal(await guest.page.locator("nav.views, .export button, .live").count(), 0, "no other view, no tables, nobody live");
    assert.match(await guest.page.innerText(".shared-line"), /Shared as “Board”/);
    assert.doesNotMatch(await guest.page.innerText("body"), /administrator|Sign in|Accounts/);
    assert.deepEqual([await guest.context.cookies(), await guest.page.evaluate(() => localStorage.length)], [[], 0], "nothing is kept but for this tab");
    step("following the link: what it does not show is not there by the API either");
    const opened = await guest.page.evaluate(() => sessionStorage.getItem(Object.keys(sessionStorage).find((name) => name.startsWith("footfall-share-"))));
    assert.match(opened, /^fo_[0-9a-f]{64}$/);
    assert.equal((await api(opened, "POST", "/api/v2/query", question({ dimensions: ["event:page"] }))).status, 200);
    for (const [path, body] of [["/api/v2/query", question({ dimensions: ["visit:source"] })], ["/api/v2/query", question({ filters: [["is", "visit:country", ["JP"]]] })]]) {
      const refused = await api(opened, "POST", path, body);
      assert.equal(refused.status, 403);
      assert.match(refused.body.error, /does not share/);
    }
    assert.equal((await api(opened, "GET", `/api/v1/stats/realtime/visitors?site_id=${site}`)).status, 403);
    assert.equal((await api(opened, "GET", `/api/sites/${site}/shares`)).status, 403);
    step("following the link: a filter, the address and a second look");
    await guest.page.click(`.list.pages button.name >> nth=0`);
    await guest.page.waitForSelector("main > .chips .chip", PATIENCE);
    assert.equal(new URL(guest.page.url()).hash, new URL(board).hash, "the address stays whole");
    assert.equal(await guest.page.locator("main > .chips .chip").count(), 1);
    await guest.page.goto(board);
    await visitors(guest.page);
    for (const [width, height, theme, lang] of LOOKS) {
      await guest.page.setViewportSize({ width, height });
      await guest.page.goto(board.replace("#", `?theme=${theme}&lang=${lang}#`));
      await visitors(guest.page);
      await looks(guest.page, `shared ${theme} ${lang}`);
    }
    assert.equal(await guest.page.evaluate(() => document.documentElement.lang), "ja");

    step("a segment's share");
    const fox = await clean();
    await fox.page.goto(foxes);
    await fox.page.waitForFunction((wanted) => document.querySelector(".total[data-metric=visitors] .value")?.innerText === wanted, String(expected.foxes.visitors), PATIENCE);
    await fox.page.waitForSelector(".list.pages tbody tr", PATIENCE);
    assert.deepEqual(sorted(await fox.page.evaluate(listed, "pages")), sorted(expected.foxes.pages));
    assert.match(await fox.page.innerText(".shared-line"), /only Foxes/);
    assert.equal(await fox.page.locator("nav.views, .live, main > .chips").count(), 0, "the segment cannot be taken off");
    assert.equal((await api(secret(foxes), "POST", "/api/v2/query", question({}))).body.results[0].metrics[0], expected.foxes.visitors);
    assert.equal((await api(secret(foxes), "GET", `/api/v1/ledger?site_id=${site}`)).status, 403);

    step("a frame on an allowed origin's page");
    const framed = await clean();
    const shown = embed.replace("#", "?theme=dark&lang=ja#");
    await framed.page.goto(`${allowed.origin}/?shown=${encodeURIComponent(shown)}`);
    const inner = await (await framed.page.waitForSelector("#frame", PATIENCE)).contentFrame();
    await inner.waitForSelector(".total .value", PATIENCE);
    await visitors(inner);
    assert.deepEqual(await inner.evaluate(() => [document.documentElement.lang, document.documentElement.dataset.theme, document.querySelector(".top")]), ["ja", "dark", null]);
    assert.deepEqual([await framed.context.cookies(), await inner.evaluate(() => sessionStorage.length)], [[], 0], "it works in memory alone");
    step("a frame elsewhere");
    for (const [origin, address] of [[other.origin, shown], [allowed.origin, wall], [allowed.origin, `${base}/`]]) {
      await framed.page.goto(`${origin}/?shown=${encodeURIComponent(address)}`);
      const refused = await (await framed.page.waitForSelector("#frame", PATIENCE)).contentFrame();
      await refused.waitForLoadState();
      await framed.page.waitForTimeout(500);
      assert.equal(await refused.locator("#app").count(), 0, `${address} in a frame of ${origin}`);
    }
    await framed.page.setViewportSize({ width: 1280, height: 900 });
    for (const [width, height, theme, lang] of LOOKS) {
      await framed.page.setViewportSize({ width, height });
      await framed.page.goto(embed.replace("#", `?theme=${theme}&lang=${lang}#`));
      await visitors(framed.page);
      await looks(framed.page, `embedded ${theme} ${lang}`);
    }

    step("a link that is made anew");
    await twice(`${shareNamed("Board")} button:has-text("New link")`);
    const another = await newLink();
    assert.notEqual(another, board);
    await guest.page.goto("about:blank");
    await guest.page.goto(board);
    await guest.page.waitForSelector("h1:has-text('This link opens nothing')", PATIENCE);
    await looks(guest.page, "a link that opens nothing");
    assert.equal((await api(opened, "POST", "/api/v2/query", question({ dimensions: ["event:page"] }))).status, 401, "what its password opened is over too");

    step("a link that expires while somebody looks");
    const { body: listedShares } = await api(token, "GET", `/api/sites/${site}/shares`);
    const { id } = listedShares.shares.find((share) => share.name === "Foxes only");
    const soon = new Date(Date.now() + 1_500).toISOString();
    assert.equal((await api(token, "PUT", `/api/sites/${site}/shares/${id}`, { name: "Foxes only", segment: "Foxes", expires: soon })).status, 200);
    await fox.page.waitForSelector("h1:has-text('This link opens nothing')", PATIENCE);

    step("a link that is taken back while somebody looks");
    await framed.page.setViewportSize({ width: 1280, height: 900 });
    await framed.page.goto(wall);
    await framed.page.waitForSelector(".total .value", PATIENCE);
    await twice(`${shareNamed("Wall")} button:has-text("Take back")`);
    await page.waitForSelector(shareNamed("Wall"), { ...PATIENCE, state: "detached" });
    await framed.page.waitForSelector("h1:has-text('This link opens nothing')", PATIENCE);

    step("reports by e-mail");
    assert.match(await page.innerText("#mailings"), /No mail server is configured/);
    await page.fill("[name=mailing-recipients]", "jane");
    await page.click("#mailings form button[type=submit]");
    await page.waitForFunction(() => /such as jane@example\.com/.test(document.querySelector("#mailings form .said")?.innerText), null, PATIENCE);
    await page.fill("[name=mailing-recipients]", "max@example.com, jane@example.com");
    await page.selectOption("[name=mailing-language]", "ja");
    await page.focus("#mailings form button[type=submit]");
    await page.keyboard.press("Enter");
    await page.waitForSelector("[data-mailing=weekly]", PATIENCE);
    assert.match(await page.innerText("[data-mailing=weekly]"), /Every Monday 08:00 日本語\s+jane@example\.com, max@example\.com/);
    await accessible("reports by e-mail");
    await twice("[data-mailing=weekly] .acts button:has-text('Remove')");
    await page.waitForSelector("[data-mailing=weekly]", { ...PATIENCE, state: "detached" });

    step("a public dashboard");
    const stranger = await clean();
    await stranger.page.goto(`${base}/?site=${site}`);
    await stranger.page.waitForSelector(".sign-in", PATIENCE);
    await twice("#public button:has-text('Make it public')");
    await page.waitForSelector("#public button:has-text('Make it private')", PATIENCE);
    const reads = async () => (await fetch(`${base}/api/v1/sites`)).status;
    for (let left = 50; (await reads()) !== 200 && left > 0; left--) await page.waitForTimeout(200);
    await stranger.page.reload();
    await visitors(stranger.page);
    await stranger.page.goto(`${base}/?site=${site}&view=share`);
    await stranger.page.waitForSelector("header", PATIENCE);
    assert.equal(await stranger.page.locator("#shares").count(), 0, "what is shared is not theirs to see");
    await page.click("#public button:has-text('Make it private')");
    for (let left = 50; (await reads()) !== 401 && left > 0; left--) await page.waitForTimeout(200);
    assert.equal(await reads(), 401);
    assert.deepEqual([guest, fox, framed, stranger].flatMap(({ page }) => page.wrong), []);
  } finally {
    allowed.close();
    other.close();
  }
});

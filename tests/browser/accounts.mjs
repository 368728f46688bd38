// Accounts as people use them, in Chromium: makes the first one, signs in and out, adds a user who chooses a password of their own,
// grants, makes a token, reads the audit log, and looks at every view with axe-core. Prints what it made as JSON; fails at the first
// thing that is not so. Usage: node accounts.mjs BASE_URL ADMINISTRATORS_TOKEN SITE
import assert from "node:assert/strict";
import { PATIENCE, accessible as looks, launch } from "./look.mjs";

const [base, token, site] = process.argv.slice(2);
const { browser, context, page, elsewhere, errors } = await launch(base, /status of 40[013]/);
const accessible = (name) => looks(page, name);

let doing = "opening";
const step = (name) => (doing = name);
const seen = (selector, more = {}) => page.waitForSelector(selector, { ...PATIENCE, ...more });
const text = (selector) => page.innerText(selector, PATIENCE);

/** What the server says of whoever shows these headers, asked from outside the browser. */
async function who(headers) {
  const answer = await fetch(`${base}/api/session`, { headers });
  return { status: answer.status, ...(await answer.json()) };
}
const cookie = async () => (await context.cookies()).find(({ name }) => name === "footfall_session");

async function signIn(login, password) {
  await page.fill("#login", login);
  await page.fill("#password", password);
  await page.keyboard.press("Enter");
}

async function office(room) {
  await page.goto(`${base}/?view=${room}&site=${site}`);
  await seen(".office .me");
}

try {
  step("the first account");
  await page.goto(`${base}/#setup=${token}`);
  await seen("#again");
  assert.equal(new URL(page.url()).hash, "", "the token is gone from the address");
  await accessible("set-up");
  await page.fill("#login", "Jane");
  await page.fill("#password", "footfall2026");
  await page.fill("#again", "something else");
  await page.keyboard.press("Enter");
  assert.match(await text(".wrong"), /not the same/);
  await page.fill("#again", "footfall2026");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => /tried first/.test(document.querySelector(".wrong")?.innerText), null, PATIENCE);
  for (const field of ["#password", "#again"]) await page.fill(field, "violet teapot");
  await page.keyboard.press("Enter");
  await seen(".total");
  assert.deepEqual(await page.evaluate(() => [sessionStorage.length, localStorage.length, document.cookie]), [0, 0, ""], "no script can read the session");
  const first = await cookie();
  assert.deepEqual([first.httpOnly, first.sameSite, first.path], [true, "Strict", "/"]);
  const mine = { cookie: `footfall_session=${first.value}` };
  assert.equal((await who(mine)).login, "jane");

  step("signing out");
  await page.click(".settings .opener");
  await accessible("the menu");
  await page.click("text=Sign out");
  await seen("#login");
  assert.equal(await cookie(), undefined);
  assert.equal((await who(mine)).kind, "anyone", "the server has ended it");
  await accessible("signing in");

  step("a wrong password");
  await signIn("jane", "not this one");
  await seen("#login-wrong");
  assert.match(await text("#login-wrong"), /do not go together/);
  await accessible("a wrong password");
  step("the other way");
  await page.click("text=Use an API token instead");
  await seen("#token");
  await page.click("text=Sign in with login and password");

  step("signing in, by keyboard alone");
  await page.focus("#login");
  await page.keyboard.type("jane");
  await page.keyboard.press("Tab");
  await page.keyboard.type("violet teapot");
  await page.keyboard.press("Enter");
  await seen(".total");
  assert.notEqual((await cookie()).value, first.value, "each session has a secret of its own");

  step("adding a user, and what they are granted");
  await office("people");
  await seen("[data-login=jane]");
  await page.fill("[name=new-login]", "max");
  await page.fill("[name=new-password]", "short");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => /at least 10/.test(document.querySelector("#new-user .said")?.innerText), null, PATIENCE);
  await page.fill("[name=new-password]", "brass umbrella");
  await page.keyboard.press("Enter");
  await seen("[data-login=max]");
  assert.match(await text("[data-login=max]"), /has to choose a password/);
  const granting = "[data-login=max] form.grant";
  await page.selectOption(`${granting} select >> nth=0`, "viewer");
  await page.selectOption(`${granting} select >> nth=1`, site);
  await page.click(`${granting} button`);
  await seen("[data-login=max] .chip");
  assert.match(await text("[data-login=max] .chip"), new RegExp(`Viewer · ${site}`));

  step("a token");
  await office("account");
  await page.fill("[name=token-name]", "nightly");
  await page.click("text=Make a token");
  await seen(".secret code");
  const secret = await text(".secret code");
  assert.match(secret, /^ff_[0-9a-f]{64}$/);
  assert.equal((await who({ authorization: `Bearer ${secret}` })).kind, "token");
  await accessible("a token that was made");
  await page.reload();
  await seen("#tokens li");
  assert.doesNotMatch(await page.content(), /ff_[0-9a-f]{64}/, "it is shown once");
  await page.click("#tokens li button");
  assert.match(await text("#tokens li button"), /Really/);
  assert.equal((await who({ authorization: `Bearer ${secret}` })).status, 200, "it asks first");
  await page.click("#tokens li button");
  await page.waitForFunction(() => document.querySelector("#tokens li") === null, null, PATIENCE);
  assert.equal((await who({ authorization: `Bearer ${secret}` })).status, 401);

  step("sessions");
  const elsewhereIn = await fetch(`${base}/api/session`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ login: "jane", password: "violet teapot" }) });
  const other = { cookie: elsewhereIn.headers.get("set-cookie").split(";")[0] };
  await page.reload();
  await page.waitForFunction(() => document.querySelectorAll("#sessions li").length === 2, null, PATIENCE);
  assert.match(await text("#sessions"), /Chrome on Linux[\s\S]*this one|this one[\s\S]*Chrome on Linux/);
  await page.click("#sessions li button");
  await page.waitForFunction(() => document.querySelectorAll("#sessions li").length === 1, null, PATIENCE);
  assert.equal((await who(other)).kind, "anyone");

  step("an export is noted");
  await page.goto(`${base}/?site=${site}`);
  await seen(".list.pages .export button");
  await Promise.all([page.waitForEvent("download", PATIENCE), page.click(".list.pages .export button >> nth=0")]);
  await office("audit");
  await seen(".log tbody tr");
  const log = await page.evaluate(() => [...document.querySelectorAll(".log tbody tr")].map((row) => [...row.querySelectorAll("td")].slice(1, 4).map((cell) => cell.innerText)));
  assert.deepEqual(log[0], ["jane", "exported", site]);
  assert.ok(log.some(([who, what]) => who === "jane" && what === "sign_in_failed"), JSON.stringify(log));
  const [file] = await Promise.all([page.waitForEvent("download", PATIENCE), page.click("#audit .asks button")]);
  assert.equal(file.suggestedFilename(), "footfall-audit.csv");

  step("every view, language and theme, wide and narrow");
  for (const [width, height] of [[1280, 900], [360, 740]]) {
    await page.setViewportSize({ width, height });
    for (const [theme, lang] of [["light", "en"], ["dark", "ja"]]) {
      for (const [room, there] of [["account", "#tokens"], ["people", "[data-login=max]"], ["audit", ".log"]]) {
        await page.goto(`${base}/?view=${room}&theme=${theme}&lang=${lang}`);
        await seen(there);
        await accessible(`${room} ${theme} ${lang} ${width}`);
      }
    }
  }
  assert.equal(await text("#audit h2"), "監査ログ");
  await page.setViewportSize({ width: 1280, height: 900 });
  await page.goto(`${base}/?view=account&lang=en`);
  await seen("#sign-out");
  await page.click("#sign-out");
  await seen("#login");

  step("a password that somebody else chose");
  await signIn("max", "brass umbrella");
  await seen("[name=old]");
  assert.match(await text("main"), /Choose your own/);
  await accessible("a password to be changed");
  await page.fill("[name=old]", "brass umbrella");
  await page.fill("[name=new]", "seven quiet lanterns");
  await page.keyboard.press("Enter");
  await seen(".total");
  assert.equal(await page.locator(".export button").count(), 0, "a viewer takes nothing away");
  await page.goto(`${base}/?view=define`);
  await seen(".define .empty");
  assert.equal(await page.locator(".define form").count(), 0, "nor says what is counted");
  await page.goto(`${base}/?view=people`);
  await seen("#tokens");
  assert.equal(await page.locator("nav.views button").count(), 2, "nor does a viewer look after others");
  await page.click("#sign-out");
  await seen("#login");

  assert.deepEqual([elsewhere, errors], [[], []]);
  console.log(JSON.stringify({ secret }));
} catch (error) {
  error.message = `${doing}: ${error.message}`;
  console.error(error, errors, page.url(), await page.innerText("body").catch(() => ""));
  process.exitCode = 1;
} finally {
  await browser.close();
}

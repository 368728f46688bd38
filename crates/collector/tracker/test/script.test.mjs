// The built tracker in a window without a screen: what it sends, when, and what it leaves alone. A real browser runs it in
// the whole-system tests.
import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import { test } from "node:test"
import { createContext, runInContext } from "node:vm"
import { Window } from "happy-dom"

const dist = new URL("../dist/", import.meta.url)
const source = readFileSync(new URL("script.js", dist), "utf8")

test("is at most 1,000 bytes compressed", () => {
  assert.ok(readFileSync(new URL("script.js.gz", dist)).length <= 1000)
})

test("names no storage and no cookie", () => {
  assert.doesNotMatch(source, /cookie|localStorage|sessionStorage|indexedDB|caches/)
})

test("reports one page view on load", () => {
  const { sent } = open()
  assert.equal(sent.length, 1)
  const [{ to, hit, keepalive }] = sent
  assert.equal(to, "https://stats.example/api/event")
  assert.equal(keepalive, true)
  assert.deepEqual(
    { n: hit.n, u: hit.u, d: hit.d, w: hit.w },
    { n: "pageview", u: "https://example.com/start?a=1", d: "example.com", w: 1024 },
  )
  assert.ok(hit.id > 0 && hit.id < 1)
  assert.equal("gpc" in hit || "consent" in hit || "child" in hit, false)
})

test("takes the host for the site when none is named, and another endpoint when one is", () => {
  const { sent } = open({ data: { domain: undefined, api: "https://example.com/count" } })
  assert.equal(sent[0].hit.d, "example.com")
  assert.equal(sent[0].to, "https://example.com/count")
})

test("every report has its own id", () => {
  const { sent, window } = open()
  window.footfall("a")
  window.footfall("a")
  assert.equal(new Set(sent.map(({ hit }) => hit.id)).size, 3)
})

test("follows a single-page app, once per page", () => {
  const { sent, window } = open()
  window.history.pushState({}, "", "/second")
  window.history.replaceState({ scroll: 1 }, "", "/second")
  window.history.replaceState({}, "", "/second?filter=new")
  window.history.pushState({}, "", "/third")
  window.history.pushState({}, "", "/third#part")
  assert.deepEqual(names(sent), ["pageview /start", "pageview /second", "pageview /third"])
})

test("counts fragments as pages when asked to", () => {
  const { sent, window } = open({ data: { hash: "" } })
  window.history.pushState({}, "", "/start#/inbox")
  assert.equal(sent.at(-1).hit.u, "https://example.com/start#/inbox")
  assert.equal(sent.length, 2)
})

test("counts a page that comes back from the back-forward cache", () => {
  const { sent, fire } = open()
  fire("pageshow", { persisted: false })
  assert.equal(sent.length, 1)
  fire("pageshow", { persisted: true })
  assert.deepEqual(names(sent), ["pageview /start", "pageview /start"])
})

test("counts a prerendered or background page only when it is seen", () => {
  const { sent, window, state, fire } = open({ hidden: true })
  window.history.replaceState({}, "", "/start?redirected")
  assert.equal(sent.length, 0)
  state.hidden = false
  fire("visibilitychange")
  assert.deepEqual(names(sent), ["pageview /start"])
})

test("counts no page by itself when asked not to", () => {
  const { sent, window, state, fire } = open({ data: { manual: "" } })
  window.history.pushState({}, "", "/second")
  fire("visibilitychange")
  assert.equal(sent.length, 0)
  window.footfall("pageview", { u: "https://example.com/orders/:id" })
  assert.equal(sent[0].hit.u, "https://example.com/orders/:id")
  state.now += 5000
  state.hidden = true
  fire("visibilitychange")
  assert.deepEqual([sent[1].hit.n, sent[1].hit.u], ["engagement", "https://example.com/orders/:id"])
})

test("reports the time a page was visible and focused, and nothing twice", () => {
  const { sent, state, fire } = open()
  state.now += 4000
  state.focused = false
  fire("blur")
  state.now += 60_000
  state.focused = true
  fire("focus")
  state.now += 2500
  state.hidden = true
  fire("visibilitychange")
  assert.deepEqual([sent[1].hit.n, sent[1].hit.e], ["engagement", 6500])
  fire("visibilitychange")
  state.now += 60_000
  state.hidden = false
  fire("visibilitychange")
  assert.equal(sent.length, 2)
  state.now += 1000
  state.hidden = true
  fire("visibilitychange")
  assert.equal(sent[2].hit.e, 1000)
})

test("reports how deep a page was scrolled", () => {
  const { sent, state, fire } = open()
  state.scrollY = 1500
  fire("scroll")
  state.scrollY = 0
  fire("scroll")
  state.now += 100
  state.hidden = true
  fire("visibilitychange")
  assert.equal(Math.round(sent[1].hit.sd), 57) // (1500 + 768) of 4000
})

test("reports attention to a page when a single-page app leaves it, and starts anew", () => {
  const { sent, window, state, fire } = open()
  state.now += 3000
  window.history.pushState({}, "", "/second")
  state.now += 500
  state.hidden = true
  fire("visibilitychange")
  assert.deepEqual(names(sent), ["pageview /start", "engagement /start", "pageview /second", "engagement /second"])
  assert.deepEqual([sent[1].hit.e, sent[3].hit.e], [3000, 500])
})

test("reports clicks that leave, and downloads, without their queries", () => {
  const { sent, window, click } = open()
  click("https://other.example/path?mail=a@b.example")
  click("/report.PDF?token=1")
  click("/inside")
  click("mailto:someone@example.com")
  assert.deepEqual(
    sent.slice(1).map(({ hit }) => [hit.n, hit.props.url]),
    [
      ["Outbound Link: Click", "https://other.example/path"],
      ["File Download", "https://example.com/report.PDF"],
    ],
  )
  click("https://other.example/", { type: "auxclick", button: 2 })
  assert.equal(sent.length, 3)
  click("https://other.example/", { type: "auxclick", button: 1 })
  assert.equal(sent.length, 4)
  assert.ok(window)
})

test("sends custom events with what they say", async () => {
  const { sent, window } = open()
  const revenue = { currency: "EUR", amount: "12.50" }
  const status = await new Promise((callback) => {
    window.footfall("Signup", { props: { plan: "pro" }, revenue, interactive: false, callback })
  })
  assert.equal(status.status, 202)
  const { n, props, interactive } = sent[1].hit
  assert.deepEqual({ n, props, revenue: sent[1].hit.revenue, interactive }, { n: "Signup", props: { plan: "pro" }, revenue, interactive: false })
})

test("calls back when the collector cannot be reached", async () => {
  const { window } = open({ offline: true })
  const result = await new Promise((callback) => window.footfall("Signup", { callback }))
  assert.ok(result.error)
})

test("answers to plausible, and to calls made before it was there", () => {
  const { sent, window } = open({
    before: "window.plausible = function () { (window.plausible.q = window.plausible.q || []).push(arguments) }; plausible('Early', { props: { a: 1 } })",
  })
  window.plausible("Late")
  assert.deepEqual(sent.map(({ hit }) => hit.n), ["Early", "pageview", "Late"])
  assert.deepEqual(sent[0].hit.props, { a: 1 })
})

test("copies the privacy signal and what the page says about consent", () => {
  const { sent, window } = open({ gpc: true, data: { consent: "denied", child: "1" } })
  assert.deepEqual([sent[0].hit.gpc, sent[0].hit.consent, sent[0].hit.child], [true, "denied", "1"])
  window.footfallConsent = { analytics: true, targeting: false }
  window.footfall("a")
  assert.deepEqual(sent[1].hit.consent, { analytics: true, targeting: false })
})

test("waits for the consent tool's first word, and passes on what it says", () => {
  const { sent, window } = open({ before: "window.__tcfapi = (command, version, callback) => (window.say = callback)" })
  assert.equal(sent.length, 0)
  window.say({ gdprApplies: true, tcString: "CPfirst" })
  assert.deepEqual([names(sent), sent[0].hit.gdpr, sent[0].hit.tcf], [["pageview /start"], true, "CPfirst"])
  window.say({ gdprApplies: true, tcString: "CPchosen" })
  window.footfall("a")
  assert.deepEqual(sent.map(({ hit }) => hit.tcf), ["CPfirst", "CPchosen"])
})

test("waits for a silent consent tool no longer than for the page, and says that it was silent", () => {
  const { sent, window, fire } = open({ before: "window.__tcfapi = () => {}" })
  window.footfall("early")
  fire("pageshow", { persisted: false })
  assert.deepEqual(names(sent), ["early /start", "pageview /start"])
  for (const { hit } of sent) assert.deepEqual([hit.gdpr, hit.tcf], [true, undefined])
})

test("asks the other consent tool anew for every report", () => {
  const { sent, window } = open({ before: "window.gpp = 'DBAA'; window.__gpp = (command, callback) => callback({ gppString: window.gpp })" })
  window.gpp = "DBABTA~1YYN"
  window.footfall("a")
  assert.deepEqual(sent.map(({ hit }) => hit.gpp), ["DBAA", "DBABTA~1YYN"])
})

test("sends nothing for a visitor the page keeps out", () => {
  const { sent, window, state, fire } = open({ before: "window.footfallOptOut = true" })
  window.footfall("a")
  state.now += 5000
  state.hidden = true
  fire("visibilitychange")
  assert.equal(sent.length, 0)
})

function names(sent) {
  return sent.map(({ hit }) => `${hit.n} ${new URL(hit.u).pathname}`)
}

/** Opens a page with the tracker on it. `state` is what the visitor does; `sent` is what left the page. */
function open({ data = {}, hidden = false, gpc, before = "", offline = false } = {}) {
  const window = new Window({ url: "https://example.com/start?a=1", width: 1024, height: 768 })
  const state = { hidden, focused: true, now: 1000, scrollY: 0 }
  const sent = []
  const { document } = window
  const define = (object, name, get) => Object.defineProperty(object, name, { get, configurable: true })
  const script = { src: "https://stats.example/js/script.js", dataset: { domain: "example.com", ...data } }
  if (script.dataset.domain === undefined) delete script.dataset.domain
  define(document, "currentScript", () => script)
  define(document, "hidden", () => state.hidden)
  document.hasFocus = () => state.focused
  define(document.documentElement, "scrollHeight", () => 4000)
  const fetch = (to, { body, keepalive, method }) => {
    assert.equal(method, "POST")
    sent.push({ to: String(to), hit: JSON.parse(body), keepalive })
    return offline ? Promise.reject(new Error("offline")) : Promise.resolve({ status: 202 })
  }
  const page = {
    window,
    document,
    fetch,
    history: window.history,
    location: window.location,
    navigator: { globalPrivacyControl: gpc },
    Date: { now: () => state.now },
    addEventListener: window.addEventListener.bind(window),
    innerWidth: 1024,
    innerHeight: 768,
    URL,
    JSON,
    Math,
  }
  define(page, "scrollY", () => state.scrollY)
  const context = createContext(page)
  runInContext(before.replaceAll("plausible(", "window.plausible("), context)
  runInContext(source, context)
  const fire = (type, members = {}) => window.dispatchEvent(Object.assign(new window.Event(type), members))
  const click = (href, { type = "click", button = 0 } = {}) => {
    const link = document.createElement("a")
    link.href = href
    link.addEventListener(type, (event) => event.preventDefault())
    document.body.append(link)
    link.dispatchEvent(new window.MouseEvent(type, { bubbles: true, composed: true, cancelable: true, button }))
  }
  return { window, document, state, sent, fire, click }
}

// What the tracker that measures web vitals makes of a browser's entries: which of them count, and that they are told once.
import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import { test } from "node:test"
import { createContext, runInContext } from "node:vm"
import { Window } from "happy-dom"

const dist = new URL("../dist/", import.meta.url)
const source = readFileSync(new URL("script.vitals.js", dist), "utf8")

test("the tracker without vitals measures nothing", () => {
  assert.doesNotMatch(readFileSync(new URL("script.js", dist), "utf8"), /PerformanceObserver|vitals/)
})

test("names no storage and no cookie", () => {
  assert.doesNotMatch(source, /cookie|localStorage|sessionStorage|indexedDB|caches/)
})

test("tells what the page load measured, once, with the first report of attention", () => {
  const page = open()
  page.happen("paint", { name: "first-paint", startTime: 300 }, { name: "first-contentful-paint", startTime: 420 })
  page.happen("largest-contentful-paint", { startTime: 500 }, { startTime: 1234.5 })
  page.leave()
  page.happen("largest-contentful-paint", { startTime: 9000 })
  page.come()
  page.leave()
  const [first, second] = page.attention()
  assert.deepEqual(first.vitals, { cls: 0, fcp: 420, lcp: 1234.5, ttfb: 90 })
  assert.equal("vitals" in second, false)
})

test("the shift is that of the worst window: gaps under a second, five seconds at most, none after an input", () => {
  const page = open()
  const shift = (startTime, value, hadRecentInput = false) => ({ startTime, value, hadRecentInput })
  page.happen("layout-shift", shift(100, 0.1), shift(900, 0.1), shift(2000, 0.05), shift(2100, 0.9, true))
  // Six of them, a gap below a second each: the sixth begins another window.
  page.happen("layout-shift", ...[4000, 4900, 5800, 6700, 7600, 9000.5].map((at) => shift(at, 0.06)))
  page.leave()
  assert.equal(page.attention()[0].vitals.cls.toFixed(3), "0.300")
})

test("an interaction is as slow as its slowest event, and one in fifty is an accident", () => {
  const few = open()
  few.happen("event", { interactionId: 1, duration: 40 }, { interactionId: 1, duration: 96 }, { interactionId: 0, duration: 999 }, { interactionId: 2, duration: 56 })
  few.leave()
  assert.equal(few.attention()[0].vitals.inp, 96)
  const many = open()
  many.happen("event", ...Array.from({ length: 50 }, (_, at) => ({ interactionId: at + 1, duration: 8 * (at + 1) })))
  many.leave()
  assert.equal(many.attention()[0].vitals.inp, 392)
})

test("entries that the browser had not handed over yet count too", () => {
  const page = open()
  page.keep("largest-contentful-paint", { startTime: 800 })
  page.leave()
  assert.equal(page.attention()[0].vitals.lcp, 800)
})

test("times count from when a prerendered page was shown", () => {
  const page = open({ activationStart: 1000 })
  page.happen("paint", { name: "first-contentful-paint", startTime: 1200 })
  page.leave()
  const { fcp, ttfb } = page.attention()[0].vitals
  assert.deepEqual([fcp, ttfb], [200, 0])
})

test("a page that was not seen while it loaded measures nothing", () => {
  const page = open({ hidden: true })
  page.happen("largest-contentful-paint", { startTime: 5000 })
  page.come()
  page.leave()
  assert.equal("vitals" in page.attention()[0], false)
})

test("what a browser cannot measure is not there", () => {
  const page = open({ types: ["paint"] })
  page.happen("paint", { name: "first-contentful-paint", startTime: 400 })
  page.leave()
  assert.deepEqual(page.attention()[0].vitals, { fcp: 400, ttfb: 90 })
})

test("a single-page app's next page is told nothing of the first one's load", () => {
  const page = open()
  page.happen("largest-contentful-paint", { startTime: 700 })
  page.state.now += 1000
  page.window.history.pushState({}, "", "/second")
  page.leave()
  const [first, second] = page.attention()
  assert.deepEqual([first.u, first.vitals.lcp], ["https://example.com/start", 700])
  assert.deepEqual([second.u, "vitals" in second], ["https://example.com/second", false])
})

const ALL = ["paint", "largest-contentful-paint", "layout-shift", "event", "first-input"]

/** Opens a page with the tracker on it, in a browser that measures these types of entries. */
function open({ hidden = false, activationStart = 0, types = ALL } = {}) {
  const window = new Window({ url: "https://example.com/start", width: 1024, height: 768 })
  const state = { hidden, now: 1000 }
  const sent = []
  const { document } = window
  const define = (object, name, get) => Object.defineProperty(object, name, { get, configurable: true })
  define(document, "currentScript", () => ({ src: "https://stats.example/js/script.vitals.js", dataset: { domain: "example.com" } }))
  define(document, "hidden", () => state.hidden)
  document.hasFocus = () => true
  define(document.documentElement, "scrollHeight", () => 4000)
  const observers = []
  class PerformanceObserver {
    static supportedEntryTypes = types
    kept = []
    constructor(callback) {
      this.callback = callback
    }
    observe({ type, buffered }) {
      assert.ok(types.includes(type) && buffered)
      this.type = type
      observers.push(this)
    }
    takeRecords() {
      return this.kept.splice(0)
    }
    disconnect() {
      observers.splice(observers.indexOf(this), 1)
    }
  }
  const page = {
    window,
    document,
    fetch: (_, { body }) => {
      sent.push(JSON.parse(body))
      return Promise.resolve({ status: 202 })
    },
    history: window.history,
    location: window.location,
    navigator: {},
    performance: { getEntriesByType: () => [{ responseStart: 90, activationStart }] },
    PerformanceObserver,
    Date: { now: () => state.now },
    addEventListener: window.addEventListener.bind(window),
    innerWidth: 1024,
    innerHeight: 768,
    scrollY: 0,
    URL,
    JSON,
    Math,
  }
  runInContext(source, createContext(page))
  const see = (hidden) => {
    state.now += 500
    state.hidden = hidden
    window.dispatchEvent(new window.Event("visibilitychange"))
  }
  const of = (type) => observers.filter((observer) => observer.type == type)
  return {
    window,
    state,
    leave: () => see(true),
    come: () => see(false),
    happen: (type, ...entries) => of(type).forEach((observer) => observer.callback({ getEntries: () => entries })),
    keep: (type, ...entries) => of(type).forEach((observer) => observer.kept.push(...entries)),
    attention: () => sent.filter(({ n }) => n == "engagement"),
  }
}

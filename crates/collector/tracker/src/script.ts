// The tracker: reports page views, events and attention of one page to the collector it was loaded from.
//
// It is not a fingerprint and not a memory: no cookie, no storage, nothing read from the device but the window's width and
// the visitor's privacy signal. Each report carries a random id made for that report alone, so that a second arrival of
// the same report counts once.
//
// A page's consent tool is asked through its standard interfaces (`__tcfapi`, `__gpp`; their stubs must stand before this
// script, as their standards demand). Where there is `__tcfapi`, the first view waits for its first word, but no longer than
// the page takes to load; what is reported before it has spoken says so, and counts as far as no consent is needed.

import { measure, type Vitals } from "./vitals"

/** Set by the build: `script.vitals.js` measures web vitals, and says so in its reports; `script.js` holds none of it. */
declare const VITALS: boolean

type Scalar = string | number | boolean
/** What a report may say beyond its name. It goes into the report as it is: the collector knows these names. */
interface Options {
  props?: Record<string, Scalar>
  revenue?: { currency: string; amount: number | string }
  interactive?: boolean
  u?: string
  callback?: (result: { status?: number; error?: unknown }) => void
}
interface Attention {
  u: string
  e: number
  sd: number
  vitals?: Vitals
}
/** What the page's consent tool said, as it said it: the collector reads the strings. */
interface Said {
  gdpr?: boolean
  tcf?: string
  gpp?: string
}
type Track = { (name: string, options?: Options): void; q?: [string, Options?][] }
interface Page extends Window {
  footfall?: Track
  plausible?: Track
  /** What the page's consent tool says: an object such as `{analytics: true}`. Read anew for every report. */
  footfallConsent?: unknown
  /** IAB TCF: calls back now and whenever the visitor has chosen. */
  __tcfapi?: (command: string, version: number, callback: (data: { gdprApplies?: boolean; tcString?: string }) => void) => void
  /** IAB GPP: calls back at once. */
  __gpp?: (command: string, callback: (ping: { gppString?: string }) => void) => void
  /** Set by the page when its visitor wants no report at all. */
  footfallOptOut?: unknown
}

const page = window as unknown as Page
const script = document.currentScript as HTMLScriptElement
const settings = script.dataset
const api = settings.api || new URL("/api/event", script.src)
const download = /\.(pdf|(doc|xls|ppt)x?|csv|zip|rar|7z|gz|dmg|exe|mp[34])$/i

let url: string | undefined // the page that was last reported
let path: string | undefined // what makes it a page of its own; a change of its query does not
let attentionSince = 0 // when the page last became visible and focused; 0 while it is not
let engaged = 0 // attention not yet reported, in milliseconds
let deepest = 0 // how far down the page was seen, in pixels
// Until the consent tool has spoken, the law may apply and nothing is agreed.
const said: Said = { gdpr: !!page.__tcfapi }

const send = (n: string, options?: Options | Attention) => {
  if (page.footfallOptOut) return
  page.__gpp?.("ping", (ping) => {
    said.gpp = ping.gppString
  })
  fetch(api, {
    method: "POST",
    keepalive: true, // outlives the page
    body: JSON.stringify({
      n,
      u: location.href,
      d: settings.domain || location.hostname,
      r: document.referrer,
      w: innerWidth,
      id: Math.random(),
      gpc: (navigator as { globalPrivacyControl?: boolean }).globalPrivacyControl,
      consent: page.footfallConsent || settings.consent,
      child: settings.child,
      ...said,
      ...options,
    }),
  }).then((options as Options)?.callback, (error) => (options as Options)?.callback?.({ error }))
}

const attend = () => {
  const now = Date.now()
  if (attentionSince) engaged += now - attentionSince
  attentionSince = !document.hidden && document.hasFocus() ? now : 0
}

const report = () => {
  attend()
  if (url && engaged) {
    send("engagement", {
      u: url,
      e: engaged,
      sd: (100 * deepest) / document.documentElement.scrollHeight,
      ...(VITALS ? { vitals: vitals?.() } : {}),
    })
    engaged = 0
  }
}

const view = (options?: Options) => {
  report()
  url = options?.u || location.href
  engaged = 0
  // Not from where the window stands: a single-page app scrolls up only after it has changed the address.
  deepest = innerHeight
  send("pageview", options)
}

const navigate = () => {
  const next = location.pathname + ("hash" in settings ? location.hash : "")
  // A page that was never seen (prerendered, opened in the background) is not viewed yet.
  if (next != path && !("manual" in settings) && (url || !document.hidden)) {
    path = next
    view()
  }
}

const click = (event: MouseEvent) => {
  const link = (event.target as Element).closest("a")
  // Links without a host (mailto:) lead to no site; the right button opens a menu, not the link.
  if (link?.host && event.button < 2) {
    const file = download.test(link.pathname)
    // Queries stay out: they may name a person.
    const props = { url: link.origin + link.pathname }
    if (file || link.host != location.host) send(file ? "File Download" : "Outbound Link: Click", { props })
  }
}

for (const method of ["pushState", "replaceState"] as const) {
  const original = history[method]
  history[method] = (...change) => {
    original.apply(history, change)
    navigate()
  }
}
addEventListener("popstate", navigate) // changes of the fragment too
addEventListener("pageshow", (event) => {
  if (event.persisted) path = ""
  navigate()
})
addEventListener("visibilitychange", () => {
  report()
  navigate()
})
addEventListener("focus", attend)
addEventListener("blur", attend)
addEventListener("scroll", () => {
  deepest = Math.max(deepest, scrollY + innerHeight)
})
addEventListener("click", click)
addEventListener("auxclick", click)

// Of the page that was loaded; its first report of attention tells them.
const vitals = VITALS ? measure() : undefined
const queued = (page.footfall || page.plausible)?.q || []
const track: Track = (name, options) => (name == "pageview" ? view(options) : send(name, options))
page.footfall = page.plausible = track
page.__tcfapi?.("addEventListener", 2, (data) => {
  said.gdpr = data.gdprApplies
  said.tcf = data.tcString
  navigate()
})
for (const call of queued) track(...call)
if (!said.gdpr) navigate()

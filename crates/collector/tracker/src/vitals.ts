// Web vitals of one page load, measured by the browser: how soon it was there, how it moved, how it answered.
//
// It is not the library of that name: it measures what one report at the end of a page's first look needs, in a fifth of its size. As
// there, a page that was never seen while it loaded measures nothing, times count from when a prerendered page was shown, the layout's
// shift is that of the worst five seconds, and of many interactions the slowest few are taken for accidents. What happens after the
// report is not measured any more.

/** Times in milliseconds, `cls` as its score. What a browser cannot measure is not there. */
export interface Vitals {
  lcp?: number
  inp?: number
  cls?: number
  fcp?: number
  ttfb?: number
}

interface Shift extends PerformanceEntry {
  value: number
  hadRecentInput: boolean
}
interface Interaction extends PerformanceEntry {
  interactionId?: number
}
interface Navigation extends PerformanceNavigationTiming {
  activationStart?: number
}

/** Begins to measure; the result tells once what was measured until then. */
export const measure = (): (() => Vitals | undefined) => {
  const seen = !document.hidden
  const supported = PerformanceObserver.supportedEntryTypes || []
  const navigation = performance.getEntriesByType("navigation")[0] as Navigation | undefined
  const shown = navigation?.activationStart || 0
  const since = (time: number) => Math.max(0, time - shown)
  const vitals: Vitals = {}
  const observers: [PerformanceObserver, (entries: PerformanceEntry[]) => void][] = []
  const observe = (type: string, note: (entry: never) => void) => {
    if (!supported.includes(type)) return
    const noteAll = (entries: PerformanceEntry[]) => entries.forEach((entry) => note(entry as never))
    const observer = new PerformanceObserver((list) => noteAll(list.getEntries()))
    observer.observe({ type, buffered: true, durationThreshold: 16 } as PerformanceObserverInit)
    observers.push([observer, noteAll])
  }

  observe("largest-contentful-paint", ({ startTime }: PerformanceEntry) => {
    vitals.lcp = since(startTime)
  })
  observe("paint", ({ name, startTime }: PerformanceEntry) => {
    if (name == "first-contentful-paint") vitals.fcp = since(startTime)
  })

  // A window of shifts ends with a second's rest, or after five.
  let windowBegan = 0
  let lastShift = 0
  let sum = 0
  if (supported.includes("layout-shift")) vitals.cls = 0
  observe("layout-shift", ({ startTime, value, hadRecentInput }: Shift) => {
    if (hadRecentInput) return
    if (startTime - lastShift >= 1000 || startTime - windowBegan >= 5000) {
      windowBegan = startTime
      sum = 0
    }
    lastShift = startTime
    sum += value
    vitals.cls = Math.max(vitals.cls || 0, sum)
  })

  // The slowest event of each interaction; one in fifty is an accident.
  const slowest = new Map<number, number>()
  const interact = ({ interactionId, duration }: Interaction) => {
    if (interactionId) slowest.set(interactionId, Math.max(duration, slowest.get(interactionId) || 0))
  }
  observe("event", interact)
  observe("first-input", interact)

  let told = false
  return () => {
    if (told || !seen) return
    told = true
    for (const [observer, noteAll] of observers) {
      noteAll(observer.takeRecords())
      observer.disconnect()
    }
    const interactions = [...slowest.values()].sort((one, other) => other - one)
    vitals.inp = interactions[Math.min(interactions.length - 1, Math.floor(interactions.length / 50))]
    if (navigation) vitals.ttfb = since(navigation.responseStart)
    return vitals
  }
}

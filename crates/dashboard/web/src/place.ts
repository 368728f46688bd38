// Where the reader is, kept in the URL so that a link shows the same and "back" goes back: site, period, comparison,
// interval, metric, filters, view, open list, language and theme.

import { useEffect, useState } from "preact/hooks";
import { type Filter, type Metric, VITALS, type VitalName } from "./api";
import { LANGUAGES, type Language, type Word } from "./i18n";
import { COMPARES, type Compare, INTERVALS, type Interval, PERIODS, type PeriodName, isDate } from "./range";
import { TABS } from "./reports";

export const GRAPHED: Metric[] = ["visitors", "visits", "pageviews", "views_per_visit", "bounce_rate", "visit_duration", "events", "time_on_page", "scroll_depth", "exit_rate", "total_revenue", "average_revenue"];

export const VIEWS = ["report", "live", "funnels", "flows", "vitals", "sites", "ledger", "define", "share", "account", "people", "audit"] as const;
export type View = (typeof VIEWS)[number];
export type Theme = "system" | "light" | "dark";

export interface Place {
  site: string | null;
  period: PeriodName;
  /** The dates of a period of one's own. */
  custom: [string, string] | null;
  compare: Compare;
  /** The dates of a comparison of one's own. */
  against: [string, string] | null;
  /** `null`: chosen by the period. */
  interval: Interval | null;
  metric: Metric;
  filters: Filter[];
  view: View;
  /** The list that is open in full. */
  detail: string | null;
  /** The tab of each card that is not its first. */
  tabs: string[];
  /** The event property that is looked at. */
  property: string | null;
  /** The page in the middle of the flows; `null`: the most viewed one. */
  page: string | null;
  /** The web vital that is looked at. */
  vital: VitalName;
  /** `null`: the browser's. */
  language: Language | null;
  theme: Theme;
}

export const OPERATORS: Filter["operator"][] = ["is", "is_not", "contains", "contains_not"];
const one = <T extends string>(known: readonly T[], text: string | null): T | undefined => known.find((name) => name === text);

/** A part of an address that is not understood, and what is wrong with it where its words are known. */
export interface LeftOut {
  part: string;
  why?: Word;
}

export const readPlace = (search: string): Place => readAddress(search).place;

/** The place of an address, and what of the address is not in it: the page shows something else there than whoever wrote it meant. */
export function readAddress(search: string): { place: Place; leftOut: LeftOut[] } {
  const from = new URLSearchParams(search);
  const leftOut: LeftOut[] = [];
  const leave = (names: string[], why?: Word) => {
    const there = names.filter((name) => from.has(name));
    if (there.length > 0) leftOut.push({ part: there.map((name) => `${name}=${from.get(name)}`).join("&"), ...(why !== undefined && { why }) });
  };
  const word = <T extends string>(name: string, known: readonly T[]): T | undefined => {
    const found = one(known, from.get(name));
    if (found === undefined) leave([name]);
    return found;
  };
  const dates = (first: string, last: string, ...more: string[]): [string, string] | null => {
    const [begin, end] = [from.get(first), from.get(last)];
    const areDates = isDate(begin) && isDate(end);
    if (areDates && begin <= end) return [begin, end];
    leave([...more, first, last], areDates ? "dates_reversed" : undefined);
    return null;
  };
  const custom = dates("from", "to");
  const period = custom !== null && from.get("period") === "custom" ? undefined : word("period", PERIODS.map(({ name }) => name));
  const compare = word("compare", COMPARES.map(({ name }) => name)) ?? "previous";
  const against = compare === "custom" ? dates("compare_from", "compare_to", "compare") : null;
  if (compare !== "custom") leave(["compare_from", "compare_to"]);
  const filters = from.getAll("f").map((text) => {
    const filter = readFilter(text);
    if (filter === null) leftOut.push({ part: `f=${text}` });
    return filter;
  });
  const tabs = (from.get("tabs") ?? "").split(",").filter((id) => id !== "");
  const known = tabs.filter((id) => TABS.some((tab) => tab.id === id));
  if (known.length < tabs.length) leave(["tabs"]);
  const place: Place = {
    site: from.get("site") || null,
    period: custom === null ? (period ?? "day") : "custom",
    custom,
    compare: compare === "custom" && against === null ? "previous" : compare,
    against,
    interval: word("interval", INTERVALS) ?? null,
    metric: word("metric", GRAPHED) ?? "visitors",
    filters: filters.filter((filter) => filter !== null),
    view: word("view", VIEWS) ?? "report",
    detail: word("detail", TABS.map(({ id }) => id)) ?? null,
    tabs: known,
    property: from.get("property"),
    page: from.get("page"),
    vital: word("vital", VITALS) ?? "lcp",
    language: word("lang", LANGUAGES.map(({ code }) => code)) ?? null,
    theme: word("theme", ["system", "light", "dark"]) ?? "system",
  };
  return { place, leftOut };
}

/** Only what differs from the usual is written. */
export function writePlace(place: Place): string {
  const to = new URLSearchParams();
  if (place.site !== null) to.set("site", place.site);
  if (place.period === "custom" && place.custom !== null) {
    to.set("from", place.custom[0]);
    to.set("to", place.custom[1]);
  } else if (place.period !== "day") to.set("period", place.period);
  if (place.compare !== "previous") to.set("compare", place.compare);
  if (place.compare === "custom" && place.against !== null) {
    to.set("compare_from", place.against[0]);
    to.set("compare_to", place.against[1]);
  }
  if (place.interval !== null) to.set("interval", place.interval);
  if (place.metric !== "visitors") to.set("metric", place.metric);
  for (const filter of place.filters) to.append("f", [filter.operator, filter.dimension, ...filter.values].map(escaped).join(","));
  if (place.view !== "report") to.set("view", place.view);
  if (place.detail !== null) to.set("detail", place.detail);
  if (place.tabs.length > 0) to.set("tabs", place.tabs.join(","));
  if (place.property !== null) to.set("property", place.property);
  if (place.page !== null) to.set("page", place.page);
  if (place.vital !== "lcp") to.set("vital", place.vital);
  if (place.language !== null) to.set("lang", place.language);
  if (place.theme !== "system") to.set("theme", place.theme);
  return to.size === 0 ? "" : `?${to}`;
}

/** Only what would be read as something else is escaped, so that an address stays readable. */
const escaped = (text: string) => text.replace(/[%,]/g, encodeURIComponent);

function readFilter(text: string): Filter | null {
  try {
    const [operator, dimension, ...values] = text.split(",").map(decodeURIComponent);
    const known = one(OPERATORS, operator ?? null);
    return known === undefined || dimension === undefined || values.length === 0 ? null : { operator: known, dimension, values };
  } catch {
    return null;
  }
}

export type Go = (change: Partial<Place>) => void;

export function usePlace(): [Place, Go] {
  const [place, setPlace] = useState(() => readPlace(location.search));
  useEffect(() => {
    const back = () => setPlace(readPlace(location.search));
    addEventListener("popstate", back);
    return () => removeEventListener("popstate", back);
  }, []);
  const go = (change: Partial<Place>) => {
    const next = { ...readPlace(location.search), ...change };
    const search = writePlace(next);
    if (search !== location.search) history.pushState(null, "", location.pathname + search + location.hash);
    setPlace(next);
  };
  return [place, go];
}

// The reports as data: which lists there are, what their rows are, and which metrics the counts hold for what is asked.

import { type Answer, type Filter, MONEY, type Metric, type Row } from "./api";
import type { Word } from "./i18n";

export interface Tab {
  id: string;
  /** On the tab, and as the card's title. */
  name: Word;
  title: Word;
  /** `null` where the reader names it: an event property. */
  dimension: string | null;
  /** The number beside visitors; the share of visitors where there is none. */
  beside?: Metric;
  /** Whether what its rows brought stands beside them, where a site counts money. */
  money?: true;
  /** How its values are told. */
  kind?: "country" | "language";
}

export interface Card {
  id: string;
  title: Word;
  tabs: Tab[];
}

export const CARDS: Card[] = [
  {
    id: "sources",
    title: "sources",
    tabs: [
      { id: "source", name: "sources", title: "top_sources", dimension: "visit:source" },
      { id: "channel", name: "channels", title: "channels", dimension: "visit:channel" },
      { id: "referrer", name: "referrers", title: "referrers", dimension: "visit:referrer" },
    ],
  },
  {
    id: "pages",
    title: "pages",
    tabs: [
      { id: "page", name: "top", title: "top_pages", dimension: "event:page", beside: "pageviews" },
      { id: "entry", name: "entry", title: "entry_pages", dimension: "visit:entry_page", beside: "visits" },
      { id: "exit", name: "exit", title: "exit_pages", dimension: "visit:exit_page", beside: "visits" },
      { id: "hostname", name: "hosts", title: "hosts", dimension: "event:hostname", beside: "pageviews" },
    ],
  },
  {
    id: "places",
    title: "places",
    tabs: [
      { id: "country", name: "countries", title: "countries", dimension: "visit:country", kind: "country" },
      { id: "region", name: "regions", title: "regions", dimension: "visit:region" },
      { id: "city", name: "cities", title: "cities", dimension: "visit:city" },
    ],
  },
  {
    id: "campaigns",
    title: "campaigns",
    tabs: [
      { id: "campaign", name: "campaign", title: "campaigns", dimension: "visit:utm_campaign" },
      { id: "utm_source", name: "utm_source", title: "campaign_sources", dimension: "visit:utm_source" },
      { id: "utm_medium", name: "utm_medium", title: "campaign_media", dimension: "visit:utm_medium" },
      { id: "utm_term", name: "utm_term", title: "campaign_terms", dimension: "visit:utm_term" },
      { id: "utm_content", name: "utm_content", title: "campaign_contents", dimension: "visit:utm_content" },
    ],
  },
  {
    id: "devices",
    title: "devices",
    tabs: [
      { id: "browser", name: "browsers", title: "browsers", dimension: "visit:browser" },
      { id: "browser_version", name: "versions", title: "browser_versions", dimension: "visit:browser_version" },
      { id: "device", name: "devices", title: "devices", dimension: "visit:device" },
      { id: "screen", name: "screens", title: "screens", dimension: "visit:screen" },
    ],
  },
  {
    id: "systems",
    title: "systems",
    tabs: [
      { id: "os", name: "systems", title: "operating_systems", dimension: "visit:os" },
      { id: "os_version", name: "versions", title: "os_versions", dimension: "visit:os_version" },
      { id: "language", name: "languages", title: "languages", dimension: "visit:language", kind: "language" },
    ],
  },
  {
    id: "events",
    title: "events",
    tabs: [
      { id: "event", name: "events", title: "events", dimension: "event:name", beside: "events", money: true },
      { id: "property", name: "properties", title: "properties", dimension: null, beside: "events" },
      { id: "goal", name: "goals", title: "goals", dimension: "event:goal", beside: "conversion_rate", money: true },
      { id: "segment", name: "segments", title: "segments", dimension: "segment", beside: "visits" },
    ],
  },
];

export const TABS: Tab[] = CARDS.flatMap((card) => card.tabs);

/** What a dimension is called, one value of it. */
export const DIMENSIONS: Record<string, Word> = {
  "event:page": "page",
  "event:name": "event",
  "event:goal": "goal",
  "event:hostname": "hostname",
  "visit:entry_page": "entry_page",
  "visit:exit_page": "exit_page",
  "visit:source": "source",
  "visit:channel": "channel",
  "visit:referrer": "referrer",
  "visit:utm_campaign": "campaign",
  "visit:utm_source": "utm_source",
  "visit:utm_medium": "utm_medium",
  "visit:utm_term": "utm_term",
  "visit:utm_content": "utm_content",
  "visit:country": "country",
  "visit:region": "region",
  "visit:city": "city",
  "visit:browser": "browser",
  "visit:browser_version": "browser_version",
  "visit:os": "system",
  "visit:os_version": "os_version",
  "visit:device": "device",
  "visit:screen": "screen",
  "visit:language": "language",
  segment: "segment",
};

export const METRICS: Record<Metric, Word> = {
  visitors: "visitors",
  visits: "visits",
  pageviews: "pageviews",
  views_per_visit: "views_per_visit",
  bounce_rate: "bounce_rate",
  visit_duration: "visit_duration",
  events: "events",
  time_on_page: "time_on_page",
  scroll_depth: "scroll_depth",
  exit_rate: "exit_rate",
  percentage: "share",
  conversion_rate: "conversion_rate",
  total_revenue: "total_revenue",
  average_revenue: "average_revenue",
};

/** The code of a metric's warning where visitors are the sum of several days'. */
export const SUM_OF_DAYS = "sum_of_daily_visitors";

/** Whether an answer's visitors are the sum of several days', as it says itself. */
export const sumsDays = (meta: Answer["meta"] | undefined, metric: Metric): boolean => meta?.metric_warnings?.[metric]?.code === SUM_OF_DAYS;

/** What the values of too few visitors are counted as; nothing else is called so. */
export const OTHER = "(other)";

/** Whether some may be in none of an answer's rows, because too few visitors had in common what the rows are of. Without a filter the rows have one for them. */
export const mayLackRows = ({ meta: { folded }, results }: Answer, isFiltered: boolean): boolean => isFiltered && folded?.below !== undefined && !results.some((row) => row.dimensions.includes(OTHER));

/** Whether its values are not counted but by their names: goals and segments. */
export const isNamed = (dimension: string): boolean => dimension === "event:goal" || dimension === "segment";

const isOfEvents = (dimension: string) => dimension.startsWith("event:props:") || dimension === "event:name" || dimension === "event:goal";

/** The metrics that cells of these dimensions hold, in the order they are shown. The rest would be a 400, and rightly. */
export function metricsOf(dimensions: string[]): Metric[] {
  const crossed = new Set(dimensions);
  if (dimensions.some(isOfEvents)) return ["visitors", "visits", "events"];
  if (crossed.has("event:page")) {
    const alone: Metric[] = crossed.size === 1 ? ["time_on_page", "scroll_depth"] : [];
    return ["visitors", "visits", "pageviews", "bounce_rate", ...alone, "exit_rate"];
  }
  if (crossed.has("event:hostname")) return ["visitors", "visits", "pageviews", "bounce_rate"];
  return ["visitors", "visits", "pageviews", "views_per_visit", "bounce_rate", "visit_duration"];
}

/** The money that such cells hold, last of all metrics: of the whole, of what people do, and of what they define. */
function moneyOf(dimensions: string[]): Metric[] {
  if (dimensions.includes("event:name") || dimensions.includes("event:goal")) return ["total_revenue", "average_revenue"];
  // An average over all events, most of which bring none, would say nothing.
  return dimensions.length === 0 || dimensions.includes("segment") ? ["total_revenue"] : [];
}

/** What is the same all day for a visitor. Of all else a visitor may have several values, and be counted in each. */
const OF_VISITOR = ["country", "region", "city", "browser", "browser_version", "os", "os_version", "device", "screen", "language"].map((name) => `visit:${name}`);

/** Whether a metric of all values that a filter keeps is their sum, and so told: a visitor or visit with two of them would count twice. */
function addsUp(metric: Metric, { operator, dimension, values }: Filter): boolean {
  if (operator === "is" && values.length === 1) return true;
  if (metric === "visitors" || metric === "conversion_rate") return OF_VISITOR.includes(dimension);
  return (metric !== "visits" && metric !== "time_on_page") || dimension.startsWith("visit:");
}

/** The metrics of all that filters keep, in the order they are shown. */
export function totalMetrics(filters: Filter[], money: boolean): Metric[] {
  const crossed = filters.map((filter) => filter.dimension);
  return [...metricsOf(crossed), ...(money ? moneyOf(crossed) : [])].filter((metric) => filters.every((filter) => addsUp(metric, filter)));
}

/** The metrics of rows by a dimension under filters, in the order they are shown. */
export function rowMetrics(dimension: string, filters: Filter[], money: boolean): Metric[] {
  const crossed = [dimension, ...filters.map((filter) => filter.dimension)];
  // A rate is of all visitors of the period, so that it is of rows only, and not of days.
  const rate: Metric[] = dimension === "event:goal" ? ["conversion_rate"] : [];
  const held = [...metricsOf(crossed), ...rate, ...(money ? moneyOf(crossed) : [])];
  return held.filter((metric) => filters.every((filter) => filter.dimension === dimension || addsUp(metric, filter)));
}

/** The metrics that are shown: money where there is some. It comes last, so that the others keep their places. */
export function earning(metrics: Metric[], rows: Pick<Row, "metrics">[]): Metric[] {
  const earned = rows.some((row) => metrics.some((metric, i) => MONEY.includes(metric) && typeof row.metrics[i] === "number" && row.metrics[i] !== 0));
  return earned ? metrics : metrics.filter((metric) => !MONEY.includes(metric));
}

/** The filters with one more, which takes the place of an older one on the same dimension. */
export function filteredBy(filters: Filter[], dimension: string, value: string): Filter[] {
  return [...filters.filter((filter) => filter.dimension !== dimension), { operator: "is", dimension, values: [value] }];
}

/** Whether hours can be asked under these filters: of pages always, of anything else while the day is open, of pairs never. */
export function hoursAnswerable(filters: Filter[], isTodayOnly: boolean): boolean {
  const dimensions = new Set(filters.map((filter) => filter.dimension));
  return dimensions.size === 0 || (dimensions.size === 1 && (dimensions.has("event:page") || isTodayOnly));
}

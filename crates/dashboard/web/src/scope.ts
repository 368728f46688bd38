// What every panel of a view asks about: one site, one range, the same filters.

import { type Answer, type Filter, type Metric, type Query, type Site, query, sent } from "./api";
import type { Go, Place, View } from "./place";
import type { Range } from "./range";
import { CARDS, metricsOf } from "./reports";
import { type Asked, useAnswer } from "./use-answer";

/** What a shared link shows. */
export interface Shown {
  id: string;
  reports: string[];
  /** The one segment whose counts are shown. */
  segment: string | null;
}

export interface Scope {
  site: Site;
  range: Range;
  place: Place;
  /** The view that is shown: the place's, or another where a shared link does not show that. */
  view: View;
  /** The reader's, and a shared link's own. */
  filters: Filter[];
  /** `null` where somebody looks who sees everything. */
  shared: Shown | null;
  /** Counts up while somebody looks; stands still where nothing changes any more. */
  tick: number;
  go: Go;
}

/** Whether a card or view is shown; the report is, where something of it is. */
export function shows({ shared }: Pick<Scope, "shared">, report: string): boolean {
  if (shared === null) return true;
  if (report === "report") return ["overview", ...CARDS.map((card) => card.id)].some((card) => shared.reports.includes(card));
  return shared.reports.includes(report);
}

/** The lists are asked at every third tick: their rows change slower than the graph. */
const TICKS_PER_LIST = 3;

export interface ListQuestion {
  dimension: string;
  /** The metric beside visitors, or a share of them. */
  metrics: Metric[];
  order?: [Metric, "asc" | "desc"];
  search?: string;
  limit: number;
  offset?: number;
}

/** The question for rows by a dimension. */
export function listQuery({ site, range, filters }: Scope, { dimension, metrics, order, search, limit, offset }: ListQuestion): Query {
  const found = search === undefined || search === "" ? [] : [["contains", dimension, [search], { case_sensitive: false }] as [string, string, string[], { case_sensitive: boolean }]];
  const first = order ?? ["visitors", "desc"];
  const second = metrics.find((metric) => metric !== first[0] && metric !== "percentage");
  return {
    site_id: site.domain,
    metrics,
    date_range: range.dates,
    dimensions: [dimension],
    filters: [...sent(filters), ...found],
    // Equal rows keep their places from one answer to the next.
    order_by: [first, ...(second === undefined ? [] : [[second, "desc"] as [string, "desc"]]), [dimension, "asc"]],
    include: { total_rows: true },
    pagination: { limit, offset: offset ?? 0 },
  };
}

export function useList(scope: Scope, question: ListQuestion): Asked<Answer> {
  const asked = listQuery(scope, question);
  return useAnswer(JSON.stringify(asked), Math.floor(scope.tick / TICKS_PER_LIST), (signal) => query(asked, signal));
}

/** The second metric of a short list, where these cells hold it. */
export function beside(scope: Scope, dimension: string, wanted: Metric | undefined): Metric {
  const crossed = [dimension, ...scope.filters.map((filter) => filter.dimension)];
  const held = metricsOf(crossed);
  if (wanted !== undefined && held.includes(wanted)) return wanted;
  // Of all visitors of the period; of those under a filter, the counts do not always tell.
  if (wanted === "conversion_rate" && scope.filters.length === 0) return wanted;
  // A share of all visitors needs all visitors to be told under the same filters.
  const whole = scope.filters.every((filter) => filter.operator === "is" && filter.values.length === 1);
  return whole && wanted === undefined ? "percentage" : held.includes("events") ? "events" : "visits";
}

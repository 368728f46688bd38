// What every panel of a view asks about: one site, one range, the same filters.

import { useEffect } from "preact/hooks";
import { type Answer, type Filter, type Metric, type Query, type Site, query, sent } from "./api";
import type { Go, Place, View } from "./place";
import type { Range } from "./range";
import { CARDS, rowMetrics } from "./reports";
import { searchFilter } from "./search";
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
  /** Told of answers that may lack what fewer visitors than that had in common: it is said once, above all of them. */
  onFolded?: (below: number) => void;
  /** Opens a filter to be changed, `null` for one more; not there where nothing is shown that could be filtered by. */
  onFilter?: (filter: Filter | null) => void;
}

/** Tells of an answer that may lack something. */
export function useFolded({ onFolded }: Scope, answer: Answer | undefined): void {
  const below = answer?.meta.folded?.below;
  useEffect(() => {
    if (below !== undefined) onFolded?.(below);
  }, [answer]);
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
  const found = searchFilter(dimension, search ?? "", filters);
  const first = order ?? [metrics[0] ?? "visitors", "desc"];
  const second = metrics.find((metric) => metric !== first[0] && metric !== "percentage");
  return {
    site_id: site.domain,
    metrics,
    date_range: range.dates,
    dimensions: [dimension],
    filters: [...sent(filters), ...(found === null ? [] : [found])],
    // Equal rows keep their places from one answer to the next.
    order_by: [first, ...(second === undefined ? [] : [[second, "desc"] as [string, "desc"]]), [dimension, "asc"]],
    include: { total_rows: true },
    pagination: { limit, offset: offset ?? 0 },
  };
}

export function useList(scope: Scope, question: ListQuestion): Asked<Answer> {
  const asked = listQuery(scope, question);
  // No name is like what was typed: there is nothing to ask.
  const isNothing = asked.filters?.some(([, , values]) => values.length === 0) === true;
  const nothing: Answer = { results: [], meta: { total_rows: 0 }, query: { date_range: scope.range.dates } };
  const answer = useAnswer(JSON.stringify(asked), Math.floor(scope.tick / TICKS_PER_LIST), (signal) => (isNothing ? Promise.resolve(nothing) : query(asked, signal)));
  useFolded(scope, answer.value);
  return answer;
}

/**
 * Whether money is asked for: the site has a currency, and the reader may see what it sells. A goal that is named as a page is counted as
 * that, and pages bring none.
 */
export function hasMoney({ site, filters, shared }: Pick<Scope, "site" | "filters" | "shared">): boolean {
  const isPage = (filter: Filter) => filter.dimension === "event:goal" && filter.values.some((value) => value.startsWith("Visit /"));
  return site.currency != null && shows({ shared }, "events") && !filters.some(isPage);
}

/** All that the cells of rows by a dimension hold. */
export const heldBy = (scope: Scope, dimension: string): Metric[] => rowMetrics(dimension, scope.filters, hasMoney(scope));

/** The second metric of a short list, where these cells hold it; none where they hold but one. */
export function beside(scope: Scope, dimension: string, wanted: Metric | undefined): Metric | undefined {
  const [, ...others] = heldBy(scope, dimension);
  if (wanted !== undefined && others.includes(wanted)) return wanted;
  // A share of all visitors needs all visitors to be told under the same filters.
  const whole = scope.filters.every((filter) => filter.operator === "is" && filter.values.length === 1);
  if (whole && wanted === undefined) return "percentage";
  return (["events", "visits", "pageviews"] as const).find((metric) => others.includes(metric));
}

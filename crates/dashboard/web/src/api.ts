// The public API as this page uses it. Nothing else is asked, and no other host.

import { t } from "./i18n";

export interface Site {
  domain: string;
  timezone: string;
  public: boolean;
}

export type Metric = "visitors" | "visits" | "pageviews" | "views_per_visit" | "bounce_rate" | "visit_duration" | "events" | "percentage" | "time_on_page" | "scroll_depth" | "exit_rate" | "conversion_rate";

/** The rows or visits that are kept: those of which a dimension has one of the values. */
export interface Filter {
  operator: "is" | "is_not" | "contains" | "contains_not";
  dimension: string;
  values: string[];
}

/** A filter as the API reads it. */
export type SentFilter = [string, string, string[]] | [string, string, string[], { case_sensitive: boolean }];

export const sent = (filters: Filter[]): SentFilter[] => filters.map(({ operator, dimension, values }) => [operator, dimension, values]);

export interface Query {
  site_id: string;
  metrics: Metric[];
  date_range: string | [string, string];
  dimensions?: string[];
  filters?: SentFilter[];
  order_by?: [string, "asc" | "desc"][];
  include?: { time_labels?: boolean; total_rows?: boolean; coverage?: boolean };
  pagination?: { limit?: number; offset?: number };
}

/** How one to nine are told by a site that tells tens. */
export const FEWER = "<10";

/** A number as the API tells it: unknown, or fewer than ten, where a site tells tens. */
export type Told = number | typeof FEWER | null;

export interface Row {
  metrics: Told[];
  dimensions: string[];
}

/** What became of people's hits: counts, and shares in percent of all of them. */
export interface Coverage {
  shares: { measured: number | null; exempt: number | null; counted_only: number | null; opted_out: number | null };
  lowered_by: Record<string, number | typeof FEWER>;
  /** The first day that is known of, where the range begins before it. */
  since?: string;
}

/** A day of which hits may be missing, because they could not be opened. */
export interface Degraded {
  day: string;
  records: number;
  warning: string;
}

export interface Answer {
  results: Row[];
  meta: {
    metric_warnings?: Partial<Record<Metric, { code: string; warning: string }>>;
    filter_warnings?: Record<string, { code: string; warning: string }>;
    folded?: { value: string; warning: string };
    time_labels?: string[];
    total_rows?: number;
    coverage?: Coverage;
    degraded?: Degraded[];
    rounded?: { to: number; warning: string };
  };
  query: { date_range: [string, string] };
}

/** What went wrong, in the server's words. */
export class ApiError extends Error {
  constructor(
    message: string,
    readonly status: number,
  ) {
    super(message);
  }
}

const TOKEN = "footfall-token";

/** Takes a token out of the URL's fragment, which no server ever sees, and out of the address bar. */
export function takeTokenFromFragment(): void {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (token === null) return;
  keepToken(token);
  history.replaceState(null, "", location.pathname + location.search);
}

export function keepToken(token: string): void {
  sessionStorage.setItem(TOKEN, token);
}

export function forgetToken(): void {
  sessionStorage.removeItem(TOKEN);
}

export function hasToken(): boolean {
  return sessionStorage.getItem(TOKEN) !== null;
}

export async function sites(signal?: AbortSignal): Promise<Site[]> {
  const answer = await ask<{ sites: Site[] }>("/api/v1/sites", { signal });
  return answer.sites;
}

export function query(query: Query, signal?: AbortSignal): Promise<Answer> {
  return ask("/api/v2/query", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(query),
    signal,
  });
}

export function live(site: string, signal?: AbortSignal): Promise<number | typeof FEWER> {
  return ask(`/api/v1/stats/realtime/visitors?site_id=${encodeURIComponent(site)}`, { signal });
}

/** The last half hour; a minute is unknown where no processor was up. */
export interface HalfHour {
  visitors: Told;
  minutes: { minute: string; visitors: Told }[];
  /** Everything before is counted. */
  complete_to: string | null;
}

export function halfHour(site: string, signal?: AbortSignal): Promise<HalfHour> {
  return ask(`/api/v1/stats/realtime?site_id=${encodeURIComponent(site)}`, { signal });
}

/** What became of every hit of a range. */
export interface Ledger {
  complete_to: string | null;
  received: Told;
  counted: Told;
  minimal: Told;
  refused: Record<string, Told>;
  bots: Record<string, Told>;
  late: Told;
  expired: Told;
  expired_by_reason: Record<string, Told>;
  coverage: Coverage;
  degraded?: Degraded[];
  rounded?: { to: number; warning: string };
}

export function ledger(site: string, [first, last]: [string, string], signal?: AbortSignal): Promise<Ledger> {
  return ask(`/api/v1/ledger?site_id=${encodeURIComponent(site)}&date_range=${first},${last}`, { signal });
}

/** Asks the API. */
export async function ask<T>(path: string, request: RequestInit): Promise<T> {
  const headers = new Headers(request.headers);
  const token = sessionStorage.getItem(TOKEN);
  if (token !== null) headers.set("Authorization", `Bearer ${token}`);
  let response: Response;
  try {
    response = await fetch(path, { ...request, headers });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(t("unreachable"), 0);
  }
  const body: unknown = await response.json().catch((error: unknown) => {
    // A question that nobody has any more is no answer of nothing.
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    return null;
  });
  if (response.ok && body !== null) return body as T;
  const message = (body as { error?: string } | null)?.error;
  throw new ApiError(message ?? t("status", { status: String(response.status) }), response.status);
}

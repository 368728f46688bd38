// The public API as this page uses it. Nothing else is asked, and no other host.

import { t } from "./i18n";

export interface Site {
  domain: string;
  timezone: string;
  public: boolean;
  /** Of its money; none where it counts none. */
  currency?: string | null;
  /** What may be done here, as the session tells it. */
  rights?: Right[];
}

export type Right = "read" | "export" | "define" | "administer";

/** Who asks, and what they may do. */
export interface Me {
  kind: "person" | "token" | "administrator" | "anyone";
  login?: string | null;
  /** Somebody else chose the password: it has to be changed first. */
  temporary?: boolean;
  csrf?: string;
  /** There is no account yet. */
  setup?: boolean;
  users: boolean;
  passwords: boolean;
  /** What somebody who is signed in is granted. */
  grants?: { role: string; site: string }[];
  sites: { domain: string; rights: Right[] }[];
}

export type Metric = "visitors" | "visits" | "pageviews" | "views_per_visit" | "bounce_rate" | "visit_duration" | "events" | "percentage" | "time_on_page" | "scroll_depth" | "exit_rate" | "conversion_rate" | "total_revenue" | "average_revenue";

/** What is told in the site's currency. */
export const MONEY: readonly Metric[] = ["total_revenue", "average_revenue"];

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
  /** Several are added up. */
  site_id: string | string[];
  metrics: Metric[];
  date_range: string | [string, string];
  dimensions?: string[];
  filters?: SentFilter[];
  order_by?: [string, "asc" | "desc"][];
  include?: { time_labels?: boolean; total_rows?: boolean; coverage?: boolean; comparisons?: { mode: "custom"; date_range: [string, string] } };
  pagination?: { limit?: number; offset?: number };
}

/** How one to nine are told by a site that tells tens. */
export const FEWER = "<10";

/** A number as the API tells it: unknown, or fewer than ten, where a site tells tens. */
export type Told = number | typeof FEWER | null;

export interface Row {
  metrics: Told[];
  dimensions: string[];
  /** The same of the range that was compared with. */
  comparison?: { metrics: Told[]; dimensions: string[] };
}

/** What became of people's hits: counts, and shares in percent of all of them. */
export interface Coverage {
  shares: { measured: number | null; exempt: number | null; counted_only: number | null; opted_out: number | null };
  lowered_by: Record<string, number | typeof FEWER>;
  /** The first day that is known of, where the range begins before it. */
  since?: string;
}

/** A day of which hits may be missing, because they could not be opened, or visitors may count twice, because a restart could not read them again. */
export interface Degraded {
  day: string;
  records: number;
  forgotten: number;
  warning: string;
}

export interface Answer {
  results: Row[];
  meta: {
    metric_warnings?: Partial<Record<Metric, { code: string; warning: string }>>;
    filter_warnings?: Record<string, { code: string; warning: string }>;
    /** Rows or sums may lack what was of fewer visitors than that when its day closed; how much of it is in no row, where that is told. */
    folded?: { below?: number; warning: string };
    time_labels?: string[];
    comparison_time_labels?: string[];
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
    /** When to try again, in seconds. */
    readonly wait?: number,
    /** What kind of failure it is to the server. */
    readonly code?: string,
    /** How many there may be, of what there are too many. */
    readonly max?: number,
  ) {
    super(message);
  }
}

const TOKEN = "footfall-token";

/** Takes a token out of the URL's fragment, which no server ever sees, and out of the address bar. What it is for; nothing where there is none. */
export function takeTokenFromFragment(): "token" | "setup" | null {
  const from = new URLSearchParams(location.hash.slice(1));
  const [token, setup] = [from.get("token"), from.get("setup")];
  const given = token ?? setup;
  if (given === null) return null;
  history.replaceState(null, "", location.pathname + location.search);
  keepToken(given);
  return setup === null ? "token" : "setup";
}

/** Takes it also where such a link is followed on the page that is open, which does not start anew then. Returns how to stop. */
export function onTokenInFragment(then: (isSetup: boolean) => void): () => void {
  const changed = () => {
    const taken = takeTokenFromFragment();
    if (taken !== null) then(taken === "setup");
  };
  addEventListener("hashchange", changed);
  return () => removeEventListener("hashchange", changed);
}

/** What a request that changes something repeats; the server tells it to this page alone. */
let csrf: string | undefined;

/** Told to the window when a session turns out to be over. */
export const SIGNED_OUT = "footfall-signed-out";

export function keepToken(token: string): void {
  sessionStorage.setItem(TOKEN, token);
}

export function forgetToken(): void {
  sessionStorage.removeItem(TOKEN);
}

export function hasToken(): boolean {
  return sessionStorage.getItem(TOKEN) !== null;
}

export async function whoAmI(signal?: AbortSignal): Promise<Me> {
  const me = await ask<Me>("/api/session", { signal });
  csrf = me.csrf;
  return me;
}

/** Signs in; the browser keeps the session where no script can read it. */
export async function signIn(login: string, password: string): Promise<void> {
  await change("POST", "/api/session", { login, password });
}

/** Makes the first account with the administrator's token, and signs in with it. */
export async function setUp(login: string, password: string): Promise<void> {
  await change("POST", "/api/setup", { login, password });
}

/** Asks for something to be changed. */
export function change<T>(method: "POST" | "PUT" | "DELETE", path: string, body?: unknown): Promise<T> {
  return ask<T>(path, { method, headers: { "Content-Type": "application/json" }, body: body === undefined ? undefined : JSON.stringify(body) });
}

export function read<T>(path: string, signal?: AbortSignal): Promise<T> {
  return ask<T>(path, { signal });
}

/** A table, as the server writes it. */
export async function table(path: string, signal?: AbortSignal): Promise<string> {
  const response = await fetch(path, { headers: { ...authorization(), Accept: "text/csv" }, signal });
  if (!response.ok) throw new ApiError(t("status", { status: String(response.status) }), response.status);
  return response.text();
}

export async function sites(signal?: AbortSignal): Promise<Site[]> {
  const answer = await ask<{ sites: Site[] }>("/api/v1/sites", { signal });
  return answer.sites;
}

/** What files are made as. */
export type FileFormat = "csv" | "json";

/** Whoever makes a file of an answer says so: that takes the right to, and is noted. */
const taken = (file?: FileFormat): Record<string, string> => (file === undefined ? {} : { "Footfall-Export": file });

/** Asks the counts. */
export async function query(query: Query, signal?: AbortSignal, file?: FileFormat): Promise<Answer> {
  const answer = await post<Answer>("/api/v2/query", query, signal, file);
  return query.metrics.some((metric) => MONEY.includes(metric)) ? inNumbers(answer) : answer;
}

/** An answer whose money is numbers: it comes with texts, which this page writes in its own language. */
function inNumbers(answer: Answer): Answer {
  const amount = (told: Told | { value: number }) => (typeof told === "object" && told !== null ? told.value : told);
  const one = <R extends { metrics: Told[] }>(row: R): R => ({ ...row, metrics: row.metrics.map(amount) });
  return { ...answer, results: answer.results.map((row) => ({ ...one(row), ...(row.comparison && { comparison: one(row.comparison) }) })) };
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

export function halfHour(site: string, signal?: AbortSignal, file?: FileFormat): Promise<HalfHour> {
  return ask(`/api/v1/stats/realtime?site_id=${encodeURIComponent(site)}`, { headers: taken(file), signal });
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
  forgotten: Told;
  coverage: Coverage;
  degraded?: Degraded[];
  rounded?: { to: number; warning: string };
}

export function ledger(site: string, [first, last]: [string, string], signal?: AbortSignal, file?: FileFormat): Promise<Ledger> {
  return ask(`/api/v1/ledger?site_id=${encodeURIComponent(site)}&date_range=${first},${last}`, { headers: taken(file), signal });
}

/** Views of a page, and what part of all of its views they are. */
export interface FlowShare {
  pageviews: Told;
  share: Told;
}

export interface FlowSide {
  entries?: FlowShare;
  exits?: FlowShare;
  pages: (FlowShare & { page: string })[];
  pages_total: number;
  other: FlowShare;
}

/** Where the views of a page came from and led to. */
export interface Flow {
  page: string;
  pageviews: Told;
  previous: FlowSide;
  next: FlowSide;
  meta: { folded?: { below: number } };
}

export function flow(site: string, page: string, dates: [string, string], signal?: AbortSignal, file?: FileFormat): Promise<Flow> {
  return post("/api/v2/flow", { site_id: site, page, date_range: dates }, signal, file);
}

export const VITALS = ["lcp", "inp", "cls", "fcp", "ttfb"] as const;
export type VitalName = (typeof VITALS)[number];
export type Rating = "good" | "needs_improvement" | "poor";

/** A percentile is more than `from` and at most `to`. */
export interface Percentile {
  from: number;
  to: number | null;
  about: number | null;
}

export interface Vital {
  measurements: Told;
  p75: Percentile | null;
  rating: Rating | null;
  good: number | null;
  needs_improvement: number | null;
  poor: number | null;
  buckets?: { from: number; to: number | null; measurements: Told; rating: Rating }[];
}

export interface Measured {
  vitals: Record<VitalName, Vital>;
  rows?: { page?: string; device?: string; vitals: Record<VitalName, Vital> }[];
  meta: object;
}

export function vitals(site: string, dates: [string, string], by: "page" | "device", signal?: AbortSignal, file?: FileFormat): Promise<Measured> {
  return post("/api/v2/vitals", { site_id: site, date_range: dates, by }, signal, file);
}

/** The names of the properties that events had, the most frequent first. */
export async function propertyNames(site: string, [first, last]: [string, string], signal?: AbortSignal): Promise<string[]> {
  const answer = await ask<{ properties: { name: string }[] }>(`/api/v1/properties?site_id=${encodeURIComponent(site)}&date_range=${first},${last}`, { signal });
  return answer.properties.map(({ name }) => name);
}

export function post<T>(path: string, body: unknown, signal?: AbortSignal, file?: FileFormat): Promise<T> {
  return ask(path, { method: "POST", headers: { "Content-Type": "application/json", ...taken(file) }, body: JSON.stringify(body), signal });
}

/** What a shared link has opened: by it is asked, whoever else is signed in here. `null` before; `undefined` where nobody follows a link. */
let guest: string | null | undefined;

export function actAs(token: string | null): void {
  guest = token;
}

function authorization(): Record<string, string> {
  // A frame on another site's page may have no storage.
  const token = guest === undefined ? sessionStorage.getItem(TOKEN) : guest;
  return token === null ? {} : { Authorization: `Bearer ${token}` };
}

/** Asks the API. */
export async function ask<T>(path: string, request: RequestInit): Promise<T> {
  const headers = new Headers({ ...Object.fromEntries(new Headers(request.headers)), ...authorization() });
  if (csrf !== undefined && request.method !== undefined) headers.set("Footfall-Csrf", csrf);
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
  if (response.ok && (body !== null || response.status === 204)) return body as T;
  if (response.status === 401 && (csrf !== undefined || typeof guest === "string")) {
    // The session is over, or the link is: whoever looks is asked again, once.
    csrf = undefined;
    if (guest !== undefined) guest = null;
    dispatchEvent(new Event(SIGNED_OUT));
  }
  const { error: message, code, max } = (body ?? {}) as { error?: string; code?: string; max?: number };
  const wait = response.status === 429 ? Number(response.headers.get("Retry-After")) : undefined;
  throw new ApiError(message ?? t("status", { status: String(response.status) }), response.status, wait, code, max);
}

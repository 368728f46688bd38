// What people define for a site, through the public API: goals, segments, funnels and annotations.

import { ApiError, type FileFormat, type Filter, type SentFilter, type Site, type Told, change, post, read, sent } from "./api";
import { t } from "./i18n";

export type Kind = "goals" | "segments" | "funnels" | "annotations";

/** What counts as taken: an event, or a page that fits a pattern. */
export interface Action {
  event?: string;
  page?: string;
}

interface Named {
  name: string;
  /** From when on hits are counted by it. */
  effective_from?: string;
  unreadable?: string;
}

/** A goal, also of how far a page is scrolled: in percent of it. */
export interface Goal extends Named, Action {
  scroll?: number;
}

export interface Segment extends Named {
  filters?: unknown[];
}

export interface Step extends Action {
  label?: string;
}

export interface Funnel extends Named {
  steps?: Step[];
}

export interface Annotation extends Named {
  at?: string;
  text?: string;
}

export interface Definitions {
  goals: Goal;
  segments: Segment;
  funnels: Funnel;
  annotations: Annotation;
}

/** As the API reads them, without a name. */
export interface Bodies {
  goals: Action & { scroll?: number };
  segments: { filters: SentFilter[] };
  funnels: { steps: Step[] };
  annotations: { at: string; text: string };
}

const path = (site: string, kind: Kind, name?: string) => `/api/sites/${encodeURIComponent(site)}/${kind}${name === undefined ? "" : `/${encodeURIComponent(name)}`}`;

export async function definitions<K extends Kind>(site: string, kind: K, signal?: AbortSignal): Promise<Definitions[K][]> {
  const answer = await read<Record<K, Definitions[K][]>>(path(site, kind), signal);
  return answer[kind];
}

export const define = <K extends Kind>(site: string, kind: K, name: string, body: Bodies[K]): Promise<Definitions[K]> => change("PUT", path(site, kind, name), body);

export const undefine = (site: string, kind: Kind, name: string): Promise<unknown> => change("DELETE", path(site, kind, name));

/** Longest name, as the server bounds it. */
export const NAME_CHARS_MAX = 120;

/** Whether the reader may say what is counted. */
export const mayDefine = (site: Site): boolean => site.rights?.includes("define") === true;

/** Why a definition was not taken. */
export function whyNot(error: unknown): string {
  if (error instanceof ApiError && error.status === 401) return t("define_may_not");
  return error instanceof Error ? error.message : String(error);
}

/** How far visitors came, on one day or as the sum of several. */
export interface Reached {
  visitors: Told;
  steps: { step: number; label: string; visitors: Told; conversion_rate: Told; step_conversion_rate: Told }[];
  meta: { counted_from?: string; folded?: { below: number; warning: string } };
}

export function reached(site: string, funnel: string, dates: [string, string], signal?: AbortSignal, file?: FileFormat): Promise<Reached> {
  return post("/api/v2/funnel", { site_id: site, funnel, date_range: dates }, signal, file);
}

/** Filters on the page as a segment's: the same words. */
export const asSegment = (filters: Filter[]): Bodies["segments"] => ({ filters: sent(filters) });

/** What a person typed as a step or goal: a path is a page, anything else an event. */
export const readAction = (typed: string): Action => (/^[/*]/.test(typed) ? { page: typed } : { event: typed });

export const tellGoal = ({ scroll, ...action }: Goal): string => (scroll === undefined ? tellAction(action) : `${tellAction(action)} · ${t("goal_scrolled", { n: scroll })}`);

export const tellAction = ({ event, page }: Action): string => page ?? event ?? "";

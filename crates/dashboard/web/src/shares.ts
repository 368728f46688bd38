// Shared links through the public API: those of a site for who administers it, and the one that is followed.

import { type Site, actAs, change, read } from "./api";
import type { Word } from "./i18n";
import type { Shown } from "./scope";

/** The reports that can be shared, by the names of their cards and views. */
export const REPORTS: { name: string; label: Word; wholeSite?: true }[] = [
  { name: "overview", label: "overview" },
  { name: "sources", label: "sources" },
  { name: "pages", label: "pages" },
  { name: "places", label: "places" },
  { name: "campaigns", label: "campaigns" },
  { name: "devices", label: "devices" },
  { name: "systems", label: "systems" },
  { name: "events", label: "events" },
  // These are not counted by segment.
  { name: "funnels", label: "funnels", wholeSite: true },
  { name: "flows", label: "flows", wholeSite: true },
  { name: "vitals", label: "vitals", wholeSite: true },
  { name: "live", label: "view_live", wholeSite: true },
  { name: "ledger", label: "view_ledger", wholeSite: true },
];

/** What a link shows, as whoever administers the site says it. */
export interface Terms {
  name: string;
  /** `null`: everything. */
  reports: string[] | null;
  segment: string | null;
  export: boolean;
  origins: string[];
  expires: string | null;
}

export interface Share extends Terms {
  id: string;
  expired: boolean;
  /** Whether it takes one. */
  password: boolean;
  made_by: string;
  used_on: string | null;
}

/** With its link, which is told this once. */
export interface MadeShare extends Share {
  link: string;
  embed?: string;
}

/** Terms with a password; without one, a share that is changed keeps its own, and `null` takes it away. */
export type Sent = Terms & { password?: string | null };

export const sharesOf = (site: string) => `/api/sites/${encodeURIComponent(site)}/shares`;

export const makeShare = (site: string, sent: Sent) => change<MadeShare>("POST", sharesOf(site), sent);
export const changeShare = (site: string, id: string, sent: Sent) => change<Share>("PUT", `${sharesOf(site)}/${id}`, sent);
export const renewShare = (site: string, id: string) => change<MadeShare>("POST", `${sharesOf(site)}/${id}/link`);
export const removeShare = (site: string, id: string) => change<void>("DELETE", `${sharesOf(site)}/${id}`);
export const publish = (site: string, isPublic: boolean) => change<void>("PUT", `/api/sites/${encodeURIComponent(site)}/public`, { public: isPublic });

export const mayShare = (site: Site): boolean => site.rights?.includes("administer") === true;

/** What a followed link shows. */
export interface Followed extends Shown {
  name: string;
  site: string;
  timezone: string;
  currency?: string | null;
  export: boolean;
  expires: string | null;
}

/** Follows a link, and asks by it from then on. */
export async function follow(link: string, password?: string): Promise<{ token: string; share: Followed }> {
  actAs(null);
  const opened = await change<{ token: string; share: Followed }>("POST", "/api/share", { link, ...(password === undefined ? {} : { password }) });
  actAs(opened.token);
  return opened;
}

/** Goes on with a link that was opened before in this tab; nothing where that is over. */
export async function goOn(token: string): Promise<Followed | null> {
  actAs(token);
  const me = await read<{ share?: Followed | null }>("/api/session");
  return me.share ?? null;
}

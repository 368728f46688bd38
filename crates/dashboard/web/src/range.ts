// Ranges of the picker as dates of the site's own calendar. "Today" is the site's, not the browser's.

export type RangeName = "day" | "yesterday" | "7d" | "30d" | "90d" | "12mo";

export const RANGES: { name: RangeName; label: string; before: string; key: string }[] = [
  { name: "day", label: "Today", before: "yesterday", key: "d" },
  { name: "yesterday", label: "Yesterday", before: "the day before", key: "e" },
  { name: "7d", label: "7 days", before: "the 7 days before", key: "w" },
  { name: "30d", label: "30 days", before: "the 30 days before", key: "m" },
  { name: "90d", label: "90 days", before: "the 90 days before", key: "q" },
  { name: "12mo", label: "12 months", before: "the 12 months before", key: "y" },
];

export interface Range {
  name: RangeName;
  dates: [string, string];
  previous: [string, string];
  grain: "time:hour" | "time:day" | "time:month";
  days: number;
  /** Whether today, which is not over, is part of it. */
  open: boolean;
}

/** Today's date where the site is. */
export function today(timezone: string, now: Date = new Date()): string {
  return parts(timezone, now).date;
}

/** The label of the bucket that is still filling, for a grain. */
export function openBucket(grain: Range["grain"], timezone: string, now: Date = new Date()): string {
  const { date, hour } = parts(timezone, now);
  if (grain === "time:hour") return `${date} ${hour}:00:00`;
  return grain === "time:day" ? date : `${date.slice(0, 7)}-01`;
}

export function resolve(name: RangeName, today: string): Range {
  const made = (first: string, last: string, grain: Range["grain"]): Range => {
    const days = between(first, last) + 1;
    const previous: [string, string] =
      name === "12mo" ? [addMonths(first, -12), addMonths(last, -12)] : [addDays(first, -days), addDays(first, -1)];
    return { name, dates: [first, last], previous, grain, days, open: last >= today };
  };
  switch (name) {
    case "day":
      return made(today, today, "time:hour");
    case "yesterday":
      return made(addDays(today, -1), addDays(today, -1), "time:hour");
    case "7d":
      return made(addDays(today, -6), today, "time:day");
    case "30d":
      return made(addDays(today, -29), today, "time:day");
    case "90d":
      return made(addDays(today, -89), today, "time:day");
    case "12mo":
      return made(`${addMonths(`${today.slice(0, 7)}-01`, -11)}`, today, "time:month");
  }
}

/** The days of a range that have been measured at all: a site's first days are no reason for a lower average. */
export function daysMeasured(range: Range, firstDay: string | undefined): number {
  const [first, last] = range.dates;
  const from = firstDay !== undefined && firstDay > first ? firstDay : first;
  return Math.max(1, between(from, last) + 1);
}

function parts(timezone: string, now: Date): { date: string; hour: string } {
  const format = new Intl.DateTimeFormat("en-GB", {
    timeZone: timezone,
    hourCycle: "h23",
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
  });
  const found = Object.fromEntries(format.formatToParts(now).map((part) => [part.type, part.value]));
  return { date: `${found.year}-${found.month}-${found.day}`, hour: found.hour ?? "00" };
}

const DAY_MS = 86_400_000;
const utc = (date: string) => Date.parse(`${date}T00:00:00Z`);
const iso = (ms: number) => new Date(ms).toISOString().slice(0, 10);
const addDays = (date: string, days: number) => iso(utc(date) + days * DAY_MS);
const between = (first: string, last: string) => Math.round((utc(last) - utc(first)) / DAY_MS);

function addMonths(date: string, months: number): string {
  const [year = 0, month = 1, day = 1] = date.split("-").map(Number);
  const last = new Date(Date.UTC(year, month + months, 0)).getUTCDate();
  return iso(Date.UTC(year, month - 1 + months, Math.min(day, last)));
}

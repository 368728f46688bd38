// Periods of the picker as dates of the site's own calendar. "Today" is the site's, not the browser's.

import type { Word } from "./i18n";

export type PeriodName = "day" | "yesterday" | "7d" | "30d" | "90d" | "month" | "lastmonth" | "12mo" | "all" | "custom";
export type Compare = "previous" | "weekday" | "year" | "custom" | "off";
export type Interval = "hour" | "day" | "week" | "month";

/** The periods that have a name and a key; `before` is what the period before is called. */
export const PERIODS: { name: PeriodName; label: Word; before: Word; keys: string[] }[] = [
  { name: "day", label: "today", before: "before_day", keys: ["t", "d"] },
  { name: "yesterday", label: "yesterday", before: "before_yesterday", keys: ["y", "e"] },
  { name: "7d", label: "days_7", before: "before_7d", keys: ["w"] },
  { name: "30d", label: "days_30", before: "before_30d", keys: ["f"] },
  { name: "90d", label: "days_90", before: "before_90d", keys: ["q"] },
  { name: "month", label: "this_month", before: "before_period", keys: ["m"] },
  { name: "lastmonth", label: "last_month", before: "before_period", keys: ["p"] },
  { name: "12mo", label: "months_12", before: "before_12mo", keys: ["l"] },
  { name: "all", label: "all_time", before: "before_period", keys: ["a"] },
];

export const COMPARES: { name: Compare; label: Word }[] = [
  { name: "previous", label: "compare_previous" },
  { name: "weekday", label: "compare_weekday" },
  { name: "year", label: "compare_year" },
  { name: "custom", label: "custom" },
  { name: "off", label: "compare_off" },
];

export const INTERVALS: Interval[] = ["hour", "day", "week", "month"];

export interface Range {
  name: PeriodName;
  dates: [string, string];
  days: number;
  /** Whether today, which is not over, is part of it. */
  open: boolean;
}

/** Whether its only day is today: of that there is more to come, so that it is no equal of a day that is over. */
export const isTodayOnly = ({ open, days }: Range): boolean => open && days === 1;

/** Most days that are drawn by the hour: more points than pixels help nobody. */
const DAYS_BY_HOUR_MAX = 14;

/** Today's date where the site is. */
export function today(timezone: string, now: Date = new Date()): string {
  return parts(timezone, now).date;
}

/** The hour that is running where the site is, as two instants. */
export function runningHour(timezone: string, now: Date = new Date()): [string, string] {
  const { minute, second } = parts(timezone, now);
  const begin = Math.floor(now.getTime() / 1000) - Number(minute) * 60 - Number(second);
  const instant = (seconds: number) => new Date(seconds * 1000).toISOString().replace(".000Z", "Z");
  return [instant(begin), instant(begin + 3599)];
}

/** After every label: where nothing is filling any more. */
const OVER = "9999-12-31";

/** The label of the bucket that is still filling, for an interval of a range. */
export function openBucket(interval: Interval, timezone: string, [first, last]: [string, string?], now: Date = new Date()): string {
  const { date, hour } = parts(timezone, now);
  // Nothing comes to a range that ended before today, whatever week or month it ended in.
  if (last !== undefined && last < date) return OVER;
  switch (interval) {
    case "hour":
      return `${date} ${hour}:00:00`;
    case "day":
      return date;
    // The API calls a week that a range cuts by the range's first day, and a month always by its own.
    case "week":
      return beginOf(interval, date) < first ? first : beginOf(interval, date);
    case "month":
      return beginOf(interval, date);
  }
}

/** The first day of a date's week, a Monday, or month. */
const beginOf = (interval: "week" | "month", date: string) => (interval === "week" ? addDays(date, -((new Date(utc(date)).getUTCDay() + 6) % 7)) : `${date.slice(0, 7)}-01`);

/** The first and the last day that a bucket of a range holds of its week or month, where the range leaves others of it out. */
export function partOf(label: string, interval: Interval, [first, last]: [string, string]): [string, string] | undefined {
  if (interval !== "week" && interval !== "month") return undefined;
  const begin = beginOf(interval, label.slice(0, 10));
  const end = interval === "week" ? addDays(begin, 6) : addDays(addMonths(begin, 1), -1);
  return begin < first || last < end ? [begin < first ? first : begin, last < end ? last : end] : undefined;
}

/** A named period, today, as dates; `custom` brings its own, `all` begins with the first count. */
export function resolve(name: PeriodName, today: string, custom: [string, string] | null = null, firstDay?: string): Range {
  const made = (first: string, last: string): Range => ({
    name,
    dates: [first, last],
    days: between(first, last) + 1,
    open: last >= today && first <= today,
  });
  const month = `${today.slice(0, 7)}-01`;
  switch (name) {
    case "day":
      return made(today, today);
    case "yesterday":
      return made(addDays(today, -1), addDays(today, -1));
    case "7d":
      return made(addDays(today, -6), today);
    case "30d":
      return made(addDays(today, -29), today);
    case "90d":
      return made(addDays(today, -89), today);
    case "month":
      return made(month, today);
    case "lastmonth":
      return made(addMonths(month, -1), addDays(month, -1));
    case "12mo":
      return made(addMonths(month, -11), today);
    case "all":
      return made(firstDay !== undefined && firstDay < today ? firstDay : today, today);
    case "custom":
      return custom === null ? made(today, today) : made(custom[0], custom[1]);
  }
}

/** What a range is compared with; `custom` brings its own. Matching weekdays are as many whole weeks back as are needed. */
export function compared({ name, dates: [first, last], days }: Range, compare: Compare, custom: [string, string] | null = null): [string, string] | null {
  if (compare === "custom") return custom;
  if (compare === "off" || name === "all") return null;
  if (compare === "year" || (compare === "previous" && name === "12mo")) return [addMonths(first, -12), addMonths(last, -12)];
  if (compare === "previous" && (name === "month" || name === "lastmonth")) {
    const before = addMonths(first, -1);
    const same = addMonths(last, -1);
    return [before, name === "lastmonth" ? addDays(first, -1) : same];
  }
  const back = compare === "weekday" ? Math.ceil(days / 7) * 7 : days;
  return [addDays(first, -back), addDays(last, -back)];
}

/** Whether a range is compared: against days before the first count everything would have grown. */
export const isComparable = (against: [string, string] | null, firstDay: string | null | undefined): against is [string, string] => against !== null && typeof firstDay === "string" && firstDay <= against[0];

/** The intervals that make sense for a range. */
export function intervalsFor(range: Range): Interval[] {
  return INTERVALS.filter((interval) => {
    if (interval === "hour") return range.days <= DAYS_BY_HOUR_MAX;
    if (interval === "day") return range.days > 1 && range.days <= 1_200;
    return interval === "week" ? range.days > 7 : range.days > 31;
  });
}

/** The interval a range is drawn by, unless somebody chooses: hours of two days, days of a quarter, then months. */
export function intervalFor(range: Range, chosen: Interval | null): Interval {
  if (chosen !== null && intervalsFor(range).includes(chosen)) return chosen;
  if (range.days <= 2) return "hour";
  return range.days <= 120 ? "day" : "month";
}

/** The days of a range that have been measured at all: a site's first days are no reason for a lower average. */
export function daysMeasured(range: Range, firstDay: string | undefined): number {
  const [first, last] = range.dates;
  const from = firstDay !== undefined && firstDay > first ? firstDay : first;
  return Math.max(1, between(from, last) + 1);
}

/** The days from one date to another, both included. */
export const daysOf = ([first, last]: [string, string]): number => between(first, last) + 1;

/** Whether a text is a date that exists. */
export function isDate(text: string | null): text is string {
  return text !== null && /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(utc(text)) && iso(utc(text)) === text;
}

/** A range moved by its own length: the days before it, or after it up to today. */
export function moved({ dates: [first, last], days }: Range, direction: -1 | 1, today: string): [string, string] | null {
  const next: [string, string] = [addDays(first, direction * days), addDays(last, direction * days)];
  return next[0] > today ? null : next;
}

function parts(timezone: string, now: Date): Record<"date" | "hour" | "minute" | "second", string> {
  const format = new Intl.DateTimeFormat("en-GB", {
    timeZone: timezone,
    hourCycle: "h23",
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
  });
  const found = Object.fromEntries(format.formatToParts(now).map((part) => [part.type, part.value]));
  const { year, month, day, hour = "00", minute = "00", second = "00" } = found;
  return { date: `${year}-${month}-${day}`, hour, minute, second };
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

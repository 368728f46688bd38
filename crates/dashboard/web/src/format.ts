// Numbers, durations, dates and names as they stand on the page, in its language.

import { FEWER, MONEY, type Metric, type Percentile, type Told, type VitalName } from "./api";
import { language, t } from "./i18n";

const numbers = new Map<string, Intl.NumberFormat>();

function number(options: Intl.NumberFormatOptions = {}): Intl.NumberFormat {
  const key = language() + JSON.stringify(options);
  const known = numbers.get(key) ?? new Intl.NumberFormat(language(), options);
  numbers.set(key, known);
  return known;
}

export const whole = (value: number) => number().format(value);

/** Short from six digits on; the exact number belongs into a title. */
export const short = (value: number) =>
  Math.abs(value) < 100_000 ? whole(value) : number({ notation: "compact", maximumFractionDigits: 1 }).format(value);

let currency: string | undefined;

/** Chooses the currency of all money from now on: that of the site which is looked at. */
export function payIn(code: string | null | undefined): void {
  currency = code ?? undefined;
}

const money = (value: number, options: Intl.NumberFormatOptions = {}) =>
  number(currency === undefined ? options : { style: "currency", currency, ...options }).format(value);

/** In whole units from four digits on, and short where counts are; in full it belongs into a title. */
function shortMoney(value: number): string {
  if (Math.abs(value) < 1_000) return money(value);
  return money(value, Math.abs(value) < 100_000 ? { minimumFractionDigits: 0, maximumFractionDigits: 0 } : { notation: "compact", maximumFractionDigits: 1 });
}

/** What a bar or a point of a told number is as long or high as: fewer than ten stand in their middle. */
export const sized = (value: Told | undefined): number | null => (value === FEWER ? 5 : (value ?? null));

/** A count in full, for a title; money to its smallest unit. */
export function inFull(value: Told | undefined, metric?: Metric): string {
  if (typeof value !== "number") return value ?? "–";
  return metric !== undefined && MONEY.includes(metric) ? money(value) : whole(value);
}

export function metricValue(metric: Metric, value: Told | undefined): string {
  if (value === null || value === undefined) return "–";
  if (value === FEWER) return value;
  switch (metric) {
    case "visitors":
    case "visits":
    case "pageviews":
    case "events":
      return short(value);
    case "views_per_visit":
      return number({ minimumFractionDigits: 1, maximumFractionDigits: 2 }).format(value);
    case "bounce_rate":
    case "scroll_depth":
      return `${whole(value)}%`;
    case "percentage":
    case "exit_rate":
    case "conversion_rate":
      return `${value.toFixed(1)}%`;
    case "visit_duration":
    case "time_on_page":
      return duration(value);
    case "total_revenue":
    case "average_revenue":
      return shortMoney(value);
  }
}

/** Where a percentile is: about where, or within which bounds where that is all that is told. */
export function vitalValue(vital: VitalName, told: Percentile | null): string {
  if (told === null) return "–";
  const one = (value: number): string => {
    if (vital === "cls") return number({ minimumFractionDigits: 2, maximumFractionDigits: 2 }).format(value);
    return value < 1000 ? `${whole(value)} ms` : `${number({ minimumFractionDigits: 1, maximumFractionDigits: 1 }).format(value / 1000)} s`;
  };
  if (told.about !== null) return one(told.about);
  return told.to === null ? `> ${one(told.from)}` : `${one(told.from)} – ${one(told.to)}`;
}

export function duration(seconds: number): string {
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  const rest = Math.round(seconds % 60);
  const [h, m, s] = [t("hours"), t("minutes"), t("seconds")];
  if (hours > 0) return `${hours}${h} ${minutes}${m}`;
  return minutes > 0 ? `${minutes}${m} ${String(rest).padStart(2, "0")}${s}` : `${rest}${s}`;
}

/** The time of day of an instant as the API writes it, in the site's own zone. */
export const clockTime = (instant: string): string => instant.slice(11, 19);

const namers = new Map<string, Intl.DisplayNames>();

function names(type: "region" | "language"): Intl.DisplayNames {
  const key = `${language()} ${type}`;
  const known = namers.get(key) ?? new Intl.DisplayNames([language()], { type });
  namers.set(key, known);
  return known;
}

export function countryName(code: string): string {
  if (!/^[A-Z]{2}$/.test(code)) return code === "" ? t("unknown") : code;
  try {
    return names("region").of(code) ?? code;
  } catch {
    return code;
  }
}

export function languageName(tag: string): string {
  try {
    return tag === "" ? t("unknown") : (names("language").of(tag) ?? tag);
  } catch {
    return tag;
  }
}

const at = (label: string) => new Date(`${label.slice(0, 10)}T${label.length > 10 ? label.slice(11, 19) : "00:00:00"}Z`);
const dates = (options: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat(language(), { timeZone: "UTC", ...options });
const dayAndMonth = (label: string) => dates({ day: "numeric", month: "short" }).format(at(label));

/** A bucket under the axis; a month says its year where that changes, and an hour its day. */
export function axisLabel(label: string, grain: string, severalDays = false): string {
  if (grain === "time:hour") return severalDays && label.slice(11, 13) === "00" ? dayAndMonth(label) : label.slice(11, 16);
  if (grain !== "time:month") return dayAndMonth(label);
  return label.slice(5, 7) === "01" ? label.slice(0, 4) : dates({ month: "short" }).format(at(label));
}

/** A bucket in full. */
export function bucketLabel(label: string, grain: string): string {
  if (grain === "time:month") return dates({ month: "short", year: "numeric" }).format(at(label));
  const day = dates({ weekday: "short", day: "numeric", month: "short" }).format(at(label));
  if (grain === "time:week") return t("week_of", { day });
  if (grain !== "time:hour") return day;
  return `${day}, ${label.slice(11, 16)}–${label.slice(11, 13)}:59`;
}

export function dateSpan([first, last]: [string, string]): string {
  const full = dates({ day: "numeric", month: "short", year: "numeric" });
  return first === last ? full.format(at(first)) : full.formatRange(at(first), at(last));
}

/** A time of day to the second, where the site is. */
export function clock(now: Date, timezone: string): string {
  return new Intl.DateTimeFormat("en-GB", { timeZone: timezone, hour: "2-digit", minute: "2-digit", second: "2-digit" }).format(now);
}

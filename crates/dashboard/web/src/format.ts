// Numbers, durations, dates and names as they stand on the page.

import { FEWER, type Metric, type Told } from "./api";

const LOCALE = "en";
const exact = new Intl.NumberFormat(LOCALE);
const compact = new Intl.NumberFormat(LOCALE, { notation: "compact", maximumFractionDigits: 1 });
const decimal = new Intl.NumberFormat(LOCALE, { minimumFractionDigits: 1, maximumFractionDigits: 2 });
const regions = new Intl.DisplayNames([LOCALE], { type: "region" });
const languages = new Intl.DisplayNames([LOCALE], { type: "language" });

export const whole = (number: number) => exact.format(number);

/** Short from six digits on; the exact number belongs into a title. */
export const short = (number: number) => (Math.abs(number) < 100_000 ? exact.format(number) : compact.format(number));

/** What a bar or a point of a told number is as long or high as: fewer than ten stand in their middle. */
export const sized = (value: Told | undefined): number | null => (value === FEWER ? 5 : (value ?? null));

/** A count in full, for a title. */
export const inFull = (value: Told | undefined): string => (typeof value === "number" ? whole(value) : (value ?? "–"));

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
      return decimal.format(value);
    case "bounce_rate":
      return `${exact.format(value)}%`;
    case "percentage":
      return `${value.toFixed(1)}%`;
    case "visit_duration":
      return duration(value);
  }
}

export function duration(seconds: number): string {
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  const rest = Math.round(seconds % 60);
  if (hours > 0) return `${hours}h ${minutes}m`;
  return minutes > 0 ? `${minutes}m ${String(rest).padStart(2, "0")}s` : `${rest}s`;
}

export function countryName(code: string): string {
  if (!/^[A-Z]{2}$/.test(code)) return code === "" ? "Unknown" : code;
  try {
    return regions.of(code) ?? code;
  } catch {
    return code;
  }
}

export function languageName(tag: string): string {
  try {
    return tag === "" ? "Unknown" : (languages.of(tag) ?? tag);
  } catch {
    return tag;
  }
}

const at = (label: string) => new Date(`${label.slice(0, 10)}T${label.length > 10 ? label.slice(11, 19) : "00:00:00"}Z`);
const dates = (options: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat(LOCALE, { timeZone: "UTC", ...options });
const dayAndMonth = dates({ day: "numeric", month: "short" });
const weekday = dates({ weekday: "short", day: "numeric", month: "short" });
const month = dates({ month: "short" });
const monthAndYear = dates({ month: "short", year: "numeric" });

/** A bucket under the axis; a month says its year where that changes. */
export function axisLabel(label: string, grain: string): string {
  if (grain === "time:hour") return label.slice(11, 16);
  if (grain === "time:day") return dayAndMonth.format(at(label));
  return label.slice(5, 7) === "01" ? label.slice(0, 4) : month.format(at(label));
}

/** A bucket in full. */
export function bucketLabel(label: string, grain: string): string {
  if (grain === "time:month") return monthAndYear.format(at(label));
  const day = weekday.format(at(label));
  if (grain !== "time:hour") return day;
  return `${day}, ${label.slice(11, 16)}–${label.slice(11, 13)}:59`;
}

export function dateSpan([first, last]: [string, string]): string {
  const full = dates({ day: "numeric", month: "short", year: "numeric" });
  return first === last ? full.format(at(first)) : full.formatRange(at(first), at(last));
}

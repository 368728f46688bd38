// What is missing from days of which records were lost, and what may be counted twice, in a sentence each.

import type { Degraded } from "./api";
import { dateSpan } from "./format";
import { t } from "./i18n";

/** Days that are named one by one; of more, the first and the last. */
const NAMED_MAX = 4;

export function degradedLine(days: Degraded[]): string {
  return [told(days, "degraded", (day) => day.records), told(days, "degraded_forgotten", (day) => day.forgotten)].filter((line) => line !== "").join(" ");
}

function told(all: Degraded[], word: "degraded" | "degraded_forgotten", records: (day: Degraded) => number): string {
  const days = all.filter((day) => records(day) > 0);
  if (days.length === 0) return "";
  const requests = days.reduce((sum, day) => sum + records(day), 0);
  const named = days.map(({ day }) => dateSpan([day, day]));
  const when = named.length <= NAMED_MAX ? named.join("; ") : t("days_between", { n: named.length, first: named[0] ?? "", last: named.at(-1) ?? "" });
  return t(word, { n: requests, when });
}

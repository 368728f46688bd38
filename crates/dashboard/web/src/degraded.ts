// What is missing from days of which records were lost, in a sentence.

import type { Degraded } from "./api";
import { dateSpan } from "./format";
import { t } from "./i18n";

/** Days that are named one by one; of more, the first and the last. */
const NAMED_MAX = 4;

export function degradedLine(days: Degraded[]): string {
  const requests = days.reduce((sum, day) => sum + day.records, 0);
  const named = days.map(({ day }) => dateSpan([day, day]));
  const when = named.length <= NAMED_MAX ? named.join("; ") : t("days_between", { n: named.length, first: named[0] ?? "", last: named.at(-1) ?? "" });
  return t("degraded", { n: requests, when });
}

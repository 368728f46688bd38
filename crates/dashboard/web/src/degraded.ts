// What is missing from days of which records were lost, in a sentence.

import type { Degraded } from "./api";
import { dateSpan, whole } from "./format";

/** Days that are named one by one; of more, the first and the last. */
const NAMED_MAX = 4;

export function degradedLine(days: Degraded[]): string {
  const requests = days.reduce((sum, day) => sum + day.records, 0);
  const named = days.map(({ day }) => dateSpan([day, day]));
  const when = named.length <= NAMED_MAX ? named.join("; ") : `${named.length} days, ${named[0]} to ${named.at(-1)}`;
  return `The hits of up to ${whole(requests)} ${requests === 1 ? "request" : "requests"} could not be opened and are missing here (${when}).`;
}

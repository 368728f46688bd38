// How much of what came was measured, in a sentence.

import type { Coverage } from "./api";
import { dateSpan, inFull, sized } from "./format";
import { named, t } from "./i18n";

/** "91% measured, 9% counted only"; nothing where nothing came. */
export function coverageLine({ shares, since }: Coverage, firstDay: string | undefined): string | undefined {
  if (shares.measured === null) return undefined;
  const parts = [t("measured", { share: percent(shares.measured) })];
  if (shares.counted_only) parts.push(t("counted_only", { share: percent(shares.counted_only) }));
  if (shares.opted_out) parts.push(t("opted_out", { share: percent(shares.opted_out) }));
  // A site's first day needs no explanation; a ledger that does not go back as far does.
  const late = since !== undefined && firstDay !== undefined && since > firstDay;
  return parts.join(t("comma")) + (late ? ` ${t("known_since", { day: dateSpan([since, since]) })}` : "");
}

/** What led to less, most first, for whoever asks further. */
export function loweredBy({ lowered_by }: Coverage): string | undefined {
  const parts = Object.entries(lowered_by).sort((one, other) => (sized(other[1]) ?? 0) - (sized(one[1]) ?? 0));
  if (parts.length === 0) return undefined;
  return t("less_because", { reasons: parts.map(([name, hits]) => `${named("lowered", name)} ${inFull(hits)}`).join(t("comma")) });
}

/** Whole, but where that would hide the last few. */
export function percent(share: number): string {
  const hides = (share < 1 && share > 0) || (share > 99 && share < 100);
  return `${hides ? share.toFixed(1) : Math.round(share)}%`;
}

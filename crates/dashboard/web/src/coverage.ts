// How much of what came was measured, in a sentence.

import type { Coverage } from "./api";
import { dateSpan, inFull, sized } from "./format";

/** What lowers a hit, as a person calls it. */
const LOWERING: Record<string, string> = {
  opted_out: "opt-out",
  child: "child",
  refused: "refused on the page",
  tcf_refused: "consent string refuses (TCF)",
  gpp_refused: "consent string refuses (GPP)",
  gpc: "Global Privacy Control",
  dnt: "Do Not Track",
  unclear: "unclear consent string",
  crowd: "too many visitors at once",
};

/** "91% measured, 9% counted only"; nothing where nothing came. */
export function coverageLine({ shares, since }: Coverage, firstDay: string | undefined): string | undefined {
  if (shares.measured === null) return undefined;
  const parts = [`${percent(shares.measured)} measured`];
  if (shares.counted_only) parts.push(`${percent(shares.counted_only)} counted only`);
  if (shares.opted_out) parts.push(`${percent(shares.opted_out)} opted out`);
  // A site's first day needs no explanation; a ledger that does not go back as far does.
  const late = since !== undefined && firstDay !== undefined && since > firstDay;
  return parts.join(", ") + (late ? ` (known since ${dateSpan([since, since])})` : "");
}

/** What led to less, most first, for whoever asks further. */
export function loweredBy({ lowered_by }: Coverage): string | undefined {
  const parts = Object.entries(lowered_by).sort((one, other) => (sized(other[1]) ?? 0) - (sized(one[1]) ?? 0));
  if (parts.length === 0) return undefined;
  return `Less because of: ${parts.map(([name, hits]) => `${LOWERING[name] ?? name} ${inFull(hits)}`).join(", ")}`;
}

/** Whole, but where that would hide the last few. */
function percent(share: number): string {
  const hides = (share < 1 && share > 0) || (share > 99 && share < 100);
  return `${hides ? share.toFixed(1) : Math.round(share)}%`;
}

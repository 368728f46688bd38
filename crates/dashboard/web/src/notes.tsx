// The quiet lines under the graph: what the numbers above are of, and what is missing from them.

import { type Answer, FEWER } from "./api";
import { coverageLine, loweredBy } from "./coverage";
import { degradedLine } from "./degraded";

export function Notes({ answer, firstDay }: { answer: Answer | undefined; firstDay: string | undefined }) {
  const { coverage, degraded, rounded } = answer?.meta ?? {};
  const line = coverage === undefined ? undefined : coverageLine(coverage, firstDay);
  return (
    <div class="notes">
      {degraded !== undefined && degraded.length > 0 && (
        <p class="degraded" role="status">
          {degradedLine(degraded)}
        </p>
      )}
      {coverage !== undefined && line !== undefined && (
        <p class="coverage" title={loweredBy(coverage)}>
          {line}
        </p>
      )}
      {rounded !== undefined && (
        <p title={rounded.warning}>Counts are rounded to the nearest {rounded.to}; fewer are shown as {FEWER}.</p>
      )}
    </div>
  );
}

// The quiet lines under the graph: what the numbers above are of.

import type { Answer } from "./api";
import { coverageLine, loweredBy } from "./coverage";

export function Notes({ answer, firstDay }: { answer: Answer | undefined; firstDay: string | undefined }) {
  const coverage = answer?.meta.coverage;
  const line = coverage === undefined ? undefined : coverageLine(coverage, firstDay);
  return (
    <div class="notes">
      {coverage !== undefined && line !== undefined && (
        <p class="coverage" title={loweredBy(coverage)}>
          {line}
        </p>
      )}
    </div>
  );
}

// The quiet lines under the graph: what the numbers above are of, and what is missing from them.

import { type Answer, FEWER } from "./api";
import { coverageLine, loweredBy } from "./coverage";
import { degradedLine } from "./degraded";
import { t } from "./i18n";

export function Notes({ answer, firstDay }: { answer: Answer | undefined; firstDay: string | undefined }) {
  const { coverage, degraded, rounded, filter_warnings } = answer?.meta ?? {};
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
        <p>{t("rounded", { to: rounded.to, fewer: FEWER })}</p>
      )}
      {filter_warnings !== undefined && <p>{t("known_values")}</p>}
    </div>
  );
}

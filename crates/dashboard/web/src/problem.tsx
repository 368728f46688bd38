// Why there is no number here. What the counts do not hold is no failure: it is said with what to do about it.

import type { ApiError } from "./api";
import { FilterChips } from "./filters";
import { t } from "./i18n";
import type { Scope } from "./scope";

/** How the API says that cells of what is asked together, or by the hour, are not there. */
const OF_COMBINATION = /^metric |not a declared pair|not counted|counted by the day|kept while a day is open/;

/** What a refusal is about: a combination, so many days at most, or anything else. Only the API's own words tell: what was sent stands in backticks. */
export function aboutOf(message: string): "combination" | { daysMax: number } | "other" {
  const daysMax = /^`date_range` may span at most (\d+) days/.exec(message)?.[1];
  if (daysMax !== undefined) return { daysMax: Number(daysMax) };
  return OF_COMBINATION.test(message.replace(/`[^`]*`/g, "")) ? "combination" : "other";
}

export function Problem({ error, scope }: { error: ApiError; scope: Scope }) {
  if (error.status !== 400) {
    return (
      <p class="notice" role="alert">
        {error.message}
      </p>
    );
  }
  const about = aboutOf(error.message);
  if (typeof about === "object") {
    return (
      <div class="notice taught" role="status">
        <p>{t("range_too_long", { n: about.daysMax })}</p>
      </div>
    );
  }
  if (about === "other") {
    return (
      <div class="notice taught" role="status">
        <b>{t("refused")}</b>
        <p>
          {t("what_server_says")}: <span lang="en">{error.message}</span>
        </p>
      </div>
    );
  }
  return (
    <div class="notice taught" role="status">
      <b>{t("not_answered")}</b>
      <p>{t("not_answered_how")}</p>
      <FilterChips scope={scope} />
      {scope.place.interval === "hour" && (
        <button type="button" class="plain" onClick={() => scope.go({ interval: "day" })}>
          {t("try_by_day")}
        </button>
      )}
      <details>
        <summary>{t("what_server_says")}</summary>
        <p lang="en">{error.message}</p>
      </details>
    </div>
  );
}

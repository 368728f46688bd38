// Why there is no number here. What the counts do not hold is no failure: it is said with what to do about it.

import type { ComponentChildren } from "preact";
import type { ApiError } from "./api";
import { FilterChips } from "./filters";
import { t } from "./i18n";
import type { Scope } from "./scope";

export function Problem({ error, scope }: { error: ApiError; scope: Scope }) {
  if (error.status !== 400) {
    return (
      <p class="notice" role="alert">
        {error.message}
      </p>
    );
  }
  if (error.code === "too_long") {
    return (
      <Taught>
        <p>{t("range_too_long", { n: error.max ?? 0 })}</p>
      </Taught>
    );
  }
  if (error.code !== "not_counted") {
    return (
      <Taught>
        <b>{t("refused")}</b>
        <p>
          {t("what_server_says")}: <span lang="en">{error.message}</span>
        </p>
      </Taught>
    );
  }
  return (
    <Taught>
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
    </Taught>
  );
}

function Taught({ children }: { children: ComponentChildren }) {
  return (
    <div class="notice taught" role="status">
      {children}
    </div>
  );
}

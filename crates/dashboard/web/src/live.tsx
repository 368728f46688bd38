// Who is there now, the last half hour by minute, and what the hour that is running has seen.

import { type HalfHour, type Query, halfHour, query } from "./api";
import type { Sheet } from "./export";
import { ExportAs } from "./export-as";
import { dimensionName, valueName } from "./filters";
import { clockTime, inFull, metricValue, sized } from "./format";
import { type LateWord, t } from "./late";
import { listSheet } from "./lists";
import { runningHour } from "./range";
import { OTHER } from "./reports";
import type { Scope } from "./scope";
import "./style/ledger.css";
import { useAnswer } from "./use-answer";

const ROWS = 8;

export function LiveView({ scope, tick }: { scope: Scope; tick: number }) {
  const { site } = scope;
  const asked = useAnswer(`live ${site.domain}`, tick, (signal) => halfHour(site.domain, signal));
  const told = asked.value;
  const now = told?.visitors;
  return (
    <>
      <section class="card live-now" aria-label={t("view_live")}>
        <div>
          <p class="huge" role="status">
            <b>{now === undefined ? "–" : inFull(now)}</b> <span>{t("visitors_now", { n: now ?? 0 })}</span>
          </p>
          <p class="hint">{now === 0 ? t("live_none") : t("live_title")}</p>
          {told !== undefined && <p class="hint">{told.complete_to === null ? t("complete_unknown") : t("complete_to", { time: clockTime(told.complete_to) })}</p>}
          {asked.error !== undefined && told === undefined && (
            <p class="notice" role="alert">
              {asked.error.message}
            </p>
          )}
        </div>
        <Minutes minutes={told?.minutes ?? []} scope={scope} />
      </section>
      <h2 class="between">
        {t("live_hour")} <span class="hint">{t("live_hour_why")}</span>
      </h2>
      <div class="lists thirds">
        <Hour scope={scope} tick={tick} dimension="event:page" title="pages" />
        <Hour scope={scope} tick={tick} dimension="visit:source" title="sources" />
        <Hour scope={scope} tick={tick} dimension="visit:country" title="countries" />
      </div>
    </>
  );
}

const WIDTH = 10;

/** The minutes as a table; what is unknown is empty. */
export function minutesSheet({ minutes }: HalfHour): Sheet {
  return { head: ["minute", "visitors"], rows: minutes.map(({ minute, visitors }) => [minute, visitors]), notes: { visitors: t("live_minutes_why") } };
}

function Minutes({ minutes, scope }: { minutes: HalfHour["minutes"]; scope: Scope }) {
  const largest = Math.max(4, ...minutes.map(({ visitors }) => sized(visitors) ?? 0));
  const known = minutes.filter(({ visitors }) => visitors !== null);
  return (
    <div class="minutes">
      <h2>{t("live_last")}</h2>
      <svg viewBox={`0 0 ${Math.max(1, minutes.length) * WIDTH} 100`} preserveAspectRatio="none" aria-hidden="true">
        {minutes.map(({ minute, visitors }, i) => {
          const height = ((sized(visitors) ?? 0) / largest) * 96;
          const isKnown = visitors !== null;
          return <rect key={minute} class={isKnown ? undefined : "unknown"} x={i * WIDTH + 1} width={WIDTH - 2} y={isKnown ? 98 - height : 96} height={isKnown ? height + 2 : 2} rx="1" />;
        })}
      </svg>
      <details class="as-table">
        <summary>{t("show_table")}</summary>
        <table>
          <thead>
            <tr>
              <th scope="col">{t("minute")}</th>
              <th scope="col">{t("visitors")}</th>
            </tr>
          </thead>
          <tbody>
            {known.map(({ minute, visitors }) => (
              <tr key={minute}>
                <th scope="row">{clockTime(minute).slice(0, 5)}</th>
                <td>{inFull(visitors)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </details>
      <p class="hint">{t("live_minutes_why")}</p>
      <ExportAs
        title={t("live_last")}
        name={`${scope.site.domain}-live`}
        days={[]}
        scope={scope}
        sheet={async ({ format, signal }) => minutesSheet(await halfHour(scope.site.domain, signal, format))}
      />
    </div>
  );
}

function Hour({ scope, tick, dimension, title }: { scope: Scope; tick: number; dimension: string; title: LateWord }) {
  const { site } = scope;
  const hour = runningHour(site.timezone);
  const question: Query = { site_id: site.domain, metrics: ["pageviews"], date_range: hour, dimensions: [dimension] };
  const asked = useAnswer(`${site.domain} ${hour} ${dimension}`, tick, (signal) => query({ ...question, pagination: { limit: ROWS } }, signal));
  const rows = asked.value?.results ?? [];
  const largest = Math.max(1, ...rows.map((row) => sized(row.metrics[0]) ?? 0));
  return (
    <section class="card list" aria-label={t(title)}>
      <div class="head">
        <h3>{t(title)}</h3>
      </div>
      {asked.error !== undefined && asked.value === undefined && (
        <p class="notice" role="alert">
          {asked.error.message}
        </p>
      )}
      {asked.loading && <div class="rows waiting" aria-busy="true" />}
      {asked.value !== undefined && rows.length === 0 && <p class="empty">{t("nothing_range")}</p>}
      {rows.length > 0 && (
        <table class="rows">
          <thead>
            <tr>
              <th scope="col">{dimensionName(dimension)}</th>
              <th scope="col">{t("pageviews")}</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr key={row.dimensions[0]}>
                <th scope="row">
                  <span class="bar" style={{ width: `${((sized(row.metrics[0]) ?? 0) / largest) * 100}%` }} />
                  <span class="name">{row.dimensions[0] === OTHER ? t("other") : valueName(dimension, row.dimensions[0] ?? "")}</span>
                </th>
                <td>{metricValue("pageviews", row.metrics[0])}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {rows.length > 0 && (
        <div class="under">
          <ExportAs title={`${t(title)}, ${t("live_hour")}`} name={`${site.domain}-${title}`} days={[`${hour[0].slice(0, 16)}Z`]} scope={scope} sheet={(taking) => listSheet(question, dimension, taking)} />
        </div>
      )}
    </section>
  );
}

// Who is there now, and what the hour that is running has seen. Live numbers are not kept, so the line is this page's own.

import { useEffect, useState } from "preact/hooks";
import { type Told, live, query } from "./api";
import { dimensionName, valueName } from "./filters";
import { inFull, metricValue, sized } from "./format";
import { type Word, t } from "./i18n";
import { runningHour } from "./range";
import type { Scope } from "./scope";
import { useAnswer } from "./use-answer";

const MINUTES = 30;
const ROWS = 8;

interface Sample {
  minute: number;
  visitors: Told;
}

/** What was seen while the page is open, one sample a minute, the last ones only. */
export function sampled(samples: Sample[], minute: number, visitors: Told): Sample[] {
  return [...samples.filter((sample) => sample.minute !== minute && sample.minute > minute - MINUTES), { minute, visitors }];
}

export function LiveView({ scope, tick }: { scope: Scope; tick: number }) {
  const { site } = scope;
  const asked = useAnswer(`live ${site.domain}`, tick, (signal) => live(site.domain, signal));
  const [samples, setSamples] = useState<Sample[]>([]);
  useEffect(() => setSamples([]), [site.domain]);
  useEffect(() => {
    const { value } = asked;
    if (value !== undefined) setSamples((samples) => sampled(samples, Math.floor(Date.now() / 60_000), value));
  }, [asked.value, tick]);
  const now = asked.value;
  return (
    <>
      <section class="card live-now" aria-label={t("view_live")}>
        <div>
          <p class="huge" role="status">
            <b>{now === undefined ? "–" : inFull(now)}</b> <span>{t("visitors_now", { n: now === undefined ? 0 : now })}</span>
          </p>
          <p class="hint">{now === 0 ? t("live_none") : t("live_title")}</p>
        </div>
        <Minutes samples={samples} />
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

function Minutes({ samples }: { samples: Sample[] }) {
  const now = Math.floor(Date.now() / 60_000);
  const largest = Math.max(4, ...samples.map((sample) => sized(sample.visitors) ?? 0));
  const at = (i: number) => samples.find((sample) => sample.minute === now - (MINUTES - 1 - i));
  return (
    <div class="minutes">
      <h2>{t("live_last")}</h2>
      <svg viewBox={`0 0 ${MINUTES * 10} 100`} preserveAspectRatio="none" aria-hidden="true">
        {Array.from({ length: MINUTES }, (_, i) => {
          const height = ((sized(at(i)?.visitors) ?? 0) / largest) * 96;
          return <rect key={i} class={at(i) === undefined ? "unknown" : undefined} x={i * 10 + 1} width="8" y={at(i) === undefined ? 96 : 98 - height} height={at(i) === undefined ? 2 : height + 2} rx="1" />;
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
            {samples.map((sample) => (
              <tr key={sample.minute}>
                <th scope="row">{new Date(sample.minute * 60_000).toTimeString().slice(0, 5)}</th>
                <td>{inFull(sample.visitors)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </details>
      <p class="hint">{t("live_waiting")}</p>
    </div>
  );
}

function Hour({ scope: { site }, tick, dimension, title }: { scope: Scope; tick: number; dimension: string; title: Word }) {
  const hour = runningHour(site.timezone);
  const asked = useAnswer(`${site.domain} ${hour} ${dimension}`, tick, (signal) =>
    query({ site_id: site.domain, metrics: ["pageviews"], date_range: hour, dimensions: [dimension], pagination: { limit: ROWS } }, signal),
  );
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
                  <span class="name">{row.dimensions[0] === asked.value?.meta.folded?.value ? t("other") : valueName(dimension, row.dimensions[0] ?? "")}</span>
                </th>
                <td>{metricValue("pageviews", row.metrics[0])}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

// All sites beside each other: what adds up over them, and each with its shape, its visitors and how these changed.

import { type Answer, type Metric, type Site, type Told } from "./api";
import { beforeIn, queryCompared } from "./compared";
import { inFull, metricValue } from "./format";
import { t } from "./i18n";
import { Change, Spark } from "./overview";
import { Problem } from "./problem";
import { type Interval, compared, intervalFor, openBucket } from "./range";
import { METRICS } from "./reports";
import type { Scope } from "./scope";
import { useAnswer } from "./use-answer";

/** They are asked at every fifth tick: there may be many. */
const TICKS_PER_SITE = 5;

/** As many as one question adds up. */
const SITES_MAX = 50;

const SUMMED: Metric[] = ["visitors", "visits", "pageviews"];

export function AllSitesView({ scope, sites }: { scope: Scope; sites: Site[] }) {
  const { range, place, tick } = scope;
  const shown = sites.slice(0, SITES_MAX);
  const names = shown.map((site) => site.domain);
  const against = compared(range, place.compare);
  const key = JSON.stringify(["all", names, range.dates, against]);
  const all = useAnswer(key, Math.floor(tick / TICKS_PER_SITE), (signal) => queryCompared({ site_id: names, metrics: SUMMED, date_range: range.dates }, against, signal));
  const earlier = beforeIn(all.value);
  return (
    <>
      <section class="card all-sites" aria-label={t("all_sites")}>
        {all.value === undefined && all.error !== undefined && <Problem error={all.error} scope={scope} />}
        {all.loading && <div class="rows waiting" aria-busy="true" />}
        {all.value !== undefined && (
          <dl class="sums">
            {SUMMED.map((metric, index) => (
              <div key={metric} data-metric={metric}>
                <dt>{t(METRICS[metric])}</dt>
                <dd title={inFull(all.value?.results[0]?.metrics[index])}>
                  {metricValue(metric, all.value?.results[0]?.metrics[index])} <Change name={metric} value={all.value?.results[0]?.metrics[index]} earlier={earlier?.results[0]?.metrics[index]} scope={scope} />
                </dd>
              </div>
            ))}
          </dl>
        )}
        <p class="hint">{t("all_sites_why")}</p>
      </section>
      <section class="card list sites" aria-label={t("sites")}>
        <table class="rows">
          <thead>
            <tr>
              <th scope="col">{t("site")}</th>
              <th scope="col">{range.days > 1 ? t("daily_visitors") : t("visitors")}</th>
              <th scope="col">{t("pageviews")}</th>
              <th scope="col">{t("change")}</th>
              <th scope="col">
                <span class="unseen">{t("graph")}</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {shown.map((site) => (
              <One key={site.domain} site={site} scope={scope} />
            ))}
          </tbody>
        </table>
        {sites.length > shown.length && <p class="hint">{t("all_sites_more", { n: SITES_MAX })}</p>}
      </section>
    </>
  );
}

function One({ site, scope }: { site: Site; scope: Scope }) {
  const { range, place, tick, go } = scope;
  const against = compared(range, place.compare);
  const interval: Interval = intervalFor(range, null);
  const metrics: Metric[] = ["visitors", "pageviews"];
  const key = JSON.stringify([site.domain, range.dates, against]);
  const turn = Math.floor(tick / TICKS_PER_SITE);
  const now = useAnswer(`site ${key}`, turn, (signal) => queryCompared({ site_id: site.domain, metrics, date_range: range.dates }, against, signal));
  const over = useAnswer(`site over ${key}`, turn, (signal) =>
    queryCompared({ site_id: site.domain, metrics: ["visitors"], dimensions: [`time:${interval}`], include: { time_labels: true }, date_range: range.dates }, null, signal),
  );
  const [visitors, pageviews] = now.value?.results[0]?.metrics ?? [];
  return (
    <tr>
      <th scope="row">
        <button type="button" class="name" onClick={() => go({ site: site.domain, view: "report", filters: [], detail: null, page: null })}>
          {site.domain}
        </button>
      </th>
      <td title={inFull(visitors)}>{now.error !== undefined && now.value === undefined ? <span title={now.error.message}>–</span> : metricValue("visitors", visitors)}</td>
      <td class="beside">{metricValue("pageviews", pageviews)}</td>
      <td>
        <Change name="visitors" value={visitors} earlier={beforeIn(now.value)?.results[0]?.metrics[0]} scope={scope} />
      </td>
      <td>
        <Spark values={series(over.value, openBucket(interval, site.timezone, range.dates[0]))} />
      </td>
    </tr>
  );
}

/** A value for every bucket up to the one that is still filling. */
function series(answer: Answer | undefined, open: string): Told[] | undefined {
  const known = new Map(answer?.results.map((row) => [row.dimensions[0], row.metrics[0] ?? null]));
  return answer?.meta.time_labels?.filter((label) => label <= open).map((label) => known.get(label) ?? 0);
}

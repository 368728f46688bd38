// All sites beside each other: what adds up over them, and each with its shape, its visitors and how these changed.

import { useEffect, useState } from "preact/hooks";
import { type Answer, ApiError, type Metric, type Site, query } from "./api";
import { beforeIn, queryCompared } from "./compared";
import { type Sheet, columnsOf, notesOf } from "./export";
import { ExportAs, type Taking } from "./export-as";
import { inFull, metricValue } from "./format";
import { Graph, bucketTold, toldAs, upTo } from "./graph";
import { t } from "./late";
import { Change, GraphTools, Spark, SumOfDays } from "./overview";
import { Problem } from "./problem";
import { type Interval, type Range, compared, intervalFor, intervalsFor, isComparable, openBucket, partOf } from "./range";
import { METRICS } from "./reports";
import type { Scope } from "./scope";
import "./style/ways.css";
import { type Asked, useAnswer } from "./use-answer";

/** They are asked at every fifth tick: there may be many. */
const TICKS_PER_SITE = 5;

/** As many as one question adds up. */
const SITES_MAX = 50;

const SUMMED: Metric[] = ["visitors", "visits", "pageviews"];

export function AllSitesView({ scope, sites }: { scope: Scope; sites: Site[] }) {
  const { range, place, tick } = scope;
  const shown = sites.slice(0, SITES_MAX);
  const names = shown.map((site) => site.domain);
  const [over, setOver] = useState<Over>({});
  const [firstDays, setFirstDays] = useState<Record<string, FirstDay>>({});
  const against = compared(range, place.compare, place.against);
  const key = JSON.stringify(["all", names, range.dates, against]);
  const all = useAnswer(key, Math.floor(tick / TICKS_PER_SITE), (signal) => queryCompared({ site_id: names, metrics: SUMMED, date_range: range.dates }, against, signal));
  const compares = areComparable(against, names.map((name) => firstDays[name]));
  const earlier = compares ? beforeIn(all.value) : undefined;
  const chosen = SUMMED.includes(place.metric) ? place.metric : "visitors";
  const sheet = async ({ format, signal, onRows }: Taking) => {
    const ask = (site_id: string | string[], against: [string, string] | null) => queryCompared({ site_id, metrics: SUMMED, date_range: range.dates }, against, signal, format);
    return sitesSheet(await tellSites(names, against, { ask, firstDayOf: (name) => firstDayOf(name, signal), onRows }));
  };
  return (
    <>
      <section class="card all-sites" aria-label={t("all_sites")}>
        {all.value === undefined && all.error !== undefined && <Problem error={all.error} scope={scope} />}
        {all.loading && <div class="rows waiting" aria-busy="true" />}
        {all.value !== undefined && (
          <dl class="sums">
            {SUMMED.map((metric, index) => (
              <div key={metric} data-metric={metric}>
                <dt>
                  <button type="button" class="label" aria-pressed={metric === chosen} onClick={() => scope.go({ metric })}>
                    {t(METRICS[metric])}
                  </button>
                </dt>
                <dd title={inFull(all.value?.results[0]?.metrics[index])}>
                  {metricValue(metric, all.value?.results[0]?.metrics[index])} <Change name={metric} value={all.value?.results[0]?.metrics[index]} earlier={earlier?.results[0]?.metrics[index]} scope={scope} />
                  <SumOfDays name={metric} answer={all.value} value={all.value?.results[0]?.metrics[index]} />
                </dd>
              </div>
            ))}
          </dl>
        )}
        <SumOver scope={scope} sites={shown} metric={chosen} compares={compares} />
        <p class="hint">{t("all_sites_why")}</p>
      </section>
      <section class="card list sites" aria-label={t("sites")}>
        <table class="rows">
          <thead>
            <tr>
              <th scope="col">{t("site")}</th>
              <th scope="col" title={range.days > 1 ? t("sum_of_days_why") : undefined}>
                {range.days > 1 ? t("daily_visitors") : t("visitors")}
              </th>
              <th scope="col">{t("pageviews")}</th>
              <th scope="col">{t("change")}</th>
              <th scope="col">
                <span class="unseen">{t("graph")}</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {shown.map((site) => (
              <One
                key={site.domain}
                site={site}
                scope={scope}
                onOver={(answer) => setOver((known) => ({ ...known, [site.domain]: answer }))}
                onFirst={(day) => setFirstDays((known) => ({ ...known, [site.domain]: day }))}
              />
            ))}
          </tbody>
        </table>
        {sites.length > shown.length && <p class="hint">{t("all_sites_more", { n: SITES_MAX })}</p>}
        <Numbers sites={shown} range={range} over={over} />
        <div class="under">
          <ExportAs title={t("all_sites")} name="all-sites" scope={scope} sites={shown} sheet={sheet} />
        </div>
      </section>
    </>
  );
}

interface SumProps {
  scope: Scope;
  sites: Site[];
  metric: Metric;
  compares: boolean;
}

/** The sum over time. A part of a day is another one where clocks differ, so that there are no hours of such sites. */
function SumOver({ scope, sites, metric, compares }: SumProps) {
  const { range, place, tick } = scope;
  const names = sites.map((site) => site.domain);
  const intervals = intervalsFor(range).filter((interval) => interval !== "hour" || sites.every((site) => site.timezone === sites[0]?.timezone));
  const usual = intervalFor(range, place.interval);
  const interval = intervals.includes(usual) ? usual : intervals[0];
  const against = compared(range, place.compare, place.against);
  const turn = Math.floor(tick / TICKS_PER_SITE);
  const over = useAnswer(JSON.stringify(["all over", names, range.dates, against, interval]), turn, async (signal) => {
    if (interval === undefined) return undefined;
    return queryCompared({ site_id: names, metrics: SUMMED, dimensions: [`time:${interval}`], include: { time_labels: true }, date_range: range.dates }, against, signal);
  });
  const first = useAnswer(JSON.stringify(["first day", names]), 0, (signal) => firstDayOf(names, signal));
  if (interval === undefined) return null;
  const before = compares ? beforeIn(over.value) : undefined;
  const [behind, ahead] = clocks(sites);
  const site = { ...scope.site, timezone: ahead ?? scope.site.timezone };
  return (
    <>
      <GraphTools scope={scope} interval={interval} intervals={intervals} metric={metric} answer={over.value} compares={before !== undefined} isMissed={false} />
      <Graph scope={{ ...scope, site, filters: [] }} index={SUMMED.indexOf(metric)} metric={metric} interval={interval} firstDay={first.value ?? undefined} asked={over as Asked<Answer>} before={before} notes={[]} behind={behind} />
    </>
  );
}

/** The time zones of sites in which it is earliest and latest. */
export function clocks(sites: Site[]): [string | undefined, string | undefined] {
  const hour = (timezone: string) => openBucket("hour", timezone, [""]);
  const zones = sites.map((site) => site.timezone).sort((one, other) => hour(one).localeCompare(hour(other)));
  return [zones[0], zones.at(-1)];
}

/** The first day with a count; `null` where there is none yet, and nothing while nobody knows. */
type FirstDay = string | null | undefined;

async function firstDayOf(site: string | string[], signal?: AbortSignal): Promise<string | null> {
  const answer = await query({ site_id: site, metrics: ["visits", "pageviews"], date_range: "all" }, signal);
  return answer.results[0]?.metrics.every((value) => value === 0) === true ? null : answer.query.date_range[0].slice(0, 10);
}

/** Whether a sum of sites is compared: all of them were counted then. One that never was adds to neither. */
export const areComparable = (against: [string, string] | null, firstDays: FirstDay[]): boolean => against !== null && firstDays.every((day) => day === null || isComparable(against, day));

interface Telling {
  ask: (site: string | string[], against: [string, string] | null) => Promise<Answer>;
  firstDayOf: (site: string) => Promise<string | null>;
  onRows: (rows: number, total: number) => void;
}

/** The answers for a file, the sum's first; each compared where the page compares it. */
export async function tellSites(names: string[], against: [string, string] | null, { ask, firstDayOf, onRows }: Telling): Promise<[string, Answer][]> {
  const told: [string, Answer][] = [];
  const firstDays: FirstDay[] = [];
  for (const name of names) {
    const firstDay = against === null ? null : await firstDayOf(name);
    firstDays.push(firstDay);
    told.push([name, await ask(name, isComparable(against, firstDay) ? against : null)]);
    onRows(told.length, names.length);
  }
  // Sites that cannot be added up have no sum on the page either.
  const sum = await ask(names, areComparable(against, firstDays) ? against : null).catch((error: unknown) => (error instanceof ApiError && error.status === 400 ? null : Promise.reject(error)));
  return sum === null ? told : [["(all)", sum], ...told];
}

/** A row of each site, and of their sum, as a table. */
export function sitesSheet(told: [string, Answer][]): Sheet {
  const compares = told.some(([, answer]) => beforeIn(answer) !== undefined);
  const [, first] = told.find(([, { meta }]) => meta.metric_warnings !== undefined) ?? told[0] ?? [];
  const columns = columnsOf(SUMMED, first?.meta ?? {});
  const metrics = (answer: Answer | undefined) => SUMMED.map((_, index) => answer?.results[0]?.metrics[index] ?? null);
  return {
    head: ["site", ...columns, ...(compares ? columns.map((name) => `${name}_before`) : [])],
    rows: told.map(([name, answer]) => [name, ...metrics(answer), ...(compares ? metrics(beforeIn(answer)) : [])]),
    notes: Object.assign({}, ...told.map(([, { meta }]) => notesOf(meta))),
  };
}

/** The visitors of each site over time, by its name. */
type Over = Record<string, Answer | undefined>;

interface OneProps {
  site: Site;
  scope: Scope;
  onOver: (answer: Answer | undefined) => void;
  onFirst: (day: FirstDay) => void;
}

function One({ site, scope, onOver, onFirst }: OneProps) {
  const { range, place, tick, go } = scope;
  const against = compared(range, place.compare, place.against);
  const interval: Interval = intervalFor(range, null);
  const metrics: Metric[] = ["visitors", "pageviews"];
  const key = JSON.stringify([site.domain, range.dates, against]);
  const turn = Math.floor(tick / TICKS_PER_SITE);
  const now = useAnswer(`site ${key}`, turn, (signal) => queryCompared({ site_id: site.domain, metrics, date_range: range.dates }, against, signal));
  const over = useAnswer(`site over ${key}`, turn, (signal) =>
    queryCompared({ site_id: site.domain, metrics: ["visitors"], dimensions: [`time:${interval}`], include: { time_labels: true }, date_range: range.dates }, null, signal),
  );
  const first = useAnswer(`first day ${site.domain} ${against === null}`, 0, (signal) => (against === null ? Promise.resolve(null) : firstDayOf(site.domain, signal)));
  const before = isComparable(against, first.value) ? beforeIn(now.value) : undefined;
  useEffect(() => onOver(over.value), [over.value]);
  useEffect(() => onFirst(first.value), [first.value]);
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
        <Change name="visitors" value={visitors} earlier={before?.results[0]?.metrics[0]} scope={scope} />
      </td>
      <td>
        <Spark values={over.value && [...upTo(over.value, openBucket(interval, site.timezone, range.dates)).values()]} />
      </td>
    </tr>
  );
}

/** What the small graphs show, in numbers. They are of up to fifty sites: the rows are made for whoever opens them. */
function Numbers({ sites, range, over }: { sites: Site[]; range: Range; over: Over }) {
  const [open, setOpen] = useState(false);
  return (
    <details class="as-table" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{t("show_table")}</summary>
      {open && <Table sites={sites} range={range} over={over} />}
    </details>
  );
}

function Table({ sites, range, over }: { sites: Site[]; range: Range; over: Over }) {
  const interval = intervalFor(range, null);
  const columns = sites.map((site) => {
    const open = openBucket(interval, site.timezone, range.dates);
    return { site: site.domain, open, values: upTo(over[site.domain], open) };
  });
  // Where it is later, an hour or a day has begun that has not elsewhere.
  const labels = [...new Set(columns.flatMap(({ values }) => [...values.keys()]))].sort();
  const answer = Object.values(over).find((answer) => answer !== undefined);
  return (
    <table>
      <caption>{toldAs(answer, "visitors")}</caption>
      <thead>
        <tr>
          <th scope="col">{t("when")}</th>
          {columns.map(({ site }) => (
            <th key={site} scope="col">
              {site}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {labels.map((label) => (
          <tr key={label}>
            <th scope="row">
              {bucketTold(label, `time:${interval}`, columns.some(({ open }) => open === label), partOf(label, interval, range.dates))}
            </th>
            {columns.map(({ site, values }) => (
              <td key={site}>{metricValue("visitors", values.get(label))}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

// The totals, each against the comparison, and the graph of the chosen one.

import type { ComponentChildren } from "preact";
import { type Answer, FEWER, MONEY, type Metric, type Told, sent } from "./api";
import { beforeIn, queryCompared } from "./compared";
import { definitions } from "./definitions";
import { type Sheet, columnsOf, notesOf } from "./export";
import { ExportAs, type Taking } from "./export-as";
import { inFull, metricValue, sized } from "./format";
import { Graph, seriesSheet, toldAs, upTo } from "./graph";
import { type Word, t } from "./i18n";
import { Notes } from "./notes";
import { beforeName } from "./period";
import { Problem } from "./problem";
import { type Interval, compared, daysMeasured, intervalFor, intervalsFor, isComparable, isTodayOnly, openBucket } from "./range";
import { METRICS, earning, hoursAnswerable, sumsDays, totalMetrics } from "./reports";
import { type Scope, hasMoney, useFolded } from "./scope";
import { type Asked, useAnswer } from "./use-answer";

/** Where fewer is better. */
const LOWER_IS_BETTER: Metric[] = ["bounce_rate", "exit_rate"];

/** What is compared in points of percent, not in percent of percents. */
const IN_POINTS: Metric[] = ["bounce_rate", "exit_rate", "scroll_depth"];

/** The interval of a graph; under filters of which there are no hours, days. */
export function drawnBy({ range, place, filters }: Scope): Interval {
  const interval = intervalFor(range, place.interval);
  return interval === "hour" && place.interval === null && !hoursAnswerable(filters, isTodayOnly(range)) ? "day" : interval;
}

export function Overview({ scope, firstDay }: { scope: Scope; firstDay: string | undefined }) {
  const { site, range, filters, place, tick } = scope;
  const metrics = totalMetrics(filters, hasMoney(scope));
  const interval = drawnBy(scope);
  const asked = { site_id: site.domain, metrics, filters: sent(filters) };
  const series = { dimensions: [`time:${interval}`], include: { time_labels: true } };
  const against = compared(range, place.compare, place.against);
  const key = JSON.stringify([asked, range.dates, against]);
  const now = useAnswer(`now ${key}`, tick, (signal) => queryCompared({ ...asked, date_range: range.dates, include: { coverage: scope.shared?.segment == null } }, against, signal));
  const over = useAnswer(`over ${key} ${interval}`, tick, (signal) => queryCompared({ ...asked, ...series, date_range: range.dates }, against, signal));
  useFolded(scope, now.value);
  useFolded(scope, over.value);
  // Money that was chosen stays, also over days that brought none.
  const shown = metrics.includes(place.metric) && MONEY.includes(place.metric) ? metrics : earning(metrics, now.value?.results ?? []);
  const metric = shown.includes(place.metric) ? place.metric : (shown[0] ?? "visitors");
  const compares = isComparable(against, firstDay);
  const before = compares ? beforeIn(now.value) : undefined;
  const overBefore = compares ? beforeIn(over.value) : undefined;
  // Whoever chose the dates is told why there is no line of them.
  const isMissed = place.compare === "custom" && firstDay !== undefined && over.value !== undefined && overBefore === undefined;
  const open = openBucket(interval, site.timezone, range.dates);
  const notes = useAnswer(`notes ${site.domain}`, 0, (signal) => (scope.shared === null ? definitions(site.domain, "annotations", signal) : Promise.resolve([])));
  const totals = async ({ format, signal }: Taking) => {
    const told = await queryCompared({ ...asked, metrics: shown, date_range: range.dates }, compares ? against : null, signal, format);
    return totalsSheet(told, shown, range.dates, against);
  };
  const line = async ({ format, signal }: Taking) => {
    const told = await queryCompared({ ...asked, ...series, metrics: [metric], date_range: range.dates }, compares ? against : null, signal, format);
    return seriesSheet(told, metric, interval, site.timezone, firstDay);
  };
  if (now.value === undefined && now.error !== undefined) {
    return (
      <section class="card overview" aria-label={t("overview")}>
        <Problem error={now.error} scope={scope} />
      </section>
    );
  }
  return (
    <section class="card overview" aria-label={t("overview")}>
      <div class="numbers" role="group" aria-label={t("totals")}>
        {shown.map((name, index) => (
          <Total
            key={name}
            name={name}
            chosen={name === metric}
            scope={scope}
            now={now}
            value={now.value?.results[0]?.metrics[index]}
            earlier={before?.results[0]?.metrics[index]}
            line={over.value && [...upTo(over.value, open, index).values()]}
            days={daysMeasured(range, firstDay)}
          />
        ))}
      </div>
      <GraphTools scope={scope} interval={interval} intervals={intervalsFor(range)} metric={metric} answer={over.value} compares={overBefore !== undefined} isMissed={isMissed} />
      <Graph scope={scope} index={metrics.indexOf(metric)} metric={metric} interval={interval} firstDay={firstDay} asked={over} before={overBefore} notes={notes.value ?? []} />
      <div class="takes">
        <ExportAs title={t("overview")} label={t("export_totals")} name={`${site.domain}-totals`} scope={scope} sheet={totals} />
        <ExportAs title={t("over_time", { metric: t(METRICS[metric]) })} label={t("export_graph")} name={`${site.domain}-${metric}-by-${interval}`} scope={scope} sheet={line} />
      </div>
      <Notes answer={now.value} firstDay={firstDay} />
    </section>
  );
}

interface Tools {
  scope: Scope;
  interval: Interval;
  intervals: Interval[];
  metric: Metric;
  answer: Answer | undefined;
  /** Whether the comparison is drawn. */
  compares: boolean;
  /** Whether one was asked for that cannot be. */
  isMissed: boolean;
}

/** What the lines of the graph are, and the choice of its interval. */
export function GraphTools({ scope, interval, intervals, metric, answer, compares, isMissed }: Tools) {
  const { range, go } = scope;
  const sums = sumsDays(answer?.meta, metric);
  return (
    <div class="graph-tools">
      <span class="legend">
        {(compares || sums) && (
          <span title={sums ? t("sum_of_days_why") : undefined}>
            <i class="line" aria-hidden="true" /> {toldAs(answer, metric)}
          </span>
        )}
        {compares && (
          <span>
            <i class="line earlier" aria-hidden="true" /> {beforeName(scope)}
            {range.open && range.days > 1 && ` (${t("not_over")})`}
          </span>
        )}
        {isMissed && <span>{t("no_line", { dates: beforeName(scope) })}</span>}
      </span>
      {intervals.length > 1 && (
        <label>
          {t("interval")}{" "}
          <select value={interval} onChange={(event) => go({ interval: event.currentTarget.value as Interval })}>
            {intervals.map((name) => (
              <option key={name} value={name}>
                {t(`interval_${name}` as Word)}
              </option>
            ))}
          </select>
        </label>
      )}
    </div>
  );
}

/** The totals as a table: a row of the range, and one of what it is compared with. */
export function totalsSheet(answer: Answer, metrics: Metric[], dates: [string, string], against: [string, string] | null): Sheet {
  const now = answer.results[0]?.metrics ?? [];
  const before = beforeIn(answer)?.results[0]?.metrics;
  const rows = [[...dates, ...now], ...(against === null || before === undefined ? [] : [[...against, ...before]])];
  return { head: ["from", "to", ...columnsOf(metrics, answer.meta)], rows, notes: notesOf(answer.meta) };
}

interface TotalProps {
  name: Metric;
  chosen: boolean;
  scope: Scope;
  now: Asked<Answer>;
  value: Told | undefined;
  earlier: Told | undefined;
  line: Told[] | undefined;
  days: number;
}

function Total({ name, chosen, scope, now, value, earlier, line, days }: TotalProps) {
  return (
    <button type="button" class="total" data-metric={name} aria-pressed={chosen} onClick={() => scope.go({ metric: name })}>
      <span class="label">{t(METRICS[name])}</span>
      <span class={now.loading ? "value waiting" : "value"} title={value === undefined ? undefined : inFull(value, name)}>
        {now.loading ? "" : metricValue(name, value)}
      </span>
      <Change name={name} value={value} earlier={earlier} scope={scope} />
      <SumOfDays name={name} answer={now.value} value={value}>
        {(sum) => now.value?.meta.rounded === undefined && <span>{t("a_day", { value: metricValue(name, Math.round(sum / days)) })}</span>}
      </SumOfDays>
      <Spark values={line} />
    </button>
  );
}

interface SumProps {
  name: Metric;
  answer: Answer | undefined;
  value: Told | undefined;
  children?: (sum: number) => ComponentChildren;
}

/** Says of visitors of several days what they are. */
export function SumOfDays({ name, answer, value, children }: SumProps) {
  if (!sumsDays(answer?.meta, name) || typeof value !== "number" || value === 0) return null;
  return (
    <span class="honest" title={t("sum_of_days_why")}>
      {t("sum_of_days")}
      {children?.(value)}
    </span>
  );
}

/** Against the comparison. A day that is not over is not compared in percent: its hours to come would count as a loss. */
export function Change({ name, value, earlier, scope }: { name: Metric; value: Told | undefined; earlier: Told | undefined; scope: Scope }) {
  const before = beforeName(scope);
  if (value === undefined || value === null || earlier === undefined || earlier === null || earlier === 0) return null;
  const told = metricValue(name, earlier);
  // A day that is not over, and fewer than ten, which are no number, are beside each other and not in percent.
  if (isTodayOnly(scope.range) || value === FEWER || earlier === FEWER) {
    return (
      <span class="change none">
        {before}
        {scope.place.compare === "custom" && ":"} {told}
      </span>
    );
  }
  const inPoints = IN_POINTS.includes(name);
  const change = Math.round(inPoints ? value - earlier : ((value - earlier) / earlier) * 100);
  const better = LOWER_IS_BETTER.includes(name) ? change < 0 : change > 0;
  const direction = change === 0 ? "none" : better ? "better" : "worse";
  const title = `${before}: ${told}${scope.range.open ? `; ${t("not_over")}` : ""}`;
  return (
    <span class={`change ${direction}`} title={title}>
      {change === 0 ? t("unchanged") : `${change > 0 ? "↑" : "↓"} ${Math.abs(change)}${inPoints ? ` ${t("points")}` : "%"}`}
      <span class="unseen">, {title}</span>
    </span>
  );
}

const SPARK = { width: 96, height: 24 };

/** The metric's shape in small; its numbers are in the graph and its table. */
export function Spark({ values }: { values: Told[] | undefined }) {
  const sizes = (values ?? []).map((value) => sized(value) ?? 0);
  const largest = Math.max(1, ...sizes);
  const step = SPARK.width / Math.max(1, sizes.length - 1);
  const points = sizes.map((size, i) => `${(i * step).toFixed(1)},${(SPARK.height - 1 - (size / largest) * (SPARK.height - 2)).toFixed(1)}`);
  return (
    <svg class="spark" viewBox={`0 0 ${SPARK.width} ${SPARK.height}`} preserveAspectRatio="none" aria-hidden="true">
      {sizes.length > 1 && <polyline points={points.join(" ")} />}
    </svg>
  );
}

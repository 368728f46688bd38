// The totals, each against the comparison, and the graph of the chosen one.

import { type Answer, FEWER, type Metric, type Told, sent } from "./api";
import { beforeIn, queryCompared } from "./compared";
import { definitions } from "./definitions";
import { inFull, metricValue, sized } from "./format";
import { Graph } from "./graph";
import { type Word, t } from "./i18n";
import { Notes } from "./notes";
import { beforeName } from "./period";
import { Problem } from "./problem";
import { type Interval, compared, daysMeasured, intervalFor, intervalsFor, openBucket } from "./range";
import { METRICS, hoursAnswerable, metricsOf } from "./reports";
import type { Scope } from "./scope";
import { type Asked, useAnswer } from "./use-answer";

/** Where fewer is better. */
const LOWER_IS_BETTER: Metric[] = ["bounce_rate", "exit_rate"];

/** What is compared in points of percent, not in percent of percents. */
const IN_POINTS: Metric[] = ["bounce_rate", "exit_rate", "scroll_depth"];

/** The interval of a graph; under filters of which there are no hours, days. */
export function drawnBy({ range, place, filters }: Scope): Interval {
  const interval = intervalFor(range, place.interval);
  const isTodayOnly = range.open && range.days === 1;
  return interval === "hour" && place.interval === null && !hoursAnswerable(filters, isTodayOnly) ? "day" : interval;
}

export function Overview({ scope, firstDay }: { scope: Scope; firstDay: string | undefined }) {
  const { site, range, filters, place, tick, go } = scope;
  const metrics = metricsOf(filters.map((filter) => filter.dimension));
  const metric = metrics.includes(place.metric) ? place.metric : "visitors";
  const interval = drawnBy(scope);
  const asked = { site_id: site.domain, metrics, filters: sent(filters) };
  const series = { dimensions: [`time:${interval}`], include: { time_labels: true } };
  const against = compared(range, place.compare);
  const key = JSON.stringify([asked, range.dates, against]);
  const now = useAnswer(`now ${key}`, tick, (signal) => queryCompared({ ...asked, date_range: range.dates, include: { coverage: scope.shared?.segment == null } }, against, signal));
  const over = useAnswer(`over ${key} ${interval}`, tick, (signal) => queryCompared({ ...asked, ...series, date_range: range.dates }, against, signal));
  // Against days before the first count everything would have grown.
  const isComparable = against !== null && firstDay !== undefined && firstDay <= against[0];
  const before = isComparable ? beforeIn(now.value) : undefined;
  const overBefore = isComparable ? beforeIn(over.value) : undefined;
  // The comparison has rows for hours to come, too.
  const open = openBucket(interval, site.timezone, range.dates[0]);
  const begun = over.value?.results.filter((row) => (row.dimensions[0] ?? "") <= open);
  const notes = useAnswer(`notes ${site.domain}`, 0, (signal) => (scope.shared === null ? definitions(site.domain, "annotations", signal) : Promise.resolve([])));
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
        {metrics.map((name, index) => (
          <Total
            key={name}
            name={name}
            chosen={name === metric}
            scope={scope}
            now={now}
            value={now.value?.results[0]?.metrics[index]}
            earlier={before?.results[0]?.metrics[index]}
            line={begun?.map((row) => row.metrics[index] ?? null)}
            days={daysMeasured(range, firstDay)}
          />
        ))}
      </div>
      <div class="graph-tools">
        <span class="legend">
          {overBefore && (
            <>
              <span>
                <i class="line" aria-hidden="true" /> {t(METRICS[metric])}
              </span>
              <span>
                <i class="line earlier" aria-hidden="true" /> {beforeName(scope)}
                {range.open && range.days > 1 && ` (${t("not_over")})`}
              </span>
            </>
          )}
        </span>
        {intervalsFor(range).length > 1 && (
          <label>
            {t("interval")}{" "}
            <select value={interval} onChange={(event) => go({ interval: event.currentTarget.value as Interval })}>
              {intervalsFor(range).map((name) => (
                <option key={name} value={name}>
                  {t(`interval_${name}` as Word)}
                </option>
              ))}
            </select>
          </label>
        )}
      </div>
      <Graph scope={scope} index={metrics.indexOf(metric)} metric={metric} interval={interval} firstDay={firstDay} asked={over} before={overBefore} notes={notes.value ?? []} />
      <Notes answer={now.value} firstDay={firstDay} />
    </section>
  );
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
  const warning = now.value?.meta.metric_warnings?.[name];
  return (
    <button type="button" class="total" data-metric={name} aria-pressed={chosen} onClick={() => scope.go({ metric: name })}>
      <span class="label">{t(METRICS[name])}</span>
      <span class={now.loading ? "value waiting" : "value"} title={value === undefined ? undefined : inFull(value)}>
        {now.loading ? "" : metricValue(name, value)}
      </span>
      <Change name={name} value={value} earlier={earlier} scope={scope} />
      {warning?.code === "sum_of_daily_visitors" && typeof value === "number" && value > 0 && (
        <span class="honest" title={t("sum_of_days_why")}>
          {t("sum_of_days")}
          {now.value?.meta.rounded === undefined && <span>{t("a_day", { value: metricValue(name, Math.round(value / days)) })}</span>}
        </span>
      )}
      <Spark values={line} />
    </button>
  );
}

/** Against the comparison. A day that is not over is not compared in percent: its hours to come would count as a loss. */
export function Change({ name, value, earlier, scope }: { name: Metric; value: Told | undefined; earlier: Told | undefined; scope: Scope }) {
  const before = beforeName(scope);
  if (value === undefined || value === null || earlier === undefined || earlier === null || earlier === 0) return null;
  const told = metricValue(name, earlier);
  // A day that is not over, and fewer than ten, which are no number, are beside each other and not in percent.
  if (scope.range.name === "day" || value === FEWER || earlier === FEWER) {
    return (
      <span class="change none">
        {before} {told}
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

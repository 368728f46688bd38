// The six numbers and the graph of the chosen one.

import { type Answer, FEWER, type Metric, type Site, type Told, query } from "./api";
import { inFull, metricValue } from "./format";
import { Graph } from "./graph";
import { Notes } from "./notes";
import { GRAPHED, type Place } from "./place";
import { RANGES, type Range, daysMeasured } from "./range";
import { type Asked, useAnswer } from "./use-answer";

const LABELS: Record<string, string> = {
  visitors: "Visitors",
  visits: "Visits",
  pageviews: "Page views",
  views_per_visit: "Views per visit",
  bounce_rate: "Bounce rate",
  visit_duration: "Visit duration",
};

/** Where fewer is better. */
const LOWER_IS_BETTER: Metric[] = ["bounce_rate"];

interface Props {
  site: Site;
  range: Range;
  metric: Metric;
  tick: number;
  go: (change: Partial<Place>) => void;
}

export function Overview({ site, range, metric, tick, go }: Props) {
  const key = `${site.domain} ${range.dates}`;
  const fresh = range.open ? tick : 0;
  const now = useAnswer(`now ${key}`, fresh, (signal) =>
    query({ site_id: site.domain, metrics: GRAPHED, date_range: range.dates, include: { coverage: true } }, signal),
  );
  const before = useAnswer(`before ${key}`, 0, (signal) =>
    query({ site_id: site.domain, metrics: GRAPHED, date_range: range.previous }, signal),
  );
  const history = useAnswer(`history ${site.domain}`, 0, (signal) =>
    query({ site_id: site.domain, metrics: ["pageviews"], date_range: "all" }, signal),
  );
  const firstDay = history.value?.query.date_range[0].slice(0, 10);
  // Against days before the first count everything would have grown.
  const comparable = firstDay !== undefined && firstDay <= range.previous[0];
  const series = useAnswer(`series ${key} ${range.grain}`, fresh, (signal) =>
    query(
      { site_id: site.domain, metrics: GRAPHED, date_range: range.dates, dimensions: [range.grain], include: { time_labels: true } },
      signal,
    ),
  );
  return (
    <section class="card overview" aria-label="Overview">
      <div class="numbers" role="group" aria-label="Totals; choose one for the graph">
        {GRAPHED.map((name, index) => (
          <Total key={name} name={name} index={index} chosen={name === metric} range={range} now={now} before={comparable ? before.value : undefined} days={daysMeasured(range, firstDay)} go={go} />
        ))}
      </div>
      <Graph site={site} range={range} metric={metric} label={LABELS[metric] ?? metric} firstDay={firstDay} asked={series} />
      <Notes answer={now.value} firstDay={firstDay} />
    </section>
  );
}

interface TotalProps {
  name: Metric;
  index: number;
  chosen: boolean;
  range: Range;
  now: Asked<Answer>;
  before: Answer | undefined;
  days: number;
  go: (change: Partial<Place>) => void;
}

function Total({ name, index, chosen, range, now, before, days, go }: TotalProps) {
  const value = now.value?.results[0]?.metrics[index];
  const earlier = before?.results[0]?.metrics[index];
  const warning = now.value?.meta.metric_warnings?.[name];
  return (
    <button type="button" class="total" aria-pressed={chosen} onClick={() => go({ metric: name })}>
      <span class="label">{LABELS[name]}</span>
      <span class={now.loading ? "value waiting" : "value"} title={value === undefined ? undefined : inFull(value)}>
        {now.loading ? "" : metricValue(name, value)}
      </span>
      <Change name={name} value={value} earlier={earlier} range={range} />
      {warning?.code === "sum_of_daily_visitors" && typeof value === "number" && value > 0 && (
        <span class="honest" title={warning.warning}>
          sum of daily visitors{now.value?.meta.rounded === undefined && ` (${metricValue(name, Math.round(value / days))} a day)`}
        </span>
      )}
    </button>
  );
}

/** Against the period before. A day that is not over is not compared in percent: its hours to come would count as a loss. */
function Change({ name, value, earlier, range }: { name: Metric; value?: Told; earlier?: Told; range: Range }) {
  const before = RANGES.find((known) => known.name === range.name)?.before ?? "before";
  if (value === undefined || value === null || earlier === undefined || earlier === null || earlier === 0) return null;
  // A day that is not over, and fewer than ten, which are no number, are beside each other and not in percent.
  if (range.name === "day" || value === FEWER || earlier === FEWER) {
    return (
      <span class="change none">
        {before} {metricValue(name, earlier)}
      </span>
    );
  }
  const percent = name === "bounce_rate" ? value - earlier : Math.round(((value - earlier) / earlier) * 100);
  const better = LOWER_IS_BETTER.includes(name) ? percent < 0 : percent > 0;
  const direction = percent === 0 ? "none" : better ? "better" : "worse";
  const arrow = percent === 0 ? "" : percent > 0 ? "↑ " : "↓ ";
  const unit = name === "bounce_rate" ? " pt" : "%";
  const title = `${before}: ${metricValue(name, earlier)}${range.open ? "; today is not over yet" : ""}`;
  return (
    <span class={`change ${direction}`} title={title}>
      {percent === 0 ? "unchanged" : `${arrow}${Math.abs(percent)}${unit}`}
    </span>
  );
}

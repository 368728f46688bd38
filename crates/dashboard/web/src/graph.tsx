// The main graph: one metric over hours, days or months. What is not over yet is dashed; what lies ahead is empty.

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { Answer, Metric, Site, Told } from "./api";
import { beforeIn } from "./compared";
import type { Annotation } from "./definitions";
import { type Sheet, columnsOf, notesOf } from "./export";
import { axisLabel, bucketLabel, dateSpan, duration, metricValue, short, sized } from "./format";
import { t } from "./i18n";
import { Problem } from "./problem";
import { type Interval, type Range, isTodayOnly, openBucket, partOf } from "./range";
import { METRICS, sumsDays } from "./reports";
import type { Scope } from "./scope";
import type { Asked } from "./use-answer";

const HEIGHT = 280;

interface Points {
  labels: string[];
  /** As told; what a bucket is as high as, is `sized`. */
  values: Told[];
  /** The comparison's, bucket by bucket, and their labels. */
  earlier: Told[];
  earlierLabels: string[];
  /** The first bucket that is still filling, or beyond the end. */
  open: number;
  /** What a bucket holds of its week or month, where that is not all; of the one that is still filling it is clear. */
  parts: ([string, string] | undefined)[];
  /** Counts are told in steps of this. */
  step: number;
  /** What people noted, by the bucket it is in. */
  notes: Map<number, string>;
}

interface Props {
  scope: Scope;
  /** Of the metric in the answer. */
  index: number;
  metric: Metric;
  interval: Interval;
  /** The first day with any count. */
  firstDay: string | undefined;
  asked: Asked<Answer>;
  before: Answer | undefined;
  notes: Annotation[];
  /** Of several sites, where it is earliest: what is not over there is not over. */
  behind?: string | undefined;
}

export function Graph({ scope, index, metric, interval, firstDay, asked, before, notes, behind }: Props) {
  const { site, range } = scope;
  if (asked.error !== undefined && asked.value === undefined) {
    return (
      <div class="plot">
        <Problem error={asked.error} scope={scope} />
      </div>
    );
  }
  if (asked.value === undefined) return <div class="plot waiting" aria-busy="true" />;
  // With a comparison there is a row for every bucket.
  if (asked.value.results.every((row) => row.metrics.every((value) => value === 0 || value === null))) return <Nothing site={site} range={range} filtered={scope.filters.length > 0} below={asked.value.meta.folded?.below} />;
  const told = read(asked.value, before, index, { interval, timezone: site.timezone, behind: behind ?? site.timezone, firstDay });
  const points = { ...told, notes: noted(notes, told.labels, range.dates[1]) };
  const shown = { points, grain: `time:${interval}`, metric, label: toldAs(asked.value, metric), sums: sumsDays(asked.value.meta, metric), theme: scope.place.theme };
  return (
    <>
      <Plot {...shown} />
      <Table {...shown} />
    </>
  );
}

/** What the numbers of an answer are called. */
export const toldAs = (answer: Answer | undefined, metric: Metric): string => t(METRICS[metric]) + (sumsDays(answer?.meta, metric) ? ` (${t("sum_of_days")})` : "");

/** The bucket that each note is in: the last that begins before it, where its day is shown. */
export function noted(notes: Annotation[], labels: string[], lastDay: string): Map<number, string> {
  const found = new Map<number, string>();
  for (const { at = "", text = "" } of notes) {
    const moment = at.slice(0, 19).replace("T", " ");
    const bucket = labels.findLastIndex((label) => label <= moment.slice(0, label.length));
    if (bucket === -1 || moment.slice(0, 10) > lastDay) continue;
    const before = found.get(bucket);
    found.set(bucket, before === undefined ? text : `${before}; ${text}`);
  }
  return found;
}

interface Times {
  interval: Interval;
  timezone: string;
  behind: string;
  firstDay: string | undefined;
}

/** The bucket of an answer that is still filling, where its last day, if it is known, is not over. */
const filling = (answer: Answer | undefined, interval: Interval, timezone: string, last?: string) => openBucket(interval, timezone, [answer?.meta.time_labels?.[0]?.slice(0, 10) ?? "", last]);

/** A metric of an answer by its buckets: zero where nothing was counted. */
function counted(answer: Answer | undefined, index: number): (label: string) => Told {
  const known = new Map(answer?.results.map((row) => [row.dimensions[0], row.metrics[index] ?? null]));
  return (label) => known.get(label) ?? 0;
}

/** Puts a value on every label: zero where nothing was counted, nothing before the first count and where time has not come yet. */
function read(answer: Answer, before: Answer | undefined, index: number, times: Times): Omit<Points, "notes"> {
  const { firstDay } = times;
  // A comparison may reach to today as well.
  const [first, last] = answer.query.date_range.map((at) => at.slice(0, 10)) as [string, string];
  const { interval, timezone, behind } = times;
  const [now, nowBehind, nowBefore] = [filling(answer, interval, timezone, last), filling(answer, interval, behind, last), filling(before, interval, timezone)];
  const labels = answer.meta.time_labels ?? [];
  const at = counted(answer, index);
  const ahead = labels.findIndex((label) => label > now);
  const begun = firstDay === undefined ? 0 : Math.max(0, labels.findIndex((_, i) => (labels[i + 1] ?? "9") > firstDay));
  const isMeasured = (i: number) => i >= begun && (ahead === -1 || i < ahead);
  const values = labels.map((label, i) => (isMeasured(i) ? at(label) : null));
  const open = labels.indexOf(nowBehind);
  const earlierLabels = before?.meta.time_labels ?? [];
  const atBefore = counted(before, index);
  const earlierAt = (label: string | undefined) => (label === undefined || label > nowBefore ? null : atBefore(label));
  const earlier = before === undefined ? [] : labels.map((_, i) => earlierAt(earlierLabels[i]));
  const parts = labels.map((label, i) => (open !== -1 && i >= open ? undefined : partOf(label, interval, [first, last])));
  return { labels, values, earlier, earlierLabels, open: open === -1 ? labels.length : open, parts, step: answer.meta.rounded?.to ?? 1 };
}

/** A metric of an answer in every bucket up to the one that is still filling: zero where nothing was counted. */
export function upTo(answer: Answer | undefined, open: string, index = 0): Map<string, Told> {
  const at = counted(answer, index);
  return new Map(answer?.meta.time_labels?.filter((label) => label <= open).map((label) => [label, at(label)]));
}

/** The line of an answer of one metric as a table, with what it is compared with beside it. What is not over is told to be so. */
export function seriesSheet(answer: Answer, metric: Metric, interval: Interval, timezone: string, firstDay: string | undefined): Sheet {
  const before = beforeIn(answer);
  const told = read(answer, before, 0, { interval, timezone, behind: timezone, firstDay });
  const columns = columnsOf([metric], answer.meta);
  const rows = told.labels.map((label, i) => {
    const beside = before === undefined ? [] : [told.earlierLabels[i] ?? "", told.earlier[i] ?? null];
    return [label, told.values[i] ?? null, i < told.open && told.parts[i] === undefined ? "yes" : "no", ...beside];
  });
  return {
    head: [`time:${interval}`, ...columns, "complete", ...(before === undefined ? [] : ["time_before", ...columns.map((name) => `${name}_before`)])],
    rows: rows.filter(([, value, , , earlier = null]) => value !== null || earlier !== null),
    notes: notesOf(answer.meta),
  };
}

interface PlotProps {
  points: Points;
  grain: string;
  metric: Metric;
  label: string;
  /** Of the visitors of several days. */
  sums: boolean;
  theme: string;
}

function Plot({ points, grain, metric, label, sums, theme }: PlotProps) {
  const frame = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const shown = useRef(points);
  shown.current = points;
  const [hover, setHover] = useState<{ index: number; left: number } | null>(null);
  const dark = useDark();

  // At once: what is drawn and the buckets that name it are of one answer.
  useLayoutEffect(() => {
    const element = frame.current;
    if (element === null) return;
    const made = new uPlot(options(element, grain, metric, shown, setHover, hover?.index), data(shown.current), element);
    plot.current = made;
    const resized = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT }));
    resized.observe(element);
    return () => {
      resized.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [grain, metric, dark, theme, points.labels.length, points.earlier.length]);
  useLayoutEffect(() => {
    plot.current?.setData(data(points));
  }, [points.values.join(), points.earlier.join(), points.labels[0], [...points.notes].join()]);

  const move = (event: KeyboardEvent) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const made = plot.current;
    if (event.key === "Escape") setHover(null);
    if (step === undefined || made === null) return;
    event.preventDefault();
    const last = points.values.findLastIndex((value) => value !== null);
    const index = Math.max(0, Math.min(last, (hover?.index ?? (step > 0 ? -1 : last + 1)) + step));
    pointAt(made, index);
  };
  const value = hover === null ? null : (points.values[hover.index] ?? null);
  return (
    <div
      class="plot"
      ref={frame}
      tabIndex={0}
      role="group"
      aria-roledescription={t("graph")}
      aria-label={t("graph_label", { metric: label })}
      onKeyDown={move}
      onBlur={() => setHover(null)}
    >
      {hover !== null && value !== null && (
        <div class={hover.index > points.labels.length / 2 ? "tip before" : "tip"} role="status" style={{ left: `${hover.left}px` }}>
          <b>{metricValue(metric, value)}</b> {t(METRICS[metric])}
          {sums && (
            <>
              <br />
              <span>{t("sum_of_days")}</span>
            </>
          )}
          <br />
          <span>{bucketTold(points.labels[hover.index] ?? "", grain, hover.index >= points.open, points.parts[hover.index])}</span>
          {points.notes.has(hover.index) && (
            <>
              <br />
              <span class="noted">{points.notes.get(hover.index)}</span>
            </>
          )}
          {points.earlierLabels[hover.index] !== undefined && (
            <>
              <br />
              <span>
                {metricValue(metric, points.earlier[hover.index])} · {bucketLabel(points.earlierLabels[hover.index] ?? "", grain)}
              </span>
            </>
          )}
        </div>
      )}
    </div>
  );
}

/** A bucket, and how much of it there is where that is not all. */
export function bucketTold(label: string, grain: string, isOpen: boolean, part: [string, string] | undefined): string {
  const much = isOpen ? t("so_far") : part && dateSpan(part);
  return bucketLabel(label, grain) + (much === undefined ? "" : ` (${much})`);
}

/** Lines over one index: the comparison, what is over, and the dashed step into what is not. */
function data(points: Points): uPlot.AlignedData {
  const sizes = points.values.map(sized);
  const over = sizes.map((value, i) => (i < points.open ? value : null));
  const filling = sizes.map((value, i) => (i >= points.open - 1 ? value : null));
  const earlier = points.labels.map((_, i) => sized(points.earlier[i]));
  return [points.values.map((_, i) => i), earlier, over, filling];
}

/** From which place to which the buckets reach, whatever was counted in them: a single one stands in the middle. */
const breadth = (buckets: number): [number, number] => (buckets === 1 ? [-0.5, 0.5] : [0, Math.max(1, buckets - 1)]);

const pointAt = (plot: uPlot, index: number) => plot.setCursor({ left: plot.valToPos(index, "x"), top: HEIGHT / 2 });

type Show = (hover: { index: number; left: number } | null) => void;

function options(element: HTMLElement, grain: string, metric: Metric, shown: { current: Points }, show: Show, at?: number): uPlot.Options {
  const style = getComputedStyle(element);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const accent = colour("--accent");
  const text = { stroke: colour("--muted"), font: "12px system-ui, sans-serif" };
  const fill = (plot: uPlot) => {
    const shade = plot.ctx.createLinearGradient(0, plot.bbox.top, 0, plot.bbox.top + plot.bbox.height);
    shade.addColorStop(0, colour("--shade"));
    shade.addColorStop(1, colour("--shade-end"));
    return shade;
  };
  const few = shown.current.labels.length <= 2;
  const line = { stroke: accent, width: 2, fill, points: { show: few, size: 7, fill: accent } };
  const labelled = (plot: uPlot, at: number[]) => at.map((i) => label(plot, i));
  const label = (_: uPlot, i: number) => (Number.isInteger(i) ? axisLabel(shown.current.labels[i] ?? "", grain, shown.current.labels.length > 24) : "");
  return {
    width: element.clientWidth,
    height: HEIGHT,
    padding: [12, 32, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 9, fill: accent, stroke: colour("--card"), width: 2 } },
    scales: { x: { time: false, range: () => breadth(shown.current.labels.length) }, y: { range: (_, __, to) => [0, top(to, metric, shown.current.step)] } },
    axes: [
      { ...text, grid: { show: false }, ticks: { show: false }, values: labelled, incrs: [1, 2, 3, 4, 6, 7, 12, 14, 28], space: 64, size: 34 },
      {
        ...text,
        grid: { stroke: colour("--line"), width: 1 },
        ticks: { show: false },
        border: { show: false },
        size: 52,
        values: (_, at) => at.map((value) => axisValue(metric, value)),
        ...increments(metric, shown.current.step),
      },
    ],
    series: [{}, { stroke: colour("--earlier"), width: 1.5, points: { show: few, size: 5 } }, line, { ...line, dash: [5, 5], width: 2 }],
    hooks: {
      // Who stands on a bucket stays there when the comparison comes, and the graph is drawn anew for it.
      ready: [(plot) => at !== undefined && pointAt(plot, at)],
      draw: [(plot) => drawNotes(plot, shown.current, colour("--muted"))],
      setCursor: [
        (plot) => {
          const index = plot.cursor.idx ?? null;
          const left = plot.cursor.left ?? -1;
          if (index === null || left < 0) show(null);
          else show({ index, left: plot.valToPos(index, "x") + plot.over.offsetLeft });
        },
      ],
    },
  };
}

/** A dashed line with a small flag where something was noted. */
function drawNotes(plot: uPlot, { notes }: Points, colour: string): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.strokeStyle = colour;
  ctx.fillStyle = colour;
  ctx.setLineDash([3, 4]);
  for (const index of notes.keys()) {
    const x = Math.round(plot.valToPos(index, "x", true));
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    ctx.fillRect(x, bbox.top, 7 * devicePixelRatio, 5 * devicePixelRatio);
  }
  ctx.restore();
}

const IN_PERCENT: Metric[] = ["bounce_rate", "exit_rate", "scroll_depth"];

/** The graph's upper end: a little air, and never so low that one visit looks like a mountain. */
function top(largest: number, metric: Metric, step: number): number {
  if (IN_PERCENT.includes(metric)) return 100;
  const least = metric === "views_per_visit" ? 2 : metric === "visit_duration" || metric === "time_on_page" ? 30 : step === 1 ? 4 : 2 * step;
  return Math.max(largest * 1.08, least);
}

/** Where the axis may have lines: between two steps there is no number to be read. */
function increments(metric: Metric, step: number): { incrs?: number[] } {
  if (metric === "visit_duration" || metric === "time_on_page") return { incrs: [1, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600] };
  if (step === 1 || metric === "views_per_visit" || IN_PERCENT.includes(metric)) return {};
  return { incrs: [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000].flatMap((ten) => [step * ten, 2 * step * ten, 5 * step * ten]) };
}

function axisValue(metric: Metric, value: number): string {
  if (metric === "visit_duration" || metric === "time_on_page") return duration(value);
  if (metric === "views_per_visit") return String(value);
  if (!Number.isInteger(value)) return "";
  return IN_PERCENT.includes(metric) ? `${value}%` : short(value);
}

function useDark(): boolean {
  const [dark, setDark] = useState(() => matchMedia("(prefers-color-scheme: dark)").matches);
  useEffect(() => {
    const media = matchMedia("(prefers-color-scheme: dark)");
    const changed = () => setDark(media.matches);
    media.addEventListener("change", changed);
    return () => media.removeEventListener("change", changed);
  }, []);
  return dark;
}

function Table({ points, grain, metric, label, sums }: PlotProps) {
  const compares = points.earlier.length > 0;
  return (
    <details class="as-table">
      <summary>{t("show_table")}</summary>
      <table>
        <thead>
          <tr>
            <th scope="col">{t("when")}</th>
            <th scope="col" title={sums ? t("sum_of_days_why") : undefined}>
              {label}
            </th>
            {compares && <th scope="col">{t("compare")}</th>}
          </tr>
        </thead>
        <tbody>
          {points.labels.map((bucket, i) => {
            const value = points.values[i];
            if (value === null || value === undefined) return null;
            return (
              <tr key={bucket}>
                <th scope="row">
                  {bucketTold(bucket, grain, i >= points.open, points.parts[i])}
                  {points.notes.has(i) && <span class="noted"> · {points.notes.get(i)}</span>}
                </th>
                <td>{metricValue(metric, value)}</td>
                {compares && <td>{metricValue(metric, points.earlier[i])}</td>}
              </tr>
            );
          })}
        </tbody>
      </table>
    </details>
  );
}

function Nothing({ site, range, filtered, below }: { site: Site; range: Range; filtered: boolean; below: number | undefined }) {
  const snippet = `<script defer data-domain="${site.domain}" src="${location.origin}/js/script.js"></script>`;
  return (
    <div class="plot nothing">
      <h2>{isTodayOnly(range) ? t("nothing_today") : t("nothing_range")}</h2>
      {filtered && below !== undefined && <p>{t("empty_folded", { n: below })}</p>}
      {range.open && !filtered && (
        <>
          <p>{t("nothing_hint")}</p>
          <pre tabIndex={0}>{snippet}</pre>
        </>
      )}
    </div>
  );
}

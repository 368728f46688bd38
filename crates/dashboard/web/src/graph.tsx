// The main graph: one metric over hours, days or months. What is not over yet is dashed; what lies ahead is empty.

import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { Answer, Metric, Site, Told } from "./api";
import { axisLabel, bucketLabel, duration, metricValue, short, sized } from "./format";
import { GRAPHED } from "./place";
import { type Range, openBucket } from "./range";
import type { Asked } from "./use-answer";

const HEIGHT = 300;

interface Points {
  labels: string[];
  /** As told; what a bucket is as high as, is `sized`. */
  values: Told[];
  /** The bucket that is still filling, or beyond the end. */
  open: number;
  /** Counts are told in steps of this. */
  step: number;
}

interface Props {
  site: Site;
  range: Range;
  metric: Metric;
  label: string;
  /** The first day with any count. */
  firstDay: string | undefined;
  asked: Asked<Answer>;
}

export function Graph({ site, range, metric, label, firstDay, asked }: Props) {
  if (asked.error !== undefined && asked.value === undefined) {
    return (
      <div class="plot">
        <p class="notice" role="alert">
          {asked.error.message}
        </p>
      </div>
    );
  }
  if (asked.value === undefined) return <div class="plot waiting" aria-busy="true" />;
  const points = read(asked.value, metric, openBucket(range.grain, site.timezone), firstDay);
  if (asked.value.results.length === 0) return <Nothing site={site} range={range} />;
  return (
    <>
      <Plot points={points} grain={range.grain} metric={metric} label={label} />
      <Table points={points} grain={range.grain} metric={metric} label={label} />
    </>
  );
}

/** Puts a value on every label: zero where nothing was counted, nothing before the first count and where time has not come yet. */
function read(answer: Answer, metric: Metric, now: string, firstDay: string | undefined): Points {
  const index = GRAPHED.indexOf(metric);
  const labels = answer.meta.time_labels ?? [];
  const known = new Map(answer.results.map((row) => [row.dimensions[0], row.metrics[index] ?? null]));
  const ahead = labels.findIndex((label) => label > now);
  const first = firstDay === undefined ? 0 : Math.max(0, labels.findIndex((_, i) => (labels[i + 1] ?? "9") > firstDay));
  const isMeasured = (i: number) => i >= first && (ahead === -1 || i < ahead);
  const values = labels.map((label, i) => (isMeasured(i) ? (known.get(label) ?? 0) : null));
  const open = labels.indexOf(now);
  return { labels, values, open: open === -1 ? labels.length : open, step: answer.meta.rounded?.to ?? 1 };
}

interface PlotProps {
  points: Points;
  grain: string;
  metric: Metric;
  label: string;
}

function Plot({ points, grain, metric, label }: PlotProps) {
  const frame = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const shown = useRef(points);
  shown.current = points;
  const [hover, setHover] = useState<{ index: number; left: number } | null>(null);
  const dark = useDark();

  useEffect(() => {
    const element = frame.current;
    if (element === null) return;
    const made = new uPlot(options(element, grain, metric, shown, setHover), data(shown.current), element);
    plot.current = made;
    const resized = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT }));
    resized.observe(element);
    return () => {
      resized.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [grain, metric, dark, points.labels.length]);
  useEffect(() => {
    plot.current?.setData(data(points));
  }, [points.values.join(), points.labels[0]]);

  const move = (event: KeyboardEvent) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const made = plot.current;
    if (event.key === "Escape") setHover(null);
    if (step === undefined || made === null) return;
    event.preventDefault();
    const last = points.values.findLastIndex((value) => value !== null);
    const index = Math.max(0, Math.min(last, (hover?.index ?? (step > 0 ? -1 : last + 1)) + step));
    made.setCursor({ left: made.valToPos(index, "x"), top: HEIGHT / 2 });
  };
  const value = hover === null ? null : (points.values[hover.index] ?? null);
  return (
    <div
      class="plot"
      ref={frame}
      tabIndex={0}
      role="group"
      aria-roledescription="graph"
      aria-label={`${label} over time; arrow keys read the values, the table below has them all`}
      onKeyDown={move}
      onBlur={() => setHover(null)}
    >
      {hover !== null && value !== null && (
        <div class={hover.index > points.labels.length / 2 ? "tip before" : "tip"} role="status" style={{ left: `${hover.left}px` }}>
          <b>{metricValue(metric, value)}</b> {label.toLowerCase()}
          <br />
          <span>
            {bucketLabel(points.labels[hover.index] ?? "", grain)}
            {hover.index === points.open ? ", so far" : ""}
          </span>
        </div>
      )}
    </div>
  );
}

/** Two lines over one index: what is over, and the dashed step into what is not. */
function data(points: Points): uPlot.AlignedData {
  const sizes = points.values.map(sized);
  const over = sizes.map((value, i) => (i < points.open ? value : null));
  const filling = sizes.map((value, i) => (i === points.open || i === points.open - 1 ? value : null));
  return [points.values.map((_, i) => i), over, filling];
}

type Show = (hover: { index: number; left: number } | null) => void;

function options(element: HTMLElement, grain: string, metric: Metric, shown: { current: Points }, show: Show): uPlot.Options {
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
  const label = (_: uPlot, i: number) => (Number.isInteger(i) ? axisLabel(shown.current.labels[i] ?? "", grain) : "");
  return {
    width: element.clientWidth,
    height: HEIGHT,
    padding: [12, 22, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 9, fill: accent, stroke: colour("--card"), width: 2 } },
    scales: { x: { time: false, range: (_, from, to) => (from === to ? [from - 0.5, to + 0.5] : [from, to]) }, y: { range: (_, __, to) => [0, top(to, metric, shown.current.step)] } },
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
    series: [{}, line, { ...line, dash: [5, 5], width: 2 }],
    hooks: {
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

/** The graph's upper end: a little air, and never so low that one visit looks like a mountain. */
function top(largest: number, metric: Metric, step: number): number {
  if (metric === "bounce_rate") return 100;
  const least = metric === "views_per_visit" ? 2 : metric === "visit_duration" ? 30 : step === 1 ? 4 : 2 * step;
  return Math.max(largest * 1.08, least);
}

/** Where the axis may have lines: between two steps there is no number to be read. */
function increments(metric: Metric, step: number): { incrs?: number[] } {
  if (metric === "visit_duration") return { incrs: [1, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600] };
  if (step === 1 || metric === "views_per_visit" || metric === "bounce_rate") return {};
  return { incrs: [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000].flatMap((ten) => [step * ten, 2 * step * ten, 5 * step * ten]) };
}

function axisValue(metric: Metric, value: number): string {
  if (metric === "visit_duration") return duration(value);
  if (metric === "views_per_visit") return String(value);
  if (!Number.isInteger(value)) return "";
  return metric === "bounce_rate" ? `${value}%` : short(value);
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

function Table({ points, grain, metric, label }: PlotProps) {
  return (
    <details class="as-table">
      <summary>Show as table</summary>
      <table>
        <thead>
          <tr>
            <th scope="col">When</th>
            <th scope="col">{label}</th>
          </tr>
        </thead>
        <tbody>
          {points.labels.map((bucket, i) => {
            const value = points.values[i];
            if (value === null || value === undefined) return null;
            return (
              <tr key={bucket}>
                <th scope="row">
                  {bucketLabel(bucket, grain)}
                  {i === points.open ? " (so far)" : ""}
                </th>
                <td>{metricValue(metric, value)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </details>
  );
}

function Nothing({ site, range }: { site: Site; range: Range }) {
  const snippet = `<script defer data-domain="${site.domain}" src="${location.origin}/js/script.js"></script>`;
  return (
    <div class="plot nothing">
      <h2>Nothing was counted {range.name === "day" ? "today yet" : "in this range"}</h2>
      {range.open && (
        <>
          <p>This page notices the first visit by itself. To be counted, a page carries this line:</p>
          <pre>{snippet}</pre>
        </>
      )}
    </div>
  );
}

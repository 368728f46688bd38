// The reports below the graph: where visits come from, what they see, where and with what they are.

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { type Answer, type Metric, type Row, type Site, query } from "./api";
import { countryName, inFull, languageName, metricValue, sized, whole } from "./format";
import type { Range } from "./range";
import { useAnswer } from "./use-answer";

const ROWS = 9;

/** The lists are asked at every third tick: their rows change slower than the graph. */
const TICKS_PER_LIST = 3;

interface Tab {
  name: string;
  title: string;
  dimension: string;
  /** What a row is. */
  column: string;
  /** The number beside visitors. */
  beside?: { metric: Metric; label: string };
  show?: (value: string) => JSX.Element | string;
}

const views = { metric: "pageviews" as const, label: "Views" };
const visits = { metric: "visits" as const, label: "Visits" };
const events = { metric: "events" as const, label: "Events" };

const CARDS: { id: string; tabs: Tab[] }[] = [
  {
    id: "sources",
    tabs: [
      { name: "Sources", title: "Top sources", dimension: "visit:source", column: "Source" },
      { name: "Channels", title: "Channels", dimension: "visit:channel", column: "Channel" },
      { name: "Referrers", title: "Referrers", dimension: "visit:referrer", column: "Referrer" },
      { name: "Campaigns", title: "Campaigns", dimension: "visit:utm_campaign", column: "Campaign" },
    ],
  },
  {
    id: "pages",
    tabs: [
      { name: "Top", title: "Top pages", dimension: "event:page", column: "Page", beside: views },
      { name: "Entry", title: "Entry pages", dimension: "visit:entry_page", column: "Entry page", beside: visits },
      { name: "Exit", title: "Exit pages", dimension: "visit:exit_page", column: "Exit page", beside: visits },
    ],
  },
  {
    id: "places",
    tabs: [
      { name: "Countries", title: "Countries", dimension: "visit:country", column: "Country", show: (code) => <Country code={code} /> },
      { name: "Languages", title: "Languages", dimension: "visit:language", column: "Language", show: languageName },
    ],
  },
  {
    id: "devices",
    tabs: [
      { name: "Browsers", title: "Browsers", dimension: "visit:browser", column: "Browser" },
      { name: "Systems", title: "Operating systems", dimension: "visit:os", column: "System" },
      { name: "Devices", title: "Devices", dimension: "visit:device", column: "Device" },
    ],
  },
  { id: "events", tabs: [{ name: "Events", title: "Events", dimension: "event:name", column: "Event", beside: events }] },
];

interface Props {
  site: Site;
  range: Range;
  tick: number;
}

export function Lists({ site, range, tick }: Props) {
  return (
    <div class="lists">
      {CARDS.map((card) => (
        <Card key={card.id} id={card.id} tabs={card.tabs} site={site} range={range} tick={Math.floor(tick / TICKS_PER_LIST)} />
      ))}
    </div>
  );
}

function Card({ id, tabs, site, range, tick }: Props & { id: string; tabs: Tab[] }) {
  const [chosen, setChosen] = useState(0);
  const tab = tabs[chosen];
  if (tab === undefined) return null;
  const move = (event: KeyboardEvent) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const next = (chosen + step + tabs.length) % tabs.length;
    setChosen(next);
    document.getElementById(`${id}-${next}`)?.focus();
  };
  return (
    <section class={`card list ${id}`} aria-labelledby={`${id}-title`}>
      <div class="head">
        <h2 id={`${id}-title`}>{tab.title}</h2>
        {tabs.length > 1 && (
          <div class="tabs" role="tablist" aria-label={id} onKeyDown={move}>
            {tabs.map((tab, index) => (
              <button
                key={tab.name}
                id={`${id}-${index}`}
                type="button"
                role="tab"
                aria-selected={index === chosen}
                aria-controls={`${id}-panel`}
                tabIndex={index === chosen ? 0 : -1}
                onClick={() => setChosen(index)}
              >
                {tab.name}
              </button>
            ))}
          </div>
        )}
      </div>
      <div id={`${id}-panel`} class="panel" {...(tabs.length > 1 ? { role: "tabpanel", "aria-labelledby": `${id}-${chosen}` } : {})}>
        <Rows tab={tab} site={site} range={range} tick={tick} />
      </div>
    </section>
  );
}

function Rows({ tab, site, range, tick }: Props & { tab: Tab }) {
  const metrics: Metric[] = tab.beside === undefined ? ["visitors", "percentage"] : ["visitors", tab.beside.metric];
  const asked = useAnswer(`${site.domain} ${range.dates} ${tab.dimension}`, range.open ? tick : 0, (signal) =>
    query(
      {
        site_id: site.domain,
        metrics,
        date_range: range.dates,
        dimensions: [tab.dimension],
        order_by: [
          ["visitors", "desc"],
          [metrics[1] ?? "visitors", "desc"],
        ],
        include: { total_rows: true },
        pagination: { limit: ROWS },
      },
      signal,
    ),
  );
  if (asked.value === undefined && asked.error !== undefined) {
    return (
      <p class="notice" role="alert">
        {asked.error.message}
      </p>
    );
  }
  if (asked.value === undefined) return <div class="rows waiting" aria-busy="true" />;
  if (asked.value.results.length === 0) return <p class="empty">Nothing here in this range</p>;
  return <Ranked tab={tab} answer={asked.value} />;
}

function Ranked({ tab, answer }: { tab: Tab; answer: Answer }) {
  const warning = answer.meta.metric_warnings?.visitors;
  const largest = Math.max(answer.meta.rounded?.to ?? 1, ...answer.results.map((row) => sized(row.metrics[0]) ?? 0));
  const more = (answer.meta.total_rows ?? 0) - answer.results.length;
  return (
    <>
      <table class="rows">
        <thead>
          <tr>
            <th scope="col">{tab.column}</th>
            <th scope="col" title={warning?.warning}>
              {warning === undefined ? "Visitors" : "Daily visitors"}
            </th>
            <th scope="col">{tab.beside?.label ?? "Share"}</th>
          </tr>
        </thead>
        <tbody>
          {answer.results.map((row) => (
            <Line key={row.dimensions[0]} row={row} tab={tab} largest={largest} folded={answer.meta.folded} />
          ))}
        </tbody>
      </table>
      {more > 0 && <p class="more">and {whole(more)} more</p>}
    </>
  );
}

function Line({ row, tab, largest, folded }: { row: Row; tab: Tab; largest: number; folded: Answer["meta"]["folded"] }) {
  const value = row.dimensions[0] ?? "";
  const [visitors, beside] = row.metrics;
  const isFolded = folded?.value === value;
  const named = value === "" ? "(not set)" : value;
  return (
    <tr>
      <th scope="row" class={isFolded ? "folded" : undefined} title={isFolded ? folded?.warning : named}>
        <span class="bar" style={{ width: `${((sized(visitors) ?? 0) / largest) * 100}%` }} />
        <span class="name">{isFolded ? "Other, too few to show" : (tab.show?.(value) ?? named)}</span>
      </th>
      <td title={inFull(visitors)}>{metricValue("visitors", visitors)}</td>
      <td class="beside">{metricValue(tab.beside?.metric ?? "percentage", beside)}</td>
    </tr>
  );
}

declare const __FLAGS__: string;

function Country({ code }: { code: string }) {
  return (
    <>
      {/^[A-Z]{2}$/.test(code) && <img class="flag" src={`${__FLAGS__}${code}.svg`} alt="" width="20" height="14" loading="lazy" />}
      {countryName(code)}
    </>
  );
}

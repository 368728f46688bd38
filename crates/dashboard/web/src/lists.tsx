// The reports below the graph: where visits come from, what they see, where and with what they are.

import { useState } from "preact/hooks";
import { type Answer, MONEY, type Metric, type Query, type Row, propertyNames, query } from "./api";
import { FILE_ROWS_MAX, type Page, type Sheet, columnsOf, notesOf, wholeList } from "./export";
import { ExportAs, type Taking } from "./export-as";
import { dimensionName, valueName } from "./filters";
import { inFull, metricValue, sized } from "./format";
import { t } from "./i18n";
import { DotMap, WorldMap } from "./map";
import { Problem } from "./problem";
import { CARDS, type Card, METRICS, OTHER, type Tab, earning, filteredBy, mayLackRows } from "./reports";
import { type Scope, beside, heldBy, listQuery, shows, useList } from "./scope";
import { useAnswer } from "./use-answer";

const ROWS = 9;

/** A map shows more places than its list: no more than there are countries, and of regions and cities as many as can be told apart. */
const PLACES_MAX = 300;

/** The tabs that have a map. */
const MAPS = ["country", "region", "city"] as const;

/** Names of properties that stand to be chosen; all of them are offered while one is typed. */
const PROPERTIES_SHOWN = 12;

export function Lists({ scope }: { scope: Scope }) {
  return (
    <div class="lists">
      {CARDS.filter((card) => shows(scope, card.id)).map((card) => (
        <ListCard key={card.id} card={card} scope={scope} />
      ))}
    </div>
  );
}

/** The dimension of a tab; a property's is the one that the reader named. */
export function dimensionOf(tab: Tab, scope: Scope): string | null {
  if (tab.dimension !== null) return tab.dimension;
  return scope.place.property === null ? null : `event:props:${scope.place.property}`;
}

function ListCard({ card: { id, title, tabs }, scope }: { card: Card; scope: Scope }) {
  const { tabs: chosen } = scope.place;
  const tab = tabs.find((tab) => chosen.includes(tab.id)) ?? tabs[0];
  if (tab === undefined) return null;
  const choose = (next: Tab) => {
    const others = chosen.filter((id) => !tabs.some((tab) => tab.id === id));
    scope.go({ tabs: next === tabs[0] ? others : [...others, next.id] });
  };
  const move = (event: KeyboardEvent) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const next = step === undefined ? undefined : tabs[(tabs.indexOf(tab) + step + tabs.length) % tabs.length];
    if (next === undefined) return;
    event.preventDefault();
    choose(next);
    document.getElementById(`${id}-${next.id}`)?.focus();
  };
  return (
    <section class={`card list ${id}`} aria-labelledby={`${id}-title`}>
      <div class="head">
        <h2 id={`${id}-title`}>{t(tab.title)}</h2>
        <div class="tabs" role="tablist" aria-label={t(title)} onKeyDown={move}>
          {tabs.map((one) => (
            <button
              key={one.id}
              id={`${id}-${one.id}`}
              type="button"
              role="tab"
              aria-selected={one === tab}
              aria-controls={`${id}-panel`}
              tabIndex={one === tab ? 0 : -1}
              onClick={() => choose(one)}
            >
              {t(one.name)}
            </button>
          ))}
        </div>
      </div>
      <div id={`${id}-panel`} class="panel" role="tabpanel" aria-labelledby={`${id}-${tab.id}`}>
        {tab.dimension === null && <PropertyName key={scope.place.property} scope={scope} />}
        <Rows key={tab.id} tab={tab} scope={scope} />
      </div>
    </section>
  );
}

function PropertyName({ scope }: { scope: Scope }) {
  const [name, setName] = useState(scope.place.property ?? "");
  const { site, range } = scope;
  const known = useAnswer(`properties ${site.domain} ${range.dates}`, 0, (signal) =>
    // The names are of the whole site: a link that shows one segment does not tell them.
    scope.shared?.segment == null ? propertyNames(site.domain, range.dates, signal) : Promise.resolve([]),
  );
  const submit = (event: Event) => {
    event.preventDefault();
    scope.go({ property: name.trim() === "" ? null : name.trim() });
  };
  return (
    <form class="ask" onSubmit={submit}>
      <label class="unseen" for="property-name">
        {t("property_name")}
      </label>
      <input
        id="property-name"
        list="property-names"
        placeholder={t("property_name")}
        value={name}
        maxLength={300}
        spellcheck={false}
        onInput={(event) => setName(event.currentTarget.value)}
      />
      <datalist id="property-names">
        {known.value?.map((one) => (
          <option key={one} value={one} />
        ))}
      </datalist>
      <button type="submit" class="plain">
        {t("show")}
      </button>
      {scope.place.property === null && known.value !== undefined && known.value.length > 0 && (
        <ul class="names" aria-label={t("properties")}>
          {known.value.slice(0, PROPERTIES_SHOWN).map((one) => (
            <li key={one}>
              <button type="button" class="chip" title={one} onClick={() => scope.go({ property: one })}>
                {one}
              </button>
            </li>
          ))}
        </ul>
      )}
    </form>
  );
}

function Rows({ tab, scope }: { tab: Tab; scope: Scope }) {
  const dimension = dimensionOf(tab, scope);
  return dimension === null ? <p class="empty">{t("property_hint")}</p> : <Listed tab={tab} dimension={dimension} scope={scope} />;
}

function Listed({ tab, dimension, scope }: { tab: Tab; dimension: string; scope: Scope }) {
  const metrics = shortMetrics(tab, dimension, scope);
  const map = MAPS.find((kind) => kind === tab.id);
  const asked = useList(scope, { dimension, metrics, limit: map === undefined ? ROWS : PLACES_MAX });
  if (asked.value === undefined && asked.error !== undefined) return <Problem error={asked.error} scope={scope} />;
  if (asked.value === undefined) return <div class="rows waiting" aria-busy="true" />;
  if (asked.value.results.length === 0) return <Empty tab={tab} answer={asked.value} scope={scope} />;
  const choose = (value: string) => scope.go({ filters: filteredBy(scope.place.filters, dimension, value) });
  const { total_rows = 0 } = asked.value.meta;
  const more = total_rows > ROWS ? t("more", { n: total_rows }) : t("details");
  return (
    <>
      <div class={map === undefined ? "without-map" : "with-map"}>
        {map === "country" && <WorldMap rows={asked.value.results} onChoose={choose} />}
        {(map === "region" || map === "city") && <DotMap kind={map} rows={asked.value.results} onChoose={choose} />}
        <Table dimension={dimension} kind={tab.kind} metrics={earning(metrics, asked.value.results)} answer={asked.value} rows={asked.value.results.slice(0, ROWS)} onChoose={choose} />
      </div>
      <div class="under">
        <Export tab={tab} dimension={dimension} scope={scope} />
        <InNoRow answer={asked.value} scope={scope} />
        <button type="button" class="quiet" aria-label={`${more}: ${t(tab.title)}`} onClick={() => scope.go({ detail: tab.id })}>
          {more} <span aria-hidden="true">→</span>
        </button>
      </div>
    </>
  );
}

interface RowlessProps {
  answer: Answer;
  scope: Scope;
}

/** Why there are no rows. */
export function Empty({ tab, answer, scope }: RowlessProps & { tab: Tab }) {
  const below = answer.meta.folded?.below;
  const why = () => {
    if (mayLackRows(answer, scope.filters.length > 0)) return t("empty_folded", { n: below ?? 0 });
    return tab.id === "city" || tab.id === "region" ? t("empty_cities") : t("empty");
  };
  return <p class="empty">{why()}</p>;
}

/** What the rows above do not hold, where they may not hold all. */
export function InNoRow({ answer, scope }: RowlessProps) {
  if (!mayLackRows(answer, scope.filters.length > 0)) return null;
  return (
    <span class="lacks" title={t("folded_why", { n: answer.meta.folded?.below ?? 0 })}>
      {t("some_in_no_row")}
    </span>
  );
}

/** A number of each row, one beside it, and what it brought. */
function shortMetrics(tab: Tab, dimension: string, scope: Scope): Metric[] {
  const held = heldBy(scope, dimension);
  const [first = "visitors"] = held;
  const second = beside(scope, dimension, tab.beside);
  return [first, ...(second === undefined ? [] : [second]), ...(tab.money === true ? held.filter((metric) => metric === "total_revenue") : [])];
}

interface TableProps {
  dimension: string;
  kind: Tab["kind"];
  metrics: Metric[];
  answer: Answer;
  rows: Row[];
  onChoose: (value: string) => void;
  /** What the rows are in the order of; with `onSort`, the heads are buttons. */
  sorted?: [Metric, "asc" | "desc"];
  onSort?: (metric: Metric) => void;
}

/** Rows with a bar behind the name, as long as its first number is large. */
export function Table({ dimension, kind, metrics, answer, rows, onChoose, sorted, onSort }: TableProps) {
  const largest = Math.max(answer.meta.rounded?.to ?? 1, ...rows.map((row) => sized(row.metrics[0]) ?? 0));
  const head = (metric: Metric) => (metric === "visitors" && answer.meta.metric_warnings?.visitors !== undefined ? t("daily_visitors") : t(METRICS[metric]));
  const direction = (metric: Metric) => (sorted?.[0] !== metric ? undefined : sorted[1] === "desc" ? "descending" : "ascending");
  const stacks = onSort !== undefined;
  return (
    <table class={stacks ? "rows stacks" : "rows"} role="table">
      <thead role="rowgroup">
        <tr role="row">
          <th scope="col" role="columnheader">
            {dimensionName(dimension)}
          </th>
          {metrics.map((metric) => (
            <th key={metric} scope="col" role="columnheader" aria-sort={direction(metric)} title={metric === "visitors" && head(metric) === t("daily_visitors") ? t("sum_of_days_why") : undefined}>
              {onSort === undefined || metric === "percentage" ? (
                head(metric)
              ) : (
                <button type="button" class="sort" aria-label={t("sort_by", { metric: head(metric) })} onClick={() => onSort(metric)}>
                  {head(metric)}
                  <span aria-hidden="true">{direction(metric) === undefined ? "" : direction(metric) === "descending" ? " ↓" : " ↑"}</span>
                </button>
              )}
            </th>
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {rows.map((row) => (
          <Line key={row.dimensions[0]} row={row} dimension={dimension} kind={kind} metrics={metrics} largest={largest} head={stacks ? head : undefined} onChoose={onChoose} />
        ))}
      </tbody>
    </table>
  );
}

interface LineProps extends Pick<TableProps, "dimension" | "kind" | "metrics" | "onChoose"> {
  row: Row;
  largest: number;
  /** What each number is called, where on a narrow screen it stands under its name. */
  head: ((metric: Metric) => string) | undefined;
}

function Line({ row, dimension, kind, metrics, largest, head, onChoose }: LineProps) {
  const value = row.dimensions[0] ?? "";
  const isFolded = value === OTHER;
  const name = isFolded ? t("other") : valueName(dimension, value);
  return (
    <tr role="row">
      <th scope="row" role="rowheader" class={isFolded ? "folded" : undefined}>
        <span class="bar" style={{ width: `${((sized(row.metrics[0]) ?? 0) / largest) * 100}%` }} />
        {isFolded || value === "" ? (
          <span class="name" title={isFolded ? t("other") : undefined}>
            {name}
          </span>
        ) : (
          <button type="button" class="name" title={name} aria-label={t("filter_add", { value: name })} onClick={() => onChoose(value)}>
            {kind === "country" && /^[A-Z]{2}$/.test(value) && <img class="flag" src={`${__FLAGS__}${value}.svg`} alt="" width="20" height="14" loading="lazy" />}
            {name}
          </button>
        )}
      </th>
      {metrics.map((metric, i) => (
        <td key={metric} role="cell" data-name={head?.(metric)} class={i === 0 ? undefined : "beside"} title={i === 0 || MONEY.includes(metric) ? inFull(row.metrics[i], metric) : undefined}>
          {metricValue(metric, row.metrics[i])}
        </td>
      ))}
    </tr>
  );
}

/** All rows of a question by a dimension as a table, however many answers they take. */
export async function listSheet(question: Query, dimension: string, { format, signal, onRows }: Taking): Promise<Sheet> {
  const ask = (pagination: Page) => query({ ...question, order_by: [[dimension, "asc"]], include: { total_rows: true }, pagination }, signal, format);
  const { rows, total, meta } = await wholeList(ask, onRows);
  return {
    head: [dimension, ...columnsOf(question.metrics, meta)],
    rows: rows.map((row) => [row.dimensions[0] ?? "", ...row.metrics]),
    notes: notesOf(meta),
    cut: total > FILE_ROWS_MAX ? t("export_cut", { n: rows.length, of: total }) : undefined,
  };
}

/** The whole list as a file. */
export function Export({ tab, dimension, scope }: { tab: Tab; dimension: string; scope: Scope }) {
  const question = listQuery(scope, { dimension, metrics: heldBy(scope, dimension), limit: FILE_ROWS_MAX });
  const sheet = (taking: Taking) => listSheet(question, dimension, taking);
  return <ExportAs title={t(tab.title)} name={`${scope.site.domain}-${tab.id}`} scope={scope} sheet={sheet} />;
}

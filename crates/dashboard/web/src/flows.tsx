// Where visits go: one page in the middle, the pages that its views came from and those that they led to. Choosing one of these puts it
// into the middle.

import { useState } from "preact/hooks";
import { type Flow as Ways, type FlowShare, type FlowSide, type Told, flow } from "./api";
import { type Sheet, notesOf } from "./export";
import { ExportAs } from "./export-as";
import { inFull, metricValue, sized } from "./format";
import { t } from "./late";
import { Problem } from "./problem";
import { OTHER } from "./reports";
import { type Scope, useList } from "./scope";
import "./style/ways.css";
import { useAnswer } from "./use-answer";

/** A flow is asked at every third tick, as the lists are. */
const TICKS_PER_FLOW = 3;

/** Pages to choose from; any other can be typed. */
const PAGES_MAX = 100;

export function FlowsView({ scope }: { scope: Scope }) {
  const { place, go } = scope;
  // The pages of the period, whatever the report is filtered by.
  const pages = useList({ ...scope, filters: [] }, { dimension: "event:page", metrics: ["visitors"], limit: PAGES_MAX });
  const known = (pages.value?.results ?? []).map((row) => row.dimensions[0] ?? "").filter((page) => page.startsWith("/"));
  const page = place.page ?? known[0];
  if (page === undefined) {
    return (
      <section class="card centred-card" aria-label={t("flows")} aria-busy={pages.loading}>
        {pages.error !== undefined ? <Problem error={pages.error} scope={scope} /> : pages.loading ? <div class="rows waiting" /> : <p class="empty">{t("empty")}</p>}
      </section>
    );
  }
  return <Flow key={page} page={page} known={known} scope={scope} onChoose={(page) => go({ page })} />;
}

interface Props {
  page: string;
  known: string[];
  scope: Scope;
  onChoose: (page: string) => void;
}

function Flow({ page, known, scope, onChoose }: Props) {
  const { site, range, tick } = scope;
  const asked = useAnswer(`flow ${site.domain} ${page} ${range.dates}`, Math.floor(tick / TICKS_PER_FLOW), (signal) => flow(site.domain, page, range.dates, signal));
  const told = asked.value;
  return (
    <section class="card list flow" aria-label={t("flows")}>
      <div class="head">
        <h2>{t("flows")}</h2>
        <Chooser page={page} known={known} onChoose={onChoose} />
      </div>
      {told === undefined && asked.error !== undefined && <Problem error={asked.error} scope={scope} />}
      {asked.loading && <div class="rows waiting" aria-busy="true" />}
      {told !== undefined && (
        <>
          <div class="ways">
            <Side title={t("flow_previous")} end={t("flow_entries")} ends={told.previous.entries} side={told.previous} onChoose={onChoose} />
            <div class="centre">
              <h3 title={told.page}>{told.page}</h3>
              <p>
                <b>{inFull(told.pageviews)}</b> {t("flow_views", { n: sized(told.pageviews) ?? 0 })}
              </p>
            </div>
            <Side title={t("flow_next")} end={t("flow_exits")} ends={told.next.exits} side={told.next} onChoose={onChoose} />
          </div>
          <details class="as-table">
            <summary>{t("show_table")}</summary>
            <Numbers previous={told.previous} next={told.next} />
          </details>
          <p class="hint">{t("flow_why", { n: told.meta.folded?.below ?? 0 })}</p>
          <ExportAs
            title={`${t("flows")}: ${told.page}`}
            name={`${site.domain}-flows`}
            scope={scope}
            sheet={async ({ format, signal }) => flowSheet(await flow(site.domain, page, range.dates, signal, format))}
          />
        </>
      )}
    </section>
  );
}

/** Any page by its path, with the most viewed ones at hand. */
function Chooser({ page, known, onChoose }: Omit<Props, "scope">) {
  const [typed, setTyped] = useState(page);
  const submit = (event: Event) => {
    event.preventDefault();
    const path = typed.trim();
    if (path !== "" && path !== page) onChoose(path.startsWith("/") ? path : `/${path}`);
  };
  return (
    <form class="ask" onSubmit={submit}>
      <label class="unseen" for="flow-page">
        {t("page")}
      </label>
      <input id="flow-page" list="flow-pages" value={typed} maxLength={2000} spellcheck={false} onInput={(event) => setTyped(event.currentTarget.value)} />
      <datalist id="flow-pages">
        {known.map((one) => (
          <option key={one} value={one} />
        ))}
      </datalist>
      <button type="submit" class="plain">
        {t("show")}
      </button>
    </form>
  );
}

interface SideProps {
  title: string;
  /** What the visits are called that began or ended here. */
  end: string;
  ends: FlowShare | undefined;
  side: FlowSide;
  onChoose: (page: string) => void;
}

function Side({ title, end, ends, side, onChoose }: SideProps) {
  const share = (told: Told) => `${Math.min(100, sized(told) ?? 0)}%`;
  const row = (name: preact.ComponentChildren, told: FlowShare | undefined, quiet: boolean) => (
    <>
      <span class="bar" style={{ width: told === undefined ? "0" : share(told.share) }} />
      <span class={quiet ? "name quiet" : "name"}>{name}</span>
      <span class="amount">
        {inFull(told?.pageviews)} <span class="beside">{metricValue("percentage", told?.share)}</span>
      </span>
    </>
  );
  return (
    <div class="side">
      <h3>{title}</h3>
      <ul>
        <li class="end">{row(end, ends, true)}</li>
        {side.pages.map((one) => (
          <li key={one.page}>
            {row(
              <button type="button" title={one.page} aria-label={t("flow_choose", { page: one.page })} onClick={() => onChoose(one.page)}>
                {one.page}
              </button>,
              one,
              false,
            )}
          </li>
        ))}
        {side.other.pageviews !== 0 && <li class="end">{row(t("flow_other"), side.other, true)}</li>}
      </ul>
    </div>
  );
}

type InRow = { page: string } & Partial<FlowShare>;

/** A side in rows: what is no page of it before and behind its pages, by these names. */
const inRows = (side: FlowSide, ends: FlowShare | undefined, end: string, other: string): InRow[] => [{ page: end, ...ends }, ...side.pages, { page: other, ...side.other }];

/** All of it as a table. What is no page is in parentheses, with which no path begins. */
export function flowSheet({ page, pageviews, previous, next, meta }: Ways): Sheet {
  const rows = (direction: string, side: InRow[]) => side.map(({ page, pageviews = null, share = null }) => [direction, page, pageviews, share]);
  return {
    head: ["direction", "page", "pageviews", "share"],
    rows: [
      ["page", page, pageviews, null],
      ...rows("previous", inRows(previous, previous.entries, "(entries)", OTHER)),
      ...rows("next", inRows(next, next.exits, "(exits)", OTHER)),
    ],
    notes: notesOf(meta),
  };
}

/** All of it, in rows. */
function Numbers({ previous, next }: { previous: FlowSide; next: FlowSide }) {
  const rows = (direction: string, side: InRow[]) =>
    side.map(({ page, pageviews, share }) => (
      <tr key={`${direction} ${page}`}>
        <th scope="row">{direction}</th>
        <td>{page}</td>
        <td>{inFull(pageviews)}</td>
        <td>{metricValue("percentage", share)}</td>
      </tr>
    ));
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">{t("flow_direction")}</th>
          <th scope="col">{t("page")}</th>
          <th scope="col">{t("pageviews")}</th>
          <th scope="col">{t("share")}</th>
        </tr>
      </thead>
      <tbody>
        {rows(t("flow_previous"), inRows(previous, previous.entries, t("flow_entries"), t("flow_other")))}
        {rows(t("flow_next"), inRows(next, next.exits, t("flow_exits"), t("flow_other")))}
      </tbody>
    </table>
  );
}

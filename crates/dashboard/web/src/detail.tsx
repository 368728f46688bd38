// One list in full: all metrics its cells hold, searched, sorted, page by page.

import { useRef, useState } from "preact/hooks";
import { type Answer, MONEY, type Metric, type Row } from "./api";
import { Dialog } from "./dialog";
import { isCalled } from "./filter-by";
import { FilterChips } from "./filters";
import { t } from "./late";
import { Empty, Export, InNoRow, Table, dimensionOf } from "./lists";
import { Problem } from "./problem";
import { CARDS, OTHER, TABS, type Tab, earning, filteredBy } from "./reports";
import { type Scope, heldBy, shows, useList } from "./scope";
import { ROWS_MAX, isLike, isSearchedHere } from "./search";
import { useSettled } from "./use-settled";

const ROWS_PER_PAGE = 50;

export function Detail({ scope }: { scope: Scope }) {
  const tab = TABS.find((tab) => tab.id === scope.place.detail);
  const dimension = tab === undefined ? null : dimensionOf(tab, scope);
  if (tab === undefined || dimension === null || !CARDS.some((card) => card.tabs.includes(tab) && shows(scope, card.id))) return null;
  return (
    <Dialog title={t(tab.title)} className="detail" onClose={() => scope.go({ detail: null })}>
      <Full tab={tab} dimension={dimension} scope={scope} />
    </Dialog>
  );
}

function Full({ tab, dimension, scope }: { tab: Tab; dimension: string; scope: Scope }) {
  const [typed, setTyped] = useState("");
  const [page, setPage] = useState(0);
  const search = useSettled(typed, () => setPage(0));
  const [order, setOrder] = useState<[Metric, "asc" | "desc"]>(["visitors", "desc"]);
  const metrics = heldBy(scope, dimension);
  // A filter may have taken away what the rows were in the order of.
  const sorted: typeof order = metrics.includes(order[0]) ? order : [metrics[0] ?? "visitors", "desc"];
  const isHere = search !== "" && isSearchedHere(dimension, scope.filters);
  const part = { limit: ROWS_PER_PAGE, offset: page * ROWS_PER_PAGE };
  const asked = useList(scope, { dimension, metrics, order: sorted, search, ...(isHere ? { limit: ROWS_MAX } : part) });
  // While the next rows are on their way their head stays, and with it the focus of whoever sorts by keyboard.
  const last = useRef<Answer | undefined>(undefined);
  last.current = asked.value ?? last.current;
  const found = isHere ? like(asked.value, dimension, search) : undefined;
  const rows = found?.slice(part.offset, part.offset + part.limit) ?? asked.value?.results ?? [];
  const total = found?.length ?? asked.value?.meta.total_rows ?? 0;
  // Once there was money on a page, its columns stay for the others.
  const earned = useRef(false);
  earned.current ||= MONEY.includes(sorted[0]) || earning(metrics, rows).some((metric) => MONEY.includes(metric));
  const columns = earned.current ? metrics : earning(metrics, rows);
  const sort = (metric: Metric) => {
    setOrder(([known, direction]) => [metric, known === metric && direction === "desc" ? "asc" : "desc"]);
    setPage(0);
  };
  const choose = (value: string) => scope.go({ filters: filteredBy(scope.place.filters, dimension, value), detail: null });
  return (
    <>
      <div class="detail-tools">
        <label class="unseen" for="detail-search">
          {t("search")}
        </label>
        <input id="detail-search" type="search" placeholder={t("search")} value={typed} spellcheck={false} onInput={(event) => setTyped(event.currentTarget.value)} />
        <Export tab={tab} dimension={dimension} scope={scope} />
      </div>
      <FilterChips scope={scope} />
      <div class="detail-rows" tabIndex={0} role="region" aria-label={t(tab.title)}>
        {asked.error !== undefined && asked.value === undefined && <Problem error={asked.error} scope={scope} />}
        {asked.loading && <div class="rows waiting" aria-busy="true" />}
        {asked.value !== undefined && total === 0 && (search === "" ? <Empty tab={tab} answer={asked.value} scope={scope} /> : <p class="empty">{t("empty")}</p>)}
        {last.current !== undefined && (asked.loading || total > 0) && (
          <Table dimension={dimension} kind={tab.kind} metrics={columns} answer={last.current} rows={rows} onChoose={choose} sorted={sorted} onSort={sort} />
        )}
        {asked.value !== undefined && total > 0 && search === "" && <InNoRow answer={asked.value} scope={scope} />}
      </div>
      <div class="pager">
        <button type="button" class="plain" disabled={page === 0} onClick={() => setPage(page - 1)}>
          {t("previous")}
        </button>
        <span role="status">
          {total > 0 && t("rows", { from: page * ROWS_PER_PAGE + 1, to: Math.min(total, (page + 1) * ROWS_PER_PAGE), n: total })}
        </span>
        <button type="button" class="plain" disabled={(page + 1) * ROWS_PER_PAGE >= total} onClick={() => setPage(page + 1)}>
          {t("next")}
        </button>
      </div>
    </>
  );
}

/** The rows that are called so. */
function like(answer: Answer | undefined, dimension: string, typed: string): Row[] | undefined {
  const fits = (value: string) => (value === OTHER ? isLike(t("other"), typed) : isCalled(dimension, value, typed));
  return answer?.results.filter((row) => fits(row.dimensions[0] ?? ""));
}

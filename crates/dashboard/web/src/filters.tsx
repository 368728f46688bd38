// The filters that are on, each with the way to change it and to take it off, and the way to one more.

import { useState } from "preact/hooks";
import type { Filter } from "./api";
import { mayDefine } from "./definitions";
import { countryName, languageName } from "./format";
import { type Word, t } from "./i18n";
import { later } from "./later";
import { regionName } from "./region-names";
import { DIMENSIONS, isNamed } from "./reports";
import { type Scope, shows } from "./scope";

const SaveSegment = later(() => import("./save-segment").then((loaded) => loaded.SaveSegment));

export function dimensionName(dimension: string): string {
  const property = /^event:props:(.+)$/.exec(dimension)?.[1];
  if (property !== undefined) return property;
  const word = DIMENSIONS[dimension];
  return word === undefined ? dimension : t(word);
}

/** A value as its list shows it. */
export function valueName(dimension: string, value: string): string {
  if (dimension === "visit:country") return countryName(value);
  if (dimension === "visit:language") return languageName(value);
  if (dimension === "visit:region" && value !== "") return regionName(value);
  return value === "" ? t("not_set") : value;
}

export function told({ operator, dimension, values }: Filter): string {
  return `${dimensionName(dimension)} ${t(`op_${operator}` as Word)} ${values.map((value) => valueName(dimension, value)).join(" / ")}`;
}

const TURNED = { is: "is_not", is_not: "is", contains: "contains_not", contains_not: "contains" } as const;

/** A filter that keeps what this one leaves out; none of goals and segments. */
export function turned(filter: Filter): Filter | null {
  return isNamed(filter.dimension) && filter.operator !== "is_not" ? null : { ...filter, operator: TURNED[filter.operator] };
}

export function FilterChips({ scope }: { scope: Scope }) {
  const { filters } = scope.place;
  const { go } = scope;
  const [saving, setSaving] = useState(false);
  if (filters.length === 0) return null;
  const page = filters.find((filter) => filter.dimension === "event:page" && filter.operator === "is" && filter.values.length === 1)?.values[0];
  const savable = mayDefine(scope.site) && filters.every((filter) => !isNamed(filter.dimension) && filter.dimension !== "visit:exit_page");
  return (
    <ul class="chips" aria-label={t("filters")}>
      {filters.map((filter, at) => (
        <Chip
          key={at}
          filter={filter}
          onChange={scope.onFilter}
          onTurn={(other) => go({ filters: filters.map((known) => (known === filter ? other : known)) })}
          onRemove={() => {
            go({ filters: filters.filter((other) => other !== filter) });
            if (at === filters.length - 1) goOnWhereFiltersAreAdded();
          }}
        />
      ))}
      {page?.startsWith("/") && shows(scope, "flows") && (
        <li>
          <button type="button" class="quiet" onClick={() => go({ view: "flows", page, detail: null })}>
            {t("flow_of")}
          </button>
        </li>
      )}
      {savable && (
        <li>
          <button type="button" class="quiet" onClick={() => setSaving(true)}>
            {t("segment_save")}
          </button>
          {saving && <SaveSegment scope={scope} onClose={() => setSaving(false)} />}
        </li>
      )}
      {filters.length > 1 && (
        <li>
          <button type="button" class="quiet" onClick={() => (go({ filters: [] }), goOnWhereFiltersAreAdded())}>
            {t("filter_clear")}
          </button>
        </li>
      )}
    </ul>
  );
}

interface ChipProps {
  filter: Filter;
  onTurn: (other: Filter) => void;
  onChange: Scope["onFilter"];
  onRemove: () => void;
}

/** A filter: what it is of turns it round, its value opens it to be changed, and the cross takes it off. */
function Chip({ filter, onTurn, onChange, onRemove }: ChipProps) {
  const other = turned(filter);
  const all = told(filter);
  const op = (of: Filter) => t(`op_${of.operator}` as Word);
  const turn = other === null ? "" : t("filter_turn", { filter: all, op: op(other) });
  const what = (
    <>
      <span class="of">{dimensionName(filter.dimension)}</span> <span class="op">{op(filter)}</span>
    </>
  );
  return (
    <li class="turns">
      {other !== null && (
        <button type="button" class="turn" aria-label={turn} title={turn} onClick={() => onTurn(other)}>
          {what}
        </button>
      )}
      <button type="button" class="value-of" title={all} aria-label={t("filter_change", { filter: all })} disabled={onChange === undefined} onClick={() => onChange?.(filter)}>
        {other === null && what} <b>{filter.values.map((value) => valueName(filter.dimension, value)).join(" / ")}</b>
      </button>
      <button type="button" class="chip" onClick={onRemove}>
        <span aria-hidden="true">×</span>
        <span class="unseen">{t("filter_remove", { filter: all })}</span>
      </button>
    </li>
  );
}

/** What takes the last filters off goes with them: who works by keys goes on at the button that adds one. */
const goOnWhereFiltersAreAdded = () => document.querySelector<HTMLElement>(".when > [aria-keyshortcuts=n]")?.focus();

/** The way to one more filter, where the report is shown that it is of. */
export function AddFilter({ scope: { view, onFilter } }: { scope: Scope }) {
  if (view !== "report" || onFilter === undefined) return null;
  return (
    <button type="button" class="opener" title={t("filter_new")} aria-keyshortcuts="n" onClick={() => onFilter(null)}>
      <svg viewBox="0 0 20 20" width="18" height="18" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="1.7" stroke-linecap="round">
        <path d="M3 5h14M6 10h8m-5 5h2" />
      </svg>
      <span class="unseen">{t("filter_new")}</span>
    </button>
  );
}

// The filters that are on, each with the way to take it off.

import { useState } from "preact/hooks";
import type { Filter } from "./api";
import { mayDefine } from "./definitions";
import { countryName, languageName } from "./format";
import { type Word, t } from "./i18n";
import { later } from "./later";
import { DIMENSIONS } from "./reports";
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
  return value === "" ? t("not_set") : value;
}

function told({ operator, dimension, values }: Filter): string {
  return `${dimensionName(dimension)} ${t(`op_${operator}` as Word)} ${values.map((value) => valueName(dimension, value)).join(" / ")}`;
}

const TURNED = { is: "is_not", is_not: "is", contains: "contains_not", contains_not: "contains" } as const;

/** A filter that keeps what this one leaves out; none of goals and segments, whose values are not counted but by name. */
export function turned(filter: Filter): Filter | null {
  const isNamed = filter.dimension === "event:goal" || filter.dimension === "segment";
  return isNamed && filter.operator !== "is_not" ? null : { ...filter, operator: TURNED[filter.operator] };
}

export function FilterChips({ scope }: { scope: Scope }) {
  const { filters } = scope.place;
  const { go } = scope;
  const [saving, setSaving] = useState(false);
  if (filters.length === 0) return null;
  const page = filters.find((filter) => filter.dimension === "event:page" && filter.operator === "is" && filter.values.length === 1)?.values[0];
  const savable = mayDefine(scope.site) && filters.every((filter) => filter.dimension !== "segment" && filter.dimension !== "event:goal" && filter.dimension !== "visit:exit_page");
  return (
    <ul class="chips" aria-label={t("filters")}>
      {filters.map((filter) => (
        <Chip
          key={`${filter.dimension} ${filter.values}`}
          filter={filter}
          onTurn={(other) => go({ filters: filters.map((known) => (known === filter ? other : known)) })}
          onRemove={() => go({ filters: filters.filter((other) => other !== filter) })}
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
          <button type="button" class="quiet" onClick={() => go({ filters: [] })}>
            {t("filter_clear")}
          </button>
        </li>
      )}
    </ul>
  );
}

/** A filter: what it is of turns it round, and its value takes it off. */
function Chip({ filter, onTurn, onRemove }: { filter: Filter; onTurn: (other: Filter) => void; onRemove: () => void }) {
  const other = turned(filter);
  const op = (of: Filter) => t(`op_${of.operator}` as Word);
  const turn = other === null ? "" : t("filter_turn", { filter: told(filter), op: op(other) });
  const what = (
    <>
      <span class="of">{dimensionName(filter.dimension)}</span> <span class="op">{op(filter)}</span>
    </>
  );
  return (
    <li class={other === null ? undefined : "turns"}>
      {other !== null && (
        <button type="button" class="turn" aria-label={turn} title={turn} onClick={() => onTurn(other)}>
          {what}
        </button>
      )}
      <button type="button" class="chip filter" title={told(filter)} aria-label={t("filter_remove", { filter: told(filter) })} onClick={onRemove}>
        {/* The blank is for who hears the name: the two stand side by side anyway. */}
        {other === null && <span>{what}</span>}{" "}
        <b>{filter.values.map((value) => valueName(filter.dimension, value)).join(" / ")}</b>
        <span aria-hidden="true">×</span>
      </button>
    </li>
  );
}

// The values of a filter: those that are chosen, and a field for more that offers what there was in the period.

import { useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Filter } from "./api";
import { isCalled, meant } from "./filter-by";
import { valueName } from "./filters";
import { t } from "./late";
import { OTHER } from "./reports";
import { type Scope, useList } from "./scope";
import { ROWS_MAX, isSearchedHere } from "./search";
import { useSettled } from "./use-settled";

/** Values that are offered at once. */
const OFFERED = 20;

/** A text that is not chosen yet, and the value that is meant by it: none where nothing is called so. */
export interface Typed {
  text: string;
  value: string | undefined;
}

export const NOTHING: Typed = { text: "", value: undefined };

interface Props {
  scope: Scope;
  dimension: string;
  values: string[];
  onValues: (values: string[]) => void;
  /** Whether the field is what the reader came for. */
  first: boolean;
  /** Told of what is typed and not chosen yet, before the next key can be pressed. */
  onTyped: (typed: Typed) => void;
}

export function ChooseValues({ scope, dimension, values, onValues, first, onTyped }: Props) {
  const [typed, setTyped] = useState("");
  const [active, setActive] = useState(-1);
  const field = useRef<HTMLInputElement>(null);
  const list = useRef<HTMLUListElement>(null);
  const id = useId();
  const search = useSettled(typed).trim();
  const { onFolded: _, ...alone } = scope;
  const none: Filter[] = [];
  const isHere = isSearchedHere(dimension, none);
  // Whatever else is filtered: what cannot be crossed can still be chosen, and the report tells of it.
  const asked = useList({ ...alone, filters: none, tick: 0 }, { dimension, metrics: ["visitors"], search: isHere ? "" : search, limit: isHere ? ROWS_MAX : OFFERED });
  // What was offered stays until there is something else to offer.
  const last = useRef<string[]>([]);
  last.current = asked.value?.results.map((row) => row.dimensions[0] ?? "") ?? last.current;
  const isOffered = (value: string) => value !== "" && value !== OTHER && !values.includes(value) && (!isHere || isCalled(dimension, value, search));
  const offered = last.current.filter(isOffered).slice(0, OFFERED);
  const chosen = offered[active];
  const pending = meant(dimension, typed, last.current);
  useLayoutEffect(() => onTyped({ text: typed.trim(), value: pending }), [typed, pending]);
  const type = (text: string) => {
    setTyped(text);
    setActive(-1);
  };
  const add = (value: string) => {
    if (!values.includes(value)) onValues([...values, value]);
    type("");
    list.current?.scrollTo({ top: 0 });
  };
  const remove = (value: string) => {
    onValues(values.filter((other) => other !== value));
    field.current?.focus();
  };
  const press = (event: KeyboardEvent) => {
    // What is still being put together from several keys is not typed yet.
    if (event.isComposing) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined && offered.length > 0) {
      event.preventDefault();
      // One place more than there are values: the field itself.
      const next = ((active + 1 + step + offered.length + 1) % (offered.length + 1)) - 1;
      setActive(next);
      list.current?.children[next]?.scrollIntoView({ block: "nearest" });
    } else if (event.key === "Enter") {
      // What is no value leaves the key to the form, which says so.
      const value = chosen ?? pending;
      if (value === undefined) return;
      event.preventDefault();
      add(value);
    } else if (event.key === "Backspace" && typed === "") onValues(values.slice(0, -1));
  };
  return (
    <div class="field values">
      <label for={id}>{t("filter_values")}</label>
      {values.length > 0 && (
        <ul class="names" aria-label={t("filter_values")}>
          {values.map((value) => (
            <li key={value}>
              <button type="button" class="chip" aria-label={t("remove_named", { name: valueName(dimension, value) })} onClick={() => remove(value)}>
                {valueName(dimension, value)} <span aria-hidden="true">×</span>
              </button>
            </li>
          ))}
        </ul>
      )}
      <input
        id={id}
        ref={field}
        type="text"
        role="combobox"
        aria-autocomplete="list"
        aria-expanded={offered.length > 0}
        aria-controls={`${id}-offered`}
        aria-activedescendant={chosen === undefined ? undefined : `${id}-${active}`}
        aria-describedby={`${id}-why`}
        autocomplete="off"
        autofocus={first}
        spellcheck={false}
        value={typed}
        onInput={(event) => type(event.currentTarget.value)}
        onKeyDown={press}
      />
      <p class="hint" id={`${id}-why`}>
        {t("filter_values_why")}
      </p>
      <div class="offered">
        {/* A click leaves the focus in the field. */}
        <ul class="options" id={`${id}-offered`} ref={list} role="listbox" aria-label={t("filter_offered")} hidden={offered.length === 0} onMouseDown={(event) => event.preventDefault()}>
          {offered.map((value, at) => (
            <li key={value} id={`${id}-${at}`} role="option" aria-selected={at === active} onClick={() => add(value)}>
              {valueName(dimension, value)}
            </li>
          ))}
        </ul>
        {asked.error !== undefined && asked.value === undefined && (
          <p class="notice" role="alert">
            {asked.error.message}
          </p>
        )}
        {asked.value !== undefined && offered.length === 0 && <p class="empty">{t("empty")}</p>}
      </div>
      <span class="unseen" role="status">
        {values.map((value) => valueName(dimension, value)).join(" / ")}
      </span>
    </div>
  );
}

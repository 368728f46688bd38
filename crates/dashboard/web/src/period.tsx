// The period, what it is compared with, and by what it is drawn.

import { useState } from "preact/hooks";
import { dateSpan } from "./format";
import { type Word, t } from "./i18n";
import { Menu } from "./menu";
import { COMPARES, PERIODS, compared, isDate } from "./range";
import type { Scope } from "./scope";

export function Period({ scope, today }: { scope: Scope; today: string }) {
  const { place, range, go } = scope;
  const named = PERIODS.find((period) => period.name === range.name);
  const against = compared(range, place.compare);
  return (
    <Menu
      title={t("period")}
      className="period"
      label={
        <>
          <b>{named === undefined ? dateSpan(range.dates) : t(named.label)}</b>
          {named !== undefined && <span class="dates">{dateSpan(range.dates)}</span>}
        </>
      }
    >
      {(close) => (
        <>
          <ul class="choices">
            {PERIODS.map(({ name, label, keys }) => (
              <li key={name}>
                <button
                  type="button"
                  aria-current={range.name === name}
                  aria-keyshortcuts={keys[0]}
                  onClick={() => {
                    go({ period: name, custom: null, interval: null });
                    close();
                  }}
                >
                  {t(label)} <kbd>{keys[0]?.toUpperCase()}</kbd>
                </button>
              </li>
            ))}
          </ul>
          <Own
            dates={range.dates}
            today={today}
            apply={(custom) => {
              go({ period: "custom", custom, interval: null });
              close();
            }}
          />
          <label class="field">
            {t("compare")}
            <select value={place.compare} onChange={(event) => go({ compare: COMPARES.find(({ name }) => name === event.currentTarget.value)?.name ?? "previous" })}>
              {COMPARES.map(({ name, label }) => (
                <option key={name} value={name}>
                  {t(label)}
                </option>
              ))}
            </select>
          </label>
          {against !== null && <p class="hint">{dateSpan(against)}</p>}
        </>
      )}
    </Menu>
  );
}

function Own({ dates, today, apply }: { dates: [string, string]; today: string; apply: (custom: [string, string]) => void }) {
  const [[from, to], set] = useState(dates);
  const submit = (event: Event) => {
    event.preventDefault();
    if (isDate(from) && isDate(to)) apply(from <= to ? [from, to] : [to, from]);
  };
  return (
    <form class="own" onSubmit={submit} aria-label={t("custom")}>
      <label class="field">
        {t("from")}
        <input type="date" required max={today} value={from} onInput={(event) => set([event.currentTarget.value, to])} />
      </label>
      <label class="field">
        {t("to")}
        <input type="date" required max={today} value={to} onInput={(event) => set([from, event.currentTarget.value])} />
      </label>
      <button type="submit" class="plain">
        {t("apply")}
      </button>
    </form>
  );
}

/** What the change against the comparison is called: "yesterday", "a year ago". */
export function beforeName({ range, place }: Scope): string {
  if (place.compare === "year") return t("before_year");
  if (place.compare === "weekday") return t("before_weekday");
  const word: Word = PERIODS.find(({ name }) => name === range.name)?.before ?? "before_period";
  return t(word);
}

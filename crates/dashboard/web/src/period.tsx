// The period, what it is compared with, and by what it is drawn.

import { useEffect, useId, useState } from "preact/hooks";
import { dateSpan } from "./format";
import { type Word, t } from "./i18n";
import { Menu } from "./menu";
import { COMPARES, PERIODS, type Range, compared, daysOf, isDate, today as todayIn } from "./range";
import type { Scope } from "./scope";

export function Period({ scope, today }: { scope: Scope; today: string }) {
  const { range, go } = scope;
  const named = PERIODS.find((period) => period.name === range.name);
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
            className="own"
            label={t("custom")}
            dates={range.dates}
            today={today}
            apply={(custom) => {
              go({ period: "custom", custom, interval: null });
              close();
            }}
          />
          <Against scope={scope} today={today} close={close} />
        </>
      )}
    </Menu>
  );
}

/** The comparison. Until dates of one's own are applied, what was compared with stays. */
function Against({ scope: { place, range, go }, today, close }: { scope: Scope; today: string; close: () => void }) {
  const [own, setOwn] = useState(place.compare === "custom");
  // A key may change it while the form is shown.
  useEffect(() => setOwn(place.compare === "custom"), [place.compare]);
  const dates = compared(range, place.compare, place.against);
  const choose = (event: Event & { currentTarget: HTMLSelectElement }) => {
    const compare = COMPARES.find(({ name }) => name === event.currentTarget.value)?.name ?? "previous";
    setOwn(compare === "custom");
    if (compare !== "custom") go({ compare, against: null });
  };
  return (
    <>
      <label class="field">
        {t("compare")}
        <select value={own ? "custom" : place.compare} onChange={choose}>
          {COMPARES.map(({ name, label }) => (
            <option key={name} value={name}>
              {t(label)}
            </option>
          ))}
        </select>
      </label>
      {own && (
        <Own
          key={String(place.against)}
          className="own against"
          label={`${t("compare")}: ${t("custom")}`}
          dates={dates ?? range.dates}
          today={today}
          apply={(against) => {
            go({ compare: "custom", against });
            close();
          }}
        />
      )}
      {!own && dates !== null && <p class="hint">{dateSpan(dates)}</p>}
    </>
  );
}

interface OwnProps {
  className: string;
  label: string;
  dates: [string, string];
  today: string;
  apply: (dates: [string, string]) => void;
}

function Own({ className, label, dates, today, apply }: OwnProps) {
  const [[from, to], setDates] = useState(dates);
  const [wrong, setWrong] = useState(false);
  const id = useId();
  const said = { "aria-invalid": wrong, "aria-describedby": wrong ? id : undefined };
  const set = (dates: [string, string]) => {
    setDates(dates);
    setWrong(false);
  };
  const submit = (event: Event) => {
    event.preventDefault();
    if (!isDate(from) || !isDate(to)) return;
    if (from > to) setWrong(true);
    else apply([from, to]);
  };
  return (
    <form class={className} onSubmit={submit} aria-label={label}>
      <label class="field">
        {t("from")}
        <input type="date" required max={today} value={from} {...said} onInput={(event) => set([event.currentTarget.value, to])} />
      </label>
      <label class="field">
        {t("to")}
        <input type="date" required max={today} value={to} {...said} onInput={(event) => set([from, event.currentTarget.value])} />
      </label>
      {wrong && (
        <p class="wrong" id={id} role="alert">
          {t("dates_reversed")}
        </p>
      )}
      <button type="submit" class="plain">
        {t("apply")}
      </button>
    </form>
  );
}

/** What the change against the comparison is called: "yesterday", "a year ago". */
export function beforeName({ site, range, place }: Scope): string {
  if (place.compare === "custom" && place.against !== null) return ownName(place.against, range, todayIn(site.timezone));
  if (place.compare === "year") return t("before_year");
  if (place.compare === "weekday") return t("before_weekday");
  const word: Word = PERIODS.find(({ name }) => name === range.name)?.before ?? "before_period";
  return t(word);
}

/** Dates of one's own, with what would else be taken for granted: as many days, and all of them over. */
export function ownName(dates: [string, string], range: Range, today: string): string {
  const days = daysOf(dates);
  const unlike = days === range.days ? [] : [t("days", { n: days })];
  const open = dates[1] >= today && !range.open ? [t("not_over")] : [];
  return [dateSpan(dates), ...unlike, ...open].join(t("comma"));
}

// How far visitors come on the ways that somebody defined: each funnel with its steps, and what of the step before reached it.

import { type Funnel, type Reached, definitions, reached } from "./definitions";
import { type Sheet, notesOf } from "./export";
import { ExportAs } from "./export-as";
import { clockTime, inFull, metricValue, sized } from "./format";
import { t } from "./late";
import type { Scope } from "./scope";
import "./style/define.css";
import { useAnswer } from "./use-answer";

/** A funnel is asked at every third tick: its numbers change slower than the graph's. */
const TICKS_PER_FUNNEL = 3;

export function FunnelsView({ scope }: { scope: Scope }) {
  const { site, go } = scope;
  const asked = useAnswer(`funnels ${site.domain}`, 0, (signal) => definitions(site.domain, "funnels", signal));
  if (asked.value === undefined) {
    return (
      <section class="card" aria-busy={asked.loading} aria-label={t("funnels")}>
        {asked.error === undefined ? (
          <div class="rows waiting" />
        ) : (
          <p class="notice" role="alert">
            {asked.error.message}
          </p>
        )}
      </section>
    );
  }
  if (asked.value.length === 0) {
    return (
      <section class="card centred-card" aria-label={t("funnels")}>
        <h2>{t("funnels_none")}</h2>
        <p class="hint">{t("funnels_why")}</p>
        <button type="button" class="plain" onClick={() => go({ view: "define" })}>
          {t("define_first")}
        </button>
      </section>
    );
  }
  return (
    <div class="lists">
      {asked.value.map((funnel) => (
        <One key={funnel.name} funnel={funnel} scope={scope} />
      ))}
    </div>
  );
}

/** The steps as a table. */
export function funnelSheet({ steps, meta }: Reached, days: number): Sheet {
  const { counted_from } = meta;
  return {
    head: ["step", "name", days > 1 ? "daily_visitors" : "visitors", "step_conversion_rate", "conversion_rate"],
    rows: steps.map(({ step, label, visitors, step_conversion_rate, conversion_rate }) => [step, label, visitors, step_conversion_rate, conversion_rate]),
    notes: { ...notesOf(meta), ...(counted_from === undefined ? {} : { counted_from }) },
  };
}

function One({ funnel, scope }: { funnel: Funnel; scope: Scope }) {
  const { site, range, tick } = scope;
  const key = `funnel ${site.domain} ${funnel.name} ${funnel.effective_from} ${range.dates}`;
  const asked = useAnswer(key, Math.floor(tick / TICKS_PER_FUNNEL), (signal) => reached(site.domain, funnel.name, range.dates, signal));
  const told = asked.value;
  const largest = Math.max(1, ...(told?.steps ?? []).map((step) => sized(step.visitors) ?? 0));
  return (
    <section class="card list funnel" aria-label={funnel.name}>
      <div class="head">
        <h2>{funnel.name}</h2>
        {told !== undefined && (
          <span class="hint">
            {t("funnel_whole", { share: metricValue("percentage", told.steps.at(-1)?.conversion_rate) })}
          </span>
        )}
      </div>
      {asked.error !== undefined && told === undefined && (
        <p class="notice" role="alert">
          {asked.error.message}
        </p>
      )}
      {asked.loading && <div class="rows waiting" aria-busy="true" />}
      {told !== undefined && (
        <table class="rows">
          <thead>
            <tr>
              <th scope="col">{t("funnel_step")}</th>
              <th scope="col">{range.days > 1 ? t("daily_visitors") : t("visitors")}</th>
              <th scope="col">{t("funnel_of_before")}</th>
            </tr>
          </thead>
          <tbody>
            {told.steps.map((step) => (
              <tr key={step.step}>
                <th scope="row">
                  <span class="bar" style={{ width: `${((sized(step.visitors) ?? 0) / largest) * 100}%` }} />
                  <span class="name" title={step.label}>
                    {step.step}. {step.label}
                  </span>
                </th>
                <td>{inFull(step.visitors)}</td>
                <td class="beside">{metricValue("percentage", step.step_conversion_rate)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <p class="hint">{range.days > 1 ? t("funnel_days_why") : t("funnel_day_why")}</p>
      {told?.meta.counted_from !== undefined && (
        <p class="hint">{t("counted_since", { when: `${told.meta.counted_from.slice(0, 10)} ${clockTime(told.meta.counted_from).slice(0, 5)}` })}</p>
      )}
      <ExportAs
        title={funnel.name}
        name={`${site.domain}-funnel-${funnel.name}`}
        scope={scope}
        sheet={async ({ format, signal }) => funnelSheet(await reached(site.domain, funnel.name, range.dates, signal, format), range.days)}
      />
    </section>
  );
}

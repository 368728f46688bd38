// How pages felt to load and use: the five web vitals of the site, and one of them by page and by device.

import { type Measured, type Told, type Vital, VITALS, type VitalName, vitals } from "./api";
import { type Sheet, notesOf } from "./export";
import { ExportAs } from "./export-as";
import { inFull, metricValue, sized, vitalValue } from "./format";
import { t } from "./late";
import { Problem } from "./problem";
import type { Scope } from "./scope";
import "./style/ways.css";
import { type Asked, useAnswer } from "./use-answer";

/** They are asked at every third tick, as the lists are. */
const TICKS_PER_VITALS = 3;

const RATINGS = ["good", "needs_improvement", "poor"] as const;

export function VitalsView({ scope }: { scope: Scope }) {
  const { site, range, tick, place, go } = scope;
  const ask = (by: "page" | "device") =>
    useAnswer(`vitals ${site.domain} ${by} ${range.dates}`, Math.floor(tick / TICKS_PER_VITALS), (signal) => vitals(site.domain, range.dates, by, signal));
  const pages = ask("page");
  const devices = ask("device");
  const told = pages.value;
  if (told === undefined) {
    return (
      <section class="card centred-card" aria-label={t("vitals")} aria-busy={pages.loading}>
        {pages.error === undefined ? <div class="rows waiting" /> : <Problem error={pages.error} scope={scope} />}
      </section>
    );
  }
  if (VITALS.every((name) => told.vitals[name].measurements === 0)) {
    const origin = location.origin;
    return (
      <section class="card centred-card" aria-label={t("vitals")}>
        <h2>{t("vitals_none")}</h2>
        <p class="hint">{t("vitals_how")}</p>
        <pre class="snippet" tabIndex={0}>{`<script defer data-domain="${site.domain}" src="${origin}/js/script.vitals.js"></script>`}</pre>
      </section>
    );
  }
  const name = place.vital;
  return (
    <>
      <section class="card vitals" aria-label={t("vitals")}>
        <div class="numbers" role="group" aria-label={t("vitals_choose")}>
          {VITALS.map((one) => (
            <Figure key={one} name={one} vital={told.vitals[one]} chosen={one === name} onChoose={() => go({ vital: one })} />
          ))}
        </div>
        <Buckets name={name} vital={told.vitals[name]} />
        <p class="hint">{t("vitals_why")}</p>
        <div class="takes">
          <ExportAs
            title={t("vitals")}
            label={t("vitals")}
            name={`${site.domain}-vitals`}
            scope={scope}
            sheet={async ({ format, signal }) => vitalsSheet(await vitals(site.domain, range.dates, "page", signal, format))}
          />
          <ExportAs
            title={t(`vital_${name}`)}
            label={t(`vital_${name}`)}
            name={`${site.domain}-${name}`}
            scope={scope}
            sheet={async ({ format, signal }) => bucketsSheet(await vitals(site.domain, range.dates, "page", signal, format), name)}
          />
        </div>
      </section>
      <div class="lists vital-lists">
        <Listed title={t("vitals_by_page", { vital: t(`vital_${name}`) })} by="page" name={name} asked={pages} scope={scope} />
        <Listed title={t("vitals_by_device", { vital: t(`vital_${name}`) })} by="device" name={name} asked={devices} scope={scope} />
      </div>
    </>
  );
}

const OF_VITAL = ["p75", "p75_from", "p75_to", "rating", ...RATINGS, "measurements"];

/** A percentile with the bounds that it is known within: between these it is an estimate, and where tens are told there is none. */
const ofVital = ({ p75, rating, measurements, ...shares }: Vital): (string | Told)[] => [
  p75?.about ?? null,
  p75?.from ?? null,
  p75?.to ?? null,
  rating,
  ...RATINGS.map((rating) => shares[rating]),
  measurements,
];

/** The vitals of the site as a table. */
export function vitalsSheet({ vitals, meta }: Measured): Sheet {
  return { head: ["vital", ...OF_VITAL], rows: VITALS.map((name) => [name, ...ofVital(vitals[name])]), notes: notesOf(meta) };
}

/** How often one of them was measured in each bucket. */
export function bucketsSheet({ vitals, meta }: Measured, name: VitalName): Sheet {
  const rows = (vitals[name].buckets ?? []).map(({ from, to, rating, measurements }) => [from, to, rating, measurements]);
  return { head: ["more_than", "up_to", "rating", "measurements"], rows, notes: notesOf(meta) };
}

/** One of them by page or device. */
export function measuredSheet({ rows = [], meta }: Measured, by: "page" | "device", name: VitalName): Sheet {
  const shown = rows.filter(({ vitals }) => vitals[name].measurements !== 0);
  return { head: [by, ...OF_VITAL], rows: shown.map((row) => [row[by] ?? "", ...ofVital(row.vitals[name])]), notes: notesOf(meta) };
}

const ratingWord = (rating: Vital["rating"]): string => (rating === null ? "–" : t(`rating_${rating}`));

function Figure({ name, vital, chosen, onChoose }: { name: VitalName; vital: Vital; chosen: boolean; onChoose: () => void }) {
  return (
    <button type="button" class="total" data-vital={name} aria-pressed={chosen} title={t(`vital_${name}_why`)} onClick={onChoose}>
      <span class="label">{t(`vital_${name}`)}</span>
      <span class="value">{vitalValue(name, vital.p75)}</span>
      <span class={`rating ${vital.rating ?? "none"}`}>{ratingWord(vital.rating)}</span>
      <Shares vital={vital} />
    </button>
  );
}

/** The parts of the measurements that were good, fair and poor; the text says what the colours do. */
function Shares({ vital }: { vital: Vital }) {
  const told = RATINGS.map((rating) => `${ratingWord(rating)} ${metricValue("percentage", vital[rating])}`).join(t("comma"));
  return (
    <span class="rated" role="img" aria-label={told} title={told}>
      {RATINGS.map((rating) => (
        <i key={rating} class={rating} style={{ width: `${vital[rating] ?? 0}%` }} />
      ))}
    </span>
  );
}

/** Every bucket with how often it was measured: the percentile's shape, and its numbers as a table. */
function Buckets({ name, vital }: { name: VitalName; vital: Vital }) {
  const buckets = vital.buckets ?? [];
  const largest = Math.max(1, ...buckets.map((bucket) => sized(bucket.measurements) ?? 0));
  return (
    <table class="rows buckets">
      <caption class="unseen">{t(`vital_${name}`)}</caption>
      <thead>
        <tr>
          <th scope="col">{t("vital_up_to")}</th>
          <th scope="col">{t("measurements")}</th>
        </tr>
      </thead>
      <tbody>
        {buckets.map((bucket) => (
          <tr key={bucket.from}>
            <th scope="row">
              <span class={`bar ${bucket.rating}`} style={{ width: `${((sized(bucket.measurements) ?? 0) / largest) * 100}%` }} />
              <span class="name">{bucket.to === null ? t("vital_more_than", { value: vitalValue(name, { from: 0, to: bucket.from, about: bucket.from }) }) : vitalValue(name, { from: 0, to: bucket.to, about: bucket.to })}</span>
            </th>
            <td>{inFull(bucket.measurements)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

interface ListedProps {
  title: string;
  by: "page" | "device";
  name: VitalName;
  asked: Asked<Measured>;
  scope: Scope;
}

function Listed({ title, by, name, asked, scope }: ListedProps) {
  const { site, range } = scope;
  const rows = (asked.value?.rows ?? []).filter((row) => row.vitals[name].measurements !== 0);
  return (
    <section class="card list measured" aria-label={title}>
      <div class="head">
        <h2>{title}</h2>
      </div>
      {asked.value === undefined && asked.error !== undefined && <Problem error={asked.error} scope={scope} />}
      {asked.loading && <div class="rows waiting" aria-busy="true" />}
      {asked.value !== undefined && rows.length === 0 && <p class="empty">{t("empty")}</p>}
      {rows.length > 0 && (
        <table class="rows stacks" role="table">
          <thead role="rowgroup">
            <tr role="row">
              {([by, "vital_p75", "rating_good", "measurements"] as const).map((word) => (
                <th key={word} scope="col" role="columnheader">
                  {t(word)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody role="rowgroup">
            {rows.map((row) => (
              <tr key={row[by]} role="row">
                <th scope="row" role="rowheader">
                  <span class="bar" style={{ width: `${row.vitals[name].good ?? 0}%` }} />
                  <span class="name" title={row[by]}>
                    {row[by]}
                  </span>
                </th>
                <td role="cell" data-name={t("vital_p75")}>
                  <span class={`rating ${row.vitals[name].rating ?? "none"}`} title={ratingWord(row.vitals[name].rating)}>
                    {vitalValue(name, row.vitals[name].p75)}
                    <span class="unseen"> {ratingWord(row.vitals[name].rating)}</span>
                  </span>
                </td>
                <td role="cell" data-name={t("rating_good")} class="beside">
                  {metricValue("percentage", row.vitals[name].good)}
                </td>
                <td role="cell" data-name={t("measurements")} class="beside">
                  {inFull(row.vitals[name].measurements)}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {rows.length > 0 && (
        <div class="under">
          <ExportAs
            title={title}
            name={`${site.domain}-${name}-by-${by}`}
            scope={scope}
            sheet={async ({ format, signal }) => measuredSheet(await vitals(site.domain, range.dates, by, signal, format), by, name)}
          />
        </div>
      )}
    </section>
  );
}

// The ledger: what became of every hit of the period, so that nobody has to wonder what was filtered.

import { type Coverage, type Ledger, type Told, ledger } from "./api";
import { percent } from "./coverage";
import { degradedLine } from "./degraded";
import { type Sheet, notesOf } from "./export";
import { ExportAs } from "./export-as";
import { clockTime, inFull, sized } from "./format";
import { named } from "./i18n";
import { type LateWord, t } from "./late";
import { Problem } from "./problem";
import type { Scope } from "./scope";
import "./style/ledger.css";
import { useAnswer } from "./use-answer";

interface Line {
  name: string;
  why?: string;
  hits: Told;
  kind: "counted" | "minimal" | "refused" | "bots" | "late";
  /** One reason of the line above. */
  isPart?: boolean;
}

/** The lines that add up to what was received, each followed by its reasons. */
export function linesOf(told: Ledger): Line[] {
  const sum = (parts: Record<string, Told>) => Object.values(parts).reduce<number>((sum, part) => sum + (sized(part) ?? 0), 0);
  const parts = (kind: "refused" | "bots") =>
    Object.entries(told[kind])
      .sort((one, other) => (sized(other[1]) ?? 0) - (sized(one[1]) ?? 0))
      .map(([name, hits]): Line => ({ name: named("outcome", name), hits, kind, isPart: true }));
  return [
    { name: t("ledger_counted"), hits: told.counted, kind: "counted" },
    { name: t("ledger_minimal"), why: t("ledger_minimal_why"), hits: told.minimal, kind: "minimal" },
    { name: t("ledger_refused"), hits: sum(told.refused), kind: "refused" },
    ...parts("refused"),
    { name: t("ledger_bots"), hits: sum(told.bots), kind: "bots" },
    ...parts("bots"),
    { name: t("ledger_late"), why: t("ledger_late_why"), hits: told.late, kind: "late" },
  ];
}

/** Whether nothing is missing; of rounded numbers nobody can tell. */
export function balances(told: Ledger, lines: Line[]): boolean | undefined {
  if (told.rounded !== undefined) return undefined;
  const sum = lines.filter((line) => !line.isPart).reduce((sum, line) => sum + (sized(line.hits) ?? 0), 0);
  return sum === sized(told.received);
}

/** The ledger and its consent as a table. What cannot be added up, or be a share, of fewer than ten is empty. */
export function ledgerSheet(told: Ledger): Sheet {
  const { received, coverage, degraded, rounded, complete_to } = told;
  const share = (hits: Told) => (typeof hits === "number" && typeof received === "number" && received > 0 ? Number.parseFloat(percent((hits / received) * 100)) : null);
  const line = (outcome: string, reason: string, hits: Told) => [outcome, reason, hits, share(hits)];
  const several = (outcome: string, parts: Record<string, Told>) => {
    const hits = Object.values(parts);
    const sum = hits.every((part) => typeof part === "number") ? hits.reduce((sum, part) => sum + part, 0) : null;
    return [line(outcome, "", sum), ...Object.entries(parts).map(([reason, hits]) => line(outcome, reason, hits))];
  };
  return {
    head: ["outcome", "reason", "hits", "share"],
    rows: [
      line("received", "", received),
      line("counted", "", told.counted),
      line("minimal", "", told.minimal),
      ...several("refused", told.refused),
      ...several("bots", told.bots),
      line("late", "", told.late),
      ["expired", "", told.expired, null],
      ...SHARES.map(({ of }) => ["coverage", of, null, coverage.shares[of]]),
      ...Object.entries(coverage.lowered_by).map(([reason, hits]) => ["lowered_by", reason, hits, null]),
    ],
    notes: { ...notesOf({ degraded, rounded }), ...(complete_to === null ? {} : { complete_to }) },
  };
}

export function LedgerView({ scope }: { scope: Scope }) {
  const { site, range, tick } = scope;
  const asked = useAnswer(`ledger ${site.domain} ${range.dates}`, tick, (signal) => ledger(site.domain, range.dates, signal));
  if (asked.value === undefined) {
    return (
      <section class="card ledger" aria-busy={asked.loading} aria-label={t("view_ledger")}>
        {asked.error === undefined ? <div class="rows waiting" /> : <Problem error={asked.error} scope={scope} />}
      </section>
    );
  }
  const told = asked.value;
  const lines = linesOf(told);
  const balance = balances(told, lines);
  return (
    <div class="ledger-view">
      <section class="card ledger" aria-labelledby="ledger-title">
        <h2 id="ledger-title">{t("ledger_title")}</h2>
        <p class="hint">{t("ledger_why")}</p>
        <p class="complete-to">{told.complete_to === null ? t("complete_unknown") : t("complete_to", { time: clockTime(told.complete_to) })}</p>
        {told.degraded !== undefined && told.degraded.length > 0 && <p class="degraded">{degradedLine(told.degraded)}</p>}
        <table class="rows">
          <thead>
            <tr>
              <th scope="col">{t("ledger_outcome")}</th>
              <th scope="col">{t("ledger_hits")}</th>
              <th scope="col">{t("ledger_share")}</th>
            </tr>
          </thead>
          <tbody>
            <Outcome name={t("ledger_received")} hits={told.received} of={told.received} className="received" />
            {lines.map((line) => (
              <Outcome key={`${line.kind} ${line.name}`} name={line.name} why={line.why} hits={line.hits} of={told.received} className={`${line.kind}${line.isPart ? " part" : ""}`} />
            ))}
          </tbody>
        </table>
        {balance !== undefined && <p class={balance ? "balance" : "balance off"}>{balance ? t("ledger_balances") : t("ledger_differs")}</p>}
        {sized(told.expired) !== 0 && (
          <p class="degraded">
            {t("ledger_expired")}: <b>{inFull(told.expired)}</b>
          </p>
        )}
        <ExportAs
          title={t("ledger_title")}
          name={`${site.domain}-ledger`}
          scope={scope}
          sheet={async ({ format, signal }) => ledgerSheet(await ledger(site.domain, range.dates, signal, format))}
        />
      </section>
      <Consent coverage={told.coverage} />
    </div>
  );
}

function Outcome({ name, why, hits, of, className }: { name: string; why?: string | undefined; hits: Told; of: Told; className: string }) {
  const share = (sized(hits) ?? 0) / Math.max(1, sized(of) ?? 1);
  return (
    <tr class={className}>
      <th scope="row">
        {share > 0 && <span class="bar" style={{ width: `${share * 100}%` }} />}
        <span class="name" title={why}>
          {name}
        </span>
      </th>
      <td>{inFull(hits)}</td>
      <td class="beside">{percent(share * 100)}</td>
    </tr>
  );
}

const SHARES: { of: keyof Coverage["shares"]; word: LateWord }[] = [
  { of: "measured", word: "measured" },
  { of: "exempt", word: "exempt" },
  { of: "counted_only", word: "counted_only" },
  { of: "opted_out", word: "opted_out" },
];

function Consent({ coverage }: { coverage: Coverage }) {
  const lowered = Object.entries(coverage.lowered_by).sort((one, other) => (sized(other[1]) ?? 0) - (sized(one[1]) ?? 0));
  return (
    <section class="card ledger" aria-labelledby="consent-title">
      <h2 id="consent-title">{t("consent")}</h2>
      {coverage.shares.measured === null ? (
        <p class="hint">{t("consent_none")}</p>
      ) : (
        <>
          <div class="stack" aria-hidden="true">
            {SHARES.map(({ of }) => (
              <span key={of} class={of} style={{ width: `${coverage.shares[of] ?? 0}%` }} />
            ))}
          </div>
          <ul class="shares">
            {SHARES.filter(({ of }) => of === "measured" || (coverage.shares[of] ?? 0) > 0).map(({ of, word }) => (
              <li key={of}>
                <i class={of} aria-hidden="true" /> {t(word, { share: percent(coverage.shares[of] ?? 0) })}
              </li>
            ))}
          </ul>
        </>
      )}
      {lowered.length > 0 && (
        <>
          <h3>{t("consent_lowered")}</h3>
          <dl class="lowered">
            {lowered.map(([name, hits]) => (
              <div key={name}>
                <dt>{named("lowered", name)}</dt>
                <dd>{inFull(hits)}</dd>
              </div>
            ))}
          </dl>
        </>
      )}
    </section>
  );
}

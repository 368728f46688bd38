// What was done, by whom, where and when; newest first, by pages, and as a file.

import { useEffect, useState } from "preact/hooks";
import { type Me, read, table } from "./api";
import { moment } from "./account";
import { FILE_ROWS_MAX } from "./export";
import { FileButtons, type Taking } from "./export-as";
import { t } from "./late";
import { Panel } from "./office";
import { taught } from "./sign-in";

interface Line {
  number: number;
  at: string;
  who: string;
  what: string;
  site: string | null;
  detail: unknown;
}

/** Most lines of an answer. */
const LINES_MAX = 1_000;

/** All lines of the log as one table, page by page. Each page is a table of its own, and its last line's number is before what the next begins. */
export async function wholeLog(ask: (before: number | null, lines: number) => Promise<string>, onRows: (rows: number) => void): Promise<{ text: string; rows: number; isCut: boolean }> {
  const all: string[] = [];
  let [head, before]: [string, number | null] = ["", null];
  for (;;) {
    // No text in it holds a line's end.
    const [names = "", ...lines] = (await ask(before, LINES_MAX)).trimEnd().split("\r\n");
    head = names;
    all.push(...lines);
    onRows(all.length);
    const isLast = lines.length < LINES_MAX;
    if (isLast || all.length >= FILE_ROWS_MAX) return { text: [head, ...all, ""].join("\r\n"), rows: all.length, isCut: !isLast };
    before = Number.parseInt(lines.at(-1) ?? "", 10);
  }
}

export function AuditLog({ me }: { me: Me }) {
  const sites = me.sites.filter((site) => me.users || site.rights.includes("administer")).map((site) => site.domain);
  const [site, setSite] = useState(me.users ? "" : (sites[0] ?? ""));
  const [lines, setLines] = useState<Line[]>([]);
  const [next, setNext] = useState<number | null>(null);
  const [said, setSaid] = useState("");
  const asked = (before: number | null, limit = 50) => {
    const query = new URLSearchParams({ limit: String(limit), ...(site === "" ? {} : { site }), ...(before === null ? {} : { before: String(before) }) });
    return `/api/audit?${query}`;
  };
  const load = (before: number | null, known: Line[]) =>
    read<{ lines: Line[]; next: number | null }>(asked(before))
      .then((page) => {
        setLines([...known, ...page.lines]);
        setNext(page.next);
        setSaid("");
      })
      .catch((error: unknown) => setSaid(taught(error)));
  useEffect(() => {
    void load(null, []);
  }, [site]);
  const keep = async ({ signal, onRows }: Taking) => {
    const { text, rows, isCut } = await wholeLog((before, lines) => table(asked(before, lines), signal), onRows);
    return { name: "footfall-audit.csv", text, rows, cut: isCut ? t("audit_cut", { n: rows }) : undefined };
  };
  return (
    <Panel title={t("audit")} id="audit">
      <div class="asks">
        <label class="field">
          {t("site")}
          <select value={site} onChange={(event) => setSite(event.currentTarget.value)}>
            {me.users && <option value="">{t("every_site")}</option>}
            {sites.map((site) => (
              <option key={site} value={site}>
                {site}
              </option>
            ))}
          </select>
        </label>
        <FileButtons key={site} title={t("audit")} formats={["csv"]} look="plain" make={keep} />
      </div>
      {said !== "" && (
        <p class="said wrong" role="alert">
          {said}
        </p>
      )}
      {lines.length === 0 ? (
        <p class="hint">{t("audit_none")}</p>
      ) : (
        <div class="wide" tabIndex={0} role="region" aria-label={`${t("audit")}: ${t("audit_what")}`}>
          <table class="log">
            <thead>
              <tr>
                <th scope="col">{t("audit_when")}</th>
                <th scope="col">{t("audit_who")}</th>
                <th scope="col">{t("audit_what")}</th>
                <th scope="col">{t("site")}</th>
                <th scope="col">{t("audit_detail")}</th>
              </tr>
            </thead>
            <tbody>
              {lines.map((line) => (
                <tr key={line.number}>
                  <td class="at">{moment(line.at)}</td>
                  <td>{line.who}</td>
                  <td class="done">{line.what}</td>
                  <td>{line.site}</td>
                  <td class="detail">
                    <code>{JSON.stringify(line.detail)}</code>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {next !== null && (
        <button type="button" class="plain" onClick={() => void load(next, lines)}>
          {t("audit_more")}
        </button>
      )}
    </Panel>
  );
}

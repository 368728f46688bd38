// The buttons that make a file of a report. It is asked anew, so that the server knows that a file is made of it, and tells how far it is
// where that takes long; what is stopped or fails leaves no file.

import { useEffect, useRef, useState } from "preact/hooks";
import type { FileFormat, Site } from "./api";
import { type Sheet, csv, json, save } from "./export";
import { t } from "./i18n";
import type { Scope } from "./scope";

/** What whoever makes a file is given. */
export interface Taking {
  format: FileFormat;
  signal: AbortSignal;
  /** Tells how many rows are there, and of how many where that is known. */
  onRows: (rows: number, total?: number) => void;
}

export interface Made {
  name: string;
  text: string;
  rows: number;
  /** That these are not all rows. */
  cut?: string | undefined;
}

const TYPES = { csv: "text/csv;charset=utf-8", json: "application/json" };

interface ButtonsProps {
  /** What becomes a file. */
  title: string;
  formats: readonly FileFormat[];
  look: "quiet" | "plain";
  make: (taking: Taking) => Promise<Made>;
}

export function FileButtons({ title, formats, look, make }: ButtonsProps) {
  const [said, setSaid] = useState("");
  const [running, setRunning] = useState<{ format: FileFormat; rows: number; total?: number | undefined } | null>(null);
  const abort = useRef<AbortController | null>(null);
  useEffect(() => () => abort.current?.abort(), []);
  const start = async (format: FileFormat) => {
    if (abort.current !== null) return;
    const mine = new AbortController();
    abort.current = mine;
    setSaid("");
    setRunning({ format, rows: 0 });
    try {
      const made = await make({ format, signal: mine.signal, onRows: (rows, total) => setRunning({ format, rows, total }) });
      mine.signal.throwIfAborted();
      save(made.name, TYPES[format], made.text);
      setSaid(made.cut ?? t("exported", { n: made.rows }));
    } catch (error) {
      setSaid(mine.signal.aborted ? t("export_cancelled") : t("export_failed", { why: error instanceof Error ? error.message : String(error) }));
    }
    abort.current = null;
    setRunning(null);
  };
  const stop = (event: { currentTarget: HTMLElement }) => {
    abort.current?.abort();
    // This button goes away: who pressed it by keyboard stays here.
    event.currentTarget.parentElement?.querySelector("button")?.focus();
  };
  const name = (format: FileFormat) => t("export_as", { title, format: format.toUpperCase() });
  return (
    <span class="export">
      {formats.map((format) => (
        <button
          key={format}
          type="button"
          class={look}
          aria-label={name(format)}
          aria-busy={running?.format === format}
          aria-disabled={running !== null}
          onClick={() => void start(format)}
        >
          {t(`export_${format}`)}
        </button>
      ))}
      {running !== null && (
        <>
          <progress aria-label={name(running.format)} max={running.total === undefined ? undefined : Math.max(1, running.total)} value={running.total === undefined ? undefined : running.rows} />
          <button type="button" class={`${look} stop`} onClick={stop}>
            {t("export_cancel")}
          </button>
        </>
      )}
      <span role="status" aria-live="polite">
        {running === null ? said : running.total !== undefined ? t("export_progress", { n: running.rows, of: running.total }) : running.rows > 0 ? t("export_rows", { n: running.rows }) : ""}
      </span>
    </span>
  );
}

interface Props {
  title: string;
  /** Of the file, before its days. */
  name: string;
  scope: Scope;
  days?: readonly string[];
  /** Whose numbers are in it. */
  sites?: Site[];
  /** Stands before the buttons where it is not clear what they export. */
  label?: string;
  sheet: (taking: Taking) => Promise<Sheet>;
}

/** A table of a report as a file; not offered to whoever may not take it away. */
export function ExportAs({ title, name, scope, days = scope.range.dates, sites = [scope.site], label, sheet }: Props) {
  if (!sites.every((site) => site.rights?.includes("export") === true)) return null;
  const make = async (taking: Taking): Promise<Made> => {
    const { format } = taking;
    const made = await sheet(taking);
    return { name: `${[name, ...days].join("-")}.${format}`, text: format === "csv" ? csv(made) : json(made), rows: made.rows.length, cut: made.cut };
  };
  const buttons = <FileButtons title={title} formats={["csv", "json"]} look="quiet" make={make} />;
  if (label === undefined) return buttons;
  return (
    <span class="labelled">
      <span>{label}</span> {buttons}
    </span>
  );
}

// Reports as files. A spreadsheet runs what begins with =, +, - or @, so such a text begins with an apostrophe here.

import type { Answer, Metric, Row, Told } from "./api";
import { sized } from "./format";
import { SUM_OF_DAYS, sumsDays } from "./reports";

export interface Sheet {
  /** Of the columns. */
  head: string[];
  rows: (string | Told)[][];
  /** What must be known about its numbers, by what it is about. Only JSON has room for it. */
  notes?: Record<string, string>;
  /** That these are not all rows, where they are not. */
  cut?: string | undefined;
}

/** RFC 4180 with a mark of its encoding, which spreadsheets need for anything but ASCII. */
export function csv({ head, rows }: Sheet): string {
  return `\uFEFF${[head, ...rows].map((row) => row.map(cell).join(",")).join("\r\n")}\r\n`;
}

function cell(value: string | Told): string {
  if (value === null) return "";
  if (typeof value === "number") return String(value);
  // An apostrophe in front is doubled, so that every one that leads can be taken off again.
  const safe = /^['=+\-@\t\r\n]|^\s+[=+\-@]/.test(value) ? `'${value}` : value;
  return /[",\r\n']/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** A row a line: indented, a million of them would be more than a browser holds in one text. */
export function json({ head, rows, notes = {}, cut }: Sheet): string {
  const lines = rows.map((row) => JSON.stringify(Object.fromEntries(head.map((name, i) => [name, row[i] ?? null]))));
  return `{\n"notes": ${JSON.stringify(cut === undefined ? notes : { ...notes, rows: cut })},\n"rows": [\n${lines.join(",\n")}\n]\n}\n`;
}

/** The columns of metrics. Visitors of several days are not that many people: they are called here what they are called on the page. */
export function columnsOf(metrics: Metric[], meta: Answer["meta"]): string[] {
  return metrics.map((metric) => (sumsDays(meta, metric) ? `daily_${metric}` : metric));
}

/** What an answer warns of, in the API's words, by what the warning is about: a column, a value, a day. */
export function notesOf(meta: object): Record<string, string> {
  const notes: Record<string, string> = {};
  const collect = (name: string, told: unknown): void => {
    if (typeof told !== "object" || told === null) return;
    const { warning, code, value, day } = told as Partial<Record<"warning" | "code" | "value" | "day", string>>;
    // Money is of the currency that is its code.
    if (typeof warning === "string") notes[code === SUM_OF_DAYS ? `daily_${name}` : (value ?? day ?? name)] = name === "currency" ? `${code}: ${warning}` : warning;
    else for (const [inner, one] of Object.entries(told)) collect(inner, one);
  };
  collect("", meta);
  return notes;
}

/** Rows of one answer. */
const PAGE_ROWS = 10_000;

/** Most rows of a file. A spreadsheet takes 1,048,576. */
export const FILE_ROWS_MAX = 1_000_000;

export interface Page {
  limit: number;
  offset: number;
}

/** The page that begins after so many rows, of as many as there are; nothing where all are there, or all that a file holds. */
export function pageAfter(rows: number, total: number): Page | null {
  return rows < Math.min(total, FILE_ROWS_MAX) ? { limit: Math.min(PAGE_ROWS, FILE_ROWS_MAX - rows), offset: rows } : null;
}

export interface Whole {
  rows: Row[];
  /** How many there are, also where a file does not hold as many. */
  total: number;
  meta: Answer["meta"];
}

/**
 * All rows of a list, page by page. `ask` asks in the order of their names, which stays while people come: by visitors, a row that overtook
 * others between two pages would be on neither.
 */
export async function wholeList(ask: (page: Page) => Promise<Answer>, onRows: (rows: number, total: number) => void): Promise<Whole> {
  const found = new Map<string, Row>();
  let [total, meta]: [number, Answer["meta"]] = [0, {}];
  for (let page = pageAfter(0, 1); page !== null; page = pageAfter(page.offset + page.limit, total)) {
    const answer = await ask(page);
    // A name that came meanwhile moves the others: one of them is told twice then.
    for (const row of answer.results) found.set(row.dimensions[0] ?? "", row);
    total = answer.meta.total_rows ?? found.size;
    meta = { ...meta, ...answer.meta };
    onRows(found.size, total);
  }
  const rows = [...found.values()];
  return { rows: total > FILE_ROWS_MAX ? rows : rows.sort(largestFirst), total, meta };
}

/** By visitors, then by visits; equal ones stay in the order of their names. */
function largestFirst(one: Row, other: Row): number {
  const size = (row: Row, metric: number) => sized(row.metrics[metric]) ?? 0;
  return size(other, 0) - size(one, 0) || size(other, 1) - size(one, 1);
}

/** Lets the browser keep a text as a file. */
export function save(name: string, type: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name.replace(/[^\w.-]+/g, "-");
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

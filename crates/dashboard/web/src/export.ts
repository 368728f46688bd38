// Reports as files. A spreadsheet runs what begins with =, +, - or @, so such a text begins with an apostrophe here.

import type { Told } from "./api";

export interface Sheet {
  /** Of the columns. */
  head: string[];
  rows: Told[][] | string[][] | (string | Told)[][];
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

export function json({ head, rows }: Sheet): string {
  return `${JSON.stringify(rows.map((row) => Object.fromEntries(head.map((name, i) => [name, row[i] ?? null]))), null, 2)}\n`;
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

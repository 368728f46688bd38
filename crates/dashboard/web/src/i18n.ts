// Words in the reader's language: two tables of one type, so that a missing one does not compile.
//
// A word may hold `{name}`, and `{name#one|many}` where its form follows a number.

import { en } from "./words/en";
import { ja } from "./words/ja";

export type Words = Record<keyof typeof en, string>;
export type Word = keyof Words;
export type Language = "en" | "ja";

export const TABLES: Record<Language, Words> = { en, ja };
export const LANGUAGES: { code: Language; name: string }[] = [
  { code: "en", name: "English" },
  { code: "ja", name: "日本語" },
];

let current: Language = "en";

export const language = (): Language => current;

/** Chooses the language of everything written from now on; whoever calls it draws anew. */
export function speak(language: Language): void {
  current = language;
}

/** The first of the reader's languages that is spoken here. */
export function preferred(wanted: readonly string[]): Language {
  const known = wanted.map((tag) => tag.slice(0, 2).toLowerCase()).find((tag) => tag in TABLES);
  return known === "ja" ? "ja" : "en";
}

export function t(word: Word, values: Record<string, string | number> = {}): string {
  return fill(TABLES[current][word], values);
}

/** Puts values into a word; what has no value stays as it is, so that it is noticed. */
export function fill(word: string, values: Record<string, string | number>): string {
  return word.replace(/\{(\w+)(?:#([^|}]*)\|([^}]*))?\}/g, (whole, name: string, one?: string, many?: string) => {
    const value = values[name];
    if (value === undefined) return whole;
    if (one !== undefined && many !== undefined) return Number(value) === 1 ? one : many;
    return typeof value === "number" ? new Intl.NumberFormat(current).format(value) : value;
  });
}

/** The word for something that the server names, or the name itself where there is none. */
export function named(kind: "lowered" | "outcome", name: string): string {
  const word = `${kind}_${name}`;
  return word in en ? t(word as Word) : name.replaceAll("_", " ");
}

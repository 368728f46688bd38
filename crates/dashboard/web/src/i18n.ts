// Words in the reader's language: two tables of one type, so that a missing one does not compile. English is always there, but for the
// views that come when they are shown (late.ts); another language comes when somebody reads it.
//
// A word may hold `{name}`, and `{name#one|many}` where its form follows a number.

import { en } from "./words/en";
import type { late } from "./words/en-late";

export type Word = keyof typeof en;
export type Words = Record<Word | keyof typeof late, string>;
export type Language = "en" | "ja";

/** English, which grows. */
const english: Record<Word, string> & Partial<Words> = { ...en };
const tables: { en: typeof english; ja?: Words } = { en: english };
export const LANGUAGES: { code: Language; name: string }[] = [
  { code: "en", name: "English" },
  { code: "ja", name: "日本語" },
];

let current: Language = "en";
let words = english;

export const language = (): Language => current;

/** Fetches a language's words. */
export async function learn(language: Language): Promise<void> {
  if (language === "ja") tables.ja ??= (await import("./words/ja")).ja;
}

/** More words of English, for the views that have come. */
export function teach(more: Partial<Words>): void {
  Object.assign(english, more);
}

/** Chooses the language of everything written from now on, once its words are here; whoever calls it draws anew. */
export function speak(language: Language): void {
  const known = tables[language];
  if (known !== undefined) [current, words] = [language, known];
}

/** The first of the reader's languages that is spoken here. */
export function preferred(wanted: readonly string[]): Language {
  const known = wanted.map((tag) => tag.slice(0, 2).toLowerCase()).find((tag) => LANGUAGES.some(({ code }) => code === tag));
  return known === "ja" ? "ja" : "en";
}

export function t(word: Word, values: Record<string, string | number> = {}): string {
  return fill(words[word], values);
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
  return word in words ? t(word as Word) : name.replaceAll("_", " ");
}

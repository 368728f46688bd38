// Searching a list by what its rows are called, which is not always what is stored.

import type { Filter, SentFilter } from "./api";
import { countryName } from "./format";
import { isNamed } from "./reports";

/** The most rows that one answer has. */
export const ROWS_MAX = 10_000;

/** Without case and accents, as most people type. */
const plain = (text: string) => text.normalize("NFD").replace(/[\u0300-\u036f]/g, "").replaceAll("’", "'").toLowerCase();

/** Whether a name has what was typed in it. */
export const isLike = (name: string, typed: string): boolean => plain(name).includes(plain(typed.trim()));

/**
 * Whether all rows are asked for, and those with a fitting name kept on the page. Goals and segments are asked by their whole names only, of
 * languages nobody has a list of all tags, regions are some thousands of codes, and no two filters look into the values of one dimension.
 */
export function isSearchedHere(dimension: string, filters: Filter[]): boolean {
  if (dimension === "visit:country") return false;
  const looksInside = (filter: Filter) => filter.dimension === dimension && filter.operator === "contains";
  return isNamed(dimension) || dimension === "visit:language" || dimension === "visit:region" || filters.some(looksInside);
}

/** The filter that finds what was typed; none where nothing was, or the page itself finds it. */
export function searchFilter(dimension: string, typed: string, filters: Filter[]): SentFilter | null {
  if (typed === "" || isSearchedHere(dimension, filters)) return null;
  if (dimension === "visit:country") return ["is", dimension, countriesLike(typed)];
  return ["contains", dimension, [typed], { case_sensitive: false }];
}

const LETTERS = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZ"];

/** The codes of the countries with a fitting name, in the page's language. */
export function countriesLike(typed: string): string[] {
  const codes = LETTERS.flatMap((one) => LETTERS.map((other) => one + other));
  return codes.filter((code) => countryName(code) !== code && isLike(countryName(code), typed));
}

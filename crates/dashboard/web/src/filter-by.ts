// What a filter may be made of: dimensions and operators to choose from, the value that was meant, and what filters are then on.

import type { Filter } from "./api";
import { valueName } from "./filters";
import type { Word } from "./i18n";
import { OPERATORS } from "./place";
import { CARDS, isNamed } from "./reports";
import { type Scope, shows } from "./scope";
import { countriesLike, isLike } from "./search";

/** What stands for an event property among the dimensions: the reader names it. */
export const PROPERTY = "event:props:";

/** The dimensions that may be filtered by, under the cards that show them. A link that shows one segment takes no other. */
export function dimensionsFor({ shared }: Pick<Scope, "shared">): { title: Word; dimensions: string[] }[] {
  return CARDS.filter((card) => shows({ shared }, card.id)).map(({ title, tabs }) => ({
    title,
    dimensions: tabs.map(({ dimension }) => dimension ?? PROPERTY).filter((dimension) => dimension !== "segment" || shared?.segment == null),
  }));
}

/** Whether its values are stored as codes, and shown by other names. */
const isCoded = (dimension: string) => ["visit:country", "visit:region", "visit:language"].includes(dimension);

/** Whether a value is called so, or stored so: files and addresses have codes. */
export const isCalled = (dimension: string, value: string, typed: string): boolean => [valueName(dimension, value), value].some((told) => isLike(told, typed));

/** The operators that fit a dimension, and the one that a filter has anyway: a part of a name is none of a code. */
export function operatorsFor(dimension: string, present: Filter["operator"]): Filter["operator"][] {
  const fit = OPERATORS.filter((operator) => (isNamed(dimension) ? operator === "is" : !isCoded(dimension) || !operator.startsWith("contains")));
  return OPERATORS.filter((operator) => fit.includes(operator) || operator === present);
}

/** A country's code of today: some have names under older ones, too. */
const ofToday = (code: string) => new Intl.Locale(`und-${code}`).region ?? code;

/** The value that was meant by what was typed: that itself, or the code of what is called so, of those on offer before others. */
export function meant(dimension: string, typed: string, offered: string[]): string | undefined {
  const text = typed.trim();
  if (text === "") return undefined;
  if (!isCoded(dimension)) return text;
  const name = (code: string) => valueName(dimension, code);
  const isOfCountry = dimension === "visit:country";
  const code = dimension === "visit:language" ? text.toLowerCase() : text.toUpperCase();
  if (name(code) !== code) return isOfCountry ? ofToday(code) : code;
  const like = [...offered, ...(isOfCountry ? countriesLike(text).map(ofToday) : [])].filter((code) => isLike(name(code), text));
  return like.find((code) => isLike(text, name(code))) ?? like[0];
}

/** The filters with one in the place of another, or one more. Two of one kind on one dimension become one: its values are united. */
export function withFilter(filters: Filter[], made: Filter, old: Filter | null): Filter[] {
  const alike = filters.find((known) => known !== old && known.dimension === made.dimension && known.operator === made.operator);
  if (alike !== undefined) {
    const united = { ...alike, values: [...new Set([...alike.values, ...made.values])] };
    return filters.filter((known) => known !== old).map((known) => (known === alike ? united : known));
  }
  return old !== null && filters.includes(old) ? filters.map((known) => (known === old ? made : known)) : [...filters, made];
}

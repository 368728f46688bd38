// The words of the views that come when they are shown. Only these ask here: it brings their English with it.

import { type Words, t as say, teach } from "./i18n";
import { late } from "./words/en-late";

teach(late);

export type LateWord = keyof Words;

export const t = say as (word: LateWord, values?: Record<string, string | number>) => string;

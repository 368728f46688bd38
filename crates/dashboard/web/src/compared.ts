// One question instead of two: an answer with the same of another range beside each row, and that range's own answer taken out of it.

import { type Answer, ApiError, type FileFormat, type Query, query } from "./api";

/** Asks with a comparison; where the counts hold the range and not the other, without. */
export async function queryCompared(asked: Query, against: [string, string] | null, signal?: AbortSignal, file?: FileFormat): Promise<Answer> {
  if (against === null) return query(asked, signal, file);
  try {
    return await query({ ...asked, include: { ...asked.include, comparisons: { mode: "custom", date_range: against } } }, signal, file);
  } catch (error) {
    if (error instanceof ApiError && error.code === "comparison") return query(asked, signal, file);
    throw error;
  }
}

/** What stands beside the rows, as an answer; nothing where nothing was compared. */
export function beforeIn(answer: Answer | undefined): Answer | undefined {
  if (answer === undefined) return undefined;
  const results = answer.results.flatMap(({ comparison }) => (comparison === undefined ? [] : [comparison]));
  if (results.length === 0) return undefined;
  return { results, meta: { time_labels: answer.meta.comparison_time_labels, rounded: answer.meta.rounded }, query: answer.query };
}

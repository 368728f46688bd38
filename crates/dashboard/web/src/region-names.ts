// What regions are called, by their ISO 3166-2 codes. The names come when a region is first told; until then, and where none is known, it is
// told by its code. They are English, or the country's own, but those of Japan's prefectures in Japanese.

import { useEffect, useState } from "preact/hooks";
import { type Language, language } from "./i18n";

type Names = Record<string, string>;

const names: Partial<Record<Language, Names>> = {};
const loads: Record<Language, () => Promise<Names>> = {
  en: async () => (await import("virtual:region-names")).default,
  ja: async () => (await import("./words/prefectures")).PREFECTURES,
};
const coming = new Set<Language>();
const drawers = new Set<() => void>();

/** Draws anew when names have come. */
export function useRegionNames(): void {
  const [, drawAnew] = useState(0);
  useEffect(() => {
    const draw = () => drawAnew((times) => times + 1);
    drawers.add(draw);
    return () => {
      drawers.delete(draw);
    };
  }, []);
}

/** A region as a city is told: `England, GB`. */
export function regionName(code: string): string {
  const name = named(language(), code) ?? named("en", code);
  return name === undefined ? code : `${name}, ${code.slice(0, 2)}`;
}

function named(of: Language, code: string): string | undefined {
  const known = names[of];
  if (known === undefined) void come(of);
  return known !== undefined && Object.hasOwn(known, code) ? known[code] : undefined;
}

async function come(of: Language): Promise<void> {
  if (coming.has(of)) return;
  coming.add(of);
  try {
    names[of] = await loads[of]();
    for (const draw of drawers) draw();
  } catch {
    // Codes do, and the next region asks again.
    coming.delete(of);
  }
}

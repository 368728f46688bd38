// What regions are called, by their ISO 3166-2 codes. The names come when a region is first told; until then, and where none is known, it is
// told by its code. They are English, but those of Japan's prefectures in Japanese.

import { useEffect, useState } from "preact/hooks";
import { language } from "./i18n";

type Names = Record<string, string>;

let names: { english: Names; japanese: Names } | undefined;
let isComing = false;
const drawers = new Set<() => void>();

/** Draws anew when the names have come. */
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
  if (names === undefined) void come();
  const name = (language() === "ja" ? under(names?.japanese, code) : undefined) ?? under(names?.english, code);
  return name === undefined ? code : `${name}, ${code.slice(0, 2)}`;
}

const under = (all: Names | undefined, code: string) => (all !== undefined && Object.hasOwn(all, code) ? all[code] : undefined);

async function come(): Promise<void> {
  if (isComing) return;
  isComing = true;
  try {
    const [english, { PREFECTURES: japanese }] = await Promise.all([import("virtual:region-names"), import("./words/prefectures")]);
    names = { english: english.default, japanese };
    for (const draw of drawers) draw();
  } catch {
    // Codes do, and the next region asks again.
    isComing = false;
  }
}

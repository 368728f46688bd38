// What somebody types, once they pause.

import { useEffect, useState } from "preact/hooks";

/** How long a pause is before what was typed is asked for. */
const TYPING_MS = 250;

/** A text, once its writer pauses; `onSettled` is told with it. */
export function useSettled(text: string, onSettled?: () => void): string {
  const [settled, setSettled] = useState(text);
  useEffect(() => {
    if (text === settled) return;
    const timer = setTimeout(() => {
      setSettled(text);
      onSettled?.();
    }, TYPING_MS);
    return () => clearTimeout(timer);
  }, [text, settled]);
  return settled;
}

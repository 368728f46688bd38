// How the page looks and speaks, as its address or the reader's browser says.

import { useEffect, useState } from "preact/hooks";
import { type Language, language, learn, preferred, speak } from "./i18n";
import type { Place } from "./place";

export const spokenAt = (place: Place): Language => place.language ?? preferred(navigator.languages);

/** A language whose words have to come first is spoken as soon as they are here. */
export function useLook(place: Place): void {
  const wanted = spokenAt(place);
  const [, drawAnew] = useState(0);
  speak(wanted);
  const spoken = language();
  useEffect(() => {
    if (spoken === wanted) return;
    // Where they cannot be fetched, it goes on in the language that it has.
    learn(wanted).then(() => drawAnew((times) => times + 1), () => undefined);
  }, [spoken, wanted]);
  useEffect(() => {
    document.documentElement.lang = spoken;
    if (place.theme === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = place.theme;
  }, [spoken, place.theme]);
}

// How the page looks and speaks, as its address or the reader's browser says.

import { useEffect } from "preact/hooks";
import { preferred, speak } from "./i18n";
import type { Place } from "./place";

export function useLook(place: Place): void {
  const spoken = place.language ?? preferred(navigator.languages);
  speak(spoken);
  useEffect(() => {
    document.documentElement.lang = spoken;
    if (place.theme === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = place.theme;
  }, [spoken, place.theme]);
}

// The keyboard: every period has a key, and `?` opens the sheet that lists them.

import { useLayoutEffect } from "preact/hooks";
import { PERIODS, moved } from "./range";
import { type Scope, shows } from "./scope";
import { TABS } from "./views";

export function useKeys(scope: Scope, today: string, setHelp: (open: boolean) => void): void {
  // Before the next key can be pressed: one that follows fast must find the place that the one before went to.
  useLayoutEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTaken(event.target)) return;
      const { place, range, go } = scope;
      const key = event.key.toLowerCase();
      const tab = TABS.find((tab) => tab.key === key);
      const period = PERIODS.find((period) => period.keys.includes(key));
      if (period !== undefined) go({ period: period.name, custom: null, interval: null });
      else if (key === "x") go({ compare: place.compare === "off" ? "previous" : "off", against: null });
      else if (tab !== undefined && shows(scope, tab.name)) go({ view: place.view === tab.name ? "report" : tab.name });
      else if (key === "n" && scope.view === "report") scope.onFilter?.(null);
      else if (key === "0") go({ filters: [] });
      else if (key === "[" || key === "]") {
        const custom = moved(range, key === "[" ? -1 : 1, today);
        if (custom !== null) go({ period: "custom", custom, interval: null });
      } else if (key === "?") setHelp(true);
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  });
}

/** Whether what has the focus wants the keys itself: a field, or an open dialog. */
function isTaken(target: EventTarget | null): boolean {
  if (document.querySelector("dialog[open]") !== null) return true;
  return target instanceof HTMLElement && ["INPUT", "SELECT", "TEXTAREA"].includes(target.tagName);
}

// The keyboard: every period has a key, and `?` opens the sheet that lists them.

import { useEffect } from "preact/hooks";
import { PERIODS, moved } from "./range";
import { type Scope, shows } from "./scope";

export function useKeys(scope: Scope, today: string, setHelp: (open: boolean) => void): void {
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTaken(event.target)) return;
      const { place, range, go } = scope;
      const key = event.key.toLowerCase();
      const period = PERIODS.find((period) => period.keys.includes(key));
      if (period !== undefined) go({ period: period.name, custom: null, interval: null });
      else if (key === "x") go({ compare: place.compare === "off" ? "previous" : "off" });
      else if (key === "r" && shows(scope, "live")) go({ view: place.view === "live" ? "report" : "live" });
      else if (key === "g" && shows(scope, "ledger")) go({ view: place.view === "ledger" ? "report" : "ledger" });
      else if (key === "u" && shows(scope, "funnels")) go({ view: place.view === "funnels" ? "report" : "funnels" });
      else if (key === "o" && shows(scope, "flows")) go({ view: place.view === "flows" ? "report" : "flows" });
      else if (key === "v" && shows(scope, "vitals")) go({ view: place.view === "vitals" ? "report" : "vitals" });
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

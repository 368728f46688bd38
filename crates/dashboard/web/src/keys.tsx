// The keyboard: every period has a key, and `?` shows them all.

import { useEffect } from "preact/hooks";
import { Dialog } from "./dialog";
import { t } from "./i18n";
import { PERIODS, moved } from "./range";
import type { Scope } from "./scope";

export function useKeys(scope: Scope, today: string, setHelp: (open: boolean) => void): void {
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTaken(event.target)) return;
      const { place, range, go } = scope;
      const key = event.key.toLowerCase();
      const period = PERIODS.find((period) => period.keys.includes(key));
      if (period !== undefined) go({ period: period.name, custom: null, interval: null });
      else if (key === "x") go({ compare: place.compare === "off" ? "previous" : "off" });
      else if (key === "r") go({ view: place.view === "live" ? "report" : "live" });
      else if (key === "g") go({ view: place.view === "ledger" ? "report" : "ledger" });
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

export function KeyHelp({ onClose }: { onClose: () => void }) {
  const others: [string, string][] = [
    ["[", t("key_back")],
    ["]", t("key_forth")],
    ["X", t("key_compare")],
    ["0", t("key_clear")],
    ["R", t("view_live")],
    ["G", t("view_ledger")],
    ["Esc", t("key_close")],
    ["?", t("keys_help")],
  ];
  const periods = PERIODS.map(({ keys, label }): [string, string] => [keys.map((key) => key.toUpperCase()).join(" "), t(label)]);
  return (
    <Dialog title={t("keys")} className="keys" onClose={onClose}>
      <dl>
        {[...periods, ...others].map(([keys, what]) => (
          <div key={keys}>
            <dt>
              {keys.split(" ").map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}

/** Whether what has the focus wants the keys itself: a field, or an open dialog. */
function isTaken(target: EventTarget | null): boolean {
  if (document.querySelector("dialog[open]") !== null) return true;
  return target instanceof HTMLElement && ["INPUT", "SELECT", "TEXTAREA"].includes(target.tagName);
}

// The views of a site that stand in the line on top, in its order.

import { type Word, t } from "./i18n";
import type { View } from "./place";
import { type Scope, shows } from "./scope";

/** Each with the key that leads to it and back to the report. */
export const TABS: { name: View; label: Word; key?: string }[] = [
  { name: "report", label: "view_report" },
  { name: "live", label: "view_live", key: "r" },
  { name: "funnels", label: "funnels", key: "u" },
  { name: "flows", label: "flows", key: "o" },
  { name: "vitals", label: "vitals", key: "v" },
  { name: "ledger", label: "view_ledger", key: "g" },
  { name: "define", label: "view_define" },
];

/** Those whose numbers are counted of whole sites only. */
export const UNFILTERED: View[] = ["live", "funnels", "flows", "vitals", "sites", "ledger"];

/** Those that are shown, where there is one to choose. */
export function Tabs({ scope }: { scope: Scope }) {
  const tabs = TABS.filter(({ name }) => shows(scope, name));
  if (tabs.length < 2) return null;
  return (
    <nav class="views" aria-label={t("views")}>
      {tabs.map(({ name, label }) => (
        <button key={name} type="button" aria-current={scope.view === name ? "page" : undefined} onClick={() => scope.go({ view: name, detail: null })}>
          {t(label)}
        </button>
      ))}
    </nav>
  );
}

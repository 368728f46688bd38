// The sheet that lists the keys.

import { Dialog } from "./dialog";
import { t } from "./i18n";
import { PERIODS } from "./range";

export function KeyHelp({ onClose }: { onClose: () => void }) {
  const others: [string, string][] = [
    ["[", t("key_back")],
    ["]", t("key_forth")],
    ["X", t("key_compare")],
    ["0", t("key_clear")],
    ["R", t("view_live")],
    ["U", t("funnels")],
    ["O", t("flows")],
    ["V", t("vitals")],
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

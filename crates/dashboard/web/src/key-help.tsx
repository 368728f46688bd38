// The sheet that lists the keys.

import { Dialog } from "./dialog";
import { t } from "./late";
import { PERIODS } from "./range";
import { TABS } from "./views";

export function KeyHelp({ onClose }: { onClose: () => void }) {
  const others: [string, string][] = [
    ["[", t("key_back")],
    ["]", t("key_forth")],
    ["X", t("key_compare")],
    ["N", t("key_filter")],
    ["0", t("key_clear")],
    ...TABS.flatMap(({ key, label }): [string, string][] => (key === undefined ? [] : [[key.toUpperCase(), t(label)]])),
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

// Saves the filters that are on as a segment: what they choose together is counted from then on.

import { useState } from "preact/hooks";
import { NAME_CHARS_MAX, asSegment, define, whyNot } from "./definitions";
import { Dialog } from "./dialog";
import { clockTime } from "./format";
import { t } from "./late";
import type { Scope } from "./scope";
import "./style/define.css";

export function SaveSegment({ scope, onClose }: { scope: Scope; onClose: () => void }) {
  const { site, filters, go } = scope;
  const [name, setName] = useState("");
  const [wrong, setWrong] = useState("");
  const [since, setSince] = useState<string | null>(null);
  const save = async (event: Event) => {
    event.preventDefault();
    try {
      const made = await define(site.domain, "segments", name.trim(), asSegment(filters));
      setSince(made.effective_from ?? "");
    } catch (error) {
      setWrong(whyNot(error));
    }
  };
  const show = () => {
    go({ filters: [{ operator: "is", dimension: "segment", values: [name.trim()] }] });
    onClose();
  };
  return (
    <Dialog title={t("segment_save")} className="save-segment" onClose={onClose}>
      {since === null ? (
        <form class="adding" onSubmit={(event) => void save(event)}>
          <p>{t("segment_from_now")}</p>
          <label class="field">
            {t("name")}
            <input type="text" value={name} maxLength={NAME_CHARS_MAX} required autofocus onInput={(event) => setName(event.currentTarget.value)} />
          </label>
          {wrong !== "" && (
            <p class="wrong" role="alert">
              {wrong}
            </p>
          )}
          <button type="submit" class="plain">
            {t("save")}
          </button>
        </form>
      ) : (
        <div class="adding">
          <p role="status">{t("define_counts_from", { name: name.trim(), time: clockTime(since) })}</p>
          <button type="button" class="plain" onClick={show}>
            {t("segment_show")}
          </button>
        </div>
      )}
    </Dialog>
  );
}

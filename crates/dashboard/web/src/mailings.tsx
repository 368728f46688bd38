// Reports by e-mail: who gets one and when, with the way to add, try and end them.

import { useState } from "preact/hooks";
import { type Site, change } from "./api";
import { Said, Sure, useChange, useList } from "./asked";
import { LanguageField } from "./header";
import { LANGUAGES, language } from "./i18n";
import { t } from "./late";

interface Mailing {
  id: string;
  rhythm: "weekly" | "monthly";
  hour: number;
  language: string;
  recipients: { address: string; sent_through: string | null }[];
  made_by: string;
}

const HOURS = Array.from({ length: 24 }, (_, hour) => hour);
const clock = (hour: number) => `${String(hour).padStart(2, "0")}:00`;

export function Mailings({ site }: { site: Site }) {
  const path = `/api/sites/${encodeURIComponent(site.domain)}/reports`;
  const [list, again, trouble] = useList<{ reports: Mailing[]; mail_server: boolean }>(path);
  const [start, said, failed] = useChange(again);
  const [rhythm, setRhythm] = useState("weekly");
  const [hour, setHour] = useState(8);
  const [spoken, setSpoken] = useState(language());
  const [recipients, setRecipients] = useState("");
  const submit = (event: Event) => {
    event.preventDefault();
    const sent = { rhythm, hour, language: spoken, recipients: recipients.split(/[\s,;]+/).filter((address) => address !== "") };
    start(change("POST", path, sent).then(() => setRecipients("")));
  };
  const languageName = (code: string) => LANGUAGES.find((known) => known.code === code)?.name ?? code;
  return (
    <section class="card room" id="mailings" aria-labelledby="mailings-title">
      <h2 id="mailings-title">{t("mailings")}</h2>
      <p>{t("mailings_why")}</p>
      {list?.mail_server === false && <p class="hint">{t("mailings_no_server")}</p>}
      {list?.reports.length === 0 && <p class="hint">{t("mailings_none")}</p>}
      <ul class="things">
        {(list?.reports ?? []).map((mailing) => (
          <li key={mailing.id} data-mailing={mailing.rhythm}>
            <div>
              <b>{t(`mailing_${mailing.rhythm}`)}</b> <span class="tag">{clock(mailing.hour)}</span> <span class="tag">{languageName(mailing.language)}</span>
              <p>{mailing.recipients.map(({ address }) => address).join(t("comma"))}</p>
              <p>{t("share_by", { who: mailing.made_by })}</p>
            </div>
            <div class="acts">
              <button type="button" class="plain" aria-label={`${t("mailing_test")}: ${t(`mailing_${mailing.rhythm}`)}`} onClick={() => start(change("POST", `${path}/${mailing.id}/test`))}>
                {t("mailing_test")}
              </button>
              <Sure what={t("remove")} label={`${t("remove")}: ${t(`mailing_${mailing.rhythm}`)}`} onSure={() => start(change("DELETE", `${path}/${mailing.id}`))} />
            </div>
          </li>
        ))}
      </ul>
      <form class="asks" onSubmit={submit} aria-label={t("mailing_add")}>
        <label class="field">
          {t("mailing_rhythm")}
          <select name="mailing-rhythm" value={rhythm} onChange={(event) => setRhythm(event.currentTarget.value)}>
            <option value="weekly">{t("mailing_weekly")}</option>
            <option value="monthly">{t("mailing_monthly")}</option>
          </select>
        </label>
        <label class="field">
          {t("mailing_hour")}
          <select name="mailing-hour" value={hour} onChange={(event) => setHour(Number(event.currentTarget.value))}>
            {HOURS.map((hour) => (
              <option key={hour} value={hour}>
                {clock(hour)}
              </option>
            ))}
          </select>
        </label>
        <LanguageField name="mailing-language" value={spoken} onChoose={setSpoken} />
        <label class="field wide-field">
          {t("mailing_recipients")}
          <input name="mailing-recipients" required autocomplete="off" autocapitalize="none" spellcheck={false} placeholder="jane@example.com" value={recipients} onInput={(event) => setRecipients(event.currentTarget.value)} />
        </label>
        <button type="submit" class="main">
          {t("mailing_add")}
        </button>
        <Said said={trouble || said} failed={failed || trouble !== ""} />
      </form>
    </section>
  );
}

// What is shared of a site: whether everybody may read it, and the links that show some of it, with the way to make, change and take
// them back. A link is shown when it is made, and never again: one that is lost is made anew.

import { useState } from "preact/hooks";
import { Said, Sure, useChange, useList } from "./asked";
import { definitions } from "./definitions";
import { t } from "./late";
import { Mailings } from "./mailings";
import type { Scope } from "./scope";
import { type MadeShare, REPORTS, type Sent, type Share, changeShare, makeShare, publish, removeShare, renewShare, sharesOf } from "./shares";
import "./style/office.css";
import "./style/share.css";
import { useAnswer } from "./use-answer";

export function ShareView({ scope }: { scope: Scope }) {
  const { domain } = scope.site;
  const [list, again, trouble] = useList<{ shares: Share[] }>(sharesOf(domain));
  const [made, setMade] = useState<MadeShare>();
  const [changing, setChanging] = useState<string | null>(null);
  const [start, said, failed] = useChange(again);
  const shares = list?.shares ?? [];
  const tell = (doing: Promise<MadeShare>) => start(doing.then(setMade));
  return (
    <div class="sharing">
      <section class="card room" id="shares" aria-labelledby="shares-title">
        <h2 id="shares-title">{t("shares")}</h2>
        <p>{t("shares_why")}</p>
        {list !== undefined && shares.length === 0 && <p class="hint">{t("shares_none")}</p>}
        <ul class="things">
          {shares.map((share) => (
            <li key={share.id} data-share={share.name}>
              <div>
                <b>{share.name}</b> {share.expired && <span class="tag off">{t("share_expired")}</span>} {share.password && <span class="tag">{t("password")}</span>}{" "}
                {share.origins.length > 0 && <span class="tag">{t("share_embeds")}</span>} {share.export && <span class="tag">{t("share_exports")}</span>}
                <p>{told(share)}</p>
              </div>
              <div class="acts">
                <button type="button" class="plain" aria-expanded={changing === share.id} aria-label={`${t("share_change")}: ${share.name}`} onClick={() => setChanging(changing === share.id ? null : share.id)}>
                  {t("share_change")}
                </button>
                <Sure what={t("share_renew")} label={`${t("share_renew")}: ${share.name}`} onSure={() => tell(renewShare(domain, share.id))} />
                <Sure what={t("share_remove")} label={`${t("share_remove")}: ${share.name}`} onSure={() => start(removeShare(domain, share.id))} />
              </div>
              {changing === share.id && (
                <ShareForm
                  scope={scope}
                  share={share}
                  send={(sent) =>
                    changeShare(domain, share.id, sent).then(() => {
                      setChanging(null);
                      again();
                    })
                  }
                />
              )}
            </li>
          ))}
        </ul>
        <Said said={trouble || said} failed={failed || trouble !== ""} />
        {made !== undefined && <Link made={made} />}
      </section>
      <section class="card room" id="new-share" aria-labelledby="new-share-title">
        <h2 id="new-share-title">{t("share_new")}</h2>
        <ShareForm
          scope={scope}
          send={(sent) =>
            makeShare(domain, sent).then((made) => {
              setMade(made);
              again();
            })
          }
        />
      </section>
      <Mailings site={scope.site} />
      <Public scope={scope} />
    </div>
  );
}

/** What it shows and for how long, in a line. */
function told(share: Share): string {
  const label = (name: string) => REPORTS.find((report) => report.name === name)?.label;
  const reports = share.reports?.map((name) => t(label(name) ?? "unknown")).join(t("comma")) ?? t("share_everything");
  return [
    reports,
    ...(share.segment === null ? [] : [t("shared_segment", { segment: share.segment })]),
    share.expires === null ? t("token_never") : t("token_expires", { day: share.expires.slice(0, 10) }),
    share.used_on === null ? t("token_unused") : t("token_used", { day: share.used_on }),
    t("share_by", { who: share.made_by }),
  ].join(" · ");
}

/** The link that was made, to be taken now. */
function Link({ made }: { made: MadeShare }) {
  const link = location.origin + made.link;
  const frame = made.embed === undefined ? undefined : `<iframe src="${location.origin}${made.embed}" title="${made.name.replace(/[<>"&]/g, "")}" width="100%" height="1400" loading="lazy" referrerpolicy="no-referrer"></iframe>`;
  return (
    <div class="secret" role="status">
      <p>{t("share_made", { name: made.name })}</p>
      <code class="link">{link}</code> <Copy text={link} what={t("share_link")} />
      {frame !== undefined && (
        <>
          <p>{t("share_frame_why")}</p>
          <code class="frame">{frame}</code> <Copy text={frame} what={t("share_frame")} />
        </>
      )}
    </div>
  );
}

/** Copies where the browser lets it; elsewhere the text is chosen by a click and copied by hand. */
function Copy({ text, what }: { text: string; what: string }) {
  const [copied, setCopied] = useState(false);
  if (navigator.clipboard === undefined) return null;
  return (
    <button type="button" class="plain" onClick={() => void navigator.clipboard.writeText(text).then(() => setCopied(true), () => undefined)}>
      {copied ? t("copied", { what }) : t("copy", { what })}
    </button>
  );
}

function ShareForm({ scope, share, send }: { scope: Scope; share?: Share; send: (sent: Sent) => Promise<void> }) {
  const id = share?.id ?? "new";
  const [name, setName] = useState(share?.name ?? "");
  const [everything, setEverything] = useState((share?.reports ?? null) === null);
  const [reports, setReports] = useState<string[]>(share?.reports ?? ["overview"]);
  const [segment, setSegment] = useState(share?.segment ?? "");
  const [password, setPassword] = useState("");
  const [open, setOpen] = useState(false);
  const [expires, setExpires] = useState(share?.expires?.slice(0, 10) ?? "");
  const [tables, setTables] = useState(share?.export ?? false);
  const [origins, setOrigins] = useState(share?.origins.join("\n") ?? "");
  const [start, said, failed] = useChange(() => undefined);
  const segments = useAnswer(`segments ${scope.site.domain}`, 0, (signal) => definitions(scope.site.domain, "segments", signal));
  const names = [...new Set([...(segments.value ?? []).map((segment) => segment.name), ...(segment === "" ? [] : [segment])])];
  const shown = REPORTS.filter((report) => segment === "" || report.wholeSite !== true);
  const submit = (event: Event) => {
    event.preventDefault();
    const sent: Sent = {
      name,
      reports: everything ? null : shown.map((report) => report.name).filter((name) => reports.includes(name)),
      segment: segment === "" ? null : segment,
      export: tables,
      origins: origins.split(/\s+/).filter((origin) => origin !== ""),
      // The end of that day, where whoever shares is.
      expires: expires === "" ? null : expires === share?.expires?.slice(0, 10) ? share.expires : new Date(`${expires}T23:59:59`).toISOString(),
      ...(open ? { password: null } : password === "" ? {} : { password }),
    };
    start(
      send(sent).then(() => {
        setPassword("");
        if (share === undefined) setName("");
      }),
    );
  };
  return (
    <form class="asks share-form" onSubmit={submit} aria-label={share?.name ?? t("share_new")}>
      <label class="field">
        {t("name")}
        <input name="share-name" required maxLength={100} value={name} onInput={(event) => setName(event.currentTarget.value)} />
      </label>
      <label class="field">
        {t("share_segment")}
        <select name="share-segment" value={segment} onChange={(event) => setSegment(event.currentTarget.value)}>
          <option value="">{t("share_no_segment")}</option>
          {names.map((name) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <fieldset class="field reports">
        <legend>{t("share_reports")}</legend>
        <label>
          <input type="checkbox" name="everything" checked={everything} onChange={(event) => setEverything(event.currentTarget.checked)} /> {t("share_everything")}
        </label>
        {!everything &&
          shown.map(({ name, label }) => (
            <label key={name}>
              <input
                type="checkbox"
                name={name}
                checked={reports.includes(name)}
                onChange={(event) => setReports(event.currentTarget.checked ? [...reports, name] : reports.filter((known) => known !== name))}
              />{" "}
              {t(label)}
            </label>
          ))}
      </fieldset>
      <label class="field">
        {t("share_password")}
        <input
          name="share-password"
          type="password"
          autocomplete="new-password"
          disabled={open}
          placeholder={share?.password === true ? t("share_password_kept") : ""}
          aria-describedby={`share-password-${id}`}
          value={password}
          onInput={(event) => setPassword(event.currentTarget.value)}
        />
      </label>
      <label class="field">
        {t("share_expires")}
        <input name="share-expires" type="date" value={expires} onInput={(event) => setExpires(event.currentTarget.value)} />
      </label>
      <label class="field wide-field">
        {t("share_origins")}
        <textarea name="share-origins" rows={2} placeholder="https://intranet.example" spellcheck={false} value={origins} onInput={(event) => setOrigins(event.currentTarget.value)} />
      </label>
      <fieldset class="field">
        <legend class="unseen">{t("settings")}</legend>
        <label>
          <input type="checkbox" name="export" checked={tables} onChange={(event) => setTables(event.currentTarget.checked)} /> {t("share_export")}
        </label>
        {share?.password === true && (
          <label>
            <input type="checkbox" name="no-password" checked={open} onChange={(event) => setOpen(event.currentTarget.checked)} /> {t("share_password_off")}
          </label>
        )}
      </fieldset>
      <button type="submit" class="main">
        {t(share === undefined ? "share_make" : "save")}
      </button>
      <p class="hint" id={`share-password-${id}`}>
        {t("share_password_why")}
      </p>
      <Said said={said} failed={failed} />
    </form>
  );
}

/** Whether everybody may read the site: no link, no password, all reports. */
function Public({ scope: { site } }: { scope: Scope }) {
  const [isPublic, setPublic] = useState(site.public);
  const [start, said, failed] = useChange(() => undefined);
  const set = (next: boolean) => start(publish(site.domain, next).then(() => setPublic(next)));
  return (
    <section class="card room" id="public" aria-labelledby="public-title">
      <h2 id="public-title">{t("public")}</h2>
      <p>{t(isPublic ? "public_is" : "public_is_not")}</p>
      <p class="hint">{t("public_why")}</p>
      {isPublic ? (
        <button type="button" class="plain" onClick={() => set(false)}>
          {t("public_off")}
        </button>
      ) : (
        <Sure what={t("public_on")} label={t("public_on")} onSure={() => set(true)} />
      )}
      <Said said={said} failed={failed} />
    </section>
  );
}

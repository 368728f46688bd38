// The line on top: which site, who is there now, which view and period, and how it is shown.

import { type Me, type Site, live } from "./api";
import { AddFilter } from "./filters";
import { inFull } from "./format";
import { LANGUAGES, type Language, language, t } from "./i18n";
import { Mark } from "./mark";
import { Menu } from "./menu";
import { Period } from "./period";
import type { Go, Place, Theme } from "./place";
import type { Scope } from "./scope";
import { mayShare } from "./shares";
import { useAnswer } from "./use-answer";
import { Tabs } from "./views";

interface Props {
  me: Me;
  sites: Site[];
  scope: Scope;
  today: string;
  liveTick: number;
  onHelp: () => void;
  onSignOut: () => void;
  onSignIn: () => void;
}

/** What stands for all sites among them; no site has this name. */
const ALL = "*";

export function Header({ me, sites, scope, today, liveTick, onHelp, onSignOut, onSignIn }: Props) {
  const { site, place, go } = scope;
  const choose = (domain: string) => {
    if (domain === ALL) return go({ view: "sites", detail: null });
    go({ site: domain, filters: [], detail: null, page: null, view: place.view === "sites" ? "report" : place.view });
  };
  return (
    <header class="top">
      <div class="who">
        <Mark />
        <h1 class="site">
          {sites.length > 1 ? (
            <select aria-label={t("site")} value={place.view === "sites" ? ALL : site.domain} onChange={(event) => choose(event.currentTarget.value)}>
              <option value={ALL}>{t("all_sites")}</option>
              {sites.map((site) => (
                <option key={site.domain} value={site.domain}>
                  {site.domain}
                </option>
              ))}
            </select>
          ) : (
            site.domain
          )}
        </h1>
        {/* Who is there now is one site's. */}
        {place.view !== "sites" && <Live site={site} tick={liveTick} />}
      </div>
      <Tabs scope={scope} />
      <div class="when">
        <AddFilter scope={scope} />
        {place.view !== "live" && place.view !== "define" && place.view !== "share" && <Period scope={scope} today={today} />}
        <Menu title={t("settings")} className="settings" label={<Sliders />}>
          {() => (
            <>
              <Looks place={place} go={go} onHelp={onHelp} />
              {mayShare(site) && (
                <button type="button" class="plain" onClick={() => go({ view: "share", detail: null })}>
                  {t("sharing")}
                </button>
              )}
              {me.kind !== "anyone" && (
                <button type="button" class="plain" onClick={() => go({ view: "account", detail: null })}>
                  {t("office")}
                </button>
              )}
              {me.kind !== "anyone" ? (
                <button type="button" class="plain" onClick={onSignOut}>
                  {t("sign_out")}
                </button>
              ) : (
                <button type="button" class="plain" onClick={onSignIn}>
                  {t("sign_in")}
                </button>
              )}
            </>
          )}
        </Menu>
      </div>
    </header>
  );
}

/** Language and theme, and what the keys do. */
export function Looks({ place, go, onHelp }: { place: Place; go: Go; onHelp: () => void }) {
  return (
    <>
      <LanguageField value={language()} onChoose={(code) => go({ language: code })} />
      <label class="field">
        {t("theme")}
        <select value={place.theme} onChange={(event) => go({ theme: event.currentTarget.value as Theme })}>
          <option value="system">{t("theme_system")}</option>
          <option value="light">{t("theme_light")}</option>
          <option value="dark">{t("theme_dark")}</option>
        </select>
      </label>
      <button type="button" class="plain" onClick={onHelp}>
        {t("keys")} <kbd>?</kbd>
      </button>
    </>
  );
}

/** A language that somebody reads. */
export function LanguageField({ name, value, onChoose }: { name?: string; value: Language; onChoose: (code: Language) => void }) {
  return (
    <label class="field">
      {t("reading_language")}
      <select name={name} value={value} onChange={(event) => onChoose(event.currentTarget.value as Language)}>
        <Languages />
      </select>
    </label>
  );
}

/** The languages to choose from, each in its own. */
export function Languages() {
  return (
    <>
      {LANGUAGES.map(({ code, name }) => (
        <option key={code} value={code} lang={code}>
          {name}
        </option>
      ))}
    </>
  );
}

export function Live({ site, tick }: { site: Site; tick: number }) {
  const asked = useAnswer(`live ${site.domain}`, tick, (signal) => live(site.domain, signal));
  if (asked.error !== undefined) {
    return (
      <p class="live off" role="status" title={asked.error.message}>
        <span class="dot" aria-hidden="true" /> {t("not_connected")}
      </p>
    );
  }
  if (asked.value === undefined) return <p class="live" />;
  return (
    <p class={asked.value === 0 ? "live" : "live on"} role="status" title={t("live_title")}>
      <span class="dot" aria-hidden="true" /> <b>{inFull(asked.value)}</b> {t("visitors_now", { n: asked.value })}
    </p>
  );
}

export function Sliders() {
  return (
    <>
      <svg viewBox="0 0 20 20" width="18" height="18" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="1.7" stroke-linecap="round">
        <path d="M3 6h8m4 0h2M3 14h2m4 0h8" />
        <circle cx="13" cy="6" r="2" />
        <circle cx="7" cy="14" r="2" />
      </svg>
      <span class="unseen">{t("settings")}</span>
    </>
  );
}

// Where accounts are looked after: one's own, those of others, and what was done. What may be done the server says; what may not is
// not offered, and is refused all the same.

import type { ComponentChildren, FunctionComponent } from "preact";
import type { Me, Site } from "./api";
import { Account, ChangePassword } from "./account";
import { AuditLog } from "./audit-log";
import { Languages } from "./header";
import { type Language, language } from "./i18n";
import { type LateWord, t } from "./late";
import { NoSite } from "./left-out";
import { Mark } from "./mark";
import { People } from "./people";
import type { Go, Place, Theme, View } from "./place";
import "./style/office.css";

interface Props {
  me: Me;
  sites: Site[];
  place: Place;
  go: Go;
  onSignOut: () => void;
  /** What the session tells has changed. */
  onChanged: () => void;
  onSetUp: () => void;
}

export const Office: FunctionComponent<Props> = ({ me, sites, place, go, onSignOut, onChanged, onSetUp }) => {
  const administers = me.users || me.sites.some((site) => site.rights.includes("administer"));
  const mustChange = me.temporary === true;
  const rooms: { name: View; label: LateWord }[] = [
    ...(sites.length > 0 && !mustChange ? [{ name: "report" as View, label: "back_to_report" as LateWord }] : []),
    { name: "account", label: "account" },
    ...(administers && !mustChange ? ([{ name: "people", label: "people" }, { name: "audit", label: "audit" }] as { name: View; label: LateWord }[]) : []),
  ];
  const room = rooms.some(({ name }) => name === place.view) && place.view !== "report" ? place.view : "account";
  return (
    <div class="page office">
      <a class="skip" href="#office">
        {t("skip")}
      </a>
      <header class="top">
        <div class="who">
          <Mark />
          <h1 class="site">{t("office")}</h1>
        </div>
        <nav class="views" aria-label={t("views")}>
          {rooms.map(({ name, label }) => (
            <button key={name} type="button" aria-current={room === name ? "page" : undefined} onClick={() => go({ view: name, detail: null })}>
              {t(label)}
            </button>
          ))}
        </nav>
        <div class="when">
          <select aria-label={t("reading_language")} value={language()} onChange={(event) => go({ language: event.currentTarget.value as Language })}>
            <Languages />
          </select>
          <select aria-label={t("theme")} value={place.theme} onChange={(event) => go({ theme: event.currentTarget.value as Theme })}>
            <option value="system">{t("theme_system")}</option>
            <option value="light">{t("theme_light")}</option>
            <option value="dark">{t("theme_dark")}</option>
          </select>
          <button type="button" class="plain" id="sign-out" onClick={onSignOut}>
            {t("sign_out")}
          </button>
        </div>
      </header>
      <main id="office" tabIndex={-1}>
        <p class="me">{me.kind === "person" ? t("signed_in_as", { login: me.login ?? "" }) : t("signed_in_token")}</p>
        {mustChange ? (
          <Panel title={t("change_password")}>
            <p>{t("must_change")}</p>
            <ChangePassword onChanged={onChanged} />
          </Panel>
        ) : (
          <>
            {sites.length === 0 && <Siteless me={me} onAdded={onChanged} />}
            {room === "account" && <Account me={me} sites={sites} onSetUp={onSetUp} />}
            {room === "people" && <People me={me} />}
            {room === "audit" && <AuditLog me={me} />}
          </>
        )}
      </main>
    </div>
  );
};

/** Whoever may look at every site learns how to add the first one, and whoever waits for somebody else's, that they do. */
function Siteless({ me, onAdded }: { me: Me; onAdded: () => void }) {
  const isEverySite = me.kind === "administrator" || me.grants?.some(({ role, site }) => site === "*" && role !== "operator") === true;
  if (!isEverySite && me.users) return null;
  return (
    <Panel title={t("sites")} id="sites">
      {isEverySite ? <NoSite onAdded={onAdded} /> : <p>{t("no_site_granted")}</p>}
    </Panel>
  );
}

export function Panel({ title, id, children }: { title: string; id?: string; children: ComponentChildren }) {
  return (
    <section class="card room" id={id} aria-label={title}>
      <h2>{title}</h2>
      {children}
    </section>
  );
}

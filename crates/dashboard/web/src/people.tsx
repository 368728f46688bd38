// Others: who is there, and what they are granted. An operator looks after users, a site's administrator after who sees the site.

import { useState } from "preact/hooks";
import { type Me, change } from "./api";
import { Said, Sure, useChange, useList } from "./asked";
import { type LateWord, t } from "./late";
import { Panel } from "./office";

interface Grant {
  role: Role;
  site: string;
}

interface User {
  login: string;
  grants: Grant[];
  temporary?: boolean;
  disabled_at?: string | null;
}

type Role = "viewer" | "analyst" | "site_admin" | "operator";

const ROLES: Role[] = ["viewer", "analyst", "site_admin", "operator"];

const roleName = (role: Role): string => t(`role_${role}` as LateWord);
const siteName = (site: string): string => (site === "*" ? t("every_site") : site);

/**
 * Whether a grant is theirs to take back, also at a site that is gone. Whoever runs the users sees all grants, and takes back those of
 * operators; whoever does not sees what they may take back.
 */
export function mayTakeBack(me: Me, { role, site }: Grant): boolean {
  if (!me.users || role === "operator" || me.kind === "administrator") return true;
  const isGranted = me.grants?.some((grant) => grant.role === "site_admin" && (grant.site === "*" || grant.site === site));
  return isGranted === true || me.sites.some(({ domain, rights }) => domain === site && rights.includes("administer"));
}

/** Where a role may be granted, as the session tells: a hint for the form, and no more. */
function places(me: Me, role: Role): string[] {
  if (role === "operator") return me.users ? ["*"] : [];
  const sites = me.sites.filter((site) => site.rights.includes("administer")).map((site) => site.domain);
  return sites.length === 0 ? [] : ["*", ...sites];
}

export function People({ me }: { me: Me }) {
  const [list, again, trouble] = useList<{ users: User[] }>("/api/users");
  const [start, said, failed] = useChange(again);
  return (
    <>
      <Panel title={t("people")} id="people">
        {list?.users.length === 0 && <p class="hint">{t("users_none")}</p>}
        <ul class="things">
          {(list?.users ?? []).map((user) => (
            <Someone key={user.login} user={user} me={me} start={start} />
          ))}
        </ul>
        <Said said={trouble || said} failed={failed || trouble !== ""} />
        <dl class="roles">
          {ROLES.map((role) => (
            <div key={role}>
              <dt>{roleName(role)}</dt>
              <dd>{t(`role_${role}_why` as LateWord)}</dd>
            </div>
          ))}
        </dl>
      </Panel>
      {me.users ? <NewUser onAdded={again} /> : <GrantByName me={me} onGranted={again} />}
    </>
  );
}

function Someone({ user, me, start }: { user: User; me: Me; start: (doing: Promise<unknown>) => void }) {
  const path = `/api/users/${encodeURIComponent(user.login)}`;
  const disabled = user.disabled_at !== undefined && user.disabled_at !== null;
  const label = (what: string) => t("user_do", { what, login: user.login });
  return (
    <li class="someone" data-login={user.login}>
      <div>
        <b>{user.login}</b> {disabled && <span class="tag off">{t("user_disabled")}</span>} {user.temporary === true && <span class="tag">{t("user_temporary")}</span>}
        <ul class="chips">
          {user.grants.length === 0 && <li class="hint">{t("grants_none")}</li>}
          {user.grants.map((grant) => (
            <li key={`${grant.role} ${grant.site}`}>
              {mayTakeBack(me, grant) ? (
                <button
                  type="button"
                  class="chip"
                  aria-label={`${roleName(grant.role)} · ${siteName(grant.site)}: ${t("grant_remove", { login: user.login })}`}
                  onClick={() => start(change("DELETE", `${path}/grants?role=${grant.role}&site=${encodeURIComponent(grant.site)}`))}
                >
                  {roleName(grant.role)} · {siteName(grant.site)}
                </button>
              ) : (
                <span class="tag">
                  {roleName(grant.role)} · {siteName(grant.site)}
                </span>
              )}
            </li>
          ))}
        </ul>
        <GrantForm me={me} label={t("grant_of", { login: user.login })} onGrant={(grant) => start(change("PUT", `${path}/grants`, grant))} />
      </div>
      {me.users && (
        <div class="acts">
          <button type="button" class="plain" aria-label={label(t(disabled ? "user_enable" : "user_disable"))} onClick={() => start(change("PUT", path, { disabled: !disabled }))}>
            {t(disabled ? "user_enable" : "user_disable")}
          </button>
          <button type="button" class="plain" aria-label={label(t("user_sign_out"))} onClick={() => start(change("DELETE", `${path}/sessions`))}>
            {t("user_sign_out")}
          </button>
          <Sure what={t("user_remove")} label={label(t("user_remove"))} onSure={() => start(change("DELETE", path))} />
        </div>
      )}
    </li>
  );
}

function GrantForm({ me, label, onGrant }: { me: Me; label: string; onGrant: (grant: Grant) => void }) {
  const roles = ROLES.filter((role) => places(me, role).length > 0);
  const [role, setRole] = useState<Role>(roles[0] ?? "viewer");
  const sites = places(me, role);
  const [site, setSite] = useState("");
  const chosen = sites.includes(site) ? site : (sites.at(-1) ?? "");
  const submit = (event: Event) => {
    event.preventDefault();
    onGrant({ role, site: chosen });
  };
  return (
    <form class="grant" aria-label={label} onSubmit={submit}>
      <select aria-label={`${label}: ${t("role")}`} value={role} onChange={(event) => setRole(event.currentTarget.value as Role)}>
        {roles.map((role) => (
          <option key={role} value={role}>
            {roleName(role)}
          </option>
        ))}
      </select>
      <select aria-label={`${label}: ${t("site")}`} value={chosen} onChange={(event) => setSite(event.currentTarget.value)}>
        {sites.map((site) => (
          <option key={site} value={site}>
            {siteName(site)}
          </option>
        ))}
      </select>
      <button type="submit" class="plain">
        {t("grant_add")}
      </button>
    </form>
  );
}

function NewUser({ onAdded }: { onAdded: () => void }) {
  const [login, setLogin] = useState("");
  const [password, setPassword] = useState("");
  const [start, said, failed] = useChange(() => {
    setLogin("");
    setPassword("");
    onAdded();
  });
  const submit = (event: Event) => {
    event.preventDefault();
    start(change("POST", "/api/users", { login: login.trim(), password }));
  };
  return (
    <Panel title={t("user_add")} id="new-user">
      <form class="asks" onSubmit={submit}>
        <label class="field">
          {t("login")}
          <input name="new-login" required autocomplete="off" autocapitalize="none" spellcheck={false} value={login} onInput={(event) => setLogin(event.currentTarget.value)} />
        </label>
        <label class="field">
          {t("password")}
          <input name="new-password" type="password" required autocomplete="new-password" aria-describedby="new-user-hint" value={password} onInput={(event) => setPassword(event.currentTarget.value)} />
        </label>
        <button type="submit" class="main">
          {t("user_add")}
        </button>
        <p class="hint" id="new-user-hint">
          {t("password_hint")} {t("user_add_hint")}
        </p>
        <Said said={said} failed={failed} />
      </form>
    </Panel>
  );
}

/** A site's administrator does not see everybody, but may let somebody in by name. */
function GrantByName({ me, onGranted }: { me: Me; onGranted: () => void }) {
  const [login, setLogin] = useState("");
  const [start, said, failed] = useChange(onGranted);
  return (
    <Panel title={t("grant_add")} id="grant-by-name">
      <div class="asks">
        <label class="field">
          {t("login")}
          <input name="grant-login" autocomplete="off" autocapitalize="none" spellcheck={false} value={login} onInput={(event) => setLogin(event.currentTarget.value)} />
        </label>
        <GrantForm me={me} label={t("grant_add")} onGrant={(grant) => login.trim() !== "" && start(change("PUT", `/api/users/${encodeURIComponent(login.trim())}/grants`, grant))} />
        <Said said={said} failed={failed} />
      </div>
    </Panel>
  );
}

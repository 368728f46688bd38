// One's own account: password, sessions, API tokens.

import { useState } from "preact/hooks";
import { type Me, type Site, change } from "./api";
import { Said, Sure, useChange, useList } from "./asked";
import { language } from "./i18n";
import { t } from "./late";
import { Panel } from "./office";

interface Session {
  id: string;
  client: string;
  seen: string;
  idle_until: string;
  current: boolean;
}

interface Token {
  id: string;
  name: string;
  owner: string | null;
  scopes: string[];
  sites: string[];
  expires: string | null;
  used_on: string | null;
  token?: string;
}

export function Account({ me, sites, onSetUp }: { me: Me; sites: Site[]; onSetUp: () => void }) {
  return (
    <>
      {me.setup === true && (
        <Panel title={t("setup")} id="setup">
          <p>{t("setup_hint")}</p>
          <button type="button" class="main" onClick={onSetUp}>
            {t("setup")}
          </button>
        </Panel>
      )}
      {me.kind === "person" && (
        <>
          <Sessions />
          <Panel title={t("change_password")} id="change-password">
            <ChangePassword onChanged={() => undefined} />
          </Panel>
        </>
      )}
      <Tokens me={me} sites={sites} />
    </>
  );
}

export function ChangePassword({ onChanged }: { onChanged: () => void }) {
  const [old, setOld] = useState("");
  const [next, setNext] = useState("");
  const [start, said, failed] = useChange(() => {
    setOld("");
    setNext("");
    onChanged();
  });
  const submit = (event: Event) => {
    event.preventDefault();
    start(change("POST", "/api/password", { old, new: next }));
  };
  return (
    <form class="asks" onSubmit={submit}>
      <label class="field">
        {t("old_password")}
        <input type="password" name="old" autocomplete="current-password" required value={old} onInput={(event) => setOld(event.currentTarget.value)} />
      </label>
      <label class="field">
        {t("new_password")}
        <input type="password" name="new" autocomplete="new-password" required aria-describedby="new-hint" value={next} onInput={(event) => setNext(event.currentTarget.value)} />
      </label>
      <button type="submit" class="main">
        {t("change_password")}
      </button>
      <p class="hint" id="new-hint">
        {t("password_hint")}
      </p>
      <Said said={said === t("done") ? t("password_changed") : said} failed={failed} />
    </form>
  );
}

/** A time of day and day, in the reader's own zone. */
export const moment = (at: string): string => new Intl.DateTimeFormat(language(), { dateStyle: "medium", timeStyle: "short" }).format(new Date(at));

function Sessions() {
  const [list, again, trouble] = useList<{ sessions: Session[] }>("/api/sessions");
  const [start, said, failed] = useChange(again);
  const sessions = list?.sessions ?? [];
  return (
    <Panel title={t("sessions")} id="sessions">
      <ul class="things">
        {sessions.map((session) => (
          <li key={session.id}>
            <div>
              <b>{session.client}</b> {session.current && <span class="tag">{t("session_here")}</span>}
              <p>{t("session_last", { time: moment(session.seen), until: moment(session.idle_until) })}</p>
            </div>
            {!session.current && (
              <button type="button" class="plain" aria-label={t("session_end_of", { client: session.client })} onClick={() => start(change("DELETE", `/api/sessions/${session.id}`))}>
                {t("session_end")}
              </button>
            )}
          </li>
        ))}
      </ul>
      {sessions.length > 1 && (
        <button type="button" class="plain" onClick={() => start(change("DELETE", "/api/sessions"))}>
          {t("sessions_end")}
        </button>
      )}
      <Said said={trouble || said} failed={failed || trouble !== ""} />
    </Panel>
  );
}

const SCOPES = ["stats:read", "export", "admin"];

function Tokens({ me, sites }: { me: Me; sites: Site[] }) {
  const [list, again, trouble] = useList<{ tokens: Token[] }>("/api/tokens");
  const [made, setMade] = useState<Token>();
  const [name, setName] = useState("");
  const [scopes, setScopes] = useState<string[]>(["stats:read"]);
  const [site, setSite] = useState(me.kind === "person" ? (sites[0]?.domain ?? "*") : "*");
  const [days, setDays] = useState("90");
  const [start, said, failed] = useChange(again);
  const tokens = list?.tokens ?? [];
  const submit = (event: Event) => {
    event.preventDefault();
    const making = change<Token>("POST", "/api/tokens", { name, scopes, sites: [site], ...(days === "" ? {} : { days: Number(days) }) });
    start(
      making.then((token) => {
        setMade(token);
        setName("");
      }),
    );
  };
  return (
    <Panel title={t("tokens")} id="tokens">
      <p>{t("tokens_hint")}</p>
      {tokens.length === 0 && <p class="hint">{t("tokens_none")}</p>}
      <ul class="things">
        {tokens.map((token) => (
          <li key={token.id}>
            <div>
              <b>{token.name}</b> {token.scopes.map((scope) => <span class="tag">{scope}</span>)}
              <p>
                {token.sites.map((site) => (site === "*" ? t("every_site") : site)).join(t("comma"))} · {token.owner === null ? t("token_of_admin") : t("token_of", { owner: token.owner })} ·{" "}
                {token.expires === null ? t("token_never") : t("token_expires", { day: token.expires.slice(0, 10) })} · {token.used_on === null ? t("token_unused") : t("token_used", { day: token.used_on })}
              </p>
            </div>
            <Sure what={t("token_revoke")} label={t("token_revoke_of", { name: token.name })} onSure={() => start(change("DELETE", `/api/tokens/${token.id}`))} />
          </li>
        ))}
      </ul>
      {made?.token !== undefined && (
        <p class="secret" role="status">
          {t("token_made")} <code>{made.token}</code>
        </p>
      )}
      <form class="asks" onSubmit={submit}>
        <label class="field">
          {t("token_name")}
          <input name="token-name" required maxLength={100} value={name} onInput={(event) => setName(event.currentTarget.value)} />
        </label>
        <fieldset class="field">
          <legend>{t("token_scopes")}</legend>
          {SCOPES.map((scope) => (
            <label key={scope}>
              <input
                type="checkbox"
                checked={scopes.includes(scope)}
                onChange={(event) => setScopes(event.currentTarget.checked ? [...scopes, scope] : scopes.filter((known) => known !== scope))}
              />{" "}
              {scope}
            </label>
          ))}
        </fieldset>
        <label class="field">
          {t("site")}
          <select value={site} onChange={(event) => setSite(event.currentTarget.value)}>
            <option value="*">{t("every_site")}</option>
            {sites.map(({ domain }) => (
              <option key={domain} value={domain}>
                {domain}
              </option>
            ))}
          </select>
        </label>
        <label class="field">
          {t("token_days")}
          <input name="token-days" type="number" min={1} max={3650} value={days} onInput={(event) => setDays(event.currentTarget.value)} />
        </label>
        <button type="submit" class="main">
          {t("token_make")}
        </button>
      </form>
      <Said said={trouble || said} failed={failed || trouble !== ""} />
    </Panel>
  );
}

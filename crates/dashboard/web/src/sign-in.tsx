// Who looks: by login and password, which the browser turns into a session that no script can read, or by an API token, which stays in
// this tab. While there is no account, the token also makes the first one.

import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError, forgetToken, keepToken, setUp, signIn } from "./api";
import { t } from "./i18n";
import { Mark } from "./mark";

interface Props {
  /** The token that was tried is not valid here. */
  wrong: boolean;
  /** There is no account yet. */
  setup: boolean;
  onSetUp: () => void;
  onDone: () => void;
}

export function SignIn({ wrong, setup, onSetUp, onDone }: Props) {
  const [byToken, setByToken] = useState(setup || wrong);
  // A token may also come by a link, while this is shown.
  useEffect(() => {
    if (wrong) setByToken(true);
  }, [wrong]);
  return (
    <main class="page centred">
      <div class="card sign-in">
        <Mark />
        <h1>Footfall</h1>
        {byToken ? <ByToken wrong={wrong} setup={setup} onSetUp={onSetUp} onDone={onDone} /> : <ByPassword onDone={onDone} />}
        {!setup && (
          <button type="button" class="quiet" onClick={() => setByToken(!byToken)}>
            {t(byToken ? "other_way_login" : "other_way_token")}
          </button>
        )}
      </div>
    </main>
  );
}

function ByToken({ wrong, setup, onSetUp, onDone }: Props) {
  const [token, setToken] = useState("");
  const [missing, setMissing] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  const take = (then: () => void) => (event: Event) => {
    event.preventDefault();
    setMissing(token.trim() === "");
    if (token.trim() === "") return input.current?.focus();
    keepToken(token.trim());
    then();
  };
  const said = missing ? t("token_missing") : wrong ? t("token_wrong") : "";
  return (
    <form onSubmit={take(onDone)}>
      <p>{t("private")}</p>
      <label for="token">{t("token")}</label>
      <input
        id="token"
        ref={input}
        type="password"
        autocomplete="current-password"
        autofocus
        spellcheck={false}
        value={token}
        aria-invalid={said !== ""}
        aria-describedby={said === "" ? undefined : "token-wrong"}
        onInput={(event) => setToken(event.currentTarget.value)}
      />
      {said !== "" && (
        <p class="wrong" id="token-wrong" role="alert">
          {said}
        </p>
      )}
      <button type="submit" class="main">
        {t("open_dashboard")}
      </button>
      {setup && (
        <button type="button" class="plain" onClick={take(onSetUp)}>
          {t("setup")}
        </button>
      )}
    </form>
  );
}

function ByPassword({ onDone }: { onDone: () => void }) {
  const [login, setLogin] = useState("");
  const [password, setPassword] = useState("");
  const [said, setSaid] = useState("");
  const [busy, setBusy] = useState(false);
  const submit = (event: Event) => {
    event.preventDefault();
    if (busy) return;
    if (login.trim() === "" || password === "") return setSaid(t("login_missing"));
    setBusy(true);
    setSaid("");
    signIn(login.trim(), password)
      .then(onDone)
      .catch((error: unknown) => setSaid(taught(error)))
      .finally(() => setBusy(false));
  };
  return (
    <form onSubmit={submit}>
      <p>{t("sign_in_hint")}</p>
      <label for="login">{t("login")}</label>
      <input id="login" autocomplete="username" autocapitalize="none" autofocus spellcheck={false} value={login} onInput={(event) => setLogin(event.currentTarget.value)} />
      <label for="password">{t("password")}</label>
      <input
        id="password"
        type="password"
        autocomplete="current-password"
        value={password}
        aria-invalid={said !== ""}
        aria-describedby={said === "" ? undefined : "login-wrong"}
        onInput={(event) => setPassword(event.currentTarget.value)}
      />
      {said !== "" && (
        <p class="wrong" id="login-wrong" role="alert">
          {said}
        </p>
      )}
      <button type="submit" class="main" disabled={busy}>
        {t("sign_in")}
      </button>
    </form>
  );
}

/** What went wrong, in the reader's language where it is something of every day. */
export function taught(error: unknown): string {
  if (!(error instanceof ApiError)) return String(error);
  if (error.status === 401) return t("login_wrong");
  if (error.status === 429 && error.wait !== undefined) return t("waits", { n: error.wait });
  return error.message;
}

/** The first account. The token that proves who makes it is let go with it. */
export function SetUp({ onDone }: { onDone: () => void }) {
  const [login, setLogin] = useState("");
  const [password, setPassword] = useState("");
  const [again, setAgain] = useState("");
  const [said, setSaid] = useState("");
  const submit = (event: Event) => {
    event.preventDefault();
    if (password !== again) {
      setSaid(t("not_the_same"));
      return;
    }
    setUp(login.trim(), password)
      .then(() => {
        forgetToken();
        onDone();
      })
      .catch((error: unknown) => setSaid(taught(error)));
  };
  return (
    <main class="page centred">
      <div class="card sign-in">
        <Mark />
        <h1>{t("setup")}</h1>
        <form onSubmit={submit}>
          <p>{t("setup_hint")}</p>
          <label for="login">{t("login")}</label>
          <input id="login" autocomplete="username" autocapitalize="none" autofocus required spellcheck={false} value={login} onInput={(event) => setLogin(event.currentTarget.value)} />
          <label for="password">{t("password")}</label>
          <input id="password" type="password" autocomplete="new-password" required aria-describedby="password-hint" value={password} onInput={(event) => setPassword(event.currentTarget.value)} />
          <p id="password-hint">{t("password_hint")}</p>
          <label for="again">{t("setup_again")}</label>
          <input id="again" type="password" autocomplete="new-password" required value={again} onInput={(event) => setAgain(event.currentTarget.value)} />
          {said !== "" && (
            <p class="wrong" role="alert">
              {said}
            </p>
          )}
          <button type="submit" class="main">
            {t("setup")}
          </button>
        </form>
      </div>
    </main>
  );
}

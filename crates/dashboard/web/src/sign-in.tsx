// Asks for the API token. It stays in this tab's session and goes nowhere but into the API's Authorization header.

import { useState } from "preact/hooks";
import { keepToken } from "./api";
import { t } from "./i18n";
import { Mark } from "./mark";

export function SignIn({ wrong, onToken }: { wrong: boolean; onToken: () => void }) {
  const [token, setToken] = useState("");
  const submit = (event: Event) => {
    event.preventDefault();
    if (token.trim() === "") return;
    keepToken(token.trim());
    onToken();
  };
  return (
    <main class="page centred">
      <form class="card sign-in" onSubmit={submit}>
        <Mark />
        <h1>Footfall</h1>
        <p>{t("private")}</p>
        <label for="token">{t("token")}</label>
        <input
          id="token"
          type="password"
          autocomplete="current-password"
          autofocus
          spellcheck={false}
          value={token}
          aria-invalid={wrong}
          aria-describedby={wrong ? "token-wrong" : undefined}
          onInput={(event) => setToken(event.currentTarget.value)}
        />
        {wrong && (
          <p class="wrong" id="token-wrong" role="alert">
            {t("token_wrong")}
          </p>
        )}
        <button type="submit">{t("open_dashboard")}</button>
      </form>
    </main>
  );
}

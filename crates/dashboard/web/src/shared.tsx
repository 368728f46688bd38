// What whoever follows a shared link sees: the reports that it shows, by the same views. The link's secret stands behind the # of the
// address, which no server sees, and what it opens stays in this tab's memory: a frame on another site's page has no cookies.

import { useEffect, useState } from "preact/hooks";
import { ApiError, SIGNED_OUT } from "./api";
import { Views } from "./app";
import { AddFilter } from "./filters";
import { Live, Looks, Sliders } from "./header";
import { language } from "./i18n";
import { t } from "./late";
import { Mark } from "./mark";
import { Menu } from "./menu";
import { Period } from "./period";
import { usePlace } from "./place";
import { type Scope, shows } from "./scope";
import { type Followed, follow, goOn } from "./shares";
import "./style/share.css";
import { useLook } from "./use-look";
import { Tabs } from "./views";

type State = { at: "loading" } | { at: "gone" } | { at: "password"; said: string } | { at: "failed"; message: string } | { at: "open"; share: Followed };

/** What a password has opened is kept for this tab alone, so that it need not be typed at every look; never in a frame. */
const kept = (id: string) => `footfall-share-${id}`;

export function SharedPage({ id, embedded }: { id: string; embedded: boolean }) {
  const [place, go] = usePlace();
  useLook(place);
  const [link] = useState(() => location.hash.slice(1));
  const [state, setState] = useState<State>({ at: "loading" });
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    const again = () => setAttempt((attempt) => attempt + 1);
    // Another link in the same tab is another page.
    const other = () => location.hash.startsWith("#fs_") && location.reload();
    addEventListener(SIGNED_OUT, again);
    addEventListener("hashchange", other);
    return () => {
      removeEventListener(SIGNED_OUT, again);
      removeEventListener("hashchange", other);
    };
  }, []);
  useEffect(() => {
    let retry: ReturnType<typeof setTimeout> | undefined;
    let over = false;
    const set = (state: State) => !over && setState(state);
    const opened = async (): Promise<Followed> => {
      const token = embedded ? null : sessionStorage.getItem(kept(id));
      if (token !== null) {
        sessionStorage.removeItem(kept(id));
        const share = await goOn(token).catch(() => null);
        if (share?.id === id) {
          sessionStorage.setItem(kept(id), token);
          return share;
        }
      }
      return (await follow(link)).share;
    };
    opened()
      .then((share) => set({ at: "open", share }))
      .catch((error: unknown) => {
        const status = error instanceof ApiError ? error.status : 0;
        if (status === 404) return set({ at: "gone" });
        if (status === 401) return set({ at: "password", said: "" });
        set({ at: "failed", message: error instanceof Error ? error.message : String(error) });
        retry = setTimeout(() => setAttempt((attempt) => attempt + 1), 3_000);
      });
    return () => {
      over = true;
      clearTimeout(retry);
    };
  }, [attempt]);
  const enter = (password: string) =>
    follow(link, password)
      .then(({ token, share }) => {
        if (!embedded) sessionStorage.setItem(kept(id), token);
        setState({ at: "open", share });
      })
      .catch((error: unknown) => {
        if (error instanceof ApiError && error.status === 404) setState({ at: "gone" });
        else setState({ at: "password", said: passwordSaid(error) });
      });
  switch (state.at) {
    case "loading":
      return <main class="page" aria-busy="true" />;
    case "gone":
      return (
        <Notice title={t("shared_gone")}>
          <p>{t("shared_gone_why")}</p>
        </Notice>
      );
    case "failed":
      return (
        <Notice title="Footfall">
          <p role="status">{state.message}</p>
        </Notice>
      );
    case "password":
      return (
        <Notice title={t("shared_password")}>
          <Password said={state.said} onEnter={enter} />
        </Notice>
      );
    case "open": {
      const { share } = state;
      const site = { domain: share.site, timezone: share.timezone, public: false, currency: share.currency, rights: share.export ? (["read", "export"] as const).slice() : ["read" as const] };
      const header = (scope: Scope, today: string, tick: number, onHelp: () => void) =>
        embedded ? (
          <header class="unseen">
            <h1>{`${share.site}: ${share.name}`}</h1>
          </header>
        ) : (
          <Head share={share} scope={scope} today={today} tick={tick} onHelp={onHelp} />
        );
      return <Views site={site} sites={[site]} place={place} go={go} shared={share} header={header} className={embedded ? "page embedded" : "page"} />;
    }
  }
}

function passwordSaid(error: unknown): string {
  if (error instanceof ApiError && error.status === 401) return t("shared_password_wrong");
  if (error instanceof ApiError && error.status === 429 && error.wait !== undefined) return t("waits", { n: error.wait });
  return error instanceof Error ? error.message : String(error);
}

function Notice({ title, children }: { title: string; children: preact.ComponentChildren }) {
  return (
    <main class="page centred">
      <div class="card sign-in">
        <Mark />
        <h1>{title}</h1>
        {children}
      </div>
    </main>
  );
}

function Password({ said, onEnter }: { said: string; onEnter: (password: string) => Promise<void> }) {
  const [password, setPassword] = useState("");
  const [busy, setBusy] = useState(false);
  const submit = (event: Event) => {
    event.preventDefault();
    if (busy || password === "") return;
    setBusy(true);
    void onEnter(password).finally(() => setBusy(false));
  };
  return (
    <form onSubmit={submit}>
      <p>{t("shared_password_why")}</p>
      <label for="share-password">{t("password")}</label>
      <input
        id="share-password"
        type="password"
        autocomplete="off"
        autofocus
        value={password}
        aria-invalid={said !== ""}
        aria-describedby={said === "" ? undefined : "share-password-wrong"}
        onInput={(event) => setPassword(event.currentTarget.value)}
      />
      {said !== "" && (
        <p class="wrong" id="share-password-wrong" role="alert">
          {said}
        </p>
      )}
      <button type="submit" class="main" disabled={busy}>
        {t("open_dashboard")}
      </button>
    </form>
  );
}

/** The line on top, without an account and without what is not shared. */
function Head({ share, scope, today, tick, onHelp }: { share: Followed; scope: Scope; today: string; tick: number; onHelp: () => void }) {
  const { site, place, go } = scope;
  const until = share.expires === null ? undefined : new Intl.DateTimeFormat(language(), { dateStyle: "medium", timeZone: site.timezone }).format(new Date(share.expires));
  return (
    <header>
      <div class="top">
        <div class="who">
          <Mark />
          <h1 class="site">{site.domain}</h1>
          {shows(scope, "live") && <Live site={site} tick={tick} />}
        </div>
        <Tabs scope={scope} />
        <div class="when">
          <AddFilter scope={scope} />
          {scope.view !== "live" && <Period scope={scope} today={today} />}
          <Menu title={t("settings")} className="settings" label={<Sliders />}>
            {() => <Looks place={place} go={go} onHelp={onHelp} />}
          </Menu>
        </div>
      </div>
      <p class="shared-line">
        {[t("shared_as", { name: share.name }), ...(share.segment === null ? [] : [t("shared_segment", { segment: share.segment })]), ...(until === undefined ? [] : [t("shared_until", { day: until })])].join(" · ")}
      </p>
    </header>
  );
}

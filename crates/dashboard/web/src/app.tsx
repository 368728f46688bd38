// The page: who may look, which site, and its view.

import { useEffect, useState } from "preact/hooks";
import { ApiError, type Site, forgetToken, hasToken, query, sites as askSites } from "./api";
import { FilterChips } from "./filters";
import { clock } from "./format";
import { Header } from "./header";
import { preferred, speak, t } from "./i18n";
import { useKeys } from "./keys";
import { later } from "./later";
import { Lists } from "./lists";
import { Overview } from "./overview";
import { type Go, type Place, usePlace } from "./place";
import { resolve, today } from "./range";
import type { Scope } from "./scope";
import { SignIn } from "./sign-in";
import { useAnswer, useTick } from "./use-answer";

const Detail = later(() => import("./detail").then((loaded) => loaded.Detail));
const DefineView = later(() => import("./define").then((loaded) => loaded.DefineView));
const FunnelsView = later(() => import("./funnels").then((loaded) => loaded.FunnelsView));
const KeyHelp = later(() => import("./key-help").then((loaded) => loaded.KeyHelp));
const LedgerView = later(() => import("./ledger").then((loaded) => loaded.LedgerView));
const LiveView = later(() => import("./live").then((loaded) => loaded.LiveView));

type Sites = { site: "loading" } | { site: "refused"; wrong: boolean } | { site: "failed"; message: string } | { site: "known"; list: Site[] };

export function App() {
  const [place, go] = usePlace();
  const spoken = place.language ?? preferred(navigator.languages);
  speak(spoken);
  useEffect(() => {
    document.documentElement.lang = spoken;
    if (place.theme === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = place.theme;
  }, [spoken, place.theme]);
  const [known, setKnown] = useState<Sites>({ site: "loading" });
  const [attempt, setAttempt] = useState(0);
  const load = () => setAttempt((attempt) => attempt + 1);
  useEffect(() => {
    const abort = new AbortController();
    let retry: ReturnType<typeof setTimeout> | undefined;
    askSites(abort.signal)
      .then((list) => setKnown({ site: "known", list }))
      .catch((error: unknown) => {
        if (abort.signal.aborted) return;
        if (error instanceof ApiError && error.status === 401) {
          const wrong = hasToken();
          forgetToken();
          setKnown({ site: "refused", wrong });
          return;
        }
        setKnown({ site: "failed", message: error instanceof Error ? error.message : String(error) });
        retry = setTimeout(load, 3_000);
      });
    return () => {
      abort.abort();
      clearTimeout(retry);
    };
  }, [attempt]);
  switch (known.site) {
    case "loading":
      return <main class="page" aria-busy="true" />;
    case "refused":
      return <SignIn wrong={known.wrong} onToken={load} />;
    case "failed":
      return (
        <main class="page centred">
          <p class="notice" role="status">
            {known.message}
          </p>
        </main>
      );
    case "known": {
      const wanted = known.list.find((site) => site.domain === place.site);
      const site = wanted ?? known.list[0];
      if (site === undefined) {
        return (
          <main class="page centred">
            <p class="notice">{t("no_site")}</p>
          </main>
        );
      }
      if (wanted === undefined && place.site !== null && !hasToken()) return <SignIn wrong={false} onToken={load} />;
      const signOut = () => {
        forgetToken();
        load();
      };
      return <Views sites={known.list} site={site} place={place} go={go} onSignOut={signOut} onSignIn={() => setKnown({ site: "refused", wrong: false })} />;
    }
  }
}

interface Props {
  sites: Site[];
  site: Site;
  place: Place;
  go: Go;
  onSignOut: () => void;
  onSignIn: () => void;
}

function Views({ sites, site, place, go, onSignOut, onSignIn }: Props) {
  const tick = useTick();
  const [help, setHelp] = useState(false);
  // The first day with a count: what "all time" begins with, and before which nothing is a loss.
  const history = useAnswer(`history ${site.domain}`, 0, (signal) => query({ site_id: site.domain, metrics: ["pageviews"], date_range: "all" }, signal));
  const firstDay = history.value?.query.date_range[0].slice(0, 10);
  // The day may change while the page is open: the range is resolved at every tick.
  const now = today(site.timezone);
  const range = resolve(place.period, now, place.custom, firstDay);
  const scope: Scope = { site, range, place, filters: place.filters, tick: range.open ? tick : 0, go };
  useKeys(scope, now, setHelp);
  useEffect(() => {
    document.title = `${site.domain} · Footfall`;
  }, [site]);
  return (
    <div class="page">
      <a class="skip" href="#report">
        {t("skip")}
      </a>
      <Header sites={sites} scope={scope} today={now} liveTick={tick} onHelp={() => setHelp(true)} onSignOut={onSignOut} onSignIn={onSignIn} />
      <main id="report" tabIndex={-1}>
        {place.view === "report" && (
          <>
            <FilterChips scope={scope} />
            <Overview scope={scope} firstDay={firstDay} />
            <Lists scope={scope} />
          </>
        )}
        {place.view === "live" && <LiveView scope={scope} tick={tick} />}
        {place.view === "funnels" && <FunnelsView scope={scope} />}
        {place.view === "define" && <DefineView scope={scope} />}
        {place.view === "ledger" && <LedgerView scope={scope} />}
      </main>
      <footer class="foot">
        <p>{t("foot", { zone: site.timezone.replaceAll("_", " ") })}</p>
        <p class="updated">{t("updated", { time: clock(new Date(), site.timezone) })}</p>
        <nav aria-label="API">
          <a href="/api/openapi.json">API</a>
          <a href="/licences.txt">{t("licences")}</a>
        </nav>
      </footer>
      {place.detail !== null && <Detail key={`${place.detail} ${place.property}`} scope={scope} />}
      {help && <KeyHelp onClose={() => setHelp(false)} />}
    </div>
  );
}

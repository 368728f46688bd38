// The page: who looks, which site, and its view.

import { useEffect, useState } from "preact/hooks";
import { ApiError, type Me, type Site, SIGNED_OUT, change, forgetToken, hasToken, query, sites as askSites, whoAmI } from "./api";
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
import { SetUp, SignIn } from "./sign-in";
import { useAnswer, useTick } from "./use-answer";

const Detail = later(() => import("./detail").then((loaded) => loaded.Detail));
const AllSitesView = later(() => import("./all-sites").then((loaded) => loaded.AllSitesView));
const FlowsView = later(() => import("./flows").then((loaded) => loaded.FlowsView));
const VitalsView = later(() => import("./vitals").then((loaded) => loaded.VitalsView));
const DefineView = later(() => import("./define").then((loaded) => loaded.DefineView));
const FunnelsView = later(() => import("./funnels").then((loaded) => loaded.FunnelsView));
const KeyHelp = later(() => import("./key-help").then((loaded) => loaded.KeyHelp));
const LedgerView = later(() => import("./ledger").then((loaded) => loaded.LedgerView));
const LiveView = later(() => import("./live").then((loaded) => loaded.LiveView));

const Office = later(() => import("./office").then((loaded) => loaded.Office));

type Known = { site: "loading" } | { site: "refused"; wrong: boolean; setup: boolean } | { site: "failed"; message: string } | { site: "known"; me: Me; list: Site[] };

/** Who looks and at which sites, in one go; `null` where nobody is known and nothing is public. */
async function look(signal: AbortSignal): Promise<{ me: Me; list: Site[] | null }> {
  const nothing = (error: unknown) => {
    if (error instanceof ApiError && error.status === 401) return null;
    throw error;
  };
  const [me, list] = await Promise.all([whoAmI(signal), askSites(signal).catch(nothing)]);
  const rights = new Map(me.sites.map((site) => [site.domain, site.rights]));
  return { me, list: list?.map((site) => ({ ...site, rights: rights.get(site.domain) ?? [] })) ?? null };
}

export function App({ setup }: { setup: boolean }) {
  const [place, go] = usePlace();
  const spoken = place.language ?? preferred(navigator.languages);
  speak(spoken);
  useEffect(() => {
    document.documentElement.lang = spoken;
    if (place.theme === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = place.theme;
  }, [spoken, place.theme]);
  const [known, setKnown] = useState<Known>({ site: "loading" });
  const [settingUp, setSettingUp] = useState(setup);
  const [attempt, setAttempt] = useState(0);
  const load = () => setAttempt((attempt) => attempt + 1);
  useEffect(() => {
    addEventListener(SIGNED_OUT, load);
    return () => removeEventListener(SIGNED_OUT, load);
  }, []);
  useEffect(() => {
    const abort = new AbortController();
    let retry: ReturnType<typeof setTimeout> | undefined;
    look(abort.signal)
      .then(({ me, list }) => setKnown(list === null ? { site: "refused", wrong: false, setup: me.setup === true } : { site: "known", me, list }))
      .catch((error: unknown) => {
        if (abort.signal.aborted) return;
        if (error instanceof ApiError && error.status === 401) {
          const wrong = hasToken();
          forgetToken();
          // Whether there are accounts is asked without the token that is wrong.
          whoAmI()
            .then((me) => setKnown({ site: "refused", wrong, setup: me.setup === true }))
            .catch(() => setKnown({ site: "refused", wrong, setup: false }));
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
      return (
        <SignIn
          wrong={known.wrong}
          setup={known.setup}
          onSetUp={() => {
            setSettingUp(true);
            load();
          }}
          onDone={load}
        />
      );
    case "failed":
      return (
        <main class="page centred">
          <p class="notice" role="status">
            {known.message}
          </p>
        </main>
      );
    case "known": {
      const { me } = known;
      if (settingUp && me.kind === "administrator" && me.setup === true) {
        const done = () => {
          setSettingUp(false);
          load();
        };
        return <SetUp onDone={done} />;
      }
      const signOut = () => {
        const over = () => {
          forgetToken();
          go({ view: "report" });
          load();
        };
        if (me.kind === "person") change("DELETE", "/api/session").then(over, over);
        else over();
      };
      const inOffice = place.view === "account" || place.view === "people" || place.view === "audit";
      if (me.kind !== "anyone" && (inOffice || me.temporary === true || (known.list.length === 0 && me.kind === "person"))) {
        return <Office me={me} sites={known.list} place={place} go={go} onSignOut={signOut} onChanged={load} onSetUp={() => setSettingUp(true)} />;
      }
      if (inOffice) return <SignIn wrong={false} setup={me.setup === true} onSetUp={() => setSettingUp(true)} onDone={load} />;
      const wanted = known.list.find((site) => site.domain === place.site);
      const site = wanted ?? known.list[0];
      if (site === undefined) {
        return (
          <main class="page centred">
            <p class="notice">{t("no_site")}</p>
          </main>
        );
      }
      if (wanted === undefined && place.site !== null && me.kind === "anyone") return <SignIn wrong={false} setup={me.setup === true} onSetUp={() => setSettingUp(true)} onDone={load} />;
      return <Views me={me} sites={known.list} site={site} place={place} go={go} onSignOut={signOut} onSignIn={() => setKnown({ site: "refused", wrong: false, setup: me.setup === true })} />;
    }
  }
}

interface Props {
  me: Me;
  sites: Site[];
  site: Site;
  place: Place;
  go: Go;
  onSignOut: () => void;
  onSignIn: () => void;
}

function Views({ me, sites, site, place, go, onSignOut, onSignIn }: Props) {
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
      <Header me={me} sites={sites} scope={scope} today={now} liveTick={tick} onHelp={() => setHelp(true)} onSignOut={onSignOut} onSignIn={onSignIn} />
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
        {place.view === "flows" && <FlowsView scope={scope} />}
        {place.view === "vitals" && <VitalsView scope={scope} />}
        {place.view === "sites" && <AllSitesView scope={scope} sites={sites} />}
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

// The page: who looks, which site, and its view.

import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { ApiError, type Filter, type Me, type Site, SIGNED_OUT, change, forgetToken, hasToken, onTokenInFragment, query, sites as askSites, whoAmI } from "./api";
import { FilterChips } from "./filters";
import { clock, payIn } from "./format";
import { Header } from "./header";
import { t } from "./i18n";
import { useKeys } from "./keys";
import { later } from "./later";
import { LeftOutOf, NoSite, NoSuchSite } from "./left-out";
import { Lists } from "./lists";
import { Mark } from "./mark";
import { Overview } from "./overview";
import { type Go, type Place, usePlace } from "./place";
import { resolve, today } from "./range";
import { useRegionNames } from "./region-names";
import { CARDS } from "./reports";
import { type Scope, type Shown, shows } from "./scope";
import { SetUp, SignIn } from "./sign-in";
import { mayShare } from "./shares";
import { useAnswer, useTick } from "./use-answer";
import { useLook } from "./use-look";
import { TABS, UNFILTERED } from "./views";

const Detail = later(() => import("./detail").then((loaded) => loaded.Detail));
const AllSitesView = later(() => import("./all-sites").then((loaded) => loaded.AllSitesView));
const FlowsView = later(() => import("./flows").then((loaded) => loaded.FlowsView));
const VitalsView = later(() => import("./vitals").then((loaded) => loaded.VitalsView));
const DefineView = later(() => import("./define").then((loaded) => loaded.DefineView));
const FunnelsView = later(() => import("./funnels").then((loaded) => loaded.FunnelsView));
const EditFilter = later(() => import("./edit-filter").then((loaded) => loaded.EditFilter));
const KeyHelp = later(() => import("./key-help").then((loaded) => loaded.KeyHelp));
const LedgerView = later(() => import("./ledger").then((loaded) => loaded.LedgerView));
const ShareView = later(() => import("./share").then((loaded) => loaded.ShareView));
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
  useLook(place);
  useRegionNames();
  const [known, setKnown] = useState<Known>({ site: "loading" });
  const [settingUp, setSettingUp] = useState(setup);
  const [attempt, setAttempt] = useState(0);
  const load = () => setAttempt((attempt) => attempt + 1);
  useEffect(() => {
    addEventListener(SIGNED_OUT, load);
    const stop = onTokenInFragment((isSetup) => {
      if (isSetup) setSettingUp(true);
      load();
    });
    return () => {
      removeEventListener(SIGNED_OUT, load);
      stop();
    };
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
      const wanted = known.list.find((site) => site.domain === place.site?.toLowerCase());
      const site = wanted ?? known.list[0];
      if (site === undefined) {
        return (
          <main class="page centred">
            <div class="card sign-in">
              <Mark />
              <h1>Footfall</h1>
              <NoSite onAdded={load} />
            </div>
          </main>
        );
      }
      if (wanted === undefined && place.site !== null) {
        if (me.kind === "anyone") return <SignIn wrong={false} setup={me.setup === true} onSetUp={() => setSettingUp(true)} onDone={load} />;
        return <NoSuchSite name={place.site} sites={known.list} go={go} onSignOut={signOut} />;
      }
      const onSignIn = () => setKnown({ site: "refused", wrong: false, setup: me.setup === true });
      const header = (scope: Scope, today: string, tick: number, onHelp: () => void) => (
        <Header me={me} sites={known.list} scope={scope} today={today} liveTick={tick} onHelp={onHelp} onSignOut={signOut} onSignIn={onSignIn} />
      );
      return <Views site={site} sites={known.list} place={place} go={go} shared={null} header={header} className="page" />;
    }
  }
}

interface Props {
  site: Site;
  /** All that the reader may look at. */
  sites: Site[];
  place: Place;
  go: Go;
  /** What a shared link shows; everything where it is `null`. */
  shared: Shown | null;
  header: (scope: Scope, today: string, tick: number, onHelp: () => void) => ComponentChildren;
  className: string;
}

/** The views of a site, whoever looks. */
export function Views({ site, sites, place, go, shared, header, className }: Props) {
  const tick = useTick();
  const [help, setHelp] = useState(false);
  const [editing, setEditing] = useState<Filter | null>();
  const [below, setBelow] = useState<number>();
  // The first day with a count: what "all time" begins with, and before which nothing is a loss.
  const history = useAnswer(`history ${site.domain}`, 0, (signal) =>
    shows({ shared }, "overview") ? query({ site_id: site.domain, metrics: ["pageviews"], date_range: "all" }, signal) : Promise.resolve(null),
  );
  const firstDay = history.value?.query.date_range[0].slice(0, 10);
  // The day may change while the page is open: the range is resolved at every tick.
  const now = today(site.timezone);
  const range = resolve(place.period, now, place.custom, firstDay);
  const view = shared === null || shows({ shared }, place.view) ? place.view : (TABS.find(({ name }) => shows({ shared }, name))?.name ?? "report");
  // A link that shows one segment is a filter that cannot be taken off.
  const fixed: Filter[] = shared === null || shared.segment === null ? [] : [{ operator: "is", dimension: "segment", values: [shared.segment] }];
  const filters = [...fixed, ...place.filters];
  // A link may show totals alone: then there is nothing that they could be filtered by.
  const mayFilter = CARDS.some((card) => shows({ shared }, card.id));
  const scope: Scope = { site, range, place, view, filters, shared, tick: range.open ? tick : 0, go, onFolded: setBelow, ...(mayFilter && { onFilter: setEditing }) };
  useEffect(() => setBelow(undefined), [JSON.stringify([site.domain, range.dates, filters])]);
  payIn(site.currency);
  useKeys(scope, now, setHelp);
  useEffect(() => {
    document.title = `${site.domain} · Footfall`;
  }, [site]);
  return (
    <div class={className}>
      <a class="skip" href="#report" onClick={skip}>
        {t("skip")}
      </a>
      {header(scope, now, tick, () => setHelp(true))}
      <main id="report" tabIndex={-1}>
        <LeftOutOf search={location.search} go={go} />
        {view === "report" && (
          <>
            <FilterChips scope={scope} />
            {filters.length > 0 && below !== undefined && (
              <p class="hint may-lack" title={t("folded_why", { n: below })}>
                {t("may_lack", { n: below })}
              </p>
            )}
            {shows(scope, "overview") && <Overview scope={scope} firstDay={firstDay} />}
            <Lists scope={scope} />
          </>
        )}
        {UNFILTERED.includes(view) && place.filters.length > 0 && <p class="hint not-here">{t("filters_not_here")}</p>}
        {view === "live" && <LiveView scope={scope} tick={tick} />}
        {view === "funnels" && <FunnelsView scope={scope} />}
        {view === "flows" && <FlowsView scope={scope} />}
        {view === "vitals" && <VitalsView scope={scope} />}
        {view === "sites" && <AllSitesView scope={scope} sites={sites} />}
        {view === "define" && <DefineView scope={scope} />}
        {view === "share" && (mayShare(site) ? <ShareView key={site.domain} scope={scope} /> : <p class="card centred-card">{t("share_may_not")}</p>)}
        {view === "ledger" && <LedgerView scope={scope} />}
      </main>
      <footer class="foot">
        <p>{t("foot", { zone: site.timezone.replaceAll("_", " ") })}</p>
        <p class="updated">{t("updated", { time: clock(new Date(), site.timezone) })}</p>
        {shared === null && (
          <nav aria-label="API">
            <a href="/api/openapi.json">API</a>
            <a href="/licences.txt">{t("licences")}</a>
          </nav>
        )}
      </footer>
      {place.detail !== null && <Detail key={`${place.detail} ${place.property}`} scope={scope} />}
      {editing !== undefined && <EditFilter scope={scope} filter={editing} onClose={() => setEditing(undefined)} />}
      {help && <KeyHelp onClose={() => setHelp(false)} />}
    </div>
  );
}

/** To the report, without a word in the address: behind its # may stand a shared link. */
function skip(event: Event): void {
  event.preventDefault();
  document.getElementById("report")?.focus();
}

// The page: who may look, which site, and its report.

import { useEffect, useState } from "preact/hooks";
import { ApiError, type Site, forgetToken, hasToken, sites as askSites } from "./api";
import { Header } from "./header";
import { Lists } from "./lists";
import { usePlace } from "./place";
import { resolve, today } from "./range";
import { Overview } from "./overview";
import { SignIn } from "./sign-in";
import { useTick } from "./use-answer";

type Sites = { site: "loading" } | { site: "refused"; wrong: boolean } | { site: "failed"; message: string } | { site: "known"; list: Site[] };

export function App() {
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
    case "known":
      return (
        <Report
          sites={known.list}
          onSignOut={() => {
            forgetToken();
            load();
          }}
          onSignIn={() => setKnown({ site: "refused", wrong: false })}
        />
      );
  }
}

function Report({ sites, onSignOut, onSignIn }: { sites: Site[]; onSignOut: () => void; onSignIn: () => void }) {
  const [place, go] = usePlace();
  const tick = useTick();
  const wanted = sites.find((site) => site.domain === place.site);
  const site = wanted ?? sites[0];
  useEffect(() => {
    document.title = site === undefined ? "Footfall" : `${site.domain} · Footfall`;
  }, [site]);
  if (site === undefined) {
    return (
      <main class="page centred">
        <p class="notice">No site is configured yet. Start Footfall with <code>--site example.com</code> to measure one.</p>
      </main>
    );
  }
  if (wanted === undefined && place.site !== null && !hasToken()) {
    return <SignIn wrong={false} onToken={() => location.reload()} />;
  }
  // The day may change while the page is open: the range is resolved at every tick.
  const range = resolve(place.range, today(site.timezone));
  return (
    <main class="page">
      <Header sites={sites} site={site} range={range} tick={tick} go={go} onSignOut={onSignOut} onSignIn={onSignIn} />
      <Overview site={site} range={range} metric={place.metric} tick={tick} go={go} />
      <Lists site={site} range={range} tick={tick} />
      <footer class="foot">
        <p>
          Days are those of {site.timezone.replaceAll("_", " ")}. A visitor is known for one day only and cannot be followed to the next.
        </p>
        <nav aria-label="More">
          <a href="/api/openapi.json">API</a>
          <a href="/licences.txt">Licences</a>
        </nav>
      </footer>
    </main>
  );
}

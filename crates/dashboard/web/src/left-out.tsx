// What stands in place of, or above, numbers where the page cannot show what its address asks for: no number is of something else unsaid.

import { useEffect } from "preact/hooks";
import { type Site, sites as askSites } from "./api";
import { t } from "./i18n";
import { Mark } from "./mark";
import { type Go, readAddress } from "./place";
import { useAnswer, useTick } from "./use-answer";

/** The parts of an address that are not understood. */
export function LeftOutOf({ search, go }: { search: string; go: Go }) {
  const { leftOut } = readAddress(search);
  if (leftOut.length === 0) return null;
  return (
    <div class="card left-out" role="status">
      <p>{t("left_out")}</p>
      <ul>
        {leftOut.map(({ part, why }, i) => (
          <li key={i}>
            <code title={part}>{part}</code> {why !== undefined && t(why)}
          </li>
        ))}
      </ul>
      <button type="button" class="quiet" onClick={() => go({})}>
        {t("close")}
      </button>
    </div>
  );
}

/** A site that is not known, or not open to whoever looks: nobody learns which. */
export function NoSuchSite({ name, sites, go, onSignOut }: { name: string; sites: Site[]; go: Go; onSignOut: () => void }) {
  return (
    <main class="page centred">
      <div class="card sign-in" role="alert">
        <Mark />
        <h1>{t("site_unknown", { site: name })}</h1>
        <p>{t("site_unknown_why")}</p>
        <ul class="choices">
          {sites.map(({ domain }) => (
            <li key={domain}>
              <button type="button" onClick={() => go({ site: domain, filters: [], detail: null, page: null })}>
                {domain}
              </button>
            </li>
          ))}
        </ul>
        <button type="button" class="quiet" onClick={onSignOut}>
          {t("sign_out")}
        </button>
      </div>
    </main>
  );
}

/** How to add the first site; it is noticed by itself. */
export function NoSite({ onAdded }: { onAdded: () => void }) {
  const asked = useAnswer("sites", useTick(), askSites);
  const isThere = (asked.value ?? []).length > 0;
  useEffect(() => {
    if (isThere) onAdded();
  }, [isThere]);
  return (
    <>
      <p>{t("no_site")}</p>
      <pre tabIndex={0}>footfall site add example.com</pre>
    </>
  );
}

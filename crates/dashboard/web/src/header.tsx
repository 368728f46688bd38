// The line on top: which site, who is there now, which range.

import { useEffect } from "preact/hooks";
import { type Site, hasToken, live } from "./api";
import { dateSpan, inFull } from "./format";
import { Mark } from "./mark";
import type { Place } from "./place";
import { RANGES, type Range } from "./range";
import { useAnswer } from "./use-answer";

interface Props {
  sites: Site[];
  site: Site;
  range: Range;
  tick: number;
  go: (change: Partial<Place>) => void;
  onSignOut: () => void;
  onSignIn: () => void;
}

export function Header({ sites, site, range, tick, go, onSignOut, onSignIn }: Props) {
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      const chosen = RANGES.find((range) => range.key === event.key);
      if (chosen !== undefined) go({ range: chosen.name });
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, [go]);
  return (
    <header class="top">
      <div class="who">
        <Mark />
        <h1 class="site">
          {sites.length > 1 ? (
            <select aria-label="Site" value={site.domain} onChange={(event) => go({ site: event.currentTarget.value })}>
              {sites.map((site) => (
                <option key={site.domain} value={site.domain}>
                  {site.domain}
                </option>
              ))}
            </select>
          ) : (
            site.domain
          )}
        </h1>
        <Live site={site} tick={tick} />
      </div>
      <div class="when">
        <span class="dates">{dateSpan(range.dates)}</span>
        <select
          aria-label="Range"
          aria-keyshortcuts={RANGES.map((range) => range.key).join(" ")}
          value={range.name}
          onChange={(event) => go({ range: RANGES.find((range) => range.name === event.currentTarget.value)?.name ?? "day" })}
        >
          {RANGES.map((range) => (
            <option key={range.name} value={range.name}>
              {range.label}
            </option>
          ))}
        </select>
        {hasToken() ? (
          <button type="button" class="quiet" onClick={onSignOut}>
            Sign out
          </button>
        ) : (
          <button type="button" class="quiet" onClick={onSignIn}>
            Sign in
          </button>
        )}
      </div>
    </header>
  );
}

function Live({ site, tick }: { site: Site; tick: number }) {
  const asked = useAnswer(`live ${site.domain}`, tick, (signal) => live(site.domain, signal));
  if (asked.error !== undefined) {
    return (
      <p class="live off" role="status" title={asked.error.message}>
        <span class="dot" aria-hidden="true" /> not connected
      </p>
    );
  }
  if (asked.value === undefined) return <p class="live" />;
  return (
    <p class={asked.value === 0 ? "live" : "live on"} role="status" title="Visitors of the last five minutes">
      <span class="dot" aria-hidden="true" /> <b>{inFull(asked.value)}</b> {asked.value === 1 ? "visitor" : "visitors"} now
    </p>
  );
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && ["INPUT", "SELECT", "TEXTAREA"].includes(target.tagName);
}

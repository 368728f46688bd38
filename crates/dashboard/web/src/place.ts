// Where the reader is: site, range and graph metric, kept in the URL so that a link shows the same and "back" goes back.

import { useEffect, useState } from "preact/hooks";
import type { Metric } from "./api";
import { RANGES, type RangeName } from "./range";

export const GRAPHED: Metric[] = ["visitors", "visits", "pageviews", "views_per_visit", "bounce_rate", "visit_duration"];

export interface Place {
  site: string | null;
  range: RangeName;
  metric: Metric;
}

function read(): Place {
  const parameters = new URLSearchParams(location.search);
  const range = RANGES.find((range) => range.name === parameters.get("range"));
  const metric = GRAPHED.find((metric) => metric === parameters.get("metric"));
  return { site: parameters.get("site"), range: range?.name ?? "day", metric: metric ?? "visitors" };
}

export function usePlace(): [Place, (change: Partial<Place>) => void] {
  const [place, setPlace] = useState(read);
  useEffect(() => {
    const back = () => setPlace(read());
    addEventListener("popstate", back);
    return () => removeEventListener("popstate", back);
  }, []);
  const go = (change: Partial<Place>) => {
    const next = { ...read(), ...change };
    const parameters = new URLSearchParams();
    if (next.site !== null) parameters.set("site", next.site);
    if (next.range !== "day") parameters.set("range", next.range);
    if (next.metric !== "visitors") parameters.set("metric", next.metric);
    const search = parameters.size === 0 ? "" : `?${parameters}`;
    if (search !== location.search) history.pushState(null, "", location.pathname + search);
    setPlace(next);
  };
  return [place, go];
}

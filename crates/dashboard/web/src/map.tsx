// The world: each country as dark as it has visitors, or a dot for each region or city, as large as it has. What is drawn comes when it
// is nearly seen; the list in full has all of the numbers.

import type { RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Row } from "./api";
import { folded } from "./folded";
import { valueName } from "./filters";
import { countryName, inFull, sized } from "./format";
import { t } from "./i18n";

export type World = typeof import("virtual:world").default;
/** A place on the world: from its left and its top. */
export type At = [number, number];

interface Props {
  rows: Row[];
  onChoose: (value: string) => void;
}

/** How far below what is seen something is loaded that may be seen next. */
const NEAR = "100px";

/** What stands where something is to be loaded, and whether it was near what is seen. */
function useNear(): [RefObject<HTMLDivElement | null>, boolean] {
  const place = useRef<HTMLDivElement>(null);
  const [near, setNear] = useState(false);
  useEffect(() => {
    if (place.current === null) return;
    const watch = new IntersectionObserver((seen) => seen.some((one) => one.isIntersecting) && setNear(true), { rootMargin: NEAR });
    watch.observe(place.current);
    return () => watch.disconnect();
  }, []);
  return [place, near];
}

/** What is loaded when it is wanted; without it there is still the table. */
function useLoaded<T>(wanted: boolean, load: () => Promise<{ default: T }>): T | undefined {
  const [loaded, setLoaded] = useState<T>();
  useEffect(() => {
    if (!wanted) return;
    let shown = true;
    load()
      .then(({ default: it }) => shown && setLoaded(() => it))
      .catch(() => undefined);
    return () => {
      shown = false;
    };
  }, [wanted]);
  return loaded;
}

const loadWorld = () => import("virtual:world");

export function WorldMap({ rows, onChoose }: Props) {
  const [place, near] = useNear();
  const world = useLoaded(near, loadWorld);
  if (world === undefined) return <div ref={place} class="map waiting" aria-busy={near} />;
  const visitors = new Map(rows.map((row) => [row.dimensions[0] ?? "", row.metrics[0]]));
  const largest = Math.max(1, ...rows.filter((row) => row.dimensions[0] !== "(other)").map((row) => sized(row.metrics[0]) ?? 0));
  const shade = (code: string) => {
    const size = sized(visitors.get(code)) ?? 0;
    // A root, because one country usually has most of them all.
    return size === 0 ? undefined : (0.18 + 0.82 * Math.sqrt(size / largest)).toFixed(2);
  };
  const shape = (code: string) => ({
    class: visitors.has(code) ? "known" : "land",
    "fill-opacity": shade(code),
    onClick: visitors.has(code) ? () => onChoose(code) : undefined,
  });
  const title = (code: string) => <title>{`${countryName(code)}: ${inFull(visitors.get(code) ?? 0)}`}</title>;
  return (
    <svg class="map" viewBox={`0 0 ${world.width} ${world.height}`} role="img" aria-label={t("map_label")}>
      {Object.entries(world.paths).map(([code, path]) => (
        <path key={code} d={path} data-country={code} {...shape(code)}>
          {code !== "" && title(code)}
        </path>
      ))}
      {Object.entries(world.dots)
        .filter(([code]) => visitors.has(code))
        .map(([code, [x, y]]) => (
          <circle key={code} cx={x} cy={y} r="5" {...shape(code)}>
            {title(code)}
          </circle>
        ))}
    </svg>
  );
}

/** Where a value is, if the map knows. */
type Find = (value: string) => At | undefined;

/** What is there by a name that anybody may have chosen: `constructor` is a name as well. */
const under = <T,>(all: Record<string, T>, name: string): T | undefined => (Object.hasOwn(all, name) ? all[name] : undefined);

const loadRegions = () => import("virtual:regions").then(({ default: regions }) => ({ default: ((code) => under(regions, code)) as Find }));

const loadTowns = () => import("virtual:towns").then(({ default: towns }) => ({ default: ((value) => inTowns(towns, value)) as Find }));

/** Where a city is that is told as `London, GB`. */
export function inTowns(towns: Record<string, Record<string, At>>, value: string): At | undefined {
  const comma = value.lastIndexOf(", ");
  const ofCountry = comma === -1 ? undefined : under(towns, value.slice(comma + 2));
  return ofCountry && under(ofCountry, folded(value.slice(0, comma)));
}

/** A dot's radius where it is largest and where it is smallest, on the whole world. */
const RADII = [14, 3] as const;

export function DotMap({ kind, rows, onChoose }: Props & { kind: "region" | "city" }) {
  const [place, near] = useNear();
  const world = useLoaded(near, loadWorld);
  const find = useLoaded(near, kind === "city" ? loadTowns : loadRegions);
  if (world === undefined || find === undefined) return <div ref={place} class="map waiting" aria-busy={near} />;
  const placed = rows.flatMap((row) => {
    const [value = ""] = row.dimensions;
    const [told = 0] = row.metrics;
    const at = find(value);
    return at === undefined ? [] : [{ value, at, told, size: sized(told) ?? 0 }];
  });
  const largest = Math.max(1, ...placed.map(({ size }) => size));
  const [left, top, width, height] = around(placed.map(({ at }) => at), world);
  const scale = width / world.width;
  // Its area is what a dot tells; small ones lie on top.
  const radius = (share: number) => (RADII[1] + (RADII[0] - RADII[1]) * Math.sqrt(share)) * scale;
  return (
    <svg class="map" viewBox={`${left} ${top} ${width} ${height}`} role="img" aria-label={t("map_dots")}>
      {Object.entries(world.paths).map(([code, path]) => (
        <path key={code} d={path} class="land" />
      ))}
      {placed
        .sort((one, other) => other.size - one.size)
        .map(({ value, at: [x, y], told, size }) => (
          <circle key={value} cx={x} cy={y} r={radius(size / largest).toFixed(2)} class="known dot" data-place={value} onClick={() => onChoose(value)}>
            <title>{`${valueName(`visit:${kind}`, value)}: ${inFull(told)}`}</title>
          </circle>
        ))}
    </svg>
  );
}

/** The narrowest that is shown: shapes are drawn for the whole world, and nearer their corners are seen. */
const NARROWEST = 220;

/** What of the world holds some places, with room around them: left, top, width, height, as wide to high as the world. */
export function around(places: At[], { width, height }: Pick<World, "width" | "height">): [number, number, number, number] {
  if (places.length === 0) return [0, 0, width, height];
  const [xs, ys] = [places.map(([x]) => x), places.map(([, y]) => y)];
  const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const wide = Math.min(width, Math.max(NARROWEST, 1.3 * (right - left), 1.3 * (bottom - top) * (width / height)));
  const high = (wide * height) / width;
  const within = (middle: number, size: number, whole: number) => Math.round(Math.min(whole - size, Math.max(0, middle - size / 2)) * 10) / 10;
  return [within((left + right) / 2, wide, width), within((top + bottom) / 2, high, height), wide, high];
}

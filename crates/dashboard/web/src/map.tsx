// The world, each country as dark as it has visitors. Its shapes come when it is shown; the list in full has all of its numbers.

import { useEffect, useState } from "preact/hooks";
import type { Row } from "./api";
import { countryName, inFull, sized } from "./format";
import { t } from "./i18n";

type World = typeof import("virtual:world").default;

export function WorldMap({ rows, onChoose }: { rows: Row[]; onChoose: (country: string) => void }) {
  const [world, setWorld] = useState<World>();
  useEffect(() => {
    let shown = true;
    // Without the shapes there is still the table.
    import("virtual:world").then((loaded) => shown && setWorld(loaded.default)).catch(() => undefined);
    return () => {
      shown = false;
    };
  }, []);
  if (world === undefined) return <div class="map waiting" aria-busy="true" />;
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

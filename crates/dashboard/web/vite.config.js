// Builds the page into dist/: hashed assets, the flags under a versioned folder, the licences of what is inside, and beside each file
// its packed forms as they are served.
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { geoArea, geoNaturalEarth1, geoPath } from "d3-geo";
import { feature } from "topojson-client";
import { defineConfig } from "vite";

const here = dirname(fileURLToPath(import.meta.url));
const module = (name) => join(here, "node_modules", name);
const version = (name) => JSON.parse(readFileSync(join(module(name), "package.json"), "utf8")).version;
const flagsFolder = `assets/flags-${version("country-flag-icons")}`;
const carried = ["preact", "uplot", "country-flag-icons", "world-atlas"];

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

/** The world as paths, projected while building, so that a browser gets no library for it: `virtual:world`. */
function world() {
  const name = "virtual:world";
  return {
    name: "world",
    resolveId: (id) => (id === name ? `\0${name}` : undefined),
    load(id) {
      if (id !== `\0${name}`) return undefined;
      const topology = JSON.parse(readFileSync(join(module("world-atlas"), "countries-50m.json"), "utf8"));
      // Antarctica has no visitors and a third of the height.
      const shapes = feature(topology, topology.objects.countries).features.filter((shape) => shape.id !== "010");
      const projection = geoNaturalEarth1().fitWidth(MAP_WIDTH, { type: "FeatureCollection", features: shapes });
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
      return `export default ${JSON.stringify({ width: MAP_WIDTH, height, paths, dots })}`;
    },
  };
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
  plugins: [flags(), licences(), world(), packed()],
  build: {
    target: "es2022",
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    reportCompressedSize: true,
  },
});

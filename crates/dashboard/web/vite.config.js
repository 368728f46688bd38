// Builds the page into dist/: hashed assets, the flags under a versioned folder, and the licences of what is inside.
import { readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const here = dirname(fileURLToPath(import.meta.url));
const module = (name) => join(here, "node_modules", name);
const version = (name) => JSON.parse(readFileSync(join(module(name), "package.json"), "utf8")).version;
const flagsFolder = `assets/flags-${version("country-flag-icons")}`;
const carried = ["preact", "uplot", "country-flag-icons"];

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

export default defineConfig({
  root: here,
  define: { __FLAGS__: JSON.stringify(`/${flagsFolder}/`) },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  plugins: [flags(), licences()],
  build: {
    target: "es2022",
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    reportCompressedSize: true,
  },
});

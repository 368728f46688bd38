// Builds dist/script.js, the tracker as it is served, and its compressed forms.
import { build } from "esbuild"
import { readFileSync, writeFileSync } from "node:fs"
import { brotliCompressSync, constants, gzipSync } from "node:zlib"

const file = new URL("dist/script.js", import.meta.url)
await build({
  entryPoints: [new URL("src/script.ts", import.meta.url).pathname],
  outfile: file.pathname,
  bundle: true,
  minify: true,
  format: "iife",
  target: "es2020",
  legalComments: "none",
  tsconfigRaw: {}, // without the prologue that a strict tsconfig adds to every script
})
const script = readFileSync(file)
const compressed = gzipSync(script, { level: 9 })
writeFileSync(new URL("dist/script.js.gz", import.meta.url), compressed)
writeFileSync(
  new URL("dist/script.js.br", import.meta.url),
  brotliCompressSync(script, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: script.length } }),
)
console.log(`tracker: ${script.length} bytes, ${compressed.length} compressed`)

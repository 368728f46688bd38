// Builds the tracker as it is served, with and without web vitals (dist/script.js, dist/script.vitals.js), and its compressed forms.
import { build } from "esbuild"
import { readFileSync, writeFileSync } from "node:fs"
import { brotliCompressSync, constants, gzipSync } from "node:zlib"

for (const [name, vitals] of [["script", false], ["script.vitals", true]]) {
  const file = new URL(`dist/${name}.js`, import.meta.url)
  await build({
    entryPoints: [new URL("src/script.ts", import.meta.url).pathname],
    outfile: file.pathname,
    bundle: true,
    minify: true,
    format: "iife",
    target: "es2020",
    define: { VITALS: String(vitals) },
    legalComments: "none",
    tsconfigRaw: {}, // without the prologue that a strict tsconfig adds to every script
  })
  const script = readFileSync(file)
  const compressed = gzipSync(script, { level: 9 })
  writeFileSync(new URL(`dist/${name}.js.gz`, import.meta.url), compressed)
  writeFileSync(
    new URL(`dist/${name}.js.br`, import.meta.url),
    brotliCompressSync(script, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: script.length } }),
  )
  console.log(`${name}: ${script.length} bytes, ${compressed.length} compressed`)
}

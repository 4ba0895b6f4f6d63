/** Bundles the benchmark and each of its programs from the sources of the packages: no other build has to run first. */
import { readdirSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { build } from "esbuild"

const at = (path) => fileURLToPath(new URL(path, import.meta.url))

await build({
  entryPoints: [at("src/bin.ts"), ...readdirSync(at("src/programs")).map((name) => at(`src/programs/${name}`))],
  outdir: at("dist"),
  outbase: at("src"),
  bundle: true,
  platform: "node",
  target: "node20",
  format: "esm",
  conditions: ["@rdl/source-code"],
  external: ["bufferutil", "utf-8-validate"],
  // As the shipped program is bundled: names that are kept cost time on every function made.
  minifySyntax: true,
  minifyWhitespace: true,
  banner: {
    js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
  },
  logLevel: "warning",
})

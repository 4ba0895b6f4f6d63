/** Bundles the soak from the sources of the packages: no other build has to run first. */
import { fileURLToPath } from "node:url"
import { build } from "esbuild"

const at = (path) => fileURLToPath(new URL(path, import.meta.url))

await build({
  entryPoints: [at("src/bin.ts")],
  outdir: at("dist"),
  bundle: true,
  platform: "node",
  target: "node20",
  format: "esm",
  conditions: ["@rdl/source-code"],
  external: ["bufferutil", "utf-8-validate"],
  banner: {
    js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
  },
  logLevel: "warning",
})

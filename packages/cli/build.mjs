/** Builds `rdl` into one file: start-up is half of what loading a few hundred modules takes. */
import { chmod } from "node:fs/promises"
import { fileURLToPath } from "node:url"
import { build } from "esbuild"

/** Optional native helpers stay outside, looked for where the program runs. */
const bundle = (outfile) =>
  build({
    entryPoints: [fileURLToPath(new URL("src/bin.ts", import.meta.url))],
    outfile,
    bundle: true,
    platform: "node",
    target: "node20",
    format: "esm",
    conditions: ["@rdl/source-code"],
    external: ["bufferutil", "utf-8-validate"],
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: "none",
    banner: {
      // Bundled CommonJS modules call `require`, which a module of the other kind does not have.
      js: '#!/usr/bin/env node\nimport { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
    },
    logLevel: "warning",
  }).then(() => chmod(outfile, 0o755))

await bundle(process.argv[2] ?? fileURLToPath(new URL("dist/rdl.js", import.meta.url)))

/** Builds `rdl`, `rdl-proxy` and `rdl-source` into one file each: start-up is half of what loading a few hundred modules takes. */
import { chmod, mkdir } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { build } from "esbuild"

const here = fileURLToPath(new URL(".", import.meta.url))

/** Programs by the file each begins in. */
const PROGRAMS = { rdl: "bin.ts", "rdl-proxy": "bin-proxy.ts", "rdl-source": "bin-source.ts" }

/** Optional native helpers stay outside, looked for where the program runs. */
const bundle = (entry, outfile) =>
  build({
    entryPoints: [join(here, "src", entry)],
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

/** A file named takes `rdl` alone; a directory named takes all of them, as does the usual one. */
const [target = join(here, "dist")] = process.argv.slice(2)
if (target.endsWith(".mjs")) await bundle(PROGRAMS.rdl, target)
else {
  await mkdir(target, { recursive: true })
  await Promise.all(Object.entries(PROGRAMS).map(([name, entry]) => bundle(entry, join(target, `${name}.js`))))
}

/** Puts a built program into the package that publishes it: `node placeBin.mjs rdl-proxy dist/bin`. */
import { copyFile, mkdir } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const [name, directory] = process.argv.slice(2)
const built = fileURLToPath(new URL(`dist/${name}.js`, import.meta.url))
await mkdir(directory, { recursive: true })
await copyFile(built, join(directory, `${name}.js`)).catch((error) => {
  process.stderr.write(`there is no ${built} to publish (${error.code}): run \`npm run build\` first\n`)
  process.exit(1)
})

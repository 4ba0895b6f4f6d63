/**
 * What `npm start` and `npm test` do, from a clean clone on: install, build, then the work itself.
 * Steps whose inputs have not changed are skipped, so a second run begins within seconds.
 * Plain Node and nothing installed: this file runs before `node_modules` exists.
 */
import { spawn } from "node:child_process"
import { createHash } from "node:crypto"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const windows = process.platform === "win32"

const say = (text) => process.stderr.write(`\u25b8 ${text}\n`)

const fail = (text) => {
  process.stderr.write(`${text}\n`)
  process.exit(1)
}

/** Runs a program with this terminal; a failing one ends this process with its exit code. */
const run = (command, args, { quiet = false } = {}) =>
  new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: root,
      stdio: quiet ? ["ignore", "pipe", "pipe"] : "inherit",
      shell: windows,
      env: { ...process.env, TURBO_TELEMETRY_DISABLED: "1", DO_NOT_TRACK: "1" },
    })
    const output = []
    child.stdout?.on("data", (chunk) => output.push(chunk))
    child.stderr?.on("data", (chunk) => output.push(chunk))
    child.on("error", (error) => fail(`cannot run ${command}: ${error.message}`))
    child.on("exit", (code, signal) => {
      if (code === 0) return resolve()
      process.stderr.write(Buffer.concat(output))
      fail(`failed: ${command} ${args.join(" ")} (${signal ?? `exit ${code}`})`)
    })
  })

const bin = (name) => join(root, "node_modules", ".bin", windows ? `${name}.cmd` : name)

const checkNode = () => {
  const [major, minor] = process.versions.node.split(".").map(Number)
  if (major > 20 || (major === 20 && minor >= 19)) return
  fail(
    `rdl needs Node 20.19 or newer; this is ${process.versions.node}. Install a newer one from your package manager.`,
  )
}

/**
 * Installs when the lock file is not the one that was installed last. Not `npm ci`: it refuses a lock file that was
 * written where a registry had native parts for one platform only.
 */
const install = async () => {
  const stamp = join(root, "node_modules", ".rdl-installed")
  const wanted = createHash("sha256")
    .update(readFileSync(join(root, "package-lock.json")))
    .update(process.version)
    .digest("hex")
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return
  say("installing dependencies (once; half a minute or so)")
  await run(windows ? "npm.cmd" : "npm", ["install", "--no-save", "--no-audit", "--no-fund", "--loglevel=error"])
  writeFileSync(stamp, wanted)
}

const build = async (...filter) => {
  say("building what has changed")
  await run(bin("turbo"), ["run", "build", "--output-logs=errors-only", ...filter], { quiet: true })
}

const rdl = async (args) => {
  await install()
  await build("--filter=@rdl/cli")
  const program = join(root, "packages", "cli", "dist", "rdl.js")
  // In this process, so that Ctrl-C reaches rdl and nothing stands between it and the terminal.
  process.argv = [process.argv[0], program, ...args]
  await import(pathToFileURL(program).href)
}

const start = (args) => rdl(["up", ...args])

const test = async (args) => {
  await install()
  await build()
  say("checking types, lint, format, unused code")
  await run(bin("turbo"), ["run", "check", "//#lint", "//#format", "//#unused", "--output-logs=errors-only"], {
    quiet: true,
  })
  say("testing")
  await run(bin("vitest"), ["run", ...args])
}

const bundled = async (folder, args) => {
  await install()
  await run(process.execPath, [join(folder, "build.mjs")])
  const program = join(root, folder, "dist", "bin.js")
  // In this process as well: a signal has to reach what knows all that was started.
  process.argv = [process.argv[0], program, ...args]
  await import(pathToFileURL(program).href)
}

const bench = (args) => bundled("bench", args)

const soak = (args) => bundled("soak", args)

const tasks = { start, rdl, test, bench, soak }
const [task, ...rest] = process.argv.slice(2)
checkNode()
if (!(task in tasks)) fail(`usage: node scripts/run.mjs ${Object.keys(tasks).join("|")} [arguments]`)
await tasks[task](rest)

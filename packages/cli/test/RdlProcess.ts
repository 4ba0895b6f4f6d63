/** `rdl` as its users have it: the bundle, run by Node in a process of its own. */
import { type ChildProcess, execFile, spawn } from "node:child_process"
import { EventEmitter, once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { afterAll, beforeAll } from "vitest"

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly input?: string
}

export interface RdlProcess {
  /** A directory of the test file's own, removed at its end. */
  readonly directory: string
  /** Starts and does not wait; what still runs when the test file ends is killed. */
  readonly start: (words: ReadonlyArray<string>, options?: RunOptions) => ChildProcess
  /** Runs to the end. */
  readonly run: (words: ReadonlyArray<string>, options?: RunOptions) => Promise<Ended>
}

/** Builds the bundle once for a test file. */
export const rdlProcess = (): RdlProcess => {
  const directory = mkdtempSync(join(tmpdir(), "rdl-cli-"))
  const program = join(directory, "rdl.mjs")
  beforeAll(async () => {
    const build = fileURLToPath(new URL("../build.mjs", import.meta.url))
    await promisify(execFile)(process.execPath, [build, program])
  })
  const children = new Set<ChildProcess>()
  afterAll(() => {
    for (const child of children) child.kill("SIGKILL")
    rmSync(directory, { recursive: true, force: true })
  })
  const start: RdlProcess["start"] = (words, { env = {}, input } = {}) => {
    const child = spawn(process.execPath, [program, ...words], { env: { HOME: directory, ...env } })
    children.add(child)
    child.stdin.on("error", () => {}).end(input ?? "")
    return child
  }
  return { directory, start, run: (words, options) => ended(start(words, options)) }
}

/** Waits for the end of a process and all it wrote. */
export const ended = (child: ChildProcess): Promise<Ended> =>
  new Promise((resolve, reject) => {
    let stdout = ""
    let stderr = ""
    child.stdout?.setEncoding("utf8").on("data", (text: string) => (stdout += text))
    child.stderr?.setEncoding("utf8").on("data", (text: string) => (stderr += text))
    child.on("error", reject).on("close", (code) => resolve({ code, stdout, stderr }))
  })

/** A process that goes on by itself. */
export interface Serving {
  readonly child: ChildProcess
  /** All that it wrote so far, to standard output and to standard error. */
  readonly stdout: () => string
  readonly stderr: () => string
  /** Waits until it has written something that matches, at most a minute: where it should say so at once, a busy machine may take long. */
  readonly says: (pattern: RegExp) => Promise<RegExpExecArray>
  /** Its exit code, once it has ended. */
  readonly ended: Promise<number | null>
  /** Sends the signal and waits for the exit code. */
  readonly stop: (signal?: NodeJS.Signals) => Promise<number | null>
}

/** Follows what a started process writes. */
export const serving = (child: ChildProcess): Serving => {
  const written = { stdout: "", stderr: "" }
  const changed = new EventEmitter().setMaxListeners(0)
  for (const name of ["stdout", "stderr"] as const)
    child[name]?.setEncoding("utf8").on("data", (text: string) => {
      written[name] += text
      changed.emit("change")
    })
  const closed = new Promise<number | null>((resolve) => child.once("close", resolve))
  void closed.then(() => changed.emit("change"))
  const says = async (pattern: RegExp): Promise<RegExpExecArray> => {
    const timeout = AbortSignal.timeout(60_000)
    for (;;) {
      const match = pattern.exec(`${written.stdout}\n${written.stderr}`)
      if (match !== null) return match
      if (child.exitCode !== null) throw new Error(`ended without saying ${String(pattern)}: ${written.stderr}`)
      await once(changed, "change", { signal: timeout })
    }
  }
  const stop = (signal: NodeJS.Signals = "SIGINT") => {
    child.kill(signal)
    return closed
  }
  return { child, says, stop, ended: closed, stdout: () => written.stdout, stderr: () => written.stderr }
}

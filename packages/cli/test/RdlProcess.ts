/** `rdl` as its users have it: the bundle, run by Node in a process of its own. */
import { type ChildProcess, execFile, spawn } from "node:child_process"
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
  afterAll(() => rmSync(directory, { recursive: true, force: true }))
  const start: RdlProcess["start"] = (words, { env = {}, input } = {}) => {
    const child = spawn(process.execPath, [program, ...words], { env: { HOME: directory, ...env } })
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

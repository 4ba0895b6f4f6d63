/** Starts the processes that are measured, and stops each of them by its id when the scope closes. */
import { Deferred, Effect, type Scope } from "effect"
import { type ChildProcess, fork, spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { BenchError } from "./BenchError.ts"
import type { Answer, Question } from "./Parent.ts"

/** A program of `programs/`, as a process of its own. */
export interface Program<Ready> {
  readonly pid: number
  /** What it said when it was ready. */
  readonly ready: Ready
  /** Asks it to do something, and waits for the outcome; at most `LIMIT`. */
  readonly ask: <A>(request: unknown) => Effect.Effect<A, BenchError>
  /** Ends it now, without a word to it. */
  readonly kill: Effect.Effect<void>
}

/** How long any one answer of a program may take. */
const LIMIT = "5 minutes"
/** How long a process has to stop by itself, in milliseconds. */
const STOP_MS = 2_000

/** Where `--profile` has each program leave its CPU profile; undefined = nowhere. */
const profileDir = process.env["RDL_BENCH_PROFILE"]

/** Starts a program and waits until it is ready. It ends with the scope, and if this process should die, by itself. */
export const program = <Ready>(name: string, config: unknown): Effect.Effect<Program<Ready>, BenchError, Scope.Scope> =>
  Effect.gen(function* () {
    const path = fileURLToPath(new URL(`programs/${name}.js`, import.meta.url))
    const execArgv = profileDir === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${join(profileDir, name)}`]
    const child = yield* Effect.acquireRelease(
      Effect.sync(() => fork(path, [], { stdio: ["ignore", "ignore", "inherit", "ipc"], execArgv })),
      (child) => stop(child, "SIGTERM"),
    )
    const ask = conversation(name, child)
    const ready = yield* ask<Ready>(config)
    return { pid: child.pid ?? 0, ready, ask, kill: stop(child, "SIGKILL") }
  })

/** Starts a program of the system, its output thrown away; it ends with the scope. */
export const tool = (
  command: string,
  args: ReadonlyArray<string>,
): Effect.Effect<{ readonly pid: number; readonly exited: () => boolean }, BenchError, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.async<ChildProcess, BenchError>((resume) => {
      const child = spawn(command, args, { stdio: "ignore" })
      child.once("spawn", () => resume(Effect.succeed(child)))
      child.once("error", (error) => resume(new BenchError({ detail: `cannot run ${command}: ${error.message}` })))
    }),
    (child) => stop(child, "SIGTERM"),
  ).pipe(Effect.map((child) => ({ pid: child.pid ?? 0, exited: () => hasEnded(child) })))

/** Runs a program of the system to its end; what it wrote to stdout and stderr. */
export const output = (command: string, args: ReadonlyArray<string>): Effect.Effect<string, BenchError> =>
  Effect.async((resume) => {
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] })
    let text = ""
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (bytes: Buffer) => (text += bytes.toString()))
    child.once("error", (error) => resume(new BenchError({ detail: `cannot run ${command}: ${error.message}` })))
    child.once("close", (code) =>
      resume(code === 0 ? Effect.succeed(text) : new BenchError({ detail: `${command} failed: ${text.slice(-500)}` })),
    )
    return Effect.sync(() => child.kill("SIGKILL"))
  })

/** A directory for sockets and keys; removed with the scope. */
export const temporaryDirectory: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "rdl-bench-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true })),
)

const hasEnded = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null

const stop = (child: ChildProcess, signal: "SIGTERM" | "SIGKILL"): Effect.Effect<void> =>
  Effect.async((resume) => {
    if (hasEnded(child)) return resume(Effect.void)
    const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MS)
    child.once("exit", () => {
      clearTimeout(timer)
      resume(Effect.void)
    })
    child.kill(signal)
  })

/** Questions and answers over the child's channel; a child that dies fails all that is open. */
const conversation = (name: string, child: ChildProcess) => {
  const open = new Map<number, Deferred.Deferred<unknown, BenchError>>()
  let asked = 0
  const fail = (detail: string) => {
    for (const deferred of open.values()) Deferred.unsafeDone(deferred, new BenchError({ detail }))
    open.clear()
  }
  child.on("message", (message) => {
    const answer = message as Answer
    const deferred = open.get(answer.id)
    open.delete(answer.id)
    if (deferred === undefined) return
    const outcome =
      answer.error === undefined ? Effect.succeed(answer.value) : new BenchError({ detail: `${name}: ${answer.error}` })
    Deferred.unsafeDone(deferred, outcome)
  })
  child.on("error", (error) => fail(`${name}: ${error.message}`))
  child.once("exit", (code, signal) => fail(`${name} ended by itself (${signal ?? code})`))
  return <A>(request: unknown): Effect.Effect<A, BenchError> =>
    Effect.gen(function* () {
      const deferred = yield* Deferred.make<unknown, BenchError>()
      if (hasEnded(child)) return yield* new BenchError({ detail: `${name} has ended` })
      const question: Question = { id: asked++, request }
      open.set(question.id, deferred)
      child.send(question)
      return (yield* Deferred.await(deferred)) as A
    }).pipe(
      Effect.timeoutFail({
        duration: LIMIT,
        onTimeout: () => new BenchError({ detail: `${name} gave no answer within ${LIMIT}` }),
      }),
    )
}

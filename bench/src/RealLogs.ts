/** Logs of a real engine: containers that write them, and where its files are. */
import { type ContainerSpec, engineSockets, type RealContainer, RealEngine } from "@rdl/test-kit/RealEngine"
import { Effect, type Scope } from "effect"
import { accessSync, constants } from "node:fs"
import { dirname } from "node:path"
import { BenchError, NotHere } from "./BenchError.ts"
import { listenersOf } from "./ProcStat.ts"

export interface EngineHere {
  readonly socketPath: string
  /** As DOCKER_HOST takes it. */
  readonly url: string
  readonly engine: RealEngine
  /** The engine's own processes; none where this user may not see them. */
  readonly pids: ReadonlyArray<number>
}

/** The first engine that is named, or this machine's own. */
export const open: Effect.Effect<EngineHere, NotHere, Scope.Scope> = Effect.gen(function* () {
  const [socketPath] = engineSockets()
  if (socketPath === undefined)
    return yield* new NotHere({ what: "a container engine (RDL_TEST_ENGINES, DOCKER_HOST)" })
  const engine = yield* Effect.acquireRelease(
    Effect.sync(() => new RealEngine(socketPath)),
    (engine) => Effect.promise(() => engine.close()),
  )
  return { socketPath, url: `unix://${socketPath}`, engine, pids: listenersOf(socketPath) }
})

const attempt = <A>(run: () => Promise<A>): Effect.Effect<A, BenchError> =>
  Effect.tryPromise({ try: run, catch: (cause) => new BenchError({ detail: `engine: ${String(cause)}` }) })

/** A container that runs; removed with the scope. */
export const running = (
  { engine }: EngineHere,
  spec: ContainerSpec,
): Effect.Effect<RealContainer, BenchError, Scope.Scope> =>
  Effect.acquireRelease(
    attempt(() => engine.create(spec)),
    (container) => Effect.ignore(attempt(container.remove)),
  ).pipe(Effect.tap((container) => attempt(container.start)))

/** A container that has written its log and exited; removed with the scope. */
export const written = (here: EngineHere, script: string): Effect.Effect<RealContainer, BenchError, Scope.Scope> =>
  Effect.tap(running(here, { script }), (container) => attempt(container.wait))

/** A script that writes so many lines of so many characters, their newlines included. */
export const linesScript = (lines: number, length: number): string => `yes ${"x".repeat(length - 1)} | head -n ${lines}`

/** Where the engine keeps a container's log, if its files may be read, and written where `mode` says so. */
export const pathOf = (
  { engine }: EngineHere,
  id: string,
  mode = constants.R_OK,
): Effect.Effect<string, BenchError | NotHere> =>
  attempt(() => engine.json<{ readonly LogPath: string }>(`/containers/${id}/json`)).pipe(
    Effect.flatMap(({ LogPath }) =>
      Effect.try({
        try: () => {
          accessSync(dirname(LogPath), constants.R_OK | constants.X_OK)
          accessSync(LogPath, mode)
          return LogPath
        },
        catch: () => new NotHere({ what: "access to the engine's log files (run as root)" }),
      }),
    ),
  )

/** The history of a container of a real engine: the engine's socket itself, the socket through `ssh -R`, and rdl with and without TLS. */
import { type RealContainer, engineSockets, RealEngine } from "@rdl/test-kit/RealEngine"
import { Effect, type Scope } from "effect"
import { BenchError, NotHere } from "../BenchError.ts"
import type { Observation } from "../Finding.ts"
import * as Floors from "../Floors.ts"
import { program } from "../Processes.ts"
import * as Rdl from "../Rdl.ts"
import * as Reading from "../Reading.ts"
import { interleaved } from "../Rounds.ts"
import type { Row } from "../Row.ts"
import * as Ssh from "../Ssh.ts"
import * as Tls from "../Tls.ts"

/** Characters of a line, its newline included. */
const LINE = 100

const attempt = <A>(run: () => Promise<A>): Effect.Effect<A, BenchError> =>
  Effect.tryPromise({ try: run, catch: (cause) => new BenchError({ detail: `engine: ${String(cause)}` }) })

/** A container that has written so many lines and exited; removed with the scope. */
const writtenContainer = (engine: RealEngine, lines: number): Effect.Effect<RealContainer, BenchError, Scope.Scope> =>
  Effect.gen(function* () {
    const script = `yes ${"x".repeat(LINE - 1)} | head -n ${lines}`
    const container = yield* Effect.acquireRelease(
      attempt(() => engine.create({ script })),
      (container) => Effect.ignore(attempt(container.remove)),
    )
    yield* attempt(container.start)
    yield* attempt(container.wait)
    return container
  })

export const row: Row = {
  name: "history",
  title: "history of a real engine, 100-byte lines",
  run: (effort) =>
    Effect.gen(function* () {
      const [socketPath] = engineSockets()
      if (socketPath === undefined)
        return yield* new NotHere({ what: "a container engine (RDL_TEST_ENGINES, DOCKER_HOST)" })
      const engine = yield* Effect.acquireRelease(
        Effect.sync(() => new RealEngine(socketPath)),
        (engine) => Effect.promise(() => engine.close()),
      )
      const lines = effort.pick(3_000_000, 50_000)
      yield* effort.say(`writing ${lines} lines`)
      const { id } = yield* writtenContainer(engine, lines)
      const reader = yield* program<void>("Reader", {})
      const url = `unix://${socketPath}`
      const plain = yield* Rdl.start({ engine: url })
      const tls = yield* Rdl.start({ engine: url, tls: yield* Tls.make })
      const direct = { target: { socketPath }, pids: [] }
      const ssh = yield* Effect.option(
        Effect.tapError(Ssh.start(socketPath), (error) => effort.say(`${error.message}: ssh -R is left out`)),
      )
      const through = (name: string, way: Reading.Way) => ({ name, measure: Reading.read(reader, way) })
      const query = "format=multiplexed"
      const subjects = [
        through("engine itself", { ...direct, heads: [Floors.engineLogHead(id, "")] }),
        through("rdl", { ...plain, heads: [plain.logHead(id, query)] }),
        ...(ssh._tag === "None" ? [] : [through("ssh -R", { ...ssh.value, heads: [Floors.engineLogHead(id, "")] })]),
        through("rdl, TLS", { ...tls, heads: [tls.logHead(id, query)] }),
        through("engine itself, time stamps", { ...direct, heads: [Floors.engineLogHead(id, "&timestamps=1")] }),
      ]
      const warmUp = Effect.forEach([plain, tls], (rdl) =>
        Reading.read(reader, { ...rdl, heads: [rdl.logHead(id, `${query}&tail=20000`)] }),
      )
      const rounds = yield* interleaved(effort.rounds, subjects, warmUp)
      const seconds = (subject: string) => rounds.series(subject, "seconds")
      const cpu = (subject: string) => rounds.series(subject, "cpu")
      const floor = seconds("engine itself")
      const observations: Array<Observation> = [
        { what: "time", unit: "s", ours: seconds("rdl"), peer: floor, target: { of: "ratio", atMost: 1.05 } },
        { what: "time", unit: "s", ours: seconds("rdl, TLS"), peer: floor },
        { what: "time", unit: "s", ours: seconds("rdl"), peer: seconds("engine itself, time stamps") },
      ]
      if (rounds.has("ssh -R"))
        observations.push(
          { what: "time", unit: "s", ours: seconds("ssh -R"), peer: floor },
          {
            what: "CPU of both ends",
            unit: "s",
            ours: cpu("rdl"),
            peer: cpu("ssh -R"),
            target: { of: "ratio", atMost: 0.6 },
          },
          { what: "CPU of both ends", unit: "s", ours: cpu("rdl, TLS"), peer: cpu("ssh -R") },
        )
      return observations
    }),
}

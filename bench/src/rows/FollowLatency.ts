/** How old a line of a real container is when its user has it: through rdl from the engine's files, and through `docker logs -f`. */
import { Effect } from "effect"
import type { Observation, Series, Target as Bound } from "../Finding.ts"
import * as Floors from "../Floors.ts"
import type { LatencyOutcome } from "../LineAges.ts"
import { output, program } from "../Processes.ts"
import type { FollowHere } from "../programs/Proxy.ts"
import type { Command, Target } from "../programs/Reader.ts"
import * as Rdl from "../Rdl.ts"
import * as RealLogs from "../RealLogs.ts"
import { interleaved } from "../Rounds.ts"
import type { Row } from "../Row.ts"

/** Microseconds from one line to the next. */
const GAP_US = 20_000

const PARTS = ["p50", "p99"] as const

const DOCKER = "docker logs -f"
const ENGINE = "engine itself"
const PIPES = "engine, Node pipes"
const HOPS = "file, bare Node sockets"
const LEFT = "rdl, in its proxy"

export const row: Row = {
  name: "follow-latency",
  title: "latency of following a real container, from its stamp to its user",
  run: (effort) =>
    Effect.gen(function* () {
      const here = yield* RealLogs.open
      const hasDocker = yield* Effect.isSuccess(output("docker", ["--version"]))
      if (!hasDocker) yield* effort.say("not here: docker's command, which rdl is compared with")
      const { id } = yield* RealLogs.running(here, { script: `while :; do echo a line; usleep ${GAP_US}; done` })
      const path = yield* RealLogs.pathOf(here, id)
      const reader = yield* program<void>("Reader", {})
      const rdl = yield* Rdl.start({ engine: here.url })
      const seconds = effort.pick(15, 1)
      const follow = (target: Target | Command, head = "") =>
        Effect.map(
          reader.ask<LatencyOutcome>({ do: "follow", target, heads: [head], seconds, by: "stamp" }),
          ({ count, p50, p99 }) => ({ count, p50, p99 }),
        )
      const followInProxy = Effect.map(
        rdl.proxy.ask<LatencyOutcome>({ ref: id, seconds } satisfies FollowHere),
        ({ count, p50, p99 }) => ({ count, p50, p99 }),
      )
      const query = "follow=1&timestamps=1&tail=0"
      const engine = { socketPath: here.socketPath }
      const engineHead = Floors.engineLogHead(id, `&${query}`)
      const pipes = yield* Floors.startPipes(engine)
      const hops = yield* Floors.startHops(path)
      const docker = { command: "docker", args: ["-H", here.url, "logs", "-f", "--timestamps", "--tail", "0", id] }
      const rounds = yield* interleaved(effort.rounds, [
        ...(hasDocker ? [{ name: DOCKER, measure: follow(docker) }] : []),
        { name: ENGINE, measure: follow(engine, engineHead) },
        { name: PIPES, measure: follow(pipes.target, engineHead) },
        { name: HOPS, measure: follow(hops.target) },
        { name: LEFT, measure: followInProxy },
        { name: "rdl", measure: follow(rdl.target, rdl.logHead(id, query)) },
      ])
      const against = (part: (typeof PARTS)[number], peer: string, target?: Bound): ReadonlyArray<Observation> =>
        rounds.has(peer) ? [compared(part, rounds.series("rdl", part), rounds.series(peer, part), target)] : []
      return PARTS.flatMap((part): ReadonlyArray<Observation> => [
        ...against(part, DOCKER, { of: "difference", atMost: part === "p50" ? 0 : 5 }),
        ...against(part, ENGINE),
        ...against(part, PIPES),
        ...against(part, HOPS),
        ...(hasDocker ? [floor(part, rounds.series(HOPS, part), rounds.series(DOCKER, part))] : []),
        { what: `${part}, out of the source`, unit: "ms", ours: rounds.series(LEFT, part), ...left(part) },
      ])
    }),
}

/** What two hops in Node cost that do nothing: rdl cannot be below it. */
const floor = (part: string, hops: Series, docker: Series): Observation => compared(`${part}, the floor`, hops, docker)

const compared = (what: string, ours: Series, peer: Series, target?: Bound): Observation =>
  target === undefined
    ? { what, unit: "ms", ours, peer, compare: "difference" }
    : { what, unit: "ms", ours, peer, target }

/** A new line leaves its source within 5 ms. */
const left = (part: string): { readonly target?: Bound } =>
  part === "p99" ? { target: { of: "value", atMost: 5 } } : {}

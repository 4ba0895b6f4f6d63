/** The world of a keeper under test: what its dials and links do, and what it says of them. */
import { expect } from "@effect/vitest"
import { Clock, Effect, type Fiber, Logger, LogLevel, Random, FastCheck as fc } from "effect"
import { type Link, LinkDialError } from "@rdl/core/link/Link"
import * as LinkKeeper from "@rdl/core/link/LinkKeeper"
import { LinkLost } from "@rdl/core/link/LinkLost"
export const seconds = (count: number) => count * 1000

export const dialError = (reason: LinkDialError["reason"], retryAfterMs?: number) =>
  new LinkDialError({ reason, url: "https://logs.example.com", detail: `it is ${reason}`, retryAfterMs })

export const lost = (code: number, clean = false, retryAfterMs?: number) =>
  new LinkLost({ clean, code, detail: `code ${code}`, retryAfterMs })

export const failure = fc.oneof(
  fc.constantFrom("unavailable", "unsupported", "refused", "conflict").map((reason) => dialError(reason as "refused")),
  fc.integer({ min: 0, max: 11 }).map((code) => lost(code)),
)
export const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
export const transient = fc.constantFrom(
  dialError("unavailable"),
  dialError("unsupported"),
  lost(0),
  lost(8, true),
  lost(10),
)
export const refused = fc.constantFrom(dialError("refused"), lost(5), lost(6))
export const conflict = fc.constantFrom(dialError("conflict"), lost(7), lost(11))

export const link: Link = {
  transport: "memory",
  start: () => {},
  send: () => {},
  buffered: () => 0,
  close: () => {},
  destroy: () => {},
}

/** What the keeper's world does, in order: a dial that fails, or a link welcomed at once that holds for some time and is lost. */
export type Step =
  | { readonly fails: LinkDialError }
  | { readonly holdsMs: number; readonly welcomed: boolean; readonly lost: LinkLost }

export interface Kept {
  readonly states: Array<readonly [at: number, state: LinkKeeper.LinkState]>
  readonly logs: Array<readonly [at: number, level: string, message: string]>
  readonly open: { count: number; most: number }
  readonly openWhileWaiting: Array<number>
  readonly fiber: Fiber.RuntimeFiber<never>
}

/** Runs a keeper through the steps with the dice always at `chance`; after the last step it dials for ever. */
export const kept = (steps: ReadonlyArray<Step>, chance = 0.5) =>
  Effect.gen(function* () {
    const world = {
      states: [] as Array<Kept["states"][number]>,
      logs: [] as Array<Kept["logs"][number]>,
      open: { count: 0, most: 0 },
      openWhileWaiting: [] as Array<number>,
    }
    const rest = [...steps]
    let current: Step | undefined
    const dial = Effect.suspend(() => {
      current = rest.shift()
      if (current === undefined) return Effect.never
      return "fails" in current ? Effect.fail(current.fails) : opened(world.open)
    })
    const session = (_: Link, welcomed: Effect.Effect<void>) => {
      if (current === undefined || "fails" in current) return Effect.dieMessage("no link was dialled")
      const { holdsMs, lost: loss, welcomed: welcomes } = current
      return (welcomes ? welcomed : Effect.void).pipe(
        Effect.zipRight(Effect.sleep(holdsMs)),
        Effect.zipRight(Effect.fail(loss)),
      )
    }
    const onState = (state: LinkKeeper.LinkState) =>
      Effect.map(Clock.currentTimeMillis, (at) => {
        world.states.push([at, state])
        if (state._tag === "waiting") world.openWhileWaiting.push(world.open.count)
      })
    const logger = Logger.make(({ date, logLevel, message }) => {
      world.logs.push([date.getTime(), logLevel.label, String(message)])
    })
    const fiber = yield* LinkKeeper.keep(dial, session, { onState }).pipe(
      Effect.withRandom(Random.fixed([chance])),
      Effect.provide(Logger.replace(Logger.defaultLogger, logger)),
      Logger.withMinimumLogLevel(LogLevel.Info),
      Effect.fork,
    )
    return { ...world, fiber }
  })

export const opened = (open: Kept["open"]) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      open.count += 1
      open.most = Math.max(open.most, open.count)
      return link
    }),
    () => Effect.sync(() => (open.count -= 1)),
  )

export const unavailable: Step = { fails: dialError("unavailable") }
export const held = (holdsMs: number, loss = lost(0)): Step => ({ holdsMs, welcomed: true, lost: loss })

/** The lengths of the pauses, from what the keeper said of itself and did. */
export const pauses = (states: Kept["states"]): Array<number> =>
  states.flatMap(([at, state], index) => {
    const next = states[index + 1]
    if (state._tag !== "waiting" || next === undefined) return []
    expect(next).toEqual([state.until, { _tag: "connecting" }])
    return [next[0] - at]
  })

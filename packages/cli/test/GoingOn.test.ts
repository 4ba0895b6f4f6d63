import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Fleets from "./Fleet.ts"
import { Fleet } from "./Fleet.ts"
import { rdlProcess } from "./RdlProcess.ts"

const rdl = rdlProcess()

const TIMEOUT = { timeout: 60_000 }

/** Lines that tell where they stand. */
const lines = (from: number, to: number): string =>
  Array.from({ length: to - from }, (_, n) => `${from + n} ${"x".repeat(90)}\n`).join("")

describe("rdl logs -f", () => {
  it.scopedLive(
    "goes on where it stopped when its source was killed and started again, and says nothing of it",
    () =>
      Effect.gen(function* () {
        const { container, source, sourceAgain, start } = yield* Fleet
        const web = yield* container({ name: "web" })
        web.log("stdout", lines(0, 500))
        const follower = yield* start(["logs", "-f", "web", "--host", "none"])
        yield* Effect.promise(() => follower.says(/^499 /m))
        yield* Effect.promise(() => source.stop("SIGKILL"))
        web.log("stdout", lines(500, 600))
        yield* sourceAgain
        yield* Effect.promise(() => follower.says(/^599 /m))
        web.log("stdout", lines(600, 700))
        yield* Effect.promise(() => follower.says(/^699 .*\n/m))
        expect([follower.stdout(), follower.stderr()]).toEqual([lines(0, 700), ""])
      }).pipe(Effect.provide(Fleets.layer(rdl))),
    TIMEOUT,
  )

  it.scopedLive.each([
    ["SIGKILL", []],
    ["SIGTERM", []],
    ["SIGKILL", ["--output", "json"]],
  ] as const)(
    "goes on where it stopped when the proxy had %s and was started again, with %j, and says it once",
    ([signal, flags]) =>
      Effect.gen(function* () {
        const { container, proxy, proxyAgain, start } = yield* Fleet
        const web = yield* container({ name: "web" })
        web.log("stdout", lines(0, 500))
        const follower = yield* start(["logs", "-f", "web", "--host", "none", ...flags])
        yield* Effect.promise(() => follower.says(/\b499 x+/))
        yield* Effect.promise(() => proxy.stop(signal))
        web.log("stdout", lines(500, 600))
        yield* Effect.promise(() => follower.says(/connection lost/))
        yield* proxyAgain
        yield* Effect.promise(() => follower.says(/\b599 x+/))
        web.log("stdout", lines(600, 700))
        yield* Effect.promise(() => follower.says(/\b699 x+.*\n/))
        const written = flags.length === 0 ? follower.stdout() : textOf(follower.stdout())
        expect(written).toBe(lines(0, 700))
        expect(follower.stdout()).not.toContain("cursor")
        expect(follower.stderr()).toMatch(/^rdl: connection lost[^\n]*\n$/)
      }).pipe(Effect.provide(Fleets.layer(rdl))),
    TIMEOUT,
  )

  it.scopedLive(
    "goes on with the container's next run, and ends when there is none",
    () =>
      Effect.gen(function* () {
        const { container, start } = yield* Fleet
        const web = yield* container({ name: "web" })
        web.log("stdout", "first\n")
        const follower = yield* start(["logs", "-f", "web", "--host", "none"])
        yield* Effect.promise(() => follower.says(/first/))
        web.exit()
        web.start()
        web.log("stdout", "second\n")
        yield* Effect.promise(() => follower.says(/second/))
        expect(follower.stdout()).toBe("first\nsecond\n")
      }).pipe(Effect.provide(Fleets.layer(rdl))),
    TIMEOUT,
  )
})

const textOf = (ndjson: string): string =>
  ndjson
    .trimEnd()
    .split("\n")
    .map((line) => `${(JSON.parse(line) as { readonly line: string }).line}\n`)
    .join("")

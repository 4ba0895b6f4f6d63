import { describe, expect, it } from "@effect/vitest"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as RdlClient from "@rdl/core/api/RdlClient"
import { Effect, Fiber, Redacted, Stream } from "effect"
import * as FaultWorld from "./FaultWorld.ts"
import * as Fleets from "./Fleet.ts"
import { Fleet } from "./Fleet.ts"
import { rdlProcess } from "./RdlProcess.ts"

const rdl = rdlProcess()

/** Lines that tell where they stand. */
const lines = (from: number, to: number): string =>
  Array.from({ length: to - from }, (_, n) => `${from + n} ${"x".repeat(90)}\n`).join("")

describe("rdl logs -f", () => {
  it.scopedLive("goes on where it stopped when its source was killed and started again, and says nothing of it", () =>
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
  )

  it.scopedLive(
    "is what fifty clients of a program see too, none of which loses or doubles a byte, where their proxy is stopped and another starts",
    () =>
      Effect.gen(function* () {
        const { container, proxy, proxyAgain, url, user } = yield* Fleet
        const web = yield* container({ name: "web" })
        web.log("stdout", lines(0, 200))
        const { RDL_TOKEN = "" } = yield* user()
        const { read } = yield* RdlClient.make({ url: new URL(url), token: Redacted.make(RDL_TOKEN) })
        const texts = Array.from({ length: 50 }, () => "")
        const reading = yield* Effect.forEach(
          texts.keys(),
          (index) =>
            Effect.gen(function* () {
              const { events } = yield* read("web", { as: "ndjson", follow: true })
              const decoder = new TextDecoder()
              yield* Stream.runForEach(events, (event) =>
                Effect.sync(() => {
                  if (event._tag === "Bytes") texts[index] += decoder.decode(event.bytes, { stream: true })
                }),
              )
            }).pipe(Effect.scoped, Effect.forkScoped),
          { concurrency: "unbounded" },
        )
        const all = (text: string) => FaultWorld.until(() => texts.every((own) => own.includes(text)))
        yield* all(`"199 x`)
        yield* Effect.promise(() => proxy.stop("SIGTERM"))
        web.log("stdout", lines(200, 300))
        yield* proxyAgain
        yield* all(`"299 x`)
        web.log("stdout", lines(300, 400))
        yield* all(`"399 x`)
        yield* Effect.forEach(reading, Fiber.interrupt, { concurrency: "unbounded" })
        for (const own of texts) expect(textOf(own)).toBe(lines(0, 400))
      }).pipe(Effect.provide([Fleets.layer(rdl), FetchHttpClient.layer])),
  )

  it.scopedLive("goes on with the container's next run, and ends when there is none", () =>
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
  )
})

const textOf = (ndjson: string): string =>
  ndjson
    .trimEnd()
    .split("\n")
    .map((line) => `${(JSON.parse(line) as { readonly line: string }).line}\n`)
    .join("")

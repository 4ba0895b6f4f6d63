import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Http from "node:http"
import * as Fleet from "./Fleet.ts"

const web = Fleet.container("aa1", "web")

/** More than a response takes before it asks to be waited for, and the end in the same breath. */
const atOnce: Fleet.LogHandler = (_, writer) =>
  Effect.sync(() => {
    writer.head({ contentType: "text/plain", tty: false })
    writer.write(new Uint8Array(60_001).fill(120))
    return { reason: "eof" as const }
  })

/** Counts of the process, and so only as good as the differences between them. */
const counts = Effect.fnUntraced(function* (fleet: Fleet.Fleet) {
  const answer = yield* Fleet.ask(`${fleet.url}/metrics`, { token: yield* fleet.token() })
  yield* answer.ended
  const series = new Map(
    answer
      .text()
      .split("\n")
      .map((line) => line.split(/ (?=[^ ]*$)/) as [string, string])
      .map(([name, value]) => [name, Number(value)]),
  )
  return (name: string) => series.get(name) ?? 0
})

const LOGS = '{route="/containers/:ref/logs"'

describe("The metrics count", () => {
  it.scoped("every byte of a log that its reader got", () =>
    Effect.gen(function* () {
      const fleet = yield* Fleet.start()
      yield* fleet.link("edge-1", [web], atOnce)
      const token = yield* fleet.token()
      const before = yield* counts(fleet)
      for (const slow of [false, true]) {
        const answer = yield* Fleet.ask(`${fleet.url}/containers/web/logs?host=none`, { token, slow })
        expect(yield* answer.ended).toBe("whole")
        expect(answer.bytes()).toBe(60_001)
      }
      const after = yield* counts(fleet)
      expect(after("rdl_log_bytes_total") - before("rdl_log_bytes_total")).toBe(2 * 60_001)
      expect(after("rdl_streams")).toBe(before("rdl_streams"))
    }),
  )

  it.scoped("the time until an answer began, of a log as well, and not how long it was read", () =>
    Effect.gen(function* () {
      const fleet = yield* Fleet.start()
      yield* fleet.link("edge-1", [web], Fleet.idle)
      const token = yield* fleet.token()
      const before = yield* counts(fleet)
      const began = performance.now()
      const answer = yield* Fleet.ask(`${fleet.url}/containers/web/logs?follow=1`, { token })
      const head = (performance.now() - began) / 1_000
      yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 300)))
      answer.abort()
      const name = `rdl_response_seconds_count${LOGS}}`
      yield* Fleet.until(Effect.map(counts(fleet), (now) => now(name) === before(name) + 1))
      const after = yield* counts(fleet)
      const sum = `rdl_response_seconds_sum${LOGS}}`
      expect(after(sum) - before(sum)).toBeGreaterThan(0)
      expect(after(sum) - before(sum)).toBeLessThanOrEqual(head + 0.001)
    }),
  )

  it.scoped("who left before there was an answer as status 0, and no time until it", () =>
    Effect.gen(function* () {
      const fleet = yield* Fleet.start()
      const source = yield* fleet.link("edge-1", [web], () => Effect.never)
      const headers = { authorization: `Bearer ${yield* fleet.token()}` }
      const before = yield* counts(fleet)
      const request = Http.request(`${fleet.url}/containers/web/logs`, { agent: false, headers })
      request.on("error", () => undefined).end()
      yield* Fleet.until(Effect.sync(() => source.open() === 1))
      request.destroy()
      const left = `rdl_requests_total${LOGS},status="0"}`
      yield* Fleet.until(Effect.map(counts(fleet), (now) => now(left) === before(left) + 1))
      const after = yield* counts(fleet)
      for (const name of [`rdl_requests_total${LOGS},status="200"}`, `rdl_response_seconds_count${LOGS}}`])
        expect(after(name)).toBe(before(name))
    }),
  )
})

import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { createHash, randomBytes } from "node:crypto"
import type { Container } from "@rdl/sample-engine/Container"
import { payloads } from "@rdl/test-kit/RealEngineTruth"
import * as FaultWorld from "./FaultWorld.ts"
import { carriers, until } from "./FaultWorld.ts"

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex")

/** A container whose log keeps every byte, for the `local` driver does. */
const keeper = { name: "web", logDriver: "local", maxLogBytes: 64 * 1024 * 1024 }

/** Each is written to the log in pieces; together with what they become they are all that was ever awkward. */
const awkward: ReadonlyArray<readonly [name: string, pieces: () => ReadonlyArray<Uint8Array>]> = [
  [
    "lines of which each byte is a write",
    () => [...Buffer.from("one\n\ntwo\nthree\n".repeat(400))].map((byte) => Buffer.of(byte)),
  ],
  ["a single line of 5 MB", () => [Buffer.concat([Buffer.alloc(5_000_000, "long "), Buffer.from("\n")])]],
  ["bytes at random", () => [randomBytes(1_000_000), Buffer.from("\n")]],
  ["what is no UTF-8", () => [Buffer.from([0xff, 0xfe, 10, 0xc3, 10, 0xed, 0xa0, 0x80, 10, 0xf0, 0x9f, 10, 0, 10])]],
  ["empty lines", () => [Buffer.from("\n".repeat(20_000)), Buffer.from("\r\n\r\n \n\n")]],
]

/** The engine's own answer, asked without anything of ours between. */
const fromEngine = (url: string, { id }: Container): Effect.Effect<Buffer> =>
  Effect.promise(async () => {
    const answer = await fetch(`${url.replace("tcp:", "http:")}/containers/${id}/logs?stdout=1&stderr=1`)
    return Buffer.from(await answer.arrayBuffer())
  })

// Case 17, through the whole chain, over a path that cuts at random as well.
describe.each(carriers)("a log of awkward bytes over %s", (carrier) => {
  it.scopedLive.each(awkward)("of %s is the engine's own, byte for byte, read at once and followed", ([, pieces]) =>
    Effect.gen(function* () {
      const world = yield* FaultWorld.start(carrier)
      const edge = yield* world.source("edge", { listen: "tcp" })
      const web = yield* edge.container(keeper)
      edge.relay.up.set({ maxWrite: 4_000 })
      const followed = yield* world.ask("/containers/web/logs?follow=1&host=none")
      for (const [n, piece] of pieces().entries()) web.log(n % 7 === 0 ? "stdout" : "stderr", piece)
      // A line that is not ended is in no log yet.
      for (const stream of ["stdout", "stderr"] as const) web.log(stream, "\n")
      const expected = yield* fromEngine(edge.engine.url, web)
      const bytes = payloads(expected)
      expect(bytes.length).toBeGreaterThan(10)

      const framed = yield* world.ask("/containers/web/logs?format=multiplexed")
      expect(yield* framed.ended).toBe("whole")
      expect([framed.bytes(), framed.sha256()]).toEqual([expected.length, sha256(expected)])

      const plain = yield* world.ask("/containers/web/logs?host=none")
      expect(yield* plain.ended).toBe("whole")
      expect([plain.bytes(), plain.sha256()]).toEqual([bytes.length, sha256(bytes)])

      yield* until(() => followed.bytes() >= bytes.length)
      web.exit()
      expect(yield* followed.ended).toBe("whole")
      expect([followed.bytes(), followed.sha256()]).toEqual([bytes.length, sha256(bytes)])
    }),
  )

  it.scopedLive("comes whole and in order where the link is cut into single bytes", () =>
    Effect.gen(function* () {
      const world = yield* FaultWorld.start(carrier)
      const edge = yield* world.source("edge", { listen: "tcp" })
      const web = yield* edge.container(keeper)
      web.log("stdout", randomBytes(4_000).toString("latin1"))
      web.log("stdout", "\n")
      for (const way of [edge.relay.up, edge.relay.down]) way.set({ maxWrite: 1 })
      const expected = yield* fromEngine(edge.engine.url, web)
      const framed = yield* world.ask("/containers/web/logs?format=multiplexed")
      expect(yield* framed.ended).toBe("whole")
      expect([framed.bytes(), framed.sha256()]).toEqual([expected.length, sha256(expected)])
    }),
  )
})

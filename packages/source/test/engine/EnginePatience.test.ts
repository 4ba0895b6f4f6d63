import { afterAll, beforeAll, describe, expect, it } from "@effect/vitest"
import { Context, Effect, Either, Layer } from "effect"
import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { vi } from "vitest"
import * as EngineClient from "../../src/engine/EngineClient.ts"

/** An engine that answers the first so many requests, and no other; and what it was asked. */
const silentAfter = (answered: number) =>
  Effect.acquireRelease(
    Effect.async<{ readonly server: Server; readonly url: string; readonly asked: Array<string> }>((resume) => {
      const asked: Array<string> = []
      const server = createServer((request, response) => {
        asked.push(request.url ?? "")
        response.setHeader("api-version", "1.41")
        if (asked.length <= answered) response.end('{"Version":"1","Os":"linux","Arch":"amd64"}')
      })
      server.listen(0, "127.0.0.1", () => {
        resume(Effect.succeed({ server, asked, url: `tcp://127.0.0.1:${(server.address() as AddressInfo).port}` }))
      })
    }),
    ({ server }) => Effect.sync(() => server.close().closeAllConnections()),
  )

/** Sockets go on by themselves; what a test has to wait for comes when it is told to. */
beforeAll(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] }))
afterAll(() => void vi.useRealTimers())

const turns = Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))

describe("An engine that accepts a question and is silent", () => {
  type Ask = (client: EngineClient.EngineClient["Type"]) => Effect.Effect<unknown, { readonly message: string }>
  it.scopedLive.each<[string, number, number, Ask]>([
    ["who it is", 0, 10, (client) => client.ping],
    ["what it has", 2, 30, (client) => client.list()],
    ["its events", 2, 30, (client) => client.events({ onOpen: () => {}, onData: () => {}, onSettled: () => {} })],
  ])("is asked %s, and given up after its time", ([, answered, seconds, ask]) =>
    Effect.gen(function* () {
      const { asked, url } = yield* silentAfter(answered)
      const context = yield* Layer.build(EngineClient.layer({ engine: url, env: {} }))
      const client = Context.get(context, EngineClient.EngineClient)
      const asking = yield* Effect.fork(Effect.either(ask(client)))
      yield* Effect.repeat(turns, { until: () => asked.length > answered })
      vi.advanceTimersByTime((seconds - 2) * 1_000)
      for (let turn = 0; turn < 20; turn++) yield* turns
      expect(asking.unsafePoll()).toBeNull()
      vi.advanceTimersByTime(4_000)
      expect(Either.isLeft(yield* asking)).toBe(true)
    }),
  )
})

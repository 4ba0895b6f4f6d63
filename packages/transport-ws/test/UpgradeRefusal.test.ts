import { afterAll, beforeAll, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Net from "node:net"
import { vi } from "vitest"
import { endpoint, upgradeRequest } from "./Loopback.ts"

/** Sockets go on by themselves; the second comes when it is told to. */
beforeAll(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] }))
afterAll(() => void vi.useRealTimers())

it.scopedLive("a client that was refused, and does not hang up, is cut after a second", () =>
  Effect.gen(function* () {
    const { port, server } = yield* endpoint()
    const served = Effect.async<Net.Socket>(
      (resume) => void server.once("connection", (it) => resume(Effect.succeed(it))),
    )
    const accepted = yield* Effect.fork(served)
    yield* Effect.yieldNow()
    const client = Net.connect({ port, host: "127.0.0.1", allowHalfOpen: true })
    yield* Effect.addFinalizer(() => Effect.sync(() => client.destroy()))
    client.on("error", () => undefined).resume()
    client.write(upgradeRequest({ authorization: "Bearer bad.token" }))
    const socket = yield* accepted
    yield* Effect.async<void>((resume) => void client.once("end", () => resume(Effect.void)))
    vi.advanceTimersByTime(500)
    expect(socket.destroyed).toBe(false)
    vi.advanceTimersByTime(500)
    expect(socket.destroyed).toBe(true)
  }),
)

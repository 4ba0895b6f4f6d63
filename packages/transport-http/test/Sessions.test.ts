import { describe, expect, it } from "@effect/vitest"
import { SourceName } from "@rdl/core/model/SourceName"
import { Effect, TestClock } from "effect"
import * as Sessions from "../src/Sessions.ts"

const limits = { pollMs: 25_000, idleMs: 60_000, maxSessions: 10, maxSessionsPerSource: 10 }

const name = SourceName.make("edge-1")
const identity = { name, claims: { sub: name, role: "source", iat: 0, exp: 4_000_000_000, jti: "1" } } as const

describe("The sessions of a proxy", () => {
  it.scopedLive("that have ended are remembered up to 10,000, the oldest being forgotten first", () =>
    Effect.gen(function* () {
      const authenticate = () => Effect.succeed(identity)
      const sessions = yield* Sessions.make({ authenticate, accept: () => Effect.void }, limits)
      const ids: Array<string> = []
      for (let n = 0; n <= 10_000; n++) {
        const session = sessions.create(identity)
        if ("status" in session) throw new Error(`session ${n} was refused: ${session.status}`)
        ids.push(session.id)
        session.link.destroy("the source is gone")
      }
      const found = (id = "") => {
        const answer = sessions.find(id, name)
        return "status" in answer ? answer.status : 200
      }
      expect(found(ids[0])).toBe(404)
      expect(ids.slice(1).filter((id) => found(id) !== 410)).toEqual([])
      expect(sessions.find(ids[1] ?? "", SourceName.make("edge-2"))).toMatchObject({ status: 404 })
    }),
  )

  it.scoped("have 3 s to end when the proxy stops, whatever serves them, and there are no new ones", () =>
    Effect.gen(function* () {
      const authenticate = () => Effect.succeed(identity)
      const sessions = yield* Sessions.make({ authenticate, accept: () => Effect.never }, limits)
      const session = sessions.create(identity)
      const draining = yield* Effect.fork(sessions.drain)
      yield* TestClock.adjust("2999 millis")
      expect(draining.unsafePoll()).toBeNull()
      expect(sessions.create(identity)).toMatchObject({ status: 503 })
      yield* TestClock.adjust("1 millis")
      yield* draining
      if ("link" in session) session.link.destroy("the test is over")
    }),
  )
})

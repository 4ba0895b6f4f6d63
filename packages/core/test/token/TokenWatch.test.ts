import { describe, expect, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope, TestClock } from "effect"
import * as Alarms from "../../src/link/Alarms.ts"
import type { TokenClaims } from "../../src/token/TokenClaims.ts"
import { TokenRejected, type TokenVerifier } from "../../src/token/TokenVerifier.ts"
import * as TokenWatch from "../../src/token/TokenWatch.ts"

const claims = (exp: number): TokenClaims => ({ sub: "edge-1", role: "source", iat: 0, exp, jti: "j" })

/** A verifier whose one token may be revoked; `asked` counts. */
const fake = () => {
  const state = { isRevoked: false, asked: 0 }
  const verifier: TokenVerifier["Type"] = {
    remembered: () => undefined,
    verify: (_, role) =>
      Effect.suspend(() => {
        state.asked++
        return state.isRevoked
          ? new TokenRejected({ reason: "unauthorized", detail: "revoked" })
          : Effect.succeed({ ...claims(1e6), role })
      }),
  }
  return { state, verifier }
}

/** Both ways to watch: what each has heard so far. */
const watched = Effect.fnUntraced(function* (exp: number) {
  const { state, verifier } = fake()
  const waiting = yield* Effect.forkScoped(TokenWatch.lapsed(verifier, "t", claims(exp)))
  const watch = yield* TokenWatch.make(verifier, yield* Alarms.make)
  const scope = yield* Scope.make()
  const told: Array<string> = []
  const onLapsed = ({ detail }: TokenRejected) => Effect.sync(() => void told.push(detail))
  yield* Scope.extend(watch({ token: "t", claims: claims(exp), onLapsed }), scope)
  const heard = Effect.map(Fiber.poll(waiting), (exit) => [
    exit._tag === "Some" && Exit.isSuccess(exit.value) ? [exit.value.value.detail] : [],
    [...told],
  ])
  return { state, heard, scope }
})

describe("TokenWatch", () => {
  it.scoped("tells at `exp` that the token has expired, once", () =>
    Effect.gen(function* () {
      const { heard } = yield* watched(7)
      yield* TestClock.adjust("6999 millis")
      expect(yield* heard).toEqual([[], []])
      yield* TestClock.adjust("1 millis")
      expect(yield* heard).toEqual([["the token has expired"], ["the token has expired"]])
      yield* TestClock.adjust("1 hour")
      expect(yield* heard).toEqual([["the token has expired"], ["the token has expired"]])
    }),
  )

  it.scoped("tells of a revocation within 2 s, once", () =>
    Effect.gen(function* () {
      const { heard, state } = yield* watched(3_600)
      yield* TestClock.adjust("16 seconds")
      state.isRevoked = true
      yield* TestClock.adjust("2 seconds")
      expect(yield* heard).toEqual([["revoked"], ["revoked"]])
      yield* TestClock.adjust("1 hour")
      expect(yield* heard).toEqual([["revoked"], ["revoked"]])
    }),
  )

  it.scoped(
    "lets a token taken after its `exp` last for the minute that clocks may differ, and not a moment longer",
    () =>
      Effect.gen(function* () {
        yield* TestClock.setTime(10_000)
        const { heard } = yield* watched(7)
        yield* TestClock.adjust("56999 millis")
        expect(yield* heard).toEqual([[], []])
        yield* TestClock.adjust("1 millis")
        expect(yield* heard).toEqual([["the token has expired"], ["the token has expired"]])
      }),
  )

  it.scoped("ends with its scope", () =>
    Effect.gen(function* () {
      const { heard, scope, state } = yield* watched(60)
      yield* Scope.close(scope, Exit.void)
      yield* TestClock.adjust("30 seconds")
      expect(state.asked).toBe(15)
      state.isRevoked = true
      yield* TestClock.adjust("1 hour")
      expect(yield* heard).toEqual([["revoked"], []])
    }),
  )
})

import { afterAll, describe, expect, it } from "@effect/vitest"
import * as Alarms from "@rdl/core/link/Alarms"
import * as TokenCodec from "@rdl/core/token/TokenCodec"
import * as TokenKey from "@rdl/core/token/TokenKey"
import * as TokenVerifier from "@rdl/core/token/TokenVerifier"
import * as TokenWatch from "@rdl/core/token/TokenWatch"
import { Clock, Effect, FastCheck as fc, Fiber, TestClock, TestContext } from "effect"
import { mkdirSync, mkdtempSync, renameSync, rmdirSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Revocations from "../src/Revocations.ts"

const directory = mkdtempSync(join(tmpdir(), "rdl-revoked-"))
afterAll(() => rmSync(directory, { recursive: true }))

const path = (name: string): string => join(directory, name)

describe("Revocations", () => {
  it.effect("notices what is added within a second, and looks no more often", () =>
    Effect.gen(function* () {
      const file = path("added")
      const { isRevoked } = yield* Revocations.watch(file)
      yield* Revocations.add(file, "one")
      expect(yield* isRevoked("one")).toBe(false)
      yield* TestClock.adjust(Revocations.LOOK_EVERY)
      expect(yield* isRevoked("one")).toBe(true)
      expect(yield* isRevoked("on")).toBe(false)
      expect(statSync(file).mode & 0o777).toBe(0o600)
    }),
  )

  it.effect("notices a file put in its place, and takes comments and empty lines for nothing", () =>
    Effect.gen(function* () {
      const file = path("replaced")
      writeFileSync(file, "one\n")
      const { isRevoked } = yield* Revocations.watch(file)
      writeFileSync(`${file}.new`, "# two were lost\n\n  two  \r\n")
      renameSync(`${file}.new`, file)
      yield* TestClock.adjust(Revocations.LOOK_EVERY)
      expect(yield* isRevoked("two")).toBe(true)
      expect(yield* isRevoked("one")).toBe(false)
      expect(yield* isRevoked("")).toBe(false)
      expect(yield* isRevoked("# two were lost")).toBe(false)
    }),
  )

  it.effect("keeps what it knows when the file can no longer be read", () =>
    Effect.gen(function* () {
      const file = path("broken")
      writeFileSync(file, "one\n")
      const { isRevoked, problem } = yield* Revocations.watch(file)
      expect(yield* problem).toBeUndefined()
      rmSync(file)
      mkdirSync(file)
      yield* TestClock.adjust(Revocations.LOOK_EVERY)
      expect(yield* isRevoked("one")).toBe(true)
      expect(yield* problem).toMatch(/^the file of revoked tokens cannot be read/)
      yield* TestClock.adjust(Revocations.LOOK_EVERY)
      expect(yield* problem).toMatch(/cannot be read/)
      rmdirSync(file)
      writeFileSync(file, "two\n")
      yield* TestClock.adjust(Revocations.LOOK_EVERY)
      expect(yield* problem).toBeUndefined()
      expect(yield* isRevoked("two")).toBe(true)
    }),
  )

  it.effect("does not start on a file that cannot be read, or is too large", () =>
    Effect.gen(function* () {
      expect((yield* Effect.flip(Revocations.watch(directory))).message).toContain("it is a directory")
      writeFileSync(path("large"), "")
      truncateSync(path("large"), Revocations.MAX_BYTES + 1)
      expect((yield* Effect.flip(Revocations.watch(path("large")))).message).toContain("larger than 64 MiB")
    }),
  )
})

/** What is left of 5 s is for the machine: for a timer that is late, and a connection that takes its time to close. */
const NOTICED_WITHIN_MS = 3_200

/** How long after the file was written the token of a stream and that of a link are found revoked, by clocks that stand where they like. */
const noticed = (waits: ReadonlyArray<number>) =>
  Effect.gen(function* () {
    const file = path(`waits-${waits.join("-")}`)
    const [key] = yield* TokenKey.parse(JSON.stringify(yield* TokenKey.generate("HS256")))
    const [opensAt, otherAt, revokedAt] = waits as [number, number, number]
    const token = yield* TokenCodec.issue(key!, { sub: "ann", role: "user", iat: 0, exp: 3_600, jti: "t" })
    const { isRevoked } = yield* Revocations.watch(file)
    const verifier = yield* TokenVerifier.make({ keys: [key!], isRevoked })
    yield* TestClock.adjust(opensAt)
    const claims = yield* verifier.verify(token, "user")
    const stream = yield* Effect.fork(
      Effect.zipRight(TokenWatch.lapsed(verifier, token, claims), Clock.currentTimeMillis),
    )
    let link = 0
    const watch = yield* TokenWatch.make(verifier, yield* Alarms.make)
    const onLapsed = () => Effect.map(Clock.currentTimeMillis, (now) => void (link = now))
    yield* watch({ token, claims, onLapsed })
    yield* TestClock.adjust(otherAt)
    // Somebody else's question has the file looked at, so that the next look comes as late as it can.
    yield* isRevoked("other")
    yield* TestClock.adjust(revokedAt)
    yield* Revocations.add(file, "t")
    const began = yield* Clock.currentTimeMillis
    for (let passed = 0; passed < 10_000; passed += 50) yield* TestClock.adjust(50)
    return [(yield* Fiber.join(stream)) - began, link - began]
  })

describe("A revocation", () => {
  it("is noticed well within 5 s, whenever the file was looked at, and the stream or link opened", async () => {
    const wait = fc.integer({ min: 0, max: 2_500 })
    await fc.assert(
      fc.asyncProperty(fc.tuple(wait, wait, wait), async (waits) => {
        const late = await Effect.runPromise(
          Effect.scoped(noticed(waits)).pipe(Effect.provide(TestContext.TestContext)),
        )
        for (const ms of late) expect(ms).toBeGreaterThan(0)
        for (const ms of late) expect(ms).toBeLessThanOrEqual(NOTICED_WITHIN_MS)
      }),
      { numRuns: 5 },
    )
  })
})

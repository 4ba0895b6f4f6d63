import { describe, expect, it } from "@effect/vitest"
import { Effect, FastCheck } from "effect"
import { importJWK, jwtVerify, SignJWT } from "jose"
import * as TokenCodec from "@rdl/core/token/TokenCodec"
import type { TokenClaims } from "@rdl/core/token/TokenClaims"
import * as TokenKey from "@rdl/core/token/TokenKey"

const claims: TokenClaims = {
  sub: "alice",
  role: "user",
  iat: 1_000,
  exp: 2_000,
  jti: "t-1",
  allow: { sources: ["edge-*"], containers: ["web*"], labels: ["env=prod"] },
}

const newKey = Effect.fnUntraced(function* (alg: TokenKey.Algorithm) {
  const jwk = yield* TokenKey.generate(alg)
  const [key] = yield* TokenKey.parse(JSON.stringify(jwk))
  return { jwk, key: key! }
})

describe.each(["EdDSA", "HS256"] as const)("TokenCodec with %s", (alg) => {
  it.effect("verifies what it has issued", () =>
    Effect.gen(function* () {
      const { key } = yield* newKey(alg)
      const token = yield* TokenCodec.issue(key, claims)
      expect(yield* TokenCodec.verify(token, [key], 1_500)).toEqual(claims)
      expect(yield* TokenCodec.inspect(token)).toEqual(claims)
    }),
  )

  it.effect("issues tokens that are standard JWTs once the header is put back", () =>
    Effect.gen(function* () {
      const { jwk, key } = yield* newKey(alg)
      const token = yield* TokenCodec.issue(key, claims)
      const jwt = `${TokenCodec.header(alg)}.${token}`
      const { d: _, ...verifying } = jwk
      const verified = yield* Effect.promise(async () =>
        jwtVerify(jwt, await importJWK(verifying, alg), { currentDate: new Date(1_500_000) }),
      )
      expect(verified.payload).toEqual(claims)
      expect(verified.protectedHeader).toEqual({ alg, typ: "JWT" })
    }),
  )

  it.effect("takes a JWT made elsewhere, once its header is cut off", () =>
    Effect.gen(function* () {
      const { jwk, key } = yield* newKey(alg)
      const jwt = yield* Effect.promise(async () =>
        new SignJWT({ ...claims, nbf: 900, iss: "someone", extra: { n: 1 } })
          .setProtectedHeader({ alg, typ: "JWT" })
          .sign(await importJWK(jwk, alg)),
      )
      const token = jwt.slice(jwt.indexOf(".") + 1)
      expect(yield* TokenCodec.verify(token, [key], 1_500)).toEqual(claims)
    }),
  )

  it.effect("finds the right key in a set", () =>
    Effect.gen(function* () {
      const { key } = yield* newKey(alg)
      const others = [(yield* newKey("EdDSA")).key, (yield* newKey("HS256")).key]
      const token = yield* TokenCodec.issue(key, claims)
      expect(yield* TokenCodec.verify(token, [...others, key], 1_500)).toEqual(claims)
      expect(yield* Effect.flip(TokenCodec.verify(token, others, 1_500))).toMatchObject({
        detail: "the signature is by none of the keys",
      })
    }),
  )
})

describe("TokenCodec", () => {
  it.effect("writes the headers of the specification", () =>
    Effect.sync(() => {
      const text = (alg: TokenKey.Algorithm) => Buffer.from(TokenCodec.header(alg), "base64url").toString()
      expect(text("EdDSA")).toBe('{"alg":"EdDSA","typ":"JWT"}')
      expect(text("HS256")).toBe('{"alg":"HS256","typ":"JWT"}')
    }),
  )

  it.effect("brings any claims through unchanged", () => {
    const name = FastCheck.stringMatching(/^[a-z0-9][a-z0-9_.-]{0,62}$/)
    const list = FastCheck.array(FastCheck.string(), { maxLength: 5 })
    const arbitrary = FastCheck.record<TokenClaims>({
      sub: name,
      role: FastCheck.constantFrom("source", "user"),
      iat: FastCheck.integer({ min: 0, max: 2_000 }),
      exp: FastCheck.integer({ min: 2_001, max: 4_000 }),
      jti: FastCheck.uuid(),
      allow: FastCheck.record({ sources: list, containers: list, labels: list }, { requiredKeys: [] }),
    })
    return Effect.gen(function* () {
      const { key } = yield* newKey("EdDSA")
      for (const sample of FastCheck.sample(arbitrary, 100)) {
        const token = yield* TokenCodec.issue(key, sample)
        expect(yield* TokenCodec.verify(token, [key], 2_000)).toEqual(sample)
      }
    })
  })

  it.effect.each<[string, Partial<Record<keyof TokenClaims, unknown>>, string]>([
    ["a source whose name is none", { role: "source", sub: "edge/1" }, "no source name"],
    ["a user whose name breaks lines", { sub: "a\nb" }, "`sub`"],
    ["no life time", { exp: 1_000 }, "ends before it begins"],
    ["an id that breaks lines", { jti: "a\nb" }, "`jti`"],
    ["an allowance with a misspelt list", { allow: { container: ["web"] } }, "`allow.container`"],
    ["more than fits", { allow: { sources: ["x".repeat(8_000)] } }, "more than 8192"],
  ])("does not issue a token with %s", ([, wrong, words]) =>
    Effect.gen(function* () {
      const { key } = yield* newKey("EdDSA")
      const error = yield* Effect.flip(TokenCodec.issue(key, { ...claims, ...wrong } as TokenClaims))
      expect(error.detail).toContain(words)
    }),
  )
})

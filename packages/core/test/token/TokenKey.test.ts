import { describe, expect, it } from "@effect/vitest"
import { Effect, FastCheck } from "effect"
import { calculateJwkThumbprint, exportJWK, generateKeyPair } from "jose"
import { inspect } from "node:util"
import * as TokenCodec from "@rdl/core/token/TokenCodec"
import * as TokenKey from "@rdl/core/token/TokenKey"

const refusal = (text: unknown) =>
  Effect.map(Effect.flip(TokenKey.parse(typeof text === "string" ? text : JSON.stringify(text))), (error) => ({
    reason: error.reason,
    message: error.message,
  }))

const secret = (bytes: number) => Buffer.alloc(bytes, 7).toString("base64url")

describe("TokenKey", () => {
  it.effect.each(["EdDSA", "HS256"] as const)("makes %s keys that it reads again, with their thumbprint", (alg) =>
    Effect.gen(function* () {
      const jwk = yield* TokenKey.generate(alg)
      const [key] = yield* TokenKey.parse(JSON.stringify(jwk))
      expect(key?.alg).toBe(alg)
      expect(key?.kid).toBe(jwk.kid)
      expect(key?.signing).toBeDefined()
      expect(yield* Effect.promise(() => calculateJwkThumbprint(jwk))).toBe(jwk.kid)
      expect((yield* TokenKey.generate(alg)).kid).not.toBe(jwk.kid)
    }),
  )

  it.effect("makes HS256 secrets of 256 bits", () =>
    Effect.gen(function* () {
      const jwk = yield* TokenKey.generate("HS256")
      expect(Buffer.from(String(jwk["k"]), "base64url")).toHaveLength(32)
    }),
  )

  it.effect("gives a public half that verifies and cannot sign", () =>
    Effect.gen(function* () {
      const jwk = yield* TokenKey.generate("EdDSA")
      const half = yield* TokenKey.publicHalf(JSON.stringify(jwk))
      expect(JSON.stringify(half)).not.toContain(jwk["d"])
      const [key] = yield* TokenKey.parse(JSON.stringify(half))
      expect(key?.kid).toBe(jwk.kid)
      const claims = { sub: "a", role: "user" as const, iat: 1, exp: 2, jti: "j" }
      expect(yield* Effect.flip(TokenCodec.issue(key!, claims))).toMatchObject({ reason: "public" })
      expect(yield* TokenKey.publicHalf(JSON.stringify(half))).toEqual(half)
    }),
  )

  it.effect("takes sets, and gives the set of their public halves", () =>
    Effect.gen(function* () {
      const keys = [yield* TokenKey.generate("EdDSA"), yield* TokenKey.generate("EdDSA")]
      const half = yield* TokenKey.publicHalf(JSON.stringify({ keys }))
      expect(yield* TokenKey.parse(JSON.stringify(half))).toHaveLength(2)
      expect(JSON.stringify(half)).not.toContain('"d"')
    }),
  )

  it.effect("refuses to make a public half of a shared secret", () =>
    Effect.gen(function* () {
      const jwk = yield* TokenKey.generate("HS256")
      const error = yield* Effect.flip(TokenKey.publicHalf(JSON.stringify(jwk)))
      expect(error.message).toBe("an HS256 key is one shared secret and has no public half; use EdDSA")
    }),
  )

  it.effect.each<[string, unknown, TokenKey.TokenKeyError["reason"], string]>([
    ["nothing", " \n", "missing", "there is no key"],
    ["an empty set", { keys: [] }, "missing", "set is empty"],
    ["what is no JSON", "hunter2hunter2", "malformed", "JSON object"],
    ["JSON that is no object", "[1]", "malformed", "JSON object"],
    ["a set that is none", { keys: 3 }, "malformed", "array of objects"],
    ["a set of 17 keys", { keys: Array.from({ length: 17 }, () => ({})) }, "unsupported", "at most 16 keys"],
    ["a text without end", " ".repeat(70_000) + "{}", "malformed", "at most 65536"],
    ["an HS256 key of 248 bits", { kty: "oct", k: secret(31) }, "too-short", "at least 256 bits, this one has 248"],
    ["an HS256 key that is empty", { kty: "oct", k: "" }, "malformed", "`k`"],
    ["an HS256 key that is no base64url", { kty: "oct", k: "a+/=".repeat(20) }, "malformed", "`k`"],
    ["a secret for HS512", { kty: "oct", k: secret(64), alg: "HS512" }, "unsupported", "not HS512"],
    ["an RSA key", { kty: "RSA", n: "AQAB", e: "AQAB" }, "unsupported", "not RSA"],
    ["an EC key", { kty: "EC", crv: "P-256" }, "unsupported", "not EC on curve P-256"],
    ["an X25519 key", { kty: "OKP", crv: "X25519", x: secret(32) }, "unsupported", "curve X25519"],
    ["a key for encryption", { kty: "oct", k: secret(32), use: "enc" }, "unsupported", "not one for use enc"],
    ["an Ed25519 key for ES256", { kty: "OKP", crv: "Ed25519", x: secret(32), alg: "ES256" }, "unsupported", "ES256"],
    ["an Ed25519 key cut short", { kty: "OKP", crv: "Ed25519", x: secret(31) }, "malformed", "31 bytes long, not 32"],
    ["an Ed25519 key without x", { kty: "OKP", crv: "Ed25519" }, "malformed", "`x`"],
    ["no kind of key", {}, "unsupported", "Ed25519 (EdDSA) or HS256"],
  ])("refuses %s", ([, text, reason, words]) =>
    Effect.gen(function* () {
      const refused = yield* refusal(text)
      expect(refused.reason).toBe(reason)
      expect(refused.message).toContain(words)
    }),
  )

  it.effect("refuses the whole set for one bad key", () =>
    Effect.gen(function* () {
      const keys = [yield* TokenKey.generate("EdDSA"), { kty: "oct", k: secret(8) }]
      expect(yield* refusal({ keys })).toMatchObject({ reason: "too-short" })
    }),
  )

  it.effect("refuses halves that do not belong together", () =>
    Effect.gen(function* () {
      const one = yield* TokenKey.generate("EdDSA")
      const two = yield* TokenKey.generate("EdDSA")
      expect(yield* refusal({ ...one, x: two["x"] })).toMatchObject({ reason: "malformed" })
    }),
  )

  it.effect("reads the keys that other tools make", () =>
    Effect.gen(function* () {
      const pair = yield* Effect.promise(() => generateKeyPair("Ed25519", { extractable: true }))
      const jwk = yield* Effect.promise(() => exportJWK(pair.privateKey))
      const [key] = yield* TokenKey.parse(JSON.stringify({ ...jwk, alg: "Ed25519", key_ops: ["sign"], ext: true }))
      expect(key?.alg).toBe("EdDSA")
    }),
  )

  it.effect("shows no secret, neither in an error nor when a key is printed", () =>
    Effect.gen(function* () {
      const jwk = yield* TokenKey.generate("HS256")
      const text = JSON.stringify(jwk)
      const [key] = yield* TokenKey.parse(text)
      expect(inspect(key, { depth: 9 })).not.toContain(String(jwk["k"]))
      const cuts = FastCheck.sample(FastCheck.nat(text.length - 1), 50)
      for (const cut of cuts) {
        const error = yield* Effect.flip(TokenKey.parse(text.slice(0, cut)))
        expect(inspect(error, { depth: 9 })).not.toContain(String(jwk["k"]).slice(0, 8))
      }
    }),
  )
})

import { afterEach, describe, expect, it, vi } from "@effect/vitest"
import { Effect, FastCheck, Fiber, TestClock } from "effect"
import { createHmac } from "node:crypto"
import * as TokenCodec from "@rdl/core/token/TokenCodec"
import type { TokenClaims } from "@rdl/core/token/TokenClaims"
import * as TokenKey from "@rdl/core/token/TokenKey"
import type * as TokenMemory from "@rdl/core/token/TokenMemory"
import * as TokenVerifier from "@rdl/core/token/TokenVerifier"

const NOW = 1_700_000_000
const claims: TokenClaims = { sub: "edge-1", role: "source", iat: NOW, exp: NOW + 3_600, jti: "t-1" }

interface Bench {
  readonly jwk: TokenKey.Jwk
  readonly token: string
  readonly verify: (token: string | undefined, role?: "source" | "user") => Effect.Effect<TokenClaims, unknown>
  /** Signs any bytes whatever as a payload. */
  readonly sign: (payload: string | Uint8Array) => string
}

const hs256 = (secret: Uint8Array, payload: string | Uint8Array): string => {
  const body = Buffer.from(payload).toString("base64url")
  const mac = createHmac("sha256", secret).update(`${TokenCodec.header("HS256")}.${body}`)
  return `${body}.${mac.digest("base64url")}`
}

const bench = Effect.fnUntraced(function* (
  alg: TokenKey.Algorithm,
  isRevoked: (jti: string) => boolean = () => false,
  memory?: TokenMemory.Limits,
) {
  yield* TestClock.setTime(NOW * 1_000)
  const jwk = yield* TokenKey.generate(alg)
  const keys = yield* TokenKey.parse(JSON.stringify(jwk))
  const verifier = yield* TokenVerifier.make({
    keys,
    isRevoked: (jti) => Effect.succeed(isRevoked(jti)),
    ...(memory && { memory }),
  })
  const made: Bench = {
    jwk,
    token: yield* TokenCodec.issue(keys[0]!, claims),
    verify: (token, role = "source") => verifier.verify(token, role),
    sign: (payload) => hs256(Buffer.from(String(jwk["k"]), "base64url"), payload),
  }
  return made
})

const makeKeys = Effect.flatMap(TokenKey.generate("EdDSA"), (jwk) => TokenKey.parse(JSON.stringify(jwk)))

/** Every refusal looks the same to the bearer. */
const expectRefused = Effect.fnUntraced(function* (attempt: Effect.Effect<unknown, unknown>) {
  const error = yield* Effect.flip(attempt)
  expect(error).toBeInstanceOf(TokenVerifier.TokenRejected)
  const rejected = error as TokenVerifier.TokenRejected
  expect(rejected.reason).toBe("unauthorized")
  expect(rejected.message).toBe("missing or bad token")
  return rejected.detail
})

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

describe.each(["EdDSA", "HS256"] as const)("TokenVerifier with %s", (alg) => {
  it.effect("refuses a token with any one bit changed", () =>
    Effect.gen(function* () {
      const { token, verify } = yield* bench(alg)
      expect((yield* verify(token)).sub).toBe("edge-1")
      for (let at = 0; at < token.length; at++)
        for (let bit = 0; bit < 6; bit++) {
          const was = alphabet.indexOf(token[at]!)
          if (was < 0) continue
          yield* expectRefused(verify(token.slice(0, at) + alphabet[was ^ (1 << bit)]! + token.slice(at + 1)))
        }
    }),
  )

  it.effect("refuses a token cut at any length, or with anything added", () =>
    Effect.gen(function* () {
      const { token, verify } = yield* bench(alg)
      for (let length = 0; length < token.length; length++) {
        yield* expectRefused(verify(token.slice(0, length)))
        yield* expectRefused(verify(token.slice(token.length - length)))
      }
      for (const more of ["A", "AAAA", ".", "=", "==", " ", "\n", "\0", ".e30", "é"]) {
        yield* expectRefused(verify(token + more))
        yield* expectRefused(verify(more + token))
        yield* expectRefused(verify(token.replace(".", `${more}.`)))
      }
    }),
  )

  it.effect("refuses the whole JWT, whatever its header says", () =>
    Effect.gen(function* () {
      const { token, verify } = yield* bench(alg)
      for (const header of [{ alg, typ: "JWT" }, { alg: "none" }, { alg: "HS256", jwk: {} }])
        yield* expectRefused(verify(`${Buffer.from(JSON.stringify(header)).toString("base64url")}.${token}`))
    }),
  )

  it.effect("refuses an empty signature and one of zeros", () =>
    Effect.gen(function* () {
      const { token, verify } = yield* bench(alg)
      const [payload, signature] = token.split(".")
      yield* expectRefused(verify(`${payload}.`))
      yield* expectRefused(verify(`${payload}.${"A".repeat(signature!.length)}`))
      yield* expectRefused(verify(`.${signature}`))
    }),
  )

  it.effect("refuses what another key has signed", () =>
    Effect.gen(function* () {
      const { verify } = yield* bench(alg)
      for (const other of ["EdDSA", "HS256"] as const) yield* expectRefused(verify((yield* bench(other)).token))
    }),
  )

  it.effect("refuses arbitrary text", () =>
    Effect.gen(function* () {
      const { verify } = yield* bench(alg)
      const part = FastCheck.stringMatching(/^[A-Za-z0-9_-]{0,90}$/)
      for (const text of [
        ...FastCheck.sample(FastCheck.string({ unit: "binary" }), 200),
        ...FastCheck.sample(FastCheck.tuple(part, part), 200).map((parts) => parts.join(".")),
        ...FastCheck.sample(FastCheck.json(), 100),
      ])
        yield* expectRefused(verify(text))
    }),
  )

  it.effect("refuses a token of any size without decoding it", () =>
    Effect.gen(function* () {
      const { verify } = yield* bench(alg)
      expect(yield* expectRefused(verify("A".repeat(50_000_000) + ".AA"))).toBe("the token is longer than 8192 bytes")
      expect(yield* expectRefused(verify(".".repeat(8_192)))).not.toContain("8192")
    }),
  )
})

describe("TokenVerifier", () => {
  it.effect("refuses an HS256 token signed with the bytes of the public key", () =>
    Effect.gen(function* () {
      const { jwk, verify } = yield* bench("EdDSA")
      const half = JSON.stringify(yield* TokenKey.publicHalf(JSON.stringify(jwk)))
      for (const secret of [
        Buffer.from(String(jwk["x"]), "base64url"),
        Buffer.from(String(jwk["x"])),
        Buffer.from(half),
      ])
        yield* expectRefused(verify(hs256(secret, JSON.stringify(claims))))
    }),
  )

  it.effect("allows clocks to differ by 60 s, and no more", () =>
    Effect.gen(function* () {
      const { token, verify } = yield* bench("EdDSA")
      const at = (seconds: number) => Effect.zipRight(TestClock.setTime(seconds * 1_000), verify(token))
      yield* at(claims.exp + 59)
      expect(yield* expectRefused(at(claims.exp + 60))).toContain("expired")
      yield* at(claims.iat - 60)
      expect(yield* expectRefused(at(claims.iat - 61))).toContain("not valid yet")
    }),
  )

  it.effect("obeys the `nbf` of tokens made elsewhere", () =>
    Effect.gen(function* () {
      const { sign, verify } = yield* bench("HS256")
      yield* verify(sign(JSON.stringify({ ...claims, nbf: NOW + 60 })))
      expect(yield* expectRefused(verify(sign(JSON.stringify({ ...claims, nbf: NOW + 61 }))))).toContain(
        "not valid yet",
      )
    }),
  )

  it.effect("tells a good token of the other role apart from a bad one", () =>
    Effect.gen(function* () {
      const { token, verify } = yield* bench("EdDSA")
      expect(yield* Effect.flip(verify(token, "user"))).toMatchObject({
        _tag: "TokenRejected",
        reason: "forbidden",
        message: "this token is not for this",
      })
    }),
  )

  it.effect("refuses a revoked token, and only that one", () =>
    Effect.gen(function* () {
      const { sign, token, verify } = yield* bench("HS256", (jti) => jti === "t-1")
      expect(yield* expectRefused(verify(token))).toContain("t-1 of edge-1 was revoked")
      yield* verify(sign(JSON.stringify({ ...claims, jti: "t-2" })))
    }),
  )

  const text = JSON.stringify(claims)
  it.effect.each<[string, string | Uint8Array]>([
    ["is no JSON", "sub=edge-1"],
    ["is empty JSON", "{}"],
    ["is an array", `[${text}]`],
    ["is null", "null"],
    [
      "holds bytes that are no UTF-8",
      Buffer.concat([Buffer.from(text.slice(0, -1)), Buffer.from(',"x":"\xff"}', "latin1")]),
    ],
    ["begins with a byte order mark", `\ufeff${text}`],
    ["holds a NUL", text.replace("edge-1", "edge-1\0")],
    ["holds an escaped NUL", text.replace("edge-1", String.raw`edge-1\u0000`)],
    ["names a claim twice", text.replace("{", '{"role":"user",')],
    ["names a claim twice, once in escapes", text.replace("{", String.raw`{"\u0072ole":"user",`)],
    ["names a member of a member twice", text.replace("{", '{"allow":{"sources":["a"],"sources":["b"]},')],
    ["goes on after its end", `${text}{}`],
    ["has no role", JSON.stringify({ ...claims, role: undefined })],
    ["has an unknown role", JSON.stringify({ ...claims, role: "admin" })],
    ["has a role of another kind", JSON.stringify({ ...claims, role: ["source"] })],
    ["has a source name that is none", JSON.stringify({ ...claims, sub: "edge/1" })],
    ["has a subject without end", JSON.stringify({ ...claims, sub: "e".repeat(64) })],
    ["has no end", JSON.stringify({ ...claims, exp: undefined })],
    ["has an end as text", JSON.stringify({ ...claims, exp: String(claims.exp) })],
    ["has an end that is no number", text.replace(String(claims.exp), "1e999")],
    ["has no beginning", JSON.stringify({ ...claims, iat: undefined })],
    ["ends before it begins", JSON.stringify({ ...claims, exp: claims.iat })],
    ["has no id", JSON.stringify({ ...claims, jti: "" })],
    ["allows by a misspelt list", JSON.stringify({ ...claims, allow: { source: ["edge-1"] } })],
    ["allows by a list that is none", JSON.stringify({ ...claims, allow: { sources: "edge-1" } })],
    ["has its claims on the prototype", text.replace('{"sub"', '{"__proto__":{"role":"user"},"sup"')],
  ])("refuses a well-signed payload that %s", ([, payload]) =>
    Effect.gen(function* () {
      const { sign, verify } = yield* bench("HS256")
      yield* expectRefused(verify(sign(payload)))
    }),
  )

  it.effect("does not take a quoted colon for a claim", () =>
    Effect.gen(function* () {
      const { sign, verify } = yield* bench("HS256")
      yield* verify(sign(JSON.stringify({ ...claims, notes: [String.raw`"sub": "x", \"jti\" : 1`, ":", "a", ":"] })))
    }),
  )

  it.effect("refuses a missing token like a bad one", () =>
    Effect.gen(function* () {
      const { verify } = yield* bench("EdDSA")
      yield* expectRefused(verify(undefined))
      yield* expectRefused(verify(""))
    }),
  )

  it.effect("never repeats the token in its details", () =>
    Effect.gen(function* () {
      const { token, verify } = yield* bench("EdDSA")
      const signature = token.split(".")[1]!
      const detail = yield* expectRefused(verify(`${token.slice(0, -1)}${token.endsWith("A") ? "Q" : "A"}`))
      expect(detail).not.toContain(signature.slice(0, 10))
    }),
  )

  it.effect("does not start without a key", () =>
    Effect.gen(function* () {
      expect(yield* Effect.flip(TokenVerifier.make({ keys: [] }))).toMatchObject({ reason: "missing" })
    }),
  )
})

describe("TokenVerifier's memory", () => {
  /** The signatures that were really looked at. */
  const signatures = () => {
    const spy = vi.spyOn(crypto.subtle, "verify")
    return { count: () => spy.mock.calls.length }
  }
  afterEach(() => void vi.restoreAllMocks())

  it.effect.each(["EdDSA", "HS256"] as const)("verifies an %s signature once", (alg) =>
    Effect.gen(function* () {
      const { token, verify } = yield* bench(alg)
      const { count } = signatures()
      expect([yield* verify(token), yield* verify(token), yield* verify(token)]).toEqual([claims, claims, claims])
      expect(count()).toBe(1)
    }),
  )

  it.effect("keeps no token past its end, and gives none before its beginning", () =>
    Effect.gen(function* () {
      const { sign, verify } = yield* bench("HS256")
      const token = sign(JSON.stringify({ ...claims, nbf: NOW }))
      const at = (seconds: number) => Effect.zipRight(TestClock.setTime(seconds * 1_000), verify(token))
      yield* at(NOW)
      yield* at(claims.exp + 59)
      expect(yield* expectRefused(at(claims.exp + 60))).toContain("expired")
      expect(yield* expectRefused(at(NOW - 61))).toContain("not valid yet")
      yield* at(NOW - 60)
    }),
  )

  it.effect("hears of a revocation, and of its being taken back", () =>
    Effect.gen(function* () {
      let isRevoked = false
      const { token, verify } = yield* bench("EdDSA", () => isRevoked)
      yield* verify(token)
      isRevoked = true
      expect(yield* expectRefused(verify(token))).toContain("was revoked")
      isRevoked = false
      yield* verify(token)
    }),
  )

  it.effect("asks for the role every time", () =>
    Effect.gen(function* () {
      const { token, verify } = yield* bench("EdDSA")
      for (const _ of [1, 2]) {
        yield* verify(token, "source")
        expect(yield* Effect.flip(verify(token, "user"))).toMatchObject({ reason: "forbidden" })
      }
    }),
  )

  it.effect("takes no changed copy for the token it remembers, and remembers none that was refused", () =>
    Effect.gen(function* () {
      const { sign, token, verify } = yield* bench("HS256")
      const [payload, signature] = token.split(".")
      const other = sign(JSON.stringify({ ...claims, sub: "edge-2" }))
      yield* verify(token)
      yield* verify(other)
      const { count } = signatures()
      const forged = [`${other.split(".")[0]}.${signature}`, `${payload}.${other.split(".")[1]}`]
      for (const copy of [...forged, ...forged]) yield* expectRefused(verify(copy))
      expect(count()).toBe(4)
      for (const copy of [`${token} `, ` ${token}`, `${token}.`, token.toLowerCase(), token.slice(0, -1)])
        yield* expectRefused(verify(copy))
    }),
  )

  it.effect.each<[string, TokenMemory.Limits]>([
    ["as many tokens", { maxTokens: 2, maxCharacters: 1e6 }],
    ["as many characters", { maxTokens: 100, maxCharacters: 400 }],
  ])("remembers no more than %s as it may, and the last used of them", ([, memory]) =>
    Effect.gen(function* () {
      const { sign, verify } = yield* bench("HS256", () => false, memory)
      const tokens = ["t-1", "t-2", "t-3"].map((jti) => sign(JSON.stringify({ ...claims, jti })))
      const [a = "", b = "", c = ""] = tokens
      expect(a.length).toBe(148)
      const { count } = signatures()
      for (const token of [a, b, a, c, a, c]) yield* verify(token)
      expect(count()).toBe(3)
      yield* verify(b)
      expect(count()).toBe(4)
    }),
  )

  it.effect(
    "is by the keys of now: what it remembers of a key ends with it, also what is being verified meanwhile",
    () =>
      Effect.gen(function* () {
        yield* TestClock.setTime(NOW * 1_000)
        const [[old], [fresh]] = [yield* makeKeys, yield* makeKeys]
        let keys: ReadonlyArray<TokenKey.TokenKey> = [old!]
        const { remembered, verify } = yield* TokenVerifier.make({ keys: () => keys })
        const [before, after] = [yield* TokenCodec.issue(old!, claims), yield* TokenCodec.issue(fresh!, claims)]
        yield* verify(before, "source")
        yield* expectRefused(verify(after, "source"))
        keys = [old!, fresh!]
        yield* verify(before, "source")
        yield* verify(after, "source")
        const meanwhile = yield* Effect.fork(verify(yield* TokenCodec.issue(old!, { ...claims, jti: "t-2" }), "source"))
        yield* Effect.yieldNow()
        keys = [fresh!]
        yield* expectRefused(verify(before, "source"))
        yield* Effect.exit(Fiber.join(meanwhile))
        expect(remembered(before)).toBeUndefined()
        yield* expectRefused(verify(yield* TokenCodec.issue(old!, { ...claims, jti: "t-2" }), "source"))
        yield* verify(after, "source")
      }),
  )
})

/** The keys that tokens are signed and verified with, as JWKs: Ed25519, or a shared secret for HS256. */
import { Effect, Schema } from "effect"
import { base64url, calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type CryptoKey } from "jose"

/** What a key can be for. With `EdDSA` the verifier holds no secret: a stolen proxy can mint nothing. */
export const Algorithm = Schema.Literal("EdDSA", "HS256")
export type Algorithm = typeof Algorithm.Type

/** A key that is of no use, and what would be; never holds any of the key. */
export class TokenKeyError extends Schema.TaggedError<TokenKeyError>()("TokenKeyError", {
  reason: Schema.Literal("missing", "malformed", "unsupported", "too-short", "public"),
  detail: Schema.String,
}) {
  override get message(): string {
    return this.detail
  }
}

/** A JWK as JSON; holds the secret where it is private. */
export type Jwk = { readonly kty: string; readonly alg: Algorithm; readonly kid: string } & Record<string, unknown>

/** A key ready for use. Its parts are opaque handles: printing it shows no secret. */
export interface TokenKey {
  readonly alg: Algorithm
  /** The RFC 7638 thumbprint of the public half, or of the secret. */
  readonly kid: string
  readonly verifying: CryptoKey
  /** Absent where only the public half is known. */
  readonly signing: CryptoKey | undefined
}

/** A text longer than this is no key set. In characters. */
export const MAX_TEXT = 65_536
/** Keys in one set: each costs a bad token one more verification. */
export const MAX_KEYS = 16
/** Bytes of an HS256 secret, at least (RFC 7518, section 3.2). */
export const MIN_SECRET = 32

/** Makes a private JWK from the platform's random source: Ed25519, or a secret of 256 bits. */
export const generate = Effect.fn("TokenKey.generate")(function* (alg: Algorithm) {
  const bare =
    alg === "HS256"
      ? { kty: "oct", k: base64url.encode(crypto.getRandomValues(new Uint8Array(MIN_SECRET))) }
      : yield* Effect.promise(async () =>
          exportJWK((await generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true })).privateKey),
        )
  const kid = yield* Effect.promise(() => calculateJwkThumbprint(bare))
  return { ...bare, kty: bare.kty!, use: "sig", alg, kid } satisfies Jwk
})

/** Reads a JWK or a JWK set, private or public: 1 to 16 keys, all of them good. */
export const parse = Effect.fn("TokenKey.parse")(function* (text: string) {
  return yield* Effect.forEach(yield* members(text), importKey)
})

/** The public half of every key of the text, as a JWK or a JWK set, as the text was. HS256 keys have none. */
export const publicHalf = Effect.fn("TokenKey.publicHalf")(function* (text: string) {
  const halves = yield* Effect.forEach(yield* members(text), (jwk) =>
    Effect.gen(function* () {
      const { alg, kid } = yield* importKey(jwk)
      if (alg === "HS256")
        return yield* refuse("unsupported", "an HS256 key is one shared secret and has no public half; use EdDSA")
      return { kty: "OKP", crv: "Ed25519", x: jwk["x"], use: "sig", alg, kid } satisfies Jwk
    }),
  )
  return halves.length === 1 ? halves[0]! : { keys: halves }
})

const refuse = (reason: TokenKeyError["reason"], detail: string) => new TokenKeyError({ reason, detail })

const JsonObject = Schema.Record({ key: Schema.String, value: Schema.Unknown })
const JwkSet = Schema.Struct({ keys: Schema.Array(JsonObject) })
const isJwkSet = Schema.is(JwkSet)

const members = (text: string): Effect.Effect<ReadonlyArray<typeof JsonObject.Type>, TokenKeyError> => {
  if (text.trim() === "") return refuse("missing", "there is no key; `rdl key generate` makes one")
  if (text.length > MAX_TEXT) return refuse("malformed", `a key is at most ${MAX_TEXT} characters long`)
  return Schema.decodeUnknown(Schema.parseJson(JsonObject))(text).pipe(
    // The parser's own words would quote the secret.
    Effect.mapError(() => refuse("malformed", "a key is a JWK or a JWK set: a JSON object")),
    Effect.flatMap((json) => {
      if (!("keys" in json)) return Effect.succeed([json])
      if (!isJwkSet(json)) return refuse("malformed", "`keys` of a JWK set is an array of objects")
      if (json.keys.length === 0) return refuse("missing", "the JWK set is empty")
      return json.keys.length > MAX_KEYS
        ? refuse("unsupported", `a JWK set holds at most ${MAX_KEYS} keys`)
        : Effect.succeed(json.keys)
    }),
  )
}

const importKey = (jwk: typeof JsonObject.Type): Effect.Effect<TokenKey, TokenKeyError> => {
  if (jwk["use"] !== undefined && jwk["use"] !== "sig")
    return refuse("unsupported", `a key for signing is needed, not one for use ${show(jwk["use"])}`)
  if (jwk["kty"] === "oct") return importSecret(jwk)
  if (jwk["kty"] === "OKP" && jwk["crv"] === "Ed25519") return importEd25519(jwk)
  const curve = jwk["crv"] === undefined ? "" : ` on curve ${show(jwk["crv"])}`
  return refuse("unsupported", `keys are Ed25519 (EdDSA) or HS256, not ${show(jwk["kty"])}${curve}`)
}

const importSecret = Effect.fnUntraced(function* (jwk: typeof JsonObject.Type) {
  if (jwk["alg"] !== undefined && jwk["alg"] !== "HS256")
    return yield* refuse("unsupported", `a shared secret is for HS256, not ${show(jwk["alg"])}`)
  const secret = yield* octets(jwk, "k")
  if (secret.length < MIN_SECRET)
    return yield* refuse("too-short", `an HS256 key needs at least 256 bits, this one has ${secret.length * 8}`)
  return yield* attempt(async () => {
    const handle = await crypto.subtle.importKey(
      "raw",
      Uint8Array.from(secret),
      { name: "HMAC", hash: "SHA-256" },
      false,
      ["sign", "verify"],
    )
    const kid = await calculateJwkThumbprint({ kty: "oct", k: base64url.encode(secret) })
    return { alg: "HS256", kid, verifying: handle, signing: handle } as const
  })
})

const importEd25519 = Effect.fnUntraced(function* (jwk: typeof JsonObject.Type) {
  // RFC 9864 names the algorithm by its curve; both names mean the same here.
  if (jwk["alg"] !== undefined && jwk["alg"] !== "EdDSA" && jwk["alg"] !== "Ed25519")
    return yield* refuse("unsupported", `an Ed25519 key is for EdDSA, not ${show(jwk["alg"])}`)
  const half = { kty: "OKP", crv: "Ed25519", x: base64url.encode(yield* octets(jwk, "x", 32)) }
  const d = jwk["d"] === undefined ? undefined : base64url.encode(yield* octets(jwk, "d", 32))
  return yield* attempt(async (): Promise<TokenKey> => {
    const verifying = (await importJWK(half, "EdDSA")) as CryptoKey
    const signing = d === undefined ? undefined : ((await importJWK({ ...half, d }, "EdDSA")) as CryptoKey)
    return { alg: "EdDSA", kid: await calculateJwkThumbprint(half), verifying, signing }
  })
})

const octets = (jwk: typeof JsonObject.Type, member: string, length?: number) =>
  Effect.suspend(() => {
    const text = jwk[member]
    const bytes = typeof text === "string" && /^[A-Za-z0-9_-]+$/.test(text) ? base64url.decode(text) : undefined
    if (bytes === undefined) return refuse("malformed", `\`${member}\` of the key is missing, or not base64url`)
    return length !== undefined && bytes.length !== length
      ? refuse("malformed", `\`${member}\` of the key is ${bytes.length} bytes long, not ${length}`)
      : Effect.succeed(bytes)
  })

const attempt = <A>(run: () => Promise<A>): Effect.Effect<A, TokenKeyError> =>
  Effect.tryPromise({
    try: run,
    catch: () => refuse("malformed", "the key's numbers are no key, or its two halves do not belong together"),
  })

const show = (value: unknown): string =>
  typeof value === "string" && /^[\w.-]{1,32}$/.test(value) ? value : "of an unknown kind"

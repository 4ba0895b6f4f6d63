/**
 * Tokens as they travel: a JWT without its header, `<payload>.<signature>`.
 * The header is a constant per algorithm; putting it back gives a standard JWT, and no token can choose how it is verified.
 */
import { Effect, ParseResult, Schema } from "effect"
import { base64url, flattenedVerify, type JWTPayload, SignJWT } from "jose"
import { SourceName } from "../model/SourceName.ts"
import { TokenClaims } from "./TokenClaims.ts"
import { type Algorithm, type TokenKey, TokenKeyError } from "./TokenKey.ts"

/** The longest token, in bytes; more is refused before anything is decoded. */
export const MAX_TOKEN = 8192
/** How far two clocks may differ, in seconds, on either side of a token's life. */
export const CLOCK_SKEW = 60

/** What is wrong with a token, for the operator; holds nothing of the token but its claims. */
export class BadToken extends Schema.TaggedError<BadToken>()("BadToken", { detail: Schema.String }) {
  override get message(): string {
    return this.detail
  }
}

/** The header that is left out: what to put before a token, with a dot, to get a JWT. */
export const header = (alg: Algorithm): string => base64url.encode(JSON.stringify({ alg, typ: "JWT" }))

/** Signs claims; needs a private key. Refuses claims that no verifier would take. */
export const issue = Effect.fn("TokenCodec.issue")(function* (key: TokenKey, claims: TokenClaims) {
  const signing = key.signing
  if (signing === undefined)
    return yield* new TokenKeyError({
      reason: "public",
      detail: "tokens are issued with the private key, not its public half",
    })
  const payload: JWTPayload = { ...(yield* checkClaims(claims)) }
  const jwt = yield* Effect.promise(() =>
    new SignJWT(payload).setProtectedHeader({ alg: key.alg, typ: "JWT" }).sign(signing),
  )
  const token = jwt.slice(jwt.indexOf(".") + 1)
  return token.length <= MAX_TOKEN
    ? token
    : yield* new BadToken({
        detail: `the token would be ${token.length} bytes long, more than ${MAX_TOKEN}: allow fewer things, or by globs`,
      })
})

/** The claims of a token, unverified: for showing to the token's owner, never for deciding anything. */
export const inspect = Effect.fn("TokenCodec.inspect")(function* (token: string) {
  const { payload } = yield* split(token)
  return yield* decodeClaims(base64url.decode(payload))
})

/** The claims of a token that one of the keys has signed and that is valid at `now`, in unix seconds. */
export const verify = (
  token: string,
  keys: ReadonlyArray<TokenKey>,
  now: number,
): Effect.Effect<TokenClaims, BadToken> =>
  Effect.flatMap(verifySignature(token, keys), (signed) => validAt(signed, now))

/** What one of the keys has signed, whenever that was or will be valid: the costly half of `verify`, for `validAt` to go on with. */
export const verifySignature = Effect.fn("TokenCodec.verifySignature")(function* (
  token: string,
  keys: ReadonlyArray<TokenKey>,
) {
  const parts = yield* split(token)
  for (const key of keys) {
    const bytes = yield* Effect.promise(() => verifiedPayload(parts, key))
    if (bytes !== undefined) return yield* decodeClaims(bytes)
  }
  return yield* new BadToken({ detail: "the signature is by none of the keys" })
})

/** The claims, if they are valid at `now`, in unix seconds. */
export const validAt = ({ nbf, ...claims }: Payload, now: number): Effect.Effect<TokenClaims, BadToken> => {
  if (now >= claims.exp + CLOCK_SKEW) return new BadToken({ detail: `the token of ${claims.sub} has expired` })
  return now < Math.max(claims.iat, nbf ?? claims.iat) - CLOCK_SKEW
    ? new BadToken({ detail: `the token of ${claims.sub} is not valid yet` })
    : Effect.succeed(claims)
}

interface Parts {
  readonly payload: string
  readonly signature: string
}

const split = (token: string): Effect.Effect<Parts, BadToken> => {
  if (token.length > MAX_TOKEN) return new BadToken({ detail: `the token is longer than ${MAX_TOKEN} bytes` })
  const [payload, signature, more] = token.split(".", 3)
  if (payload === undefined || signature === undefined)
    return new BadToken({ detail: "a token is two parts with a dot between" })
  if (more !== undefined)
    return new BadToken({ detail: "the token has three parts: a JWT goes without its first part, the header" })
  return isCanonical(payload) && isCanonical(signature)
    ? Effect.succeed({ payload, signature })
    : new BadToken({ detail: "a part of the token is not base64url without padding" })
}

/** One spelling for one sequence of bytes: no padding, no foreign characters, no bits left over at the end. */
const isCanonical = (text: string): boolean =>
  /^[A-Za-z0-9_-]+$/.test(text) && text.length % 4 !== 1 && base64url.encode(base64url.decode(text)) === text

/** The comparison of HMACs is the platform's, in constant time. */
const verifiedPayload = (parts: Parts, key: TokenKey): Promise<Uint8Array | undefined> =>
  flattenedVerify({ protected: header(key.alg), ...parts }, key.verifying, { algorithms: [key.alg] }).then(
    (result) => result.payload,
    () => undefined,
  )

// `nbf` is not ours, but a token made elsewhere may carry it and mean it.
const Payload = Schema.Struct({ ...TokenClaims.fields, nbf: Schema.optionalWith(Schema.Int, { exact: true }) })
/** What a token says, its claims and when it may be used. */
export type Payload = typeof Payload.Type
const decodePayload = Schema.decodeUnknown(Payload)
const isSourceName = Schema.is(SourceName)

const decodeClaims = (bytes: Uint8Array): Effect.Effect<Payload, BadToken> =>
  Effect.try({
    try: () => parseOnce(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes)),
    catch: () => new BadToken({ detail: "the payload is not JSON in UTF-8, or names a claim twice" }),
  }).pipe(Effect.flatMap(checkClaims))

const checkClaims = (claims: unknown): Effect.Effect<Payload, BadToken> =>
  decodePayload(claims).pipe(
    Effect.mapError((error) => new BadToken({ detail: firstIssue(error) })),
    Effect.filterOrFail(
      ({ role, sub }) => role !== "source" || isSourceName(sub),
      () => new BadToken({ detail: "the `sub` of a source's token is no source name" }),
    ),
    Effect.filterOrFail(
      ({ exp, iat }) => exp > iat,
      () => new BadToken({ detail: "the token ends before it begins: `exp` is not after `iat`" }),
    ),
  )

/** Names the claim and not its value, which may be of any size and kind. */
const firstIssue = (error: ParseResult.ParseError): string => {
  const path = ParseResult.ArrayFormatter.formatErrorSync(error)[0]?.path.join(".")
  return path === undefined || path === "" ? "the payload is no claims" : `the claim \`${path}\` is missing or wrong`
}

/** Parses JSON in which no object names a member twice: parsers differ in which one they take. */
const parseOnce = (text: string): unknown => {
  const value: unknown = JSON.parse(text)
  if (countWritten(text) !== countMembers(value)) throw new Error("a name stands twice")
  return value
}

/** How many members are written in a text that is known to be JSON: strings with a colon after them. */
const countWritten = (text: string): number =>
  text.match(/"(?:[^"\\]|\\.)*"\s*:?/g)?.filter((string) => string.endsWith(":")).length ?? 0

const countMembers = (value: unknown): number =>
  typeof value !== "object" || value === null
    ? 0
    : Object.values(value).reduce<number>(
        (sum, item) => sum + countMembers(item),
        Array.isArray(value) ? 0 : Object.keys(value).length,
      )

/** One request of a source and what came of it. Only what is provably the proxy's own is an answer; anything else in its place is a failure with a name. */
import { Either, Redacted, Schema } from "effect"
import type { Dispatcher } from "undici"
import { BATCH_BYTES, framesType, MAX_PAYLOAD, Refusal } from "./HttpWire.ts"

/** The longest answer that is read: a batch, or one frame that is longer, and the number before it. */
const MAX_ANSWER = Math.max(BATCH_BYTES, MAX_PAYLOAD + 12) + 8

export interface Question {
  readonly method: "GET" | "POST" | "DELETE"
  /** Behind the path of the sessions, such as `/{session}/up?seq=3`. */
  readonly tail: string
  readonly body?: Uint8Array | string
  readonly type?: string
  readonly timeoutMs: number
}

export type Outcome =
  | { readonly is: "frames"; readonly body: Uint8Array }
  | { readonly is: "nothing" }
  | { readonly is: "json"; readonly status: number; readonly value: unknown }
  | {
      readonly is: "refusal"
      readonly status: number
      readonly error: Refusal["error"]
      readonly retryAfterMs?: number
    }
  | {
      readonly is: "failure"
      readonly detail: string
      readonly status?: number
      readonly retryAfterMs?: number
      readonly cause?: unknown
    }

export type Ask = (question: Question) => Promise<Outcome>

interface Raw {
  readonly status: number
  readonly headers: Dispatcher.ResponseData["headers"]
  readonly body: Uint8Array
}

/** Sends questions with the token; never rejects. `signal` ends all of them. */
export const make =
  (dispatcher: Dispatcher, sessions: URL, token: Redacted.Redacted, signal: AbortSignal): Ask =>
  async (question) => {
    const abort = new AbortController()
    const stop = () => abort.abort()
    const timer = setTimeout(stop, question.timeoutMs)
    signal.addEventListener("abort", stop)
    try {
      signal.throwIfAborted()
      return read(await send(dispatcher, sessions, token, abort.signal, question))
    } catch (cause) {
      if (signal.aborted) return { is: "failure", detail: "the link was dropped" }
      const detail = abort.signal.aborted ? `no answer within ${question.timeoutMs / 1000} s` : describe(cause)
      return { is: "failure", detail, cause }
    } finally {
      clearTimeout(timer)
      signal.removeEventListener("abort", stop)
    }
  }

const send = async (
  dispatcher: Dispatcher,
  sessions: URL,
  token: Redacted.Redacted,
  signal: AbortSignal,
  { method, tail, body, type }: Question,
): Promise<Raw> => {
  const answer = await dispatcher.request({
    origin: sessions.origin,
    path: `${sessions.pathname}${tail}`,
    method,
    headers: {
      authorization: `Bearer ${Redacted.value(token)}`,
      accept: `${framesType}, application/json`,
      ...(type === undefined ? {} : { "content-type": type }),
    },
    body: body ?? null,
    signal,
    // The timer above bounds the whole exchange.
    headersTimeout: 0,
    bodyTimeout: 0,
  })
  return { status: answer.statusCode, headers: answer.headers, body: await readBody(answer.body) }
}

const readBody = async (body: Dispatcher.ResponseData["body"]): Promise<Uint8Array> => {
  const chunks: Array<Uint8Array> = []
  let length = 0
  for await (const chunk of body) {
    chunks.push(chunk as Uint8Array)
    length += (chunk as Uint8Array).length
    if (length > MAX_ANSWER) throw new Error(`an answer longer than ${MAX_ANSWER} bytes`)
  }
  return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks)
}

const read = (raw: Raw): Outcome => {
  const { status } = raw
  const type = single(raw.headers["content-type"])?.split(";", 1)[0]?.trim().toLowerCase()
  if (status === 204) return { is: "nothing" }
  if (status === 200 && type === framesType) return { is: "frames", body: raw.body }
  const wait = readRetryAfter(single(raw.headers["retry-after"]), Date.now())
  const retryAfter = wait === undefined ? {} : { retryAfterMs: wait }
  const value = type === "application/json" ? parse(raw.body) : undefined
  if (value !== undefined && status < 300) return { is: "json", status, value }
  const refusal = isRefusal(value)
  if (Either.isRight(refusal)) return { is: "refusal", status, error: refusal.right.error, ...retryAfter }
  return { is: "failure", detail: foreign(raw, type), status, ...retryAfter }
}

const isRefusal = Schema.decodeUnknownEither(Refusal)

const parse = (body: Uint8Array): unknown => {
  try {
    return JSON.parse(Buffer.from(body).toString())
  } catch {
    return undefined
  }
}

/** Redirects are not followed: the token would go to whoever is named. */
const foreign = ({ status, headers }: Raw, type: string | undefined): string => {
  const what = type === undefined ? "no content type" : type
  if (status >= 300 && status < 400) {
    const to = single(headers["location"])
    const where = to !== undefined && URL.canParse(to) ? ` to ${new URL(to).origin}` : ""
    return `a redirect${where} (${status}) came in place of the proxy's answer, and a token follows none`
  }
  return `HTTP ${status} with ${what} is not the proxy's answer but that of something on the way`
}

const single = (value: string | Array<string> | undefined): string | undefined =>
  Array.isArray(value) ? value[0] : value

/** Seconds or a date; undefined for anything else. */
const readRetryAfter = (value: string | undefined, now: number): number | undefined => {
  if (value === undefined) return undefined
  if (/^\d+$/.test(value.trim())) return Number(value) * 1000
  const date = Date.parse(value)
  return Number.isNaN(date) ? undefined : Math.max(0, date - now)
}

const describe = (cause: unknown): string => {
  if (!(cause instanceof Error)) return "the request failed"
  const inner = cause.cause instanceof Error ? cause.cause : cause
  const code = "code" in inner && typeof inner.code === "string" ? ` (${inner.code})` : ""
  return `${inner.message === "" ? "the request failed" : inner.message}${code}`
}

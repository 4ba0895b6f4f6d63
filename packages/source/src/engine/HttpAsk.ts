/** Small whole answers of the engine, each over a connection of its own: one kept from before may lead to an engine that is gone. */
import { Either } from "effect"
import { buildConnector, Pool } from "undici"
import type { EngineAddress, EngineUnavailable } from "./EngineAddress.ts"

/** Small questions asked of the engine at a time; a fifth waits. */
export const MAX_CONNECTIONS = 4
/** The longest whole answer, in bytes: a list of some 50 000 containers. A longer one fails. */
export const MAX_ANSWER = 64 * 1024 * 1024
const CONNECT_TIMEOUT_MS = 10_000

export interface Answer {
  readonly status: number
  readonly header: (name: string) => string | undefined
  readonly body: string
}

/** What may be waited for one answer: for its headers, and then between two parts of its body. */
export interface AskLimits {
  readonly timeoutMs: number
}

/** A pool that asks where the engine is before each new connection, so that one that moved is found again. */
export const makePool = (locate: () => Either.Either<EngineAddress, EngineUnavailable>): Pool =>
  new Pool("http://engine", {
    connections: MAX_CONNECTIONS,
    pipelining: 0,
    connect: (target, callback) => {
      const address = locate()
      if (Either.isLeft(address)) return callback(address.left, null)
      const { right } = address
      if (right._tag === "Unix")
        return buildConnector({ socketPath: right.path, timeout: CONNECT_TIMEOUT_MS })(target, callback)
      const at = { ...target, hostname: right.host, host: right.host, port: String(right.port), protocol: "http:" }
      return buildConnector({ timeout: CONNECT_TIMEOUT_MS })(at, callback)
    },
  })

/** One GET; rejects with what undici rejects with, or when the answer is too long. */
export const ask = async (pool: Pool, path: string, limits: AskLimits, signal: AbortSignal): Promise<Answer> => {
  const answer = await pool.request({
    path,
    method: "GET",
    signal,
    headersTimeout: limits.timeoutMs,
    bodyTimeout: limits.timeoutMs,
  })
  const parts: Array<Uint8Array> = []
  let length = 0
  for await (const part of answer.body as AsyncIterable<Uint8Array>) {
    length += part.length
    if (length > MAX_ANSWER) throw new Error(`its answer is longer than ${MAX_ANSWER} bytes`)
    parts.push(part)
  }
  return {
    status: answer.statusCode,
    header: (name) => {
      const value = answer.headers[name]
      return Array.isArray(value) ? value[0] : value
    },
    body: Buffer.concat(parts).toString("utf8"),
  }
}

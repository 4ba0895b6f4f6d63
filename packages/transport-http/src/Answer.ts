/** What a proxy answers to one request, as data; every answer says that nobody may keep or change it. */
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http"
import * as FrameBatch from "./FrameBatch.ts"
import { framesType, type Goodbye, type Refusal } from "./HttpWire.ts"

export interface Answer {
  readonly status: number
  readonly headers: OutgoingHttpHeaders
  readonly body: Uint8Array | string
}

/** Gives a request its answer; only the first counts. */
export type Reply = (answer: Answer) => void

export const json = (status: number, value: unknown, headers: OutgoingHttpHeaders = {}): Answer => ({
  status,
  headers: { "content-type": "application/json", ...headers },
  body: JSON.stringify(value),
})

export const frames = (batch: FrameBatch.NumberedFrames): Answer => ({
  status: 200,
  headers: { "content-type": framesType },
  body: FrameBatch.joinNumbered(batch),
})

/** To a poll for which there was nothing. */
export const nothing: Answer = { status: 204, headers: {}, body: "" }

export const refusal = (
  status: number,
  code: string,
  message: string,
  facts: Omit<Refusal["error"], "code" | "message"> = {},
  headers: OutgoingHttpHeaders = {},
): Answer => json(status, { error: { code, message, ...facts } } satisfies Refusal, headers)

export const badRequest = (message: string): Answer => refusal(400, "bad-request", message)

export const unknownSession = refusal(404, "no-such-session", "there is no such session; make a new one")

export const sessionClosed = (closed: Goodbye): Answer =>
  refusal(410, "session-closed", "this session has ended; make a new one", { closed })

export const outOfOrder = (expected: number): Answer =>
  refusal(409, "out-of-order", `frame ${expected} must come first`, { expected })

/** 503 with a time to wait. */
export const busy = (message: string, seconds: number): Answer =>
  refusal(503, "busy", message, {}, { "retry-after": `${seconds}` })

/** Writes it, once. What the request still has to say is not waited for: its connection ends with the answer. */
export const write = (req: IncomingMessage, res: ServerResponse, answer: Answer): void => {
  if (res.headersSent || res.destroyed) return
  res.writeHead(answer.status, {
    ...answer.headers,
    "cache-control": "no-store, no-transform",
    ...(answer.status === 204 ? {} : { "content-length": Buffer.byteLength(answer.body) }),
    ...(req.complete || req.method === "GET" ? {} : { connection: "close" }),
  })
  res.end(answer.body)
}

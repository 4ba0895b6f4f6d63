/** Takes links over plain HTTP requests, on an HTTP server that exists already (docs/protocol-http.md). */
import { LinkAcceptor, type SourceIdentity } from "@rdl/core/link/Link"
import { Duration, Effect, FiberSet, Layer, Option, Schema, type Scope } from "effect"
import type { IncomingMessage, Server, ServerResponse } from "node:http"
import type { Server as TlsServer } from "node:https"
import * as Answer from "./Answer.ts"
import * as FrameBatch from "./FrameBatch.ts"
import { BATCH_BYTES, Goodbye, JSON_BYTES, path as defaultPath, WINDOW } from "./HttpWire.ts"
import * as RequestBody from "./RequestBody.ts"
import { divert, type Handler } from "./RequestDiversion.ts"
import * as Sessions from "./Sessions.ts"

/** Where links are taken, how long requests are held, and how much may be under way at a time. */
export interface Options {
  /** Where sessions are made; what lies below it is theirs. Default `/link/v1/sessions`. */
  readonly path?: string | undefined
  /** How long a poll is held, give or take a tenth: less than what anything on the way waits for. Default 25 s. */
  readonly pollTime?: Duration.DurationInput | undefined
  /** A link is lost when no request came for so long. Default 60 s. */
  readonly idleLimit?: Duration.DurationInput | undefined
  /** What the check of a token may take, then 503; default 10 s. */
  readonly checkTimeout?: Duration.DurationInput | undefined
  /** Requests that may wait for their token to be checked; one more gets 503. Default 1,000. */
  readonly maxPendingChecks?: number | undefined
  /** Links at a time, then 503. Default 10,000. */
  readonly maxSessions?: number | undefined
  /** Links of one source at a time, lost ones included until the idle limit; then 429. Default 32. */
  readonly maxSessionsPerSource?: number | undefined
}

/**
 * What answers the requests of links and leaves all others untouched; for a server whose listener calls it first:
 * `(req, res) => links(req, res) || app(req, res)`. Closing the scope says SHUTTING_DOWN on every link and waits for
 * their end, at most 3 s.
 */
export const handler = (options: Options = {}): Effect.Effect<Handler, never, Scope.Scope | LinkAcceptor> =>
  Effect.gen(function* () {
    const { handle, sessions } = yield* make(options)
    yield* Effect.addFinalizer(() => sessions.drain)
    return handle
  })

/** Takes requests of the path for as long as the scope lives; others go where they went before. Closing is as with `handler`. */
export const attach = (
  server: Server | TlsServer,
  options: Options = {},
): Effect.Effect<void, never, Scope.Scope | LinkAcceptor> =>
  Effect.gen(function* () {
    const { handle, sessions } = yield* make(options)
    yield* divert(server, handle)
    // Before the diversion ends: sources fetch their goodbye with one more poll.
    yield* Effect.addFinalizer(() => sessions.drain)
  })

/** `attach` as a layer. Let the server listen after it, or what comes too early gets 404. */
export const layer = (
  options: Options & { readonly server: Server | TlsServer },
): Layer.Layer<never, never, LinkAcceptor> => Layer.scopedDiscard(attach(options.server, options))

const make = (options: Options) =>
  Effect.gen(function* () {
    const acceptor = yield* LinkAcceptor
    const pollMs = Duration.toMillis(options.pollTime ?? "25 seconds")
    const sessions = yield* Sessions.make(acceptor, {
      pollMs,
      idleMs: Duration.toMillis(options.idleLimit ?? "60 seconds"),
      maxSessions: options.maxSessions ?? 10_000,
      maxSessionsPerSource: options.maxSessionsPerSource ?? 32,
    })
    const run = yield* FiberSet.makeRuntime<never, void>()
    const path = options.path ?? defaultPath
    const checkTimeout = Duration.decode(options.checkTimeout ?? "10 seconds")
    const maxPending = options.maxPendingChecks ?? 1_000
    let pending = 0

    const handle: Handler = (req, res) => {
      const url = req.url ?? ""
      const isOurs = url.startsWith(path) && ["", "/", "?"].includes(url.charAt(path.length))
      if (!isOurs) return false
      const reply: Answer.Reply = (answer) => Answer.write(req, res, answer)
      req.on("error", () => undefined)
      res.on("error", () => undefined)
      if (pending >= maxPending) {
        reply(Answer.busy("too many requests wait for their token to be checked", 1))
        return true
      }
      pending += 1
      const done = Effect.sync(() => (pending -= 1))
      const checked = Effect.ensuring(authenticate(acceptor, req, checkTimeout), done)
      run(
        Effect.match(checked, {
          onFailure: reply,
          onSuccess: (identity) => route({ sessions, pollMs, tail: url.slice(path.length) }, identity, req, res, reply),
        }),
      )
      return true
    }
    return { handle, sessions }
  })

const authenticate = (
  acceptor: LinkAcceptor["Type"],
  req: IncomingMessage,
  limit: Duration.Duration,
): Effect.Effect<SourceIdentity, Answer.Answer> =>
  acceptor.authenticate(readToken(req.headers.authorization)).pipe(
    Effect.mapError((rejected) =>
      rejected.reason === "unauthorized"
        ? Answer.refusal(401, "unauthorized", rejected.message, {}, { "www-authenticate": "Bearer" })
        : Answer.refusal(403, "forbidden", rejected.message),
    ),
    Effect.timeoutFail({ duration: limit, onTimeout: () => Answer.busy("the token could not be checked in time", 1) }),
  )

const readToken = (header: string | undefined): string | undefined => /^Bearer +([^\s]+)$/i.exec(header ?? "")?.[1]

interface Place {
  readonly sessions: Sessions.Sessions
  readonly pollMs: number
  /** What stands behind the path: query included. */
  readonly tail: string
}

const route = (
  { pollMs, sessions, tail }: Place,
  identity: SourceIdentity,
  req: IncomingMessage,
  res: ServerResponse,
  reply: Answer.Reply,
): void => {
  const [where = "", query = ""] = tail.split("?", 2)
  const [, id = "", action, ...more] = where.split("/")
  if (id === "") return req.method === "POST" ? create(sessions, identity, pollMs, reply) : reply(wrongMethod("POST"))
  const session = sessions.find(id, identity.name)
  if ("status" in session) return reply(session)
  const wants = more.length > 0 ? undefined : methods[action ?? ""]
  if (wants === undefined) return reply(Answer.refusal(404, "no-such-route", "a session has `up` and `down`"))
  if (req.method !== wants) return reply(wrongMethod(wants))
  const number = readNumber(new URLSearchParams(query))
  if (action === "down") return poll(session, number("ack"), res, reply)
  if (action === "up") return void take(session, number("seq"), req, reply)
  return void goodbye(session, req, reply)
}

const methods: Readonly<Record<string, string>> = { up: "POST", down: "GET", "": "DELETE" }

const wrongMethod = (method: string): Answer.Answer =>
  Answer.refusal(405, "method-not-allowed", `this takes ${method} only`, {}, { allow: method })

const readNumber =
  (query: URLSearchParams) =>
  (name: string): number | Answer.Answer => {
    const text = query.get(name) ?? ""
    const number = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN
    return Number.isSafeInteger(number) ? number : Answer.badRequest(`the parameter \`${name}\` must be a whole number`)
  }

const create = (sessions: Sessions.Sessions, identity: SourceIdentity, pollMs: number, reply: Answer.Reply): void => {
  const session = sessions.create(identity)
  if ("status" in session) return reply(session)
  reply(Answer.json(201, { session: session.id, pollMs, batchBytes: BATCH_BYTES, window: WINDOW }))
}

const poll = (
  { link }: Sessions.Session,
  ack: number | Answer.Answer,
  res: ServerResponse,
  reply: Answer.Reply,
): void => {
  if (typeof ack !== "number") return reply(ack)
  res.on("close", () => link.abandon(reply))
  link.poll(ack, reply)
}

/** Twice the window: a source tries again while the body of its first attempt is stuck somewhere. */
const MAX_READING = 2 * WINDOW

const take = async (
  { link }: Sessions.Session,
  seq: number | Answer.Answer,
  req: IncomingMessage,
  reply: Answer.Reply,
): Promise<void> => {
  if (typeof seq !== "number") return reply(seq)
  if (link.reading >= MAX_READING) return reply(Answer.busy("too many bodies of this session are on their way", 1))
  link.reading += 1
  const body = await RequestBody.read(req, BATCH_BYTES)
  link.reading -= 1
  if (body === undefined) return
  if ("status" in body) return reply(body)
  try {
    link.take(seq, FrameBatch.split(body), reply)
  } catch (error) {
    const [code, reason] = FrameBatch.readError(error)
    reply(Answer.badRequest(reason))
    link.lose(code, reason)
  }
}

const decodeGoodbye = Schema.decodeUnknownOption(Schema.parseJson(Goodbye))

const goodbye = async ({ link }: Sessions.Session, req: IncomingMessage, reply: Answer.Reply): Promise<void> => {
  const body = await RequestBody.read(req, JSON_BYTES)
  if (body === undefined) return
  if ("status" in body) return reply(body)
  const said = decodeGoodbye(body.toString())
  if (Option.isNone(said)) return reply(Answer.badRequest("the body must be JSON with `clean`, `code` and `reason`"))
  link.goodbye(said.value)
  reply(Answer.json(200, {}))
}

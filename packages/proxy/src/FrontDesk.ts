/**
 * Sees every request and every upgrade of a server before anybody serves it, links included: turns away who keeps
 * coming with bad tokens, and puts down what became of each. It decides by what was answered, so no transport knows of it.
 */
import { OPEN_PATHS } from "@rdl/core/api/UserApi"
import type { TokenVerifier } from "@rdl/core/token/TokenVerifier"
import { Effect, Runtime, type Scope } from "effect"
import type { IncomingMessage, Server, ServerResponse } from "node:http"
import type { Server as TlsServer } from "node:https"
import type { Duplex } from "node:stream"
import * as Audit from "./Audit.ts"
import * as ClientAddress from "./ClientAddress.ts"
import * as Metrics from "./Metrics.ts"
import * as Pipelining from "./Pipelining.ts"
import { type Rate, RateLimit } from "./RateLimit.ts"
import * as Visit from "./Visit.ts"

export interface Options {
  /** Whose `X-Forwarded-For` is believed. Default: nobody's. */
  readonly trusted: ClientAddress.TrustedProxies
  /**
   * Answers of 401 to one client address (one /64 of IPv6) before it gets 429, unseen, for any token that was not
   * found good before. Default 60, and one more a second; undefined = no limit.
   */
  readonly badTokens: Rate | undefined
  /** Told of each request when it is over. Of a link's requests only its beginning, and what was refused. */
  readonly audit: Audit.Sink | undefined
}

export const defaults: Options = {
  trusted: ClientAddress.trustNobody,
  badTokens: { perSecond: 1, burst: 60 },
  audit: undefined,
}

type AnyServer = Server | TlsServer

/** Stands before all that is hung into the server already, for as long as the scope lives. */
export const attach = Effect.fn("FrontDesk.attach")(function* (
  server: AnyServer,
  remembered: TokenVerifier["Type"]["remembered"],
  options: Options,
): Effect.fn.Return<void, never, Scope.Scope> {
  const runtime = yield* Effect.runtime()
  const desk = new Desk(remembered, options, (address) => void Runtime.runFork(runtime)(forwarded(address)))
  yield* Effect.acquireRelease(
    Effect.sync(() => begin(server, desk)),
    (end) => Effect.sync(end),
  )
})

const forwarded = (address: string) =>
  Effect.logWarning(
    `requests come through a web server at ${address} whose X-Forwarded-For is not trusted, so all its clients count as one; --trust-proxy ${address} believes it`,
  )

/** The request is taken out before the event is told: every listener answers what it gets. */
const begin = (server: AnyServer, desk: Desk): (() => void) => {
  const emit = server.emit as (name: unknown, ...event: Array<unknown>) => boolean
  let isOpen = true
  const diverted = (name: unknown, ...event: Array<unknown>): boolean => {
    const pass = () => emit.call(server, name, ...event)
    if (!isOpen) return pass()
    if (name === "request") return desk.request(event[0] as IncomingMessage, event[1] as ServerResponse, pass)
    return name === "upgrade" ? desk.upgrade(event[0] as IncomingMessage, event[1] as Duplex, pass) : pass()
  }
  server.emit = diverted
  return () => {
    isOpen = false
    if (server.emit === diverted) server.emit = emit
  }
}

/** What became of a request. */
interface Answer extends Pick<Audit.Entry, "status" | "outcome"> {
  /** Milliseconds until the head went out; undefined = none did. */
  readonly headAfter: number | undefined
}

class Desk {
  readonly #remembered: TokenVerifier["Type"]["remembered"]
  readonly #options: Options
  readonly #limit: RateLimit | undefined
  readonly #onForwarded: (peer: string) => void
  #hasWarned = false

  constructor(remembered: TokenVerifier["Type"]["remembered"], options: Options, onForwarded: (peer: string) => void) {
    this.#remembered = remembered
    this.#options = options
    this.#limit = options.badTokens === undefined ? undefined : new RateLimit(options.badTokens)
    this.#onForwarded = onForwarded
  }

  request(request: IncomingMessage, response: ServerResponse, pass: () => boolean): boolean {
    if (!Pipelining.track(request, response)) return true
    const visit = this.#begin(request)
    const wait = this.#wait(request, visit)
    let headAfter: number | undefined
    onHead(response, () => (headAfter = Visit.age(visit)))
    response.once("close", () => {
      // A destroyed response is ended as well, so that it counts as finished.
      const outcome = visit.broken ? "broken" : response.writableFinished ? "whole" : "left"
      // Until there is a head, Node has a status of 200.
      const status = headAfter === undefined ? 0 : response.statusCode
      this.#over(request, visit, { status, outcome, headAfter }, wait > 0)
    })
    if (wait === 0) return pass()
    const { body, headers } = tooMany(wait)
    response.writeHead(429, headers).end(body)
    return true
  }

  upgrade(request: IncomingMessage, socket: Duplex, pass: () => boolean): boolean {
    const visit = this.#begin(request)
    const wait = this.#wait(request, visit)
    onStatus(socket, (status) => {
      const headAfter = status === 0 ? undefined : Visit.age(visit)
      this.#over(request, visit, { status, outcome: "whole", headAfter }, wait > 0)
    })
    if (wait === 0) return pass()
    const { body, headers } = tooMany(wait)
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
    socket.on("error", () => socket.destroy())
    socket.end(["HTTP/1.1 429 Too Many Requests", ...lines, "", body].join("\r\n"), () => socket.destroy())
    return true
  }

  #begin(request: IncomingMessage): Visit.Visit {
    const { trusted } = this.#options
    const peer = ClientAddress.peerOf(request)
    if (!this.#hasWarned && request.headers["x-forwarded-for"] !== undefined && !trusted.has(peer)) {
      this.#hasWarned = true
      this.#onForwarded(peer)
    }
    return Visit.begin(request, ClientAddress.of(request, trusted))
  }

  /** A token that was found good costs nothing to look at again, and its bearer is not to suffer for its neighbours. */
  #wait(request: IncomingMessage, { address }: Visit.Visit): number {
    if (OPEN_PATHS.has(Audit.pathOf(request.url ?? ""))) return 0
    const wait = this.#limit?.wait(ClientAddress.networkOf(address)) ?? 0
    return wait === 0 || this.#remembered(bearerOf(request)) !== undefined ? 0 : wait
  }

  #over(request: IncomingMessage, visit: Visit.Visit, answer: Answer, isLimited: boolean): void {
    const path = Audit.pathOf(request.url ?? "")
    const { headAfter, outcome, status } = answer
    const milliseconds = Math.round(Visit.age(visit) * 10) / 10
    Metrics.answered(path, status)
    if (headAfter !== undefined) Metrics.took(path, headAfter)
    if (isLimited) Metrics.refused("limited")
    else if (status === 401) {
      Metrics.refused("refused")
      this.#limit?.take(ClientAddress.networkOf(visit.address))
    }
    const { audit } = this.#options
    if (audit === undefined || isRoutine(path, status)) return
    audit(entryOf(request, visit, this.#remembered(bearerOf(request)), { path, status, milliseconds, outcome }))
  }
}

/** A link over HTTP asks every few seconds for as long as it lives. */
const isRoutine = (path: string, status: number): boolean =>
  path.startsWith("/link/") && (status === 200 || status === 204)

const entryOf = (
  request: IncomingMessage,
  { address, bytes, containers, date }: Visit.Visit,
  claims: ReturnType<TokenVerifier["Type"]["remembered"]>,
  answer: Pick<Audit.Entry, "path" | "status" | "milliseconds" | "outcome">,
): Audit.Entry => ({
  time: date.toISOString(),
  address,
  ...(claims === undefined ? {} : { role: claims.role, subject: claims.sub, token: claims.jti }),
  method: request.method ?? "",
  ...answer,
  ...(containers.length === 0
    ? {}
    : { containers: containers.map(({ id, name, source }) => ({ container: `${source}/${name}`, id })), bytes }),
})

const bearerOf = (request: IncomingMessage): string | undefined =>
  /^Bearer +(\S+) *$/i.exec(request.headers.authorization ?? "")?.[1]

const tooMany = (waitMs: number) => {
  const retryAfterSeconds = Math.ceil(waitMs / 1000)
  const message = `too many bad tokens came from this address; ask again in ${retryAfterSeconds} s, with a good one`
  const body = JSON.stringify({ error: { code: "rate-limited", message, retryAfterSeconds } })
  const headers = {
    "content-type": "application/json",
    "content-length": String(Buffer.byteLength(body)),
    "retry-after": String(retryAfterSeconds),
    connection: "close",
  }
  return { body, headers }
}

/** Tells when the answer begins: whoever makes it, and however, its head is written by this one method. */
const onHead = (response: ServerResponse, tell: () => void): void => {
  const writeHead = response.writeHead.bind(response) as (...words: Array<unknown>) => ServerResponse
  const first = (...words: Array<unknown>): ServerResponse => {
    Reflect.deleteProperty(response, "writeHead")
    tell()
    return writeHead(...words)
  }
  Object.defineProperty(response, "writeHead", { value: first, configurable: true, writable: true })
}

/** Tells the status of the answer to an upgrade, which whoever takes it writes to the bare socket; 0 where none is written. */
const onStatus = (socket: Duplex, tell: (status: number) => void): void => {
  const done = (status: number) => {
    socket.off("close", onClose)
    Reflect.deleteProperty(socket, "write")
    Reflect.deleteProperty(socket, "end")
    tell(status)
  }
  const onClose = () => done(0)
  socket.once("close", onClose)
  for (const name of ["write", "end"] as const) {
    const first = (...words: Array<unknown>): unknown => {
      const [, status = "0"] = /^HTTP\/1\.1 (\d{3})/.exec(String(words[0]).slice(0, 12)) ?? []
      done(Number(status))
      return (socket[name] as (...words: Array<unknown>) => unknown)(...words)
    }
    Object.defineProperty(socket, name, { value: first, configurable: true, writable: true })
  }
}

/** A Node HTTP server of the proxy's own; transports take their `upgrade` events from it. */
import { Context, Deferred, Duration, Effect, Fiber, Layer, Schema, Scope, Stream } from "effect"
import * as Http from "node:http"
import * as Https from "node:https"
import type { AddressInfo, Socket } from "node:net"
import * as Connections from "./Connections.ts"
import * as FrontDesk from "./FrontDesk.ts"
import { Proxy } from "./Proxy.ts"
import * as Tls from "./Tls.ts"

/** The server could not start. */
export class ListenError extends Schema.TaggedError<ListenError>()("ListenError", {
  reason: Schema.Literal("address-in-use", "not-permitted", "no-such-address", "bad-certificate", "other"),
  host: Schema.String,
  port: Schema.Int,
  detail: Schema.String,
}) {
  override get message(): string {
    const where = `${this.host}:${this.port}`
    switch (this.reason) {
      case "address-in-use":
        return `cannot listen on ${where}: another program does; stop it, or choose another port with --listen`
      case "not-permitted":
        return `cannot listen on ${where}: not permitted; choose a port of 1024 or above with --listen`
      case "no-such-address":
        return `cannot listen on ${where}: this machine has no such address; 0.0.0.0 stands for all it has`
      case "bad-certificate":
        return `cannot serve TLS: the certificate or its key cannot be used: ${this.detail}`
      default:
        return `cannot listen on ${where}: ${this.detail}`
    }
  }
}

/** A proxy that listens. */
export class ProxyServer extends Context.Tag("@rdl/proxy/ProxyServer")<
  ProxyServer,
  {
    /** Listening, and answering the user API; `upgrade` has no listener. */
    readonly server: Http.Server | Https.Server
    /** Where it listens, such as `http://127.0.0.1:7070`. */
    readonly url: string
  }
>() {}

/** Where and how it listens, and how it stops. */
export interface Options extends FrontDesk.Options {
  /** Default `0.0.0.0`. */
  readonly host: string
  /** Default 7070; 0 takes a free one. */
  readonly port: number
  /** Absent = plain HTTP. */
  readonly tls?: Tls.Terms
  /** Connections at a time, links included; more are dropped at once. Default 10,000. */
  readonly maxConnections: number
  /** The same of one client address (one /64 of IPv6), unless it is a web server's that is trusted. Default 2,000. */
  readonly maxConnectionsPerAddress: number
  /** Milliseconds that the headers of a request may take. Default 20 s. */
  readonly headersTimeout: number
  /** Milliseconds that a TLS handshake may take; the connection of a longer one is cut. Default 15 s. */
  readonly handshakeTimeout: number
  /** How long a closing server, and the sources for it, let answers go on before it destroys them. Default 1 s. */
  readonly grace: Duration.DurationInput
}

/** What holds where nothing else is said. */
export const defaults: Options = {
  ...FrontDesk.defaults,
  host: "0.0.0.0",
  port: 7070,
  maxConnections: 10_000,
  maxConnectionsPerAddress: 2_000,
  headersTimeout: 20_000,
  handshakeTimeout: 15_000,
  grace: "1 second",
}

/** Bytes of a request's headers; 431 beyond. A token has 8 KiB at most. */
export const MAX_HEADER_BYTES = 16 * 1024
/** How long one request may take to come in; answers may take as long as they like. */
export const REQUEST_TIMEOUT_MS = 120_000
/** How often that is looked at: so late is a slow one cut, at most. */
const CHECK_EVERY_MS = 2_000
/** How long an idle connection is kept: longer than the load balancers in front, which mostly say 60 s. */
export const KEEP_ALIVE_MS = 75_000

/**
 * Hangs transports into the server before it listens, so that no link comes too early; `WsLinkServer.attach` is one.
 * Its scope closes while the server does, so that links can say goodbye.
 */
export type Attach<R> = (server: Http.Server | Https.Server) => Effect.Effect<void, never, R | Scope.Scope>

/** How long links have to say goodbye after that. */
const FAREWELL = "800 millis"

/**
 * Listens until the scope closes. Then sources are sent away, answers have the grace, and what was attached closes;
 * only then nothing listens any more, since links over HTTP need new connections to the end. What is left is
 * destroyed, so that an unfinished log ends as broken. All of that takes no longer than the grace and 0.8 s.
 */
export const make = Effect.fn("ProxyServer.make")(function* <R = never>(
  partial?: Partial<Options>,
  attach?: Attach<R>,
) {
  const options = { ...defaults, ...partial }
  const proxy = yield* Proxy
  const server = yield* create(options)
  server.maxConnections = options.maxConnections
  const answers = serveUsers(server, proxy.handler)
  const sockets = Connections.track(server, options)
  const attached = yield* Effect.acquireRelease(Scope.make(), Scope.close)
  if (attach !== undefined) yield* Scope.extend(attach(server), attached)
  yield* FrontDesk.attach(server, proxy.remembered, options)
  if (options.tls?.renewals !== undefined) yield* Effect.forkScoped(renew(server, options.tls.renewals))
  yield* Effect.acquireRelease(listen(server, options), (_, exit) =>
    proxy.stop.pipe(
      Effect.zipRight(proxy.drain(Duration.toMillis(options.grace))),
      Effect.zipRight(waitAtMost(answers.idle, options.grace)),
      Effect.zipRight(Effect.sync(answers.refuse)),
      Effect.zipRight(close(server, sockets, Scope.close(attached, exit))),
    ),
  )
  return ProxyServer.of({ server, url: urlOf(server, options) })
})

/** A listening server; the address is taken once the layer is built. */
export const layer = <R = never>(
  options?: Partial<Options>,
  attach?: Attach<R>,
): Layer.Layer<ProxyServer, ListenError, Proxy | Exclude<R, Scope.Scope>> =>
  Layer.scoped(ProxyServer, make(options, attach))

const create = (options: Options): Effect.Effect<Http.Server | Https.Server, ListenError> => {
  const terms = {
    maxHeaderSize: MAX_HEADER_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    headersTimeout: options.headersTimeout,
    connectionsCheckingInterval: Math.min(CHECK_EVERY_MS, options.headersTimeout),
    keepAliveTimeout: KEEP_ALIVE_MS,
  }
  const { tls } = options
  return Effect.try({
    try: () =>
      tls === undefined
        ? Http.createServer(terms)
        : Https.createServer({
            ...terms,
            ...Tls.contextOf(tls),
            handshakeTimeout: options.handshakeTimeout,
            requestCert: tls.clientCa !== undefined,
            rejectUnauthorized: tls.clientCa !== undefined,
          }),
    catch: (error) => listenError("bad-certificate", options, error),
  })
}

/** New connections get the new certificate; those that are open go on. */
const renew = (server: Http.Server | Https.Server, renewals: Stream.Stream<Tls.Pems>): Effect.Effect<void> =>
  Stream.runForEach(renewals, (pems) =>
    Effect.sync(() => {
      if (server instanceof Https.Server) server.setSecureContext(Tls.contextOf(pems))
    }),
  )

const listen = (server: Http.Server | Https.Server, options: Options): Effect.Effect<void, ListenError, Scope.Scope> =>
  Effect.async<void, ListenError>((resume) => {
    const onError = (error: NodeJS.ErrnoException) =>
      resume(Effect.fail(listenError(REASON[error.code ?? ""] ?? "other", options, error)))
    server.once("error", onError)
    server.listen(options.port, options.host, () => {
      server.off("error", onError)
      resume(Effect.void)
    })
  })

const REASON: Readonly<Record<string, ListenError["reason"]>> = {
  EADDRINUSE: "address-in-use",
  EACCES: "not-permitted",
  EADDRNOTAVAIL: "no-such-address",
  ENOTFOUND: "no-such-address",
}

const listenError = (reason: ListenError["reason"], { host, port }: Options, error: unknown) =>
  new ListenError({ reason, host, port, detail: error instanceof Error ? error.message : String(error) })

/** Hands requests to the user API, and knows when none is being answered. Requests of links do not come here. */
const serveUsers = (server: Http.Server | Https.Server, handler: Proxy["Type"]["handler"]) => {
  let open = 0
  let isRefusing = false
  let onIdle = () => {}
  server.on("request", (request, response) => {
    if (isRefusing) return refuse(response)
    open += 1
    response.once("close", () => {
      open -= 1
      if (open === 0) onIdle()
    })
    handler(request, response)
  })
  return {
    idle: Effect.async<void>((resume) => {
      onIdle = () => resume(Effect.void)
      if (open === 0) onIdle()
    }),
    refuse: () => {
      isRefusing = true
    },
  }
}

/** Whoever asks now, a source included whose link endpoint is gone, is told to come back and not that there is nothing. */
const refuse = (response: Http.ServerResponse): void => {
  const error = { code: "shutting-down", message: "this proxy is shutting down; ask again in a second" }
  const headers = { "content-type": "application/json", "retry-after": "1", connection: "close" }
  response.writeHead(503, headers).end(JSON.stringify({ error }))
}

const close = (server: Http.Server | Https.Server, sockets: ReadonlySet<Socket>, detach: Effect.Effect<void>) =>
  Effect.gen(function* () {
    const closed = yield* Deferred.make<void>()
    const detaching = yield* Effect.forkDaemon(detach)
    yield* waitAtMost(Fiber.await(detaching), FAREWELL)
    server.close(() => Deferred.unsafeDone(closed, Effect.void))
    for (const socket of sockets) socket.destroy()
    yield* Fiber.join(detaching)
    yield* Deferred.await(closed)
  })

/** In a fiber of its own: a finalizer that is itself being interrupted could not give up its wait. */
const waitAtMost = (what: Effect.Effect<unknown>, limit: Duration.DurationInput): Effect.Effect<void> =>
  Effect.timeoutOption(what, limit).pipe(
    Effect.interruptible,
    Effect.forkDaemon,
    Effect.flatMap(Fiber.await),
    Effect.asVoid,
  )

const urlOf = (server: Http.Server | Https.Server, options: Options): string => {
  const { address, family, port } = server.address() as AddressInfo
  return `${options.tls === undefined ? "http" : "https"}://${family === "IPv6" ? `[${address}]` : address}:${port}`
}

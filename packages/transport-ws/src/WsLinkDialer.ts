/** Dials a proxy over WebSocket. */
import { type Link, LinkDialer, type LinkDialError } from "@rdl/core/link/Link"
import { Clock, Duration, Effect, Layer, Redacted, Schema, type Scope } from "effect"
import type { Agent, IncomingMessage } from "node:http"
import * as net from "node:net"
import * as tls from "node:tls"
import { WebSocket } from "ws"
import * as DialFailure from "./DialFailure.ts"
import * as ForwardProxy from "./ForwardProxy.ts"
import * as Masking from "./Masking.ts"
import * as WsLink from "./WsLink.ts"

/** An address that can never work, of the proxy or of the forward proxy; it holds neither user nor password. */
export class InvalidAddress extends Schema.TaggedError<InvalidAddress>()("InvalidAddress", {
  address: Schema.String,
  detail: Schema.String,
}) {
  override get message(): string {
    return `${this.address} is no address to dial: ${this.detail}`
  }
}

/** Where the proxy is, whose link it is to be, and what stands on the way. */
export interface Options {
  /** Where the proxy is: http, https, ws or wss, with or without a path before `/link/v1/ws`. */
  readonly proxy: string
  /** The source's token. */
  readonly token: Redacted.Redacted
  /** PEM certificates to trust, and no others; default: Node's own and `NODE_EXTRA_CA_CERTS`. */
  readonly ca?: string | Buffer | undefined
  /** The certificate to show to a proxy that asks for one, with its key: PEM texts, asked for each dial. Default: none. */
  readonly certificate?: (() => { readonly cert: string; readonly key: Redacted.Redacted }) | undefined
  /** From the look-up of the name until 101; default 10 s. */
  readonly connectTimeout?: Duration.DurationInput | undefined
  /** An HTTP forward proxy's URL, or `none`; default: what HTTPS_PROXY, HTTP_PROXY and NO_PROXY say. */
  readonly forwardProxy?: string | undefined
  /** Makes the connections instead; the forward proxy, `ca` and `certificate` are then its own business. */
  readonly agent?: Agent | undefined
}

interface Target {
  /** As http or https. */
  readonly url: URL
  readonly via: URL | undefined
}

/** A dialer for one proxy; fails where its address can never work. */
export const make = (options: Options): Effect.Effect<LinkDialer["Type"], InvalidAddress> =>
  Effect.map(readTarget(options), (target) => ({ dial: dial(target, options) }))

/** The dialer as a layer. */
export const layer = (options: Options): Layer.Layer<LinkDialer, InvalidAddress> =>
  Layer.effect(LinkDialer, make(options))

const dial = (target: Target, options: Options): Effect.Effect<Link, LinkDialError, Scope.Scope> =>
  Effect.gen(function* () {
    const { url } = target
    const timeout = Duration.decode(options.connectTimeout ?? "10 seconds")
    if (!isSendable(options.token)) return yield* DialFailure.unsendableToken(url)
    const now = yield* Clock.currentTimeMillis
    const attempt = yield* Effect.acquireRelease(
      Effect.sync(() => new Attempt(connect(target, options))),
      (made) => Effect.sync(() => made.letGo()),
    )
    return yield* opened(attempt, url, now).pipe(
      Effect.timeoutFail({
        duration: timeout,
        onTimeout: () =>
          DialFailure.unavailable(
            url,
            `no answer from ${url.host} within ${Duration.format(timeout)}; check the address, and that what stands on the way lets WebSocket through`,
          ),
      }),
    )
  }).pipe(Effect.withSpan("WsLinkDialer.dial"))

/** Starts to connect. The listener for errors stays: `ws` tells of an abort as well, and an error nobody hears ends the process. */
const connect = (target: Target, options: Options): WebSocket => {
  const abort = new AbortController()
  const unmasked = !Masking.isNative() && Masking.isNeedless(target.url, target.via !== undefined)
  const ws = new WebSocket(target.url, WsLink.subprotocol, {
    ...WsLink.socketOptions,
    ...(unmasked ? { generateMask: Masking.zero } : {}),
    ...trust(options),
    ...(options.agent === undefined ? tunnelled(target, options, abort.signal) : { agent: options.agent }),
    headers: { authorization: `Bearer ${Redacted.value(options.token)}` },
  })
  ws.on("error", () => {})
  ws.once("close", () => abort.abort())
  return ws
}

/** A WebSocket on its way to be a link, and the link once it is one. */
class Attempt {
  readonly ws: WebSocket
  #link: WsLink.WsLink | undefined

  constructor(ws: WebSocket) {
    this.ws = ws
  }

  open(response: IncomingMessage): Link {
    return (this.#link = WsLink.make(this.ws, response.socket))
  }

  letGo(): void {
    if (this.#link === undefined) this.ws.terminate()
    else this.#link.abandon("its scope was closed")
  }
}

/** Waits for the outcome; interrupted, it ends the attempt. */
const opened = (attempt: Attempt, url: URL, now: number): Effect.Effect<Link, LinkDialError> =>
  Effect.async((resume) => {
    const { ws } = attempt
    let response: IncomingMessage | undefined
    ws.once("upgrade", (upgrade) => {
      response = upgrade
    })
    ws.once("open", () => {
      if (response !== undefined) resume(Effect.succeed(attempt.open(response)))
    })
    ws.once("unexpected-response", (_request, refusal) => {
      resume(DialFailure.fromResponse(url, refusal, now))
      ws.terminate()
    })
    ws.once("error", (error) => resume(DialFailure.fromError(url, error)))
    return Effect.sync(() => attempt.letGo())
  })

/** Options of `ws` that lead the connection through the forward proxy, if there is one. */
const tunnelled = ({ url, via }: Target, options: Options, signal: AbortSignal) => {
  if (via === undefined) return {}
  const host = ForwardProxy.unbracketed(url.hostname)
  const servername = net.isIP(host) === 0 ? host : ""
  const createConnection = (_: unknown, done: (error: Error | null, socket?: net.Socket) => void) =>
    ForwardProxy.connect(via, url, signal, (error, socket) => {
      if (socket === undefined || url.protocol === "http:") return done(error, socket)
      done(null, tls.connect({ socket, servername, ...trust(options) }))
    })
  // `ws` hands this to http.request, which takes the socket by callback as well; its type knows net.connect only.
  return { createConnection: createConnection as unknown as typeof net.createConnection }
}

/** Whom TLS trusts, and what it shows. */
const trust = ({ ca, certificate }: Options) => {
  const shown = certificate?.()
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(shown === undefined ? {} : { cert: shown.cert, key: Redacted.value(shown.key) }),
  }
}

const isSendable = (token: Redacted.Redacted): boolean => /^[\w.~+/=-]+$/.test(Redacted.value(token))

const readTarget = (options: Options): Effect.Effect<Target, InvalidAddress> =>
  Effect.gen(function* () {
    const url = yield* readUrl(options.proxy.replace(/^ws(s?):/i, "http$1:"), "http, https, ws or wss")
    if (url.username !== "" || url.password !== "") {
      return yield* invalid(url.host, "the proxy takes a token, no user and password in the URL")
    }
    if (url.search !== "" || url.hash !== "") {
      return yield* invalid(url.host, "an address ends with its path; leave out what follows `?` or `#`")
    }
    url.pathname = `${url.pathname.replace(/\/+$/, "")}${WsLink.path}`
    const named = options.forwardProxy ?? ForwardProxy.fromEnvironment(url, process.env)
    if (named === undefined || named === "none" || options.agent !== undefined) return { url, via: undefined }
    return { url, via: yield* readUrl(named, "http or https (a forward proxy of another kind is not supported)") }
  })

const readUrl = (text: string, schemes: string): Effect.Effect<URL, InvalidAddress> => {
  if (!URL.canParse(text)) return invalid(text.replace(/^.*@/, ""), `it has to be a URL that begins with ${schemes}`)
  const url = new URL(text)
  const known = url.protocol === "http:" || url.protocol === "https:"
  return known ? Effect.succeed(url) : invalid(url.host || url.protocol, `it has to begin with ${schemes}`)
}

const invalid = (address: string, detail: string): Effect.Effect<never, InvalidAddress> =>
  Effect.fail(new InvalidAddress({ address, detail }))

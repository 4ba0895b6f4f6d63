/** Dials a proxy by plain HTTP requests: long polls one way, POSTs the other. */
import * as ForwardProxyName from "@rdl/core/link/ForwardProxyName"
import { type Link, LinkDialer, type LinkDialError } from "@rdl/core/link/Link"
import { Duration, Effect, Layer, Redacted, Schema, type Scope } from "effect"
import { Agent, type Dispatcher, EnvHttpProxyAgent, ProxyAgent } from "undici"
import * as Backoff from "./Backoff.ts"
import * as DialFailure from "./DialFailure.ts"
import * as Exchange from "./Exchange.ts"
import { Created, path } from "./HttpWire.ts"
import * as SourceLink from "./SourceLink.ts"

/** An address that can never work, of the proxy or of the forward proxy; it holds neither user nor password. */
export class InvalidAddress extends Schema.TaggedError<InvalidAddress>()("InvalidAddress", {
  address: Schema.String,
  detail: Schema.String,
}) {
  override get message(): string {
    return `${this.address} is no address to dial: ${this.detail}`
  }
}

/** Where the proxy is, whose link it is to be, and how long it is tried. */
export interface Options {
  /** Where the proxy is: http, https, ws or wss, with or without a path before `/link/v1/sessions`. */
  readonly proxy: string
  /** The source's token. */
  readonly token: Redacted.Redacted
  /** PEM certificates trusted beside none other; default: Node's own, and `NODE_EXTRA_CA_CERTS`. */
  readonly ca?: string | Buffer | undefined
  /** The certificate to show to a proxy that asks for one, with its key: PEM texts, asked for each dial. Default: none. */
  readonly certificate?: (() => { readonly cert: string; readonly key: Redacted.Redacted }) | undefined
  /** From the look-up of the name until the session is there; default 10 s. */
  readonly connectTimeout?: Duration.DurationInput | undefined
  /** An HTTP forward proxy's URL, or `none`; default: what HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY say. */
  readonly forwardProxy?: string | undefined
  /** The first wait after a failed request is random below this, the next below twice that, …; default 100 ms. */
  readonly retryBase?: Duration.DurationInput | undefined
  /** The link is lost when a request has not succeeded for so long; default 30 s. */
  readonly giveUp?: Duration.DurationInput | undefined
}

interface Target {
  /** Of the sessions, as http or https. */
  readonly url: URL
  readonly makeDispatcher: () => Dispatcher
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
    if (!isSendable(options.token)) return yield* DialFailure.unsendableToken(url)
    const timeoutMs = Duration.toMillis(options.connectTimeout ?? "10 seconds")
    const sockets = yield* Effect.acquireRelease(
      Effect.sync(() => openSockets(target.makeDispatcher())),
      (sockets) => Effect.sync(() => sockets.leave()),
    )
    const ask = Exchange.make(sockets.dispatcher, url, options.token, sockets.signal)
    const created = yield* Effect.promise(() => ask({ method: "POST", tail: "", timeoutMs }))
    const terms = readCreated(created)
    if (terms === undefined) return yield* DialFailure.fromOutcome(url, created)
    return sockets.adopt(SourceLink.make({ ask, terms, backoff: readBackoff(options), release: sockets.release }))
  }).pipe(Effect.withSpan("HttpLinkDialer.dial"))

/** The sockets of one link live until it has ended; leaving the scope before destroys it, unless it is saying goodbye. */
const openSockets = (dispatcher: Dispatcher) => {
  const abort = new AbortController()
  let link: SourceLink.SourceLink | undefined
  const release = () => {
    abort.abort()
    void dispatcher.destroy()
  }
  return {
    dispatcher,
    signal: abort.signal,
    release,
    adopt: (made: SourceLink.SourceLink): Link => (link = made),
    leave: () => (link === undefined ? release() : link.abandon("the source let go of the link")),
  }
}

const decodeCreated = Schema.decodeUnknownOption(Created)

const readCreated = (outcome: Exchange.Outcome): Created | undefined => {
  if (outcome.is !== "json" || outcome.status !== 201) return undefined
  const created = decodeCreated(outcome.value)
  return created._tag === "Some" ? created.value : undefined
}

const readBackoff = ({ giveUp, retryBase }: Options): Backoff.Options => ({
  ...Backoff.defaults,
  ...(retryBase === undefined ? {} : { firstMs: Duration.toMillis(retryBase) }),
  ...(giveUp === undefined ? {} : { giveUpMs: Duration.toMillis(giveUp) }),
})

const isSendable = (token: Redacted.Redacted): boolean => /^[\w.~+/=-]+$/.test(Redacted.value(token))

const readTarget = (options: Options): Effect.Effect<Target, InvalidAddress> =>
  Effect.gen(function* () {
    const url = yield* readUrl(options.proxy.replace(/^ws(s?):/i, "http$1:"), "http, https, ws or wss")
    if (url.username !== "" || url.password !== "")
      return yield* invalid(url.host, "the proxy takes a token, no user and password in the URL")
    if (url.search !== "" || url.hash !== "")
      return yield* invalid(url.host, "an address ends with its path; leave out what follows `?` or `#`")
    url.pathname = `${url.pathname.replace(/\/+$/, "")}${path}`
    const via = yield* readForwardProxy(url, options)
    return { url, makeDispatcher: () => dispatcherOf(url, via, trust(options)) }
  })

/** A forward proxy, which the environment names unless it is to be asked whatever `NO_PROXY` says. */
interface Via {
  readonly url: URL
  readonly isNamed: boolean
}

const readForwardProxy = (target: URL, { forwardProxy }: Options): Effect.Effect<Via | undefined, InvalidAddress> => {
  const isNamed = forwardProxy === undefined
  const address = forwardProxy ?? ForwardProxyName.named(target, process.env)
  if (address === undefined || address === "none") return Effect.succeed(undefined)
  const url = readUrl(address, "http or https (a forward proxy of another kind is not supported)")
  return Effect.map(url, (url) => ({ url, isNamed }))
}

const dispatcherOf = (url: URL, via: Via | undefined, tls: ReturnType<typeof trust>): Dispatcher => {
  // One poll, two POSTs, one goodbye. HTTP/1.1 only: what is on the way to a long poll seldom knows better.
  const pool = { connections: 4, pipelining: 1, keepAliveTimeout: 30_000, allowH2: false, connect: tls }
  if (via === undefined) return new Agent(pool)
  const proxied = { ...pool, requestTls: tls, proxyTunnel: url.protocol === "https:" }
  const { href } = via.url
  // This one knows of `NO_PROXY`.
  if (via.isNamed) return new EnvHttpProxyAgent({ ...proxied, httpProxy: href, httpsProxy: href })
  return new ProxyAgent({ ...proxied, uri: href })
}

/** Whom TLS trusts, and what it shows. */
const trust = ({ ca, certificate }: Options) => {
  const shown = certificate?.()
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(shown === undefined ? {} : { cert: shown.cert, key: Redacted.value(shown.key) }),
  }
}

const readUrl = (text: string, schemes: string): Effect.Effect<URL, InvalidAddress> => {
  if (!URL.canParse(text)) return invalid(text.replace(/^.*@/, ""), `it has to be a URL that begins with ${schemes}`)
  const url = new URL(text)
  const known = url.protocol === "http:" || url.protocol === "https:"
  return known ? Effect.succeed(url) : invalid(url.host || url.protocol, `it has to begin with ${schemes}`)
}

const invalid = (address: string, detail: string): Effect.Effect<never, InvalidAddress> =>
  Effect.fail(new InvalidAddress({ address, detail }))

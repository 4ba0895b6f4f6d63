/** What these tests stand on: a proxy on a real port that accepts links, dialled sources, and frames that tell which they are. */
import * as Frame from "@rdl/core/link/Frame"
import { FrameType } from "@rdl/core/link/FrameType"
import { type Link, LinkAcceptor, type LinkDialError, type LinkClosed, type SourceIdentity } from "@rdl/core/link/Link"
import { SourceName } from "@rdl/core/model/SourceName"
import { TokenRejected } from "@rdl/core/token/TokenVerifier"
import { Deferred, Effect, Either, Exit, FiberId, Layer, Redacted, Scope } from "effect"
import { once } from "node:events"
import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { onTestFinished } from "vitest"
import * as HttpLinkDialer from "@rdl/transport-http/HttpLinkDialer"
import * as HttpLinkServer from "@rdl/transport-http/HttpLinkServer"

/** One end of a link and all that came out of it. */
export interface End {
  readonly link: Link
  readonly frames: Array<Uint8Array>
  readonly closed: Promise<LinkClosed>
  /** How often `onClose` came. */
  readonly closes: Array<LinkClosed>
  drains: number
}

/** What the acceptor waits for: it serves a link until its receiver has seen the end. */
const served = new WeakMap<Link, Deferred.Deferred<void>>()

export const watch = (link: Link): End => {
  let tell: (closed: LinkClosed) => void = () => undefined
  const closed = new Promise<LinkClosed>((resolve) => (tell = resolve))
  const end: End = { link, frames: [], closes: [], closed, drains: 0 }
  link.start({
    onFrame: (frame) => void end.frames.push(frame),
    onDrain: () => void (end.drains += 1),
    onClose: (how) => {
      end.closes.push(how)
      const ended = served.get(link)
      if (ended !== undefined) Deferred.unsafeDone(ended, Exit.void)
      tell(how)
    },
  })
  return end
}

/** The token `source.NAME` is that source's, `user` is a user's, all else is none. */
const authenticate = (token: string | undefined): Effect.Effect<SourceIdentity, TokenRejected> => {
  const name = /^source\.(.+)$/.exec(token ?? "")?.[1]
  if (name !== undefined)
    return Effect.succeed({
      name: SourceName.make(name),
      claims: { sub: name, role: "source", iat: 0, exp: 2 ** 31, jti: "1" },
    })
  const reason = token === "user" ? "forbidden" : "unauthorized"
  return Effect.fail(new TokenRejected({ reason, detail: "as the test wants it" }))
}

export interface World {
  readonly port: number
  readonly url: string
  readonly server: Server
  /** The next link that comes in. */
  readonly accepted: () => Promise<Link>
  readonly close: () => Promise<void>
}

export const startProxy = async (options: HttpLinkServer.Options = {}): Promise<World> => {
  const server = createServer((_req, res) => res.end("the user API"))
  const arrived: Array<Link> = []
  const links: Array<Link> = []
  const awaited: Array<(link: Link) => void> = []
  const accept = (link: Link) =>
    Effect.gen(function* () {
      const ended = yield* Deferred.make<void>()
      served.set(link, ended)
      links.push(link)
      const give = awaited.shift()
      if (give === undefined) arrived.push(link)
      else give(link)
      // A link that nobody watches has its end told nowhere.
      yield* Effect.raceFirst(Deferred.await(ended), over)
    })
  const scope = Effect.runSync(Scope.make())
  const finished = Deferred.unsafeMake<void>(FiberId.none)
  const over = Deferred.await(finished)
  const acceptor = Layer.succeed(LinkAcceptor, { authenticate, accept })
  const layer = Layer.provide(HttpLinkServer.layer({ server, ...options }), acceptor)
  await Effect.runPromise(Layer.buildWithScope(layer, scope))
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  const { port } = server.address() as AddressInfo
  const close = async () => {
    await Effect.runPromise(Scope.close(scope, Exit.void))
    server.closeAllConnections()
    server.close()
  }
  onTestFinished(() => {
    // A test that wants to see goodbyes closes the world itself.
    for (const link of links) link.destroy("the test is over")
    Deferred.unsafeDone(finished, Exit.void)
    return close()
  })
  const accepted = () =>
    new Promise<Link>((resolve) => {
      const link = arrived.shift()
      if (link === undefined) awaited.push(resolve)
      else resolve(link)
    })
  return { port, url: `http://127.0.0.1:${port}`, server, accepted, close }
}

export const tryDial = async (
  url: string,
  options: Partial<HttpLinkDialer.Options> = {},
): Promise<Either.Either<Link, LinkDialError>> => {
  const scope = Effect.runSync(Scope.make())
  onTestFinished(() => Effect.runPromise(Scope.close(scope, Exit.void)))
  const dialling = Effect.gen(function* () {
    const dialer = yield* HttpLinkDialer.make({
      proxy: url,
      token: Redacted.make("source.edge-1"),
      forwardProxy: "none",
      ...options,
    })
    return yield* Effect.either(dialer.dial)
  })
  return Effect.runPromise(Effect.orDie(Scope.extend(dialling, scope)))
}

export const dial = async (url: string, options?: Partial<HttpLinkDialer.Options>): Promise<Link> =>
  Either.getOrThrowWith(await tryDial(url, options), (error) => error)

/** Both ends of a new link; `via` stands between them. */
export const connect = async (
  world: World,
  via: { readonly url: string } = world,
  options?: Partial<HttpLinkDialer.Options>,
): Promise<{ readonly source: End; readonly proxy: End }> => {
  const [source, proxy] = await Promise.all([dial(via.url, options), world.accepted()])
  return { source: watch(source), proxy: watch(proxy) }
}

/** Frame number n; its payload begins with n. */
export const frame = (n: number, length = 8): Uint8Array => {
  const payload = new Uint8Array(Math.max(8, length))
  new DataView(payload.buffer).setFloat64(0, n)
  return Frame.withPayload(FrameType.data, 1, payload)
}

export const numberOf = (frame: Uint8Array): number =>
  new DataView(frame.buffer, frame.byteOffset + Frame.HEADER_BYTES, 8).getFloat64(0)

/** 0, 1, …, n - 1. */
export const upTo = (n: number): Array<number> => Array.from({ length: n }, (_, at) => at)

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

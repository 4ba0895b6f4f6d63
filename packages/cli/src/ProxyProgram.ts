/** A proxy with all its transports, listening. */
import type { LinkAcceptor } from "@rdl/core/link/Link"
import * as TokenVerifier from "@rdl/core/token/TokenVerifier"
import * as ClientAddress from "@rdl/proxy/ClientAddress"
import * as Proxy from "@rdl/proxy/Proxy"
import * as ProxyServer from "@rdl/proxy/ProxyServer"
import * as TlsFiles from "@rdl/proxy/TlsFiles"
import * as HttpLinkServer from "@rdl/transport-http/HttpLinkServer"
import * as WsLinkServer from "@rdl/transport-ws/WsLinkServer"
import { Context, Duration, Effect, Layer, Scope } from "effect"
import * as AuditFile from "./AuditFile.ts"
import { UsageError } from "./Failure.ts"
import type { ListenAddress } from "./ListenAddress.ts"
import * as OpenAddress from "./OpenAddress.ts"

export interface ProxyTerms {
  readonly keys: TokenVerifier.Keys
  readonly isRevoked?: TokenVerifier.Options["isRevoked"] | undefined
  /** Why no requests should come, as `/ready` tells it. Default: there is nothing against it. */
  readonly ready?: Proxy.Options["ready"]
  readonly listen: ListenAddress
  /** Absent = plain HTTP. */
  readonly tls?: TlsFiles.Paths | undefined
  /** Networks; default none. */
  readonly trusted?: ReadonlyArray<string>
  /** A file, or `-` for standard error; absent = nowhere. */
  readonly audit?: string | undefined
  /** A second; Infinity = no limit, which is the default. */
  readonly userRate?: number
  readonly userBandwidth?: number
  readonly sourceBandwidth?: number
  /** Seconds; 0 = not at all. Default the router's own. */
  readonly resumeWindow?: number
  readonly restartWindow?: number
}

/** The proxy as a layer: its server, and what a program may want to look into. */
export const layer = (terms: ProxyTerms) =>
  Layer.unwrapScoped(
    Effect.map(serverOptions(terms), (options) =>
      ProxyServer.layer(options, attach).pipe(
        Layer.provideMerge(
          Proxy.layer({
            users: userLimits(terms),
            router: windows(terms),
            ...(terms.ready === undefined ? {} : { ready: terms.ready }),
          }),
        ),
        Layer.provide(verifierLayer(terms)),
      ),
    ),
  )

const windows = ({ restartWindow, resumeWindow }: ProxyTerms): NonNullable<Proxy.Options["router"]> => ({
  ...(resumeWindow === undefined ? {} : { resumeWindow: Duration.seconds(resumeWindow) }),
  ...(restartWindow === undefined ? {} : { restartWindow: Duration.seconds(restartWindow) }),
})

const verifierLayer = ({ isRevoked, keys }: ProxyTerms) =>
  TokenVerifier.layer({ keys, ...(isRevoked === undefined ? {} : { isRevoked }) })

const userLimits = ({ sourceBandwidth, userBandwidth, userRate }: ProxyTerms): Partial<Proxy.UserLimits> => ({
  requestsPerSecond: userRate ?? Infinity,
  bytesPerSecond: { perUser: userBandwidth ?? Infinity, perSource: sourceBandwidth ?? Infinity },
})

const serverOptions = Effect.fnUntraced(function* ({ audit, listen, tls, trusted = [] }: ProxyTerms) {
  return {
    ...listen,
    ...(tls === undefined ? {} : { tls: yield* loadTls(tls) }),
    ...(audit === undefined ? {} : { audit: yield* AuditFile.make(audit) }),
    trusted: yield* Effect.mapError(ClientAddress.parseTrusted(trusted), (detail) => new UsageError({ detail })),
  }
})

const loadTls = (paths: TlsFiles.Paths) =>
  Effect.mapError(
    TlsFiles.load(paths),
    (error) => new UsageError({ detail: `--tls-cert, --tls-key: ${error.message}` }),
  )

/** Both transports on the one port; when it closes, the links of both say goodbye at once. */
const attach: ProxyServer.Attach<LinkAcceptor> = (server) =>
  Effect.parallelFinalizers(Effect.zipRight(apart(WsLinkServer.attach(server)), apart(HttpLinkServer.attach(server))))

/** In a scope of its own, so that its parts close in their order. */
const apart = <R>(attaching: Effect.Effect<void, never, R>) =>
  Effect.flatMap(Effect.acquireRelease(Scope.make(), Scope.close), (scope) => Scope.extend(attaching, scope))

/** Starts it for as long as the scope lives. */
export const startProxy = Effect.fn("ProxyProgram.startProxy")(function* (terms: ProxyTerms) {
  const { url } = Context.get(yield* Layer.build(layer(terms)), ProxyServer.ProxyServer)
  yield* Effect.logInfo(`listening on ${url}`).pipe(Effect.annotateLogs({ keys: countOf(terms.keys) }))
  if (terms.tls !== undefined) return
  const open = OpenAddress.find(terms.listen.host)
  yield* open === undefined
    ? Effect.logInfo("without TLS: put a web server that does it in front, or give --tls-cert and --tls-key")
    : Effect.logWarning(
        `without TLS on the public address ${open}: on the way tokens and logs can be read; give --tls-cert and --tls-key, or --listen on 127.0.0.1 behind a web server that does TLS`,
      )
})

const countOf = (keys: TokenVerifier.Keys): number => (typeof keys === "function" ? keys() : keys).length

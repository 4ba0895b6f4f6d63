/** The far end of a source's link, in memory: takes each link that is dialled and opens streams on it. */
import { Effect, Layer, Queue } from "effect"
import { type Link, LinkDialer } from "@rdl/core/link/Link"
import type { End, Open, Welcome } from "@rdl/core/link/LinkMessage"
import { connect, type LinkLost, type ProxySession } from "@rdl/core/link/LinkSession"
import * as MemoryLink from "@rdl/core/link/MemoryLink"
import { SourceName } from "@rdl/core/model/SourceName"
import type { StreamError } from "@rdl/core/link/StreamError"

const welcome: Welcome = {
  version: 1,
  sessionId: "session",
  proxyId: "proxy",
  source: SourceName.make("edge-1"),
  heartbeatMs: 15_000,
  deadMs: 40_000,
  maxFrame: 65_536,
  maxStreams: 256,
  features: [],
}

/** What came of a stream, as far as it has come. */
export interface Answer {
  readonly text: () => string
  /** Waits until the text fulfils the condition; the test's own timeout is the bound. */
  readonly until: (condition: (text: string) => boolean) => Effect.Effect<string>
  readonly end: Effect.Effect<End | StreamError | LinkLost>
}

/** `links` gives each link that a source dials. */
export const make = Effect.gen(function* () {
  const links = yield* Queue.unbounded<Link>()
  const dial = Effect.acquireRelease(
    Effect.sync(() => MemoryLink.make()),
    ([near]) => Effect.sync(() => near.destroy("let go")),
  ).pipe(
    Effect.tap(([, far]) => Queue.offer(links, far)),
    Effect.map(([near]) => near),
  )
  const session = Effect.flatMap(Queue.take(links), (link) =>
    Effect.map(connect(link, { welcome: () => Effect.succeed(welcome) }), (session) => ({ link, session })),
  )
  return { dialer: Layer.succeed(LinkDialer, { dial }), session }
})

export const ask = (session: ProxySession, request: Open) =>
  Effect.map(session.open(request), (reader): Answer & { readonly contentType: string } => {
    const parts: Array<Buffer> = []
    const text = () => Buffer.concat(parts).toString("utf8")
    const watchers = new Set<() => void>()
    const tell = () => {
      for (const watcher of watchers) watcher()
    }
    let result: End | StreamError | LinkLost | undefined
    reader.start({
      onData: (bytes) => {
        parts.push(Buffer.from(bytes))
        reader.consumed(bytes.length)
        tell()
      },
      onEnd: (how) => {
        result = how
        tell()
      },
    })
    const waitFor = <A>(look: () => A | undefined) =>
      Effect.async<A>((resume) => {
        const check = () => {
          const seen = look()
          if (seen !== undefined) resume(Effect.succeed(seen))
        }
        watchers.add(check)
        check()
        return Effect.sync(() => watchers.delete(check))
      })
    return {
      contentType: reader.head.contentType,
      text,
      until: (condition) => waitFor(() => (condition(text()) ? text() : undefined)),
      end: waitFor(() => result),
    }
  })

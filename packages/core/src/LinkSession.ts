/** A session: what the two ends of a link do once it is open. The multiplexer does the work; Effect owns time and lifetimes. */
import { type Effect, Schema, type Scope } from "effect"
import type { Link } from "./Link.ts"
import type { End, Head, Hello, Open, Welcome } from "./LinkMessage.ts"
import type { StreamError } from "./StreamError.ts"

/** The link under a session is gone; nothing that was open on it will get another byte. */
export class LinkLost extends Schema.TaggedError<LinkLost>()("LinkLost", {
  /** True where the peer said goodbye. */
  clean: Schema.Boolean,
  code: Schema.Int,
  detail: Schema.String,
}) {
  override get message(): string {
    return `the link is gone: ${this.detail}`
  }
}

/** The writing end of a stream, at the source. */
export interface StreamWriter {
  /** Says what is coming; once, before the first byte. */
  readonly head: (head: Head) => void
  /** Queues bytes (any length; cut into frames) and takes the buffer. False = wait for `onWritable`; what was given is queued all the same, so a caller that obeys holds at most one write over 256 KiB. */
  readonly write: (bytes: Uint8Array) => boolean
  /** Calls back once, when there is room again; at once if there is. */
  readonly onWritable: (callback: () => void) => void
}

/** The reading end of a stream, at the proxy. */
export interface StreamReader {
  readonly head: Head
  /** Attaches the one receiver; bytes that came before are handed over first (at most the credit given so far). */
  readonly start: (handlers: StreamHandlers) => void
  /** Tells that bytes have left towards the user: the source may send as many more. */
  readonly consumed: (bytes: number) => void
}

export interface StreamHandlers {
  readonly onData: (bytes: Uint8Array) => void
  /** Called exactly once, last of all: an End, or why there is none. */
  readonly onEnd: (result: End | StreamError | LinkLost) => void
}

export interface ProxySession {
  readonly hello: Hello
  readonly welcome: Welcome
  readonly transport: string
  /** Opens a stream and waits for its HEAD, at most 30 s. Closing the scope cancels it at the source. */
  readonly open: (request: Open) => Effect.Effect<StreamReader, StreamError | LinkLost, Scope.Scope>
  /** Round trip of the last heartbeat in milliseconds; null before the first. */
  readonly rttMs: () => number | null
  /** Unix milliseconds at which the last byte came. */
  readonly lastSeen: () => number
  /** Says goodbye and closes. */
  readonly close: (code: number, reason: string) => Effect.Effect<void>
  /** Waits until the link is gone. */
  readonly lost: Effect.Effect<LinkLost>
}

/** What a source does with a stream the proxy opened: writes, then tells how it ended. Interrupted when the proxy cancels. */
export type StreamHandler = (request: Open, writer: StreamWriter) => Effect.Effect<End, StreamError>

/** The source's part: says HELLO, waits for WELCOME (5 s), then serves streams until the link is gone. */
export declare const serve: (
  link: Link,
  options: {
    readonly hello: Hello
    readonly handler: StreamHandler
    /** Called when WELCOME has come. */
    readonly onWelcome: (welcome: Welcome) => Effect.Effect<void>
  },
) => Effect.Effect<never, LinkLost>

/** The proxy's part: waits for HELLO (5 s), answers WELCOME. The session lives as long as the scope and the link. */
export declare const connect: (
  link: Link,
  options: { readonly welcome: (hello: Hello) => Effect.Effect<Welcome, LinkLost> },
) => Effect.Effect<ProxySession, LinkLost, Scope.Scope>

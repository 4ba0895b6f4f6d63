/** A link as a transport carries it: whole frames, in order, both ways, until it closes. Transports know nothing of streams. */
import { Context, type Effect, Schema, type Scope } from "effect"
import type { SourceName } from "../model/SourceName.ts"
import type { TokenClaims } from "../token/TokenClaims.ts"
import type { TokenRejected } from "../token/TokenVerifier.ts"

/** How a link ended. Only `clean` means that the peer said goodbye; everything else is a loss. */
export interface LinkClosed {
  readonly clean: boolean
  /** A session error code of docs/protocol.md, 0 where none was given. */
  readonly code: number
  readonly reason: string
}

/** What a link tells whoever started it; plain calls, none of which may throw. */
export interface LinkHandlers {
  /** One whole frame; the receiver may keep the buffer. */
  readonly onFrame: (frame: Uint8Array) => void
  /** `buffered()` has fallen to half of what it was when it last passed 256 KiB, or to 0. */
  readonly onDrain: () => void
  /** Called exactly once, last of all, whichever side closed. */
  readonly onClose: (closed: LinkClosed) => void
}

/** One end of an open link; both ends are alike. */
export interface Link {
  /** How it travels: `ws`, `http`, `memory`, or a third party's own name. */
  readonly transport: string
  /** Why it travels this way although the source knows a better one, such as `WebSocket: …`; absent where it knows none. */
  readonly why?: string
  /** Attaches the one receiver. Frames that came before are handed over first; a transport reads no more than 1 MiB ahead of it, besides what is on the way unanswered. */
  readonly start: (handlers: LinkHandlers) => void
  /** Takes one whole frame and the buffer with it. Never waits, never throws; after the end it drops the frame. */
  readonly send: (frame: Uint8Array) => void
  /** Bytes taken by `send` that the operating system has not accepted yet. The sender stops at 256 KiB. */
  readonly buffered: () => number
  /** Sends what is buffered, says goodbye with the code, and is closed for good after at most 1 s. */
  readonly close: (code: number, reason: string) => void
  /** Drops everything at once; the peer sees a loss. */
  readonly destroy: (reason: string) => void
}

/** Why a dial failed; `retryAfterMs` is what the proxy asked for. */
export class LinkDialError extends Schema.TaggedError<LinkDialError>()("LinkDialError", {
  /** `refused` = the token was not accepted, `conflict` = the name is taken by another running source, `unavailable` = no working path right now, `unsupported` = the path exists but does not carry this transport. */
  reason: Schema.Literal("refused", "conflict", "unavailable", "unsupported"),
  url: Schema.String,
  detail: Schema.String,
  status: Schema.optional(Schema.Int),
  retryAfterMs: Schema.optional(Schema.Number),
}) {
  override get message(): string {
    return `no link to ${this.url}: ${this.detail}`
  }
}

/** Where a source dials out. Provided by a transport. */
export class LinkDialer extends Context.Tag("@rdl/core/LinkDialer")<
  LinkDialer,
  {
    /** Opens one link, within 10 s; the caller's scope destroys it. */
    readonly dial: Effect.Effect<Link, LinkDialError, Scope.Scope>
    /** Waits until a better link than the one in use may be had, and opens it beside that; for ever where there is none. The caller's scope destroys it. */
    readonly improve?: Effect.Effect<Link, never, Scope.Scope>
  }
>() {}

/** Who is at the far end of an accepted link. */
export interface SourceIdentity {
  readonly name: SourceName
  readonly claims: TokenClaims
}

/** Where a transport of the proxy delivers the links that come in. Provided by the proxy. */
export class LinkAcceptor extends Context.Tag("@rdl/core/LinkAcceptor")<
  LinkAcceptor,
  {
    /** Says whose link this will be, from the bearer token; asked before anything is accepted. */
    readonly authenticate: (token: string | undefined) => Effect.Effect<SourceIdentity, TokenRejected>
    /** Serves the link; returns when it has ended. Interrupting it closes the link. */
    readonly accept: (link: Link, identity: SourceIdentity) => Effect.Effect<void>
  }
>() {}

/** A log as its user reads it: one answer, over however many links, runs and containers it takes. */
import type { End, Head } from "../link/LinkMessage.ts"
import type { LinkLost } from "../link/LinkSession.ts"
import type { StreamError } from "../link/StreamError.ts"
import type { LogNext } from "../log/LogEntry.ts"
import type { LogGap } from "../log/LogGap.ts"

/** How a log ended: well only where there is no `_tag`. */
export type LogResult = End | StreamError | LinkLost

/** What a reader calls; none of them may throw. */
export interface LogHandlers {
  readonly onData: (bytes: Uint8Array) => void
  /** Bytes are gone between those handed over and those to come. */
  readonly onGap?: (gap: LogGap) => void
  /** `place` has moved: nothing came since, so that a word of the reader's own may stand here. */
  readonly onPlace?: () => void
  /** What comes from here on is another run, or another container. */
  readonly onNext?: (next: LogNext) => void
  /** Called exactly once, last of all. */
  readonly onEnd: (result: LogResult) => void
}

export interface LogFeed {
  readonly head: Head
  /** Attaches the one receiver. */
  readonly start: (handlers: LogHandlers) => void
  /** Tells that bytes have left towards the user: the source may send as many more. */
  readonly consumed: (bytes: number) => void
  /** Whether a word of the reader's own, such as a sign of life, may stand between the bytes now. */
  readonly isClean: () => boolean
  /** The cursor of where the log stands, where it is clean and has one. */
  readonly place: () => string | undefined
}

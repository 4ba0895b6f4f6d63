/** The two ends of a stream, as those who write and read it see them. */
import { Chunk, Effect, Option, Stream } from "effect"
import { LinkBacklog } from "./LinkBacklog.ts"
import type { LinkLost } from "./LinkLost.ts"
import type { End, Head } from "./LinkMessage.ts"
import type { LogGap } from "../log/LogGap.ts"
import type { StreamError } from "./StreamError.ts"

/** The writing end of a stream, at the source. After the stream has ended, by whichever side, calls do nothing. */
export interface StreamWriter {
  /** Says what is coming; once, before the first byte. */
  readonly head: (head: Head) => void
  /** Queues bytes (any length; cut into frames) and takes the buffer, with the `room` bytes (default 0) that stand before them in it: where they are as many as a frame's header, the frame is made in place. False = wait for `onWritable`; what was given is queued all the same, so a caller that obeys holds at most one write over 256 KiB, each write counting 64 bytes more than it has. */
  readonly write: (bytes: Uint8Array, room?: number) => boolean
  /** Calls back once, when there is room again (half of the bound); at once if there is. Never after the stream has ended. */
  readonly onWritable: (callback: () => void) => void
  /** Says that everything written so far is described by this cursor, of at most 64 bytes (docs/protocol.md#mark). Every session's writer has it; others may do without. At most 64 wait for their bytes; beyond that the newest takes the place of the one before it. */
  readonly mark?: (cursor: Uint8Array) => void
  /** Says that bytes between what was written so far and what will be are gone, and that the cursor describes the place behind them (docs/protocol.md#gap). */
  readonly gap?: (gap: LogGap, cursor: Uint8Array) => void
}

/** The reading end of a stream, at the proxy. */
export interface StreamReader {
  readonly head: Head
  /** Attaches the one receiver; bytes that came before are handed over first (at most the credit given so far). */
  readonly start: (handlers: StreamHandlers) => void
  /** Tells that bytes have left towards the user: the source may send as many more. */
  readonly consumed: (bytes: number) => void
}

/** What a reader calls; none of them may throw. */
export interface StreamHandlers {
  /** Bytes in their order, a view into the frame they came in. */
  readonly onData: (bytes: Uint8Array) => void
  /** Everything up to `offset`, in bytes since the stream began, is described by `cursor`. Of marks that came before `start` only the one before any byte and the last are told. */
  readonly onMark?: (offset: number, cursor: Uint8Array) => void
  /** Bytes are gone between those handed over so far and those to come; the mark that follows at once is behind the gap, and without it the gap has not been told. */
  readonly onGap?: (gap: LogGap) => void
  /** Called exactly once, last of all: an End, or why there is none. */
  readonly onEnd: (result: End | StreamError | LinkLost) => void
}

type Result = End | StreamError | LinkLost

/** The bytes of a reader as a Stream, which ends well only where the source said END. Credit goes back when the next bytes are pulled, so a Stream that is not pulled stops its source. */
export const bytes = (reader: StreamReader): Stream.Stream<Uint8Array, StreamError | LinkLost> =>
  Stream.fromPull(
    Effect.sync(() => {
      const inbox = new Inbox()
      reader.start(inbox)
      return Effect.suspend(() => {
        reader.consumed(inbox.handedOut)
        inbox.handedOut = 0
        return Effect.async<Chunk.Chunk<Uint8Array>, Option.Option<StreamError | LinkLost>>((resume) => {
          inbox.wanted = () => resume(inbox.take())
          inbox.tell()
          return Effect.sync(() => {
            inbox.wanted = null
          })
        })
      })
    }),
  )

/** What came and was not pulled yet; the stream's credit bounds it. */
class Inbox implements StreamHandlers {
  handedOut = 0
  wanted: (() => void) | null = null
  readonly #backlog = new LinkBacklog()
  #result: Result | null = null

  readonly onData = (bytes: Uint8Array): void => {
    this.#backlog.push(bytes)
    this.tell()
  }

  readonly onEnd = (result: Result): void => {
    this.#result = result
    this.tell()
  }

  tell(): void {
    if (this.wanted === null || (this.#backlog.isEmpty && this.#result === null)) return
    const wanted = this.wanted
    this.wanted = null
    wanted()
  }

  take(): Effect.Effect<Chunk.Chunk<Uint8Array>, Option.Option<StreamError | LinkLost>> {
    if (this.#backlog.isEmpty) {
      const result = this.#result
      return Effect.fail(result !== null && "_tag" in result ? Option.some(result) : Option.none())
    }
    const chunks = this.#backlog.takeAll()
    for (const chunk of chunks) this.handedOut += chunk.length
    return Effect.succeed(Chunk.unsafeFromArray(chunks))
  }
}

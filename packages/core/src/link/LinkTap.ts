/** Listens in on a link: what befalls it is told to a second listener, before the one receiver hears of it. */
import type { Link, LinkClosed } from "./Link.ts"

export interface Tap {
  /** What the link says of itself instead of its own. */
  readonly why?: string | undefined
  readonly onStart?: () => void
  readonly onFrame?: (frame: Uint8Array) => void
  /** This end says goodbye; `onClose` follows once the other has heard it, or its time is over. */
  readonly onGoodbye?: (code: number) => void
  /** This end drops the link. */
  readonly onDestroy?: () => void
  readonly onClose?: (closed: LinkClosed) => void
}

/** The same link, listened in on. */
export const make = (link: Link, tap: Tap): Link => {
  const why = tap.why ?? link.why
  return {
    transport: link.transport,
    ...(why === undefined ? {} : { why }),
    start: (handlers) => {
      tap.onStart?.()
      link.start({
        onFrame: (frame) => {
          tap.onFrame?.(frame)
          handlers.onFrame(frame)
        },
        onDrain: () => handlers.onDrain(),
        onClose: (closed) => {
          tap.onClose?.(closed)
          handlers.onClose(closed)
        },
      })
    },
    send: (frame) => link.send(frame),
    buffered: () => link.buffered(),
    close: (code, reason) => {
      tap.onGoodbye?.(code)
      link.close(code, reason)
    },
    destroy: (reason) => {
      tap.onDestroy?.()
      link.destroy(reason)
    },
  }
}

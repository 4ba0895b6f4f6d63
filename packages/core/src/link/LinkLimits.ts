/** The bounds of the link protocol that no option changes (docs/limits.md#link). */

/** The longest JSON payload of a frame, in bytes. */
export const MAX_JSON_BYTES = 16 * 1024
/** The longest text for people in GOAWAY and RESET, in bytes of UTF-8; longer ones are cut at a character. */
export const MAX_TEXT_BYTES = 512
/** The longest cursor a MARK carries, in bytes. */
export const MAX_CURSOR_BYTES = 64
/** The longest payload of a GAP, in bytes. */
export const MAX_GAP_BYTES = 2 * 1024
/** The longest payload of a TALLY, in bytes. */
export const MAX_TALLY_BYTES = 1024
/** The usual `WELCOME.maxFrame`: the longest DATA payload, in bytes. */
export const DEFAULT_MAX_FRAME = 64 * 1024
/** The greatest `WELCOME.maxFrame` there may be; a transport carries frames of this payload and HEADER_BYTES more. */
export const GREATEST_MAX_FRAME = 256 * 1024
/** The usual `WELCOME.maxStreams`: streams open at a time on one link. */
export const DEFAULT_MAX_STREAMS = 256

/** HELLO, and WELCOME after it, must come within this many milliseconds. */
export const HANDSHAKE_MS = 5_000
/** The usual `WELCOME.heartbeatMs`: milliseconds from one PING to the next. */
export const DEFAULT_HEARTBEAT_MS = 15_000
/** The usual `WELCOME.deadMs`: a link on which nothing came for so many milliseconds is dead. */
export const DEFAULT_DEAD_MS = 40_000
/** A link that holds bytes and passes none of them on for this many milliseconds is dead. */
export const STALL_MS = 30_000
/** HEAD must come within this many milliseconds of the request. */
export const HEAD_MS = 30_000
/** After a graceful GOAWAY open streams have this many milliseconds. */
export const DRAIN_MS = 30_000

/** A sender stops at a transport that holds more bytes than this. */
export const MAX_BUFFERED = 256 * 1024
/** A stream's writer is told to wait when more bytes than this are queued, WRITE_COST for each write included. */
export const MAX_QUEUED = 256 * 1024
/** What one write costs of MAX_QUEUED besides its bytes, so that many tiny ones are bounded as well. */
export const WRITE_COST = 64
/** MARKs one stream keeps while they wait for their bytes; the newest takes the place of the one before it. */
export const MAX_MARKS = 64

/** The credit window a stream opens with, in bytes. */
export const INITIAL_WINDOW = 256 * 1024
/** The window it opens with when the budget is short. */
export const SMALL_WINDOW = 32 * 1024
/** What a window grows to at most. */
export const GREATEST_WINDOW = 2 * 1024 * 1024
/** What all windows of a process take together at most. */
export const CREDIT_BUDGET = 256 * 1024 * 1024

/**
 * The format "frames": Docker's framing for every container, with or without terminal, so that frames which are no log
 * can stand between its records. Docker's own clients never get it.
 */
import { HEADER_BYTES, writeHeader } from "./DockerFrames.ts"

/** What a frame carries that is no record; types 1 and 2 are records, 3 the engine's own word that reading failed. */
export const LogFrameType = {
  /** The place behind everything before it, as text (LogCursor.toText). */
  cursor: 0x10,
  /** Bytes are gone here: a LogGap as JSON. */
  gap: 0x11,
  /** The log is over: an End as JSON; nothing follows. */
  end: 0x12,
  /** Records of another container follow: its facts as JSON. */
  next: 0x13,
  /** A sign of life; empty. */
  alive: 0x14,
} as const
export type LogFrameType = (typeof LogFrameType)[keyof typeof LogFrameType]

/** One frame; a payload over MAX_PAYLOAD_BYTES of DockerFrames is refused by readers. */
export const encode = (type: LogFrameType, payload: Uint8Array = new Uint8Array(0)): Uint8Array => {
  const frame = new Uint8Array(HEADER_BYTES + payload.length)
  writeHeader(frame, 0, type, payload.length)
  frame.set(payload, HEADER_BYTES)
  return frame
}

/** Told of each frame that is no record: its payload is `bytes[start..end)`, valid only during the call. */
export type OnLogFrame = (type: LogFrameType, bytes: Uint8Array, start: number, end: number) => void

const TYPES: ReadonlySet<number> = new Set(Object.values(LogFrameType))

/** Whether a frame's type is one of ours. */
export const isLogFrameType = (type: number): type is LogFrameType => TYPES.has(type)

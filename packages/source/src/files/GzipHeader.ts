/** What the engine notes in the head of a file it compresses: when the last record in it was written. */
import { type LogTime, parse } from "@rdl/core/log/LogTime"
import { Either } from "effect"

/** As much of a file's beginning as holds the note: the fixed head, and 64 KiB of what may follow. */
export const HEADER_BYTES = 12 + 65_535

const FIXED_BYTES = 12
const FLAGS_AT = 3
const LENGTH_AT = 10
const HAS_EXTRA = 4
const LAST_TIME = /"lastTime":"([^"\\]{1,64})"/

/**
 * The timestamp of the file's last record; nothing in it is later, so the engine passes the file over where `since` is.
 * Undefined where the bytes, which begin where the file does, have no such note.
 */
export const lastTime = (bytes: Buffer): LogTime | undefined => {
  if (bytes.length < FIXED_BYTES || bytes.readUInt16BE(0) !== 0x1f8b) return undefined
  if ((bytes[FLAGS_AT]! & HAS_EXTRA) === 0) return undefined
  const end = FIXED_BYTES + bytes.readUInt16LE(LENGTH_AT)
  if (end > bytes.length) return undefined
  const [, time] = LAST_TIME.exec(bytes.toString("latin1", FIXED_BYTES, end)) ?? []
  return time === undefined ? undefined : Either.getOrUndefined(parse(new URLSearchParams({ [NOTE]: time }), NOTE, 0))
}

const NOTE = "lastTime"

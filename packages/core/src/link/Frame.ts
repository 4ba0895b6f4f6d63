/** Frames as bytes (docs/protocol.md#frames): plain functions that write one into a buffer of its own and read one in place. */
import { Either, ParseResult, Schema } from "effect"
import { FrameType, isSessionFrame, nameOf, shapeOf } from "./FrameType.ts"
import { MAX_CURSOR_BYTES, MAX_JSON_BYTES, MAX_TEXT_BYTES } from "./LinkLimits.ts"
import { SessionCode } from "./SessionCode.ts"

/** What stands before each payload, in bytes. */
export const HEADER_BYTES = 12
/** A receiver that does not know the type skips the frame. */
export const IGNORABLE = 0x80

/** A frame breaks the protocol; thrown by what reads frames, and the end of its session. */
export class FrameError extends Schema.TaggedError<FrameError>()("FrameError", {
  /** A session code of docs/protocol.md. */
  code: Schema.Int,
  detail: Schema.String,
}) {
  override get message(): string {
    return this.detail
  }
}

/** A FrameError with the code PROTOCOL. */
export const violation = (detail: string): FrameError => new FrameError({ code: SessionCode.protocol, detail })

/** What a GOAWAY says. protocol.md#goaway */
export interface GoAway {
  readonly code: number
  readonly lastStreamId: number
  /** 0 = the sender does not say. */
  readonly retryAfterMs: number
  readonly text: string
}

/** The type of a whole frame; may be one that is not known here. */
export const typeOf = (frame: Uint8Array): number => frame[0]!
/** The stream a whole frame is of; 0 = the session. */
export const streamIdOf = (frame: Uint8Array): number => readU32(frame, 4)
/** A view into the frame, not a copy. */
export const payloadOf = (frame: Uint8Array): Uint8Array => frame.subarray(HEADER_BYTES)

/** Checks header and length of a whole frame and tells its type; 0 = one to be skipped. Throws FrameError. */
export const check = (frame: Uint8Array, maxFrame: number): number => {
  if (frame.length < HEADER_BYTES) throw violation(`a frame of ${frame.length} bytes is shorter than a header`)
  const type = frame[0]!
  const length = frame.length - HEADER_BYTES
  const said = readU32(frame, 8)
  if (said !== length) throw violation(`${nameOf(type)} says ${said} bytes of payload and has ${length}`)
  const shape = shapeOf(type)
  const most = type === FrameType.data || shape === undefined ? maxFrame : shape.most
  if (length > most) {
    const detail = `${nameOf(type)} has ${length} bytes of payload, more than ${most}`
    throw new FrameError({ code: SessionCode.frameTooLarge, detail })
  }
  if (shape === undefined) {
    if ((frame[1]! & IGNORABLE) !== 0) return 0
    throw violation(`unknown frame ${nameOf(type)}`)
  }
  if (length < shape.least) throw violation(`${shape.name} has ${length} bytes of payload, fewer than ${shape.least}`)
  if (isSessionFrame(type) !== (streamIdOf(frame) === 0))
    throw violation(`${shape.name} stands on stream ${streamIdOf(frame)}`)
  return type
}

/** A frame whose payload is left for the caller to fill. */
export const allocate = (type: FrameType, streamId: number, length: number): Uint8Array => {
  const frame = new Uint8Array(HEADER_BYTES + length)
  writeHeader(frame, type, streamId)
  return frame
}

/** Makes a frame of bytes whose payload stands in its place already. */
export const writeHeader = (frame: Uint8Array, type: FrameType, streamId: number): void => {
  frame[0] = type
  frame[1] = frame[2] = frame[3] = 0
  writeU32(frame, 4, streamId)
  writeU32(frame, 8, frame.length - HEADER_BYTES)
}

/** PING or PONG with a number of the sender's choice. */
export const beat = (type: typeof FrameType.ping | typeof FrameType.pong, value: number): Uint8Array => {
  const frame = allocate(type, 0, 8)
  writeU64(frame, HEADER_BYTES, value)
  return frame
}

/** The PONG to a PING, with its very bytes. */
export const pongTo = (ping: Uint8Array): Uint8Array => withPayload(FrameType.pong, 0, payloadOf(ping))

/** A TALLY with its JSON, as `encodeJson` made it: whoever does not know it skips it. */
export const tally = (json: Uint8Array): Uint8Array => {
  const frame = withPayload(FrameType.tally, 0, json)
  frame[1] = IGNORABLE
  return frame
}

/** A GOAWAY; its text is cut at 512 bytes. */
export const goAway = (goAway: GoAway): Uint8Array => {
  const text = encodeText(goAway.text)
  const frame = allocate(FrameType.goAway, 0, 12 + text.length)
  writeU32(frame, HEADER_BYTES, goAway.code)
  writeU32(frame, HEADER_BYTES + 4, goAway.lastStreamId)
  writeU32(frame, HEADER_BYTES + 8, Math.min(goAway.retryAfterMs, 0xffffffff))
  frame.set(text, HEADER_BYTES + 12)
  return frame
}

/** Reads a whole GOAWAY, whose length was looked at before. */
export const readGoAway = (frame: Uint8Array): GoAway => ({
  code: readU32(frame, HEADER_BYTES),
  lastStreamId: readU32(frame, HEADER_BYTES + 4),
  retryAfterMs: readU32(frame, HEADER_BYTES + 8),
  text: decodeText(frame, HEADER_BYTES + 12),
})

/** OPEN with the JSON of the request, as `encodeJson` made it. */
export const open = (streamId: number, credit: number, request: Uint8Array): Uint8Array => {
  const frame = allocate(FrameType.open, streamId, 8 + request.length)
  writeU64(frame, HEADER_BYTES, credit)
  frame.set(request, HEADER_BYTES + 8)
  return frame
}

/** A cursor longer than 64 bytes throws RangeError: nothing but a defect makes one. */
export const mark = (streamId: number, offset: number, cursor: Uint8Array): Uint8Array => {
  if (cursor.length > MAX_CURSOR_BYTES) throw new RangeError(`a cursor of ${cursor.length} bytes is over 64`)
  const frame = allocate(FrameType.mark, streamId, 8 + cursor.length)
  writeU64(frame, HEADER_BYTES, offset)
  frame.set(cursor, HEADER_BYTES + 8)
  return frame
}

/** A CREDIT: the bytes that the stream may send in all. */
export const credit = (streamId: number, limit: number): Uint8Array => {
  const frame = allocate(FrameType.credit, streamId, 8)
  writeU64(frame, HEADER_BYTES, limit)
  return frame
}

/** The offset of OPEN, MARK and CREDIT; one over 2^53 - 1 counts as that. */
export const readOffset = (frame: Uint8Array): number =>
  Math.min(readU32(frame, HEADER_BYTES) * 2 ** 32 + readU32(frame, HEADER_BYTES + 4), Number.MAX_SAFE_INTEGER)

/** What follows the offset of OPEN and MARK, as a view. */
export const afterOffset = (frame: Uint8Array): Uint8Array => frame.subarray(HEADER_BYTES + 8)

/** A RESET; its text is cut at 512 bytes. */
export const reset = (streamId: number, code: number, text: string): Uint8Array => {
  const bytes = encodeText(text)
  const frame = allocate(FrameType.reset, streamId, 4 + bytes.length)
  writeU32(frame, HEADER_BYTES, code)
  frame.set(bytes, HEADER_BYTES + 4)
  return frame
}

/** Reads a whole RESET, whose length was looked at before. */
export const readReset = (frame: Uint8Array): { readonly code: number; readonly text: string } => ({
  code: readU32(frame, HEADER_BYTES),
  text: decodeText(frame, HEADER_BYTES + 4),
})

/** A frame with these bytes as its payload; the one copy. */
export const withPayload = (type: FrameType, streamId: number, payload: Uint8Array): Uint8Array => {
  const frame = allocate(type, streamId, payload.length)
  frame.set(payload, HEADER_BYTES)
  return frame
}

/** The JSON of a message of LinkMessage.ts as bytes; undefined where it is over 16 KiB. */
export const encodeJson = <A, I>(schema: Schema.Schema<A, I>, value: A): Uint8Array | undefined => {
  const bytes = encoder.encode(JSON.stringify(Schema.encodeSync(schema)(value)))
  return bytes.length > MAX_JSON_BYTES ? undefined : bytes
}

/** What the bytes say before any schema; throws FrameError where they are no JSON. */
export const parseJson = (type: FrameType, bytes: Uint8Array): unknown => {
  try {
    return JSON.parse(strictDecoder.decode(bytes))
  } catch {
    throw violation(`${nameOf(type)} is no JSON`)
  }
}

/** Reads a message of LinkMessage.ts; throws FrameError where it is none. */
export const readJson = <A, I>(type: FrameType, schema: Schema.Schema<A, I>, bytes: Uint8Array): A => {
  const decoded = Schema.decodeUnknownEither(schema)(parseJson(type, bytes))
  if (Either.isRight(decoded)) return decoded.right
  throw violation(`${nameOf(type)} is not as it must be: ${ParseResult.TreeFormatter.formatErrorSync(decoded.left)}`)
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()
const strictDecoder = new TextDecoder("utf-8", { fatal: true })
const scratch = new Uint8Array(MAX_TEXT_BYTES)

const encodeText = (text: string): Uint8Array => scratch.slice(0, encoder.encodeInto(text, scratch).written)

const decodeText = (frame: Uint8Array, at: number): string => decoder.decode(frame.subarray(at))

const readU32 = (bytes: Uint8Array, at: number): number =>
  ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0

const writeU32 = (bytes: Uint8Array, at: number, value: number): void => {
  bytes[at] = value >>> 24
  bytes[at + 1] = value >>> 16
  bytes[at + 2] = value >>> 8
  bytes[at + 3] = value
}

const writeU64 = (bytes: Uint8Array, at: number, value: number): void => {
  writeU32(bytes, at, Math.floor(value / 2 ** 32))
  writeU32(bytes, at + 4, value % 2 ** 32)
}

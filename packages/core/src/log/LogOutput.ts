/** Where renderers write: small pieces in, large buffers out. */
import { HEADER_BYTES } from "../link/Frame.ts"

/**
 * Receives bytes and keeps them, with the PIECE_ROOM bytes that stand before them in their buffer; with a demultiplexer,
 * also which stream they belong to (1 stdout, 2 stderr).
 */
export type Emit = (bytes: Uint8Array, stream: LogStream) => void
export type LogStream = 1 | 2

/**
 * What is emitted at a time, at most. With the headers of the frame (12 bytes) and the WebSocket message (14) it is within
 * 64 KiB, which is what Node reads of a socket: the other end gets it in one read and need not put it together.
 */
export const OUTPUT_BYTES = 65_536 - 64

/** Left free before each piece, in bytes: its receiver makes a link's frame of it without a copy. */
export const PIECE_ROOM = HEADER_BYTES

/**
 * A slab that is filled from front to back, emitted as views of itself and never written twice; a new one is taken when
 * it is full. So a receiver may keep what it got, but must not transfer the buffer behind it.
 */
export class LogOutput {
  /** The slab; written directly only after `reserve`. */
  bytes = new Uint8Array(0)
  /** Where the next byte goes. */
  position = 0
  private sent = 0
  private stream: LogStream = 1
  private emit: Emit = nowhere
  private readonly split: boolean

  /** `split`: never emits bytes of both streams in one piece. */
  constructor(split: boolean) {
    this.split = split
  }

  /** Bytes that have not been emitted. */
  held(): number {
    return this.position - this.sent
  }

  /** Until `flush`, what fills up goes here. */
  begin(emit: Emit): void {
    this.emit = emit
  }

  /** What follows belongs to this stream. */
  turn(stream: LogStream): void {
    if (stream === this.stream) return
    if (this.split) this.send()
    this.stream = stream
  }

  /** Makes room for `length` bytes, at most OUTPUT_BYTES, at `position`. */
  reserve(length: number): void {
    if (this.bytes.length - this.position >= length) return
    this.send()
    this.bytes = new Uint8Array(PIECE_ROOM + OUTPUT_BYTES)
    this.position = this.sent = PIECE_ROOM
  }

  byte(value: number): void {
    this.reserve(1)
    this.bytes[this.position++] = value
  }

  /** Copies `from[start..end)`, of any length. */
  write(from: Uint8Array, start: number, end: number): void {
    const length = end - start
    if (this.bytes.length - this.position < length) return this.writeAcross(from, start, end)
    if (length < SHORT) for (let at = start; at < end; at++) this.bytes[this.position++] = from[at] ?? 0
    else {
      this.bytes.set(from.subarray(start, end), this.position)
      this.position += length
    }
  }

  /** Emits what has not been emitted. */
  flush(): void {
    this.send()
    this.emit = nowhere
  }

  private writeAcross(from: Uint8Array, start: number, end: number): void {
    for (let at = start; at < end;) {
      this.reserve(1)
      const taken = Math.min(end - at, this.bytes.length - this.position)
      this.bytes.set(from.subarray(at, at + taken), this.position)
      this.position += taken
      at += taken
    }
  }

  /** Emits what is there; more may follow before `flush`. */
  send(): void {
    if (this.position === this.sent) return
    const piece = this.bytes.subarray(this.sent, this.position)
    // At its end a slab may have no room for another piece: then this points beyond it, and `reserve` takes a new one.
    this.position = this.sent = this.position + PIECE_ROOM
    this.emit(piece, this.stream)
  }
}

/** Below this a loop is faster than a view and its copy. */
const SHORT = 24

const nowhere = (): void => {}

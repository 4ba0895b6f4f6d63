/** Docker's framing of logs: `[kind, 0, 0, 0, length as u32 big endian]` and the payload; one frame is one record. */
import { Data } from "effect"

/** What a frame carries: stdout (also where the engine says stdin), stderr, or the engine's own word that reading failed. */
export type DockerFrameKind = 1 | 2 | 3
/** The first byte of a frame of standard output. */
export const STDOUT = 1
/** The first byte of a frame of standard error. */
export const STDERR = 2
/** The first byte of a frame in which the engine tells of an error of its own. */
export const SYSTEM = 3

/** The header of a frame: its stream, three zeros, and the length of its payload. */
export const HEADER_BYTES = 8
/**
 * The longest payload taken. Engines cut records at 16 KiB (the awslogs cache at 256 KiB) and add timestamp and details; a
 * source that redacts sends lines of up to 1 MiB in one.
 */
export const MAX_PAYLOAD_BYTES = 2_097_152

/** The bytes are not Docker's framing, or end inside a frame. */
export class DockerFrameError extends Data.TaggedError("DockerFrameError")<{ readonly detail: string }> {
  override get message(): string {
    return this.detail
  }
}

/** Told of each frame: its payload is `bytes[start..end)`, valid only during the call. */
export type OnFrame = (kind: DockerFrameKind, bytes: Uint8Array, start: number, end: number) => void

/** Types beyond Docker's that may stand between its frames, and who is told of them. */
export interface OtherFrames<Type extends number> {
  readonly has: (type: number) => type is Type
  readonly onFrame: (type: Type, bytes: Uint8Array, start: number, end: number) => void
}

/** Writes a header of 8 bytes; `type` is a DockerFrameKind, or a type of one's own. */
export const writeHeader = (into: Uint8Array, at: number, type: number, length: number): void => {
  into[at] = type
  into[at + 1] = 0
  into[at + 2] = 0
  into[at + 3] = 0
  into[at + 4] = length >>> 24
  into[at + 5] = (length >>> 16) & 0xff
  into[at + 6] = (length >>> 8) & 0xff
  into[at + 7] = length & 0xff
}

/** Finds the frames in a body that comes in pieces cut anywhere; holds at most one frame. */
export class DockerFrameDecoder<Other extends number = never> {
  private readonly onFrame: OnFrame
  private readonly others: OtherFrames<Other> | undefined
  /** The beginning of a frame whose rest has not come. */
  private carry = new Uint8Array(0)
  private carried = 0
  private failure: DockerFrameError | undefined

  /** Without `others`, a type beyond Docker's is an error. */
  constructor(onFrame: OnFrame, others?: OtherFrames<Other>) {
    this.onFrame = onFrame
    this.others = others
  }

  /** Takes the next piece; once it has failed it takes nothing more and returns the same error. */
  push(chunk: Uint8Array): DockerFrameError | undefined {
    if (this.failure !== undefined) return this.failure
    let at = this.carried === 0 ? 0 : this.complete(chunk)
    while (this.failure === undefined && chunk.length - at >= HEADER_BYTES) {
      const end = at + this.frameBytes(chunk, at)
      if (end > chunk.length || this.failure !== undefined) break
      this.tell(chunk[at] ?? 0, chunk, at + HEADER_BYTES, end)
      at = end
    }
    if (this.failure === undefined && at < chunk.length) this.keep(chunk, at, chunk.length)
    return this.failure
  }

  /** The body has ended: an error where it did so inside a frame. */
  end(): DockerFrameError | undefined {
    if (this.carried > 0) this.failure ??= new DockerFrameError({ detail: "the log ended inside a frame" })
    return this.failure
  }

  /** Fills up the frame begun in earlier pieces; returns where the next one begins. */
  private complete(chunk: Uint8Array): number {
    let at = 0
    if (this.carried < HEADER_BYTES) {
      at = Math.min(HEADER_BYTES - this.carried, chunk.length)
      this.keep(chunk, 0, at)
      if (this.carried < HEADER_BYTES) return at
    }
    const bytes = this.frameBytes(this.carry, 0)
    if (this.failure !== undefined) return at
    const taken = Math.min(bytes - this.carried, chunk.length - at)
    this.keep(chunk, at, at + taken)
    if (this.carried < bytes) return at + taken
    this.carried = 0
    this.tell(this.carry[0] ?? 0, this.carry, HEADER_BYTES, bytes)
    return at + taken
  }

  private tell(type: number, bytes: Uint8Array, start: number, end: number): void {
    if (type <= SYSTEM) this.onFrame(type === STDERR || type === SYSTEM ? type : STDOUT, bytes, start, end)
    else if (this.others?.has(type) === true) this.others.onFrame(type, bytes, start, end)
  }

  private keep(chunk: Uint8Array, from: number, to: number): void {
    const needed = this.carried + to - from
    if (needed > this.carry.length) {
      const grown = new Uint8Array(Math.max(needed, this.carry.length * 2, 256))
      grown.set(this.carry.subarray(0, this.carried))
      this.carry = grown
    }
    this.carry.set(chunk.subarray(from, to), this.carried)
    this.carried = needed
  }

  /** Length of the frame that begins at `at`, header included; checks the header. */
  private frameBytes(bytes: Uint8Array, at: number): number {
    const kind = bytes[at] ?? 0
    const padding = (bytes[at + 1] ?? 0) | (bytes[at + 2] ?? 0) | (bytes[at + 3] ?? 0)
    const length =
      (((bytes[at + 4] ?? 0) << 24) |
        ((bytes[at + 5] ?? 0) << 16) |
        ((bytes[at + 6] ?? 0) << 8) |
        (bytes[at + 7] ?? 0)) >>>
      0
    if ((kind > SYSTEM && this.others?.has(kind) !== true) || padding !== 0)
      this.failure = new DockerFrameError({ detail: `not a frame of a log: it begins with ${hex(bytes, at)}` })
    else if (length > MAX_PAYLOAD_BYTES)
      this.failure = new DockerFrameError({ detail: `a frame of ${length} bytes, over ${MAX_PAYLOAD_BYTES}` })
    return HEADER_BYTES + length
  }
}

const hex = (bytes: Uint8Array, at: number): string =>
  Array.from(bytes.subarray(at, at + HEADER_BYTES), (byte) => byte.toString(16).padStart(2, "0")).join(" ")

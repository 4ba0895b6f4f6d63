/** Reads one HTTP/1.1 answer from the bytes of a socket: push bytes in, head and body slices come out; nothing is copied. */

export interface HttpHead {
  readonly status: number
  /** Names in lower case; of a repeated name the last value. */
  readonly headers: ReadonlyMap<string, string>
}

/** Called while `push` and `end` run. After `onEnd` or `onError` nothing is called any more. */
export interface HttpHandlers {
  readonly onHead: (head: HttpHead) => void
  /** A part of the body: a view of the bytes pushed, never empty, cut wherever the socket and the engine cut. */
  readonly onData: (slice: Uint8Array) => void
  /** The body is whole: terminating chunk, or as many bytes as promised, or closed where closing is the end. */
  readonly onEnd: () => void
  /** What came is not HTTP, or broke off. */
  readonly onError: (detail: string) => void
}

/** Longest status line and headers together, and longest trailers; more is an error. */
export const MAX_HEAD = 16 * 1024
/** Longest chunk-size line with its extensions; more is an error. */
export const MAX_CHUNK_LINE = 4 * 1024

const State = {
  Head: 0,
  Size: 1,
  Extension: 2,
  SizeLf: 3,
  Data: 4,
  DataCr: 5,
  DataLf: 6,
  Trailer: 7,
  Fixed: 8,
  UntilClose: 9,
  Done: 10,
} as const
type State = (typeof State)[keyof typeof State]

const CR = 0x0d
const LF = 0x0a
const SEMICOLON = 0x3b

/** The parser of one answer; the engine sends one small chunk for each log line, so chunks are what it is made for. */
export class HttpBody {
  private readonly handlers: HttpHandlers
  private state: State = State.Head
  private held: Uint8Array = new Uint8Array(0)
  /** Bytes left of the chunk or of the promised length. */
  private left = 0
  private digits = 0
  private lineBytes = 0

  constructor(handlers: HttpHandlers) {
    this.handlers = handlers
  }

  /** Takes bytes as they come; what follows the end of the answer is ignored. */
  push(bytes: Uint8Array): void {
    let at = 0
    while (at < bytes.length && this.state !== State.Done) at = this.step(bytes, at)
  }

  /** The socket has ended: well only where closing is how this body ends. */
  end(): void {
    if (this.state === State.UntilClose) this.finish()
    else if (this.state === State.Head) this.fail("it closed the connection before it answered")
    else this.fail("it broke off in the middle of the answer")
  }

  /** No handler is called after this. */
  stop(): void {
    this.state = State.Done
  }

  private step(bytes: Uint8Array, at: number): number {
    switch (this.state) {
      case State.Size:
        return this.size(bytes, at)
      case State.Data:
      case State.Fixed:
        return this.counted(bytes, at)
      case State.DataCr:
        return this.expect(bytes, at, CR, State.DataLf)
      case State.DataLf:
        this.beginSize()
        return this.expect(bytes, at, LF, State.Size)
      case State.SizeLf:
        return this.expect(bytes, at, LF, this.left === 0 ? State.Trailer : State.Data)
      case State.Extension:
        return this.extension(bytes, at)
      case State.UntilClose:
        this.handlers.onData(at === 0 ? bytes : bytes.subarray(at))
        return bytes.length
      case State.Head:
        return this.block(bytes, at, headEnd, (block) => this.head(block))
      case State.Trailer:
        return this.block(bytes, at, trailerEnd, () => this.finish())
      default:
        return bytes.length
    }
  }

  private size(bytes: Uint8Array, from: number): number {
    let at = from
    while (at < bytes.length) {
      const byte = bytes[at]!
      const digit = hexDigit(byte)
      if (digit >= 0) {
        this.left = this.left * 16 + digit
        this.digits += 1
        if (this.digits > 8) return this.fail("a chunk has an impossible size")
        at += 1
        continue
      }
      if (this.digits === 0) return this.fail("a chunk has no size")
      if (byte === CR) this.state = State.SizeLf
      else if (byte === SEMICOLON || byte === 0x20 || byte === 0x09) this.state = State.Extension
      else return this.fail("a chunk has an impossible size")
      return at + 1
    }
    return at
  }

  private extension(bytes: Uint8Array, at: number): number {
    const cr = bytes.indexOf(CR, at)
    this.lineBytes += (cr < 0 ? bytes.length : cr) - at
    if (this.lineBytes > MAX_CHUNK_LINE) return this.fail("a chunk extension is too long")
    if (cr < 0) return bytes.length
    this.state = State.SizeLf
    return cr + 1
  }

  private counted(bytes: Uint8Array, at: number): number {
    const take = Math.min(this.left, bytes.length - at)
    this.left -= take
    const whole = this.left === 0
    const fixed = this.state === State.Fixed
    if (whole && !fixed) this.state = State.DataCr
    this.handlers.onData(bytes.subarray(at, at + take))
    if (whole && fixed) this.finish()
    return at + take
  }

  private expect(bytes: Uint8Array, at: number, byte: number, next: State): number {
    if (bytes[at] !== byte) return this.fail("a chunk does not end where its size says")
    this.state = next
    return at + 1
  }

  /** Gathers until `found` sees an end; heads and trailers are short, so looking again from the start is cheap. */
  private block(bytes: Uint8Array, at: number, found: (held: Buffer) => number, then: (block: Buffer) => void): number {
    const before = this.held.length
    const held = Buffer.concat([this.held, bytes.subarray(at, at + MAX_HEAD + 4)])
    const end = found(held)
    if (end > MAX_HEAD || (end < 0 && held.length > MAX_HEAD)) return this.fail("its headers are longer than 16 KiB")
    if (end < 0) {
      this.held = held
      return bytes.length
    }
    this.held = new Uint8Array(0)
    then(held.subarray(0, end))
    return at + end - before
  }

  private head(block: Buffer): void {
    const [first = "", ...lines] = block.toString("latin1").split("\r\n")
    const status = Number(/^HTTP\/1\.[01] ([2-5]\d\d)(?: |$)/.exec(first)?.[1])
    if (!(status >= 200)) return void this.fail("it does not speak HTTP/1.1")
    const headers = new Map<string, string>()
    for (const line of lines) {
      const colon = line.indexOf(":")
      if (colon > 0) headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim())
    }
    const problem = this.frame(status, headers)
    if (problem !== undefined) return void this.fail(problem)
    const empty = this.state === State.Fixed && this.left === 0
    this.handlers.onHead({ status, headers })
    if (empty) this.finish()
  }

  /** Decides how the body ends; what is wrong, if anything. */
  private frame(status: number, headers: ReadonlyMap<string, string>): string | undefined {
    const coding = headers.get("transfer-encoding")
    const length = headers.get("content-length")
    this.left = 0
    if (status === 204 || status === 304) this.state = State.Fixed
    else if (coding !== undefined) {
      if (coding.toLowerCase() !== "chunked") return `it uses the transfer coding ${coding.slice(0, 40)}`
      this.beginSize()
      this.state = State.Size
    } else if (length !== undefined) {
      if (!/^\d{1,15}$/.test(length)) return "its Content-Length is not a number"
      this.left = Number(length)
      this.state = State.Fixed
    } else this.state = State.UntilClose
    return undefined
  }

  private beginSize(): void {
    this.left = 0
    this.digits = 0
    this.lineBytes = 0
  }

  private finish(): void {
    if (this.state === State.Done) return
    this.state = State.Done
    this.handlers.onEnd()
  }

  private fail(detail: string): number {
    if (this.state !== State.Done) {
      this.state = State.Done
      this.handlers.onError(detail)
    }
    return Number.MAX_SAFE_INTEGER
  }
}

const hexDigit = (byte: number): number => {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30
  const lower = byte | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
}

const headEnd = (held: Buffer): number => {
  const at = held.indexOf("\r\n\r\n")
  return at < 0 ? -1 : at + 4
}

/** Trailers end with an empty line, which may be all there is. */
const trailerEnd = (held: Buffer): number => (held.length >= 2 && held[0] === CR && held[1] === LF ? 2 : headEnd(held))

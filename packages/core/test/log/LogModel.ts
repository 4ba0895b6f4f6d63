/** A log as a test thinks of it: lines that a container wrote, and the bytes an engine makes of them. */
import { FastCheck as fc } from "effect"

export interface ModelLine {
  readonly stream: 1 | 2
  readonly content: Buffer
  readonly terminated: boolean
}

/** One stored entry: a line, or 16 KiB of it. */
export interface ModelRecord {
  readonly line: ModelLine
  readonly stamp: string
  readonly payload: Buffer
  /** The last one of its line. */
  readonly last: boolean
}

export const DETAILS = "a=1,k+2=v%2Fw "

/** Cuts bytes at any places. */
export const cut = (bytes: Uint8Array, places: ReadonlyArray<number>): Array<Uint8Array> => {
  const sorted = [0, ...places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]
  return sorted.slice(1).map((end, index) => bytes.slice(sorted[index], end))
}

const awkward = fc.constantFrom(
  "",
  "\r",
  "\0",
  "\u001b[31mred\u001b[0m",
  "\ufeffbom",
  "é日本🎉",
  `"quoted\\"`,
  "a\rb\r",
  "\u2028",
  "\u007f",
  "  ",
  "at 2020-01-01T00:00:00.000000000Z it was",
  "2020-01-01T00:00:00.000000000Z old",
)

const noNewline = (bytes: Uint8Array): Buffer => Buffer.from(bytes.map((byte) => (byte === 10 ? 11 : byte)))

const content = fc.oneof(
  { weight: 4, arbitrary: awkward.map((text) => Buffer.from(text)) },
  { weight: 3, arbitrary: fc.uint8Array({ maxLength: 60 }).map(noNewline) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom(16_383, 16_384, 16_385, 32_768, 40_000), fc.uint8Array({ minLength: 1, maxLength: 5 }))
      .map(([length, seed]) => Buffer.alloc(length, noNewline(seed))),
  },
)

const lines = (stream: 1 | 2) =>
  fc.array(
    fc.record({
      stream: fc.constant(stream),
      content,
      terminated: fc.oneof({ weight: 5, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
    }),
    { maxLength: 10 },
  )

/** The records of a container: two streams whose pieces interleave anyhow, each piece with its line's timestamp. */
export const logs: fc.Arbitrary<ReadonlyArray<ModelRecord>> = fc
  .tuple(lines(1), lines(2), fc.infiniteStream(fc.boolean()))
  .map(([stdout, stderr, turns]) => interleave([recordsOf(stdout, 0), recordsOf(stderr, 1)], turns))

/** The records of a container with a terminal; its lines end in CR LF. */
export const terminalLogs: fc.Arbitrary<ReadonlyArray<ModelRecord>> = lines(1).map((all) =>
  recordsOf(
    all.map((line) =>
      line.terminated ? { ...line, content: Buffer.concat([line.content, Buffer.from("\r")]) } : line,
    ),
    0,
  ),
)

const recordsOf = (all: ReadonlyArray<ModelLine>, odd: number): Array<ModelRecord> =>
  all.flatMap((line, index) => {
    const whole = line.terminated ? Buffer.concat([line.content, Buffer.from("\n")]) : line.content
    const stamp = `2026-11-22T10:44:07.${String(index * 2 + odd).padStart(9, "0")}Z `
    const count = Math.ceil(line.content.length / 16_384)
    // As Docker does it: a line of exactly 16 KiB is a full piece, and its newline one of its own.
    const pieces = Array.from({ length: count }, (_, piece) => whole.subarray(piece * 16_384, (piece + 1) * 16_384))
    if (whole.length > count * 16_384) pieces.push(whole.subarray(count * 16_384))
    return pieces.map((payload, piece) => ({ line, stamp, payload, last: piece === pieces.length - 1 }))
  })

const interleave = (
  queues: [Array<ModelRecord>, Array<ModelRecord>],
  turns: fc.Stream<boolean>,
): Array<ModelRecord> => {
  const [one, other] = queues
  const merged: Array<ModelRecord> = []
  while (one.length > 0 && other.length > 0) merged.push((turns.next().value ? one : other).shift()!)
  return [...merged, ...one, ...other]
}

/** What an engine answers for these parameters. */
export const answer = (
  records: ReadonlyArray<ModelRecord>,
  options: { readonly timestamps: boolean; readonly details: boolean; readonly tty: boolean },
): Buffer =>
  Buffer.concat(
    records.flatMap(({ line, stamp, payload }) => {
      const body = Buffer.concat([
        Buffer.from(options.timestamps ? stamp : ""),
        Buffer.from(options.details ? DETAILS : ""),
        payload,
      ])
      if (options.tty) return [body]
      const header = Buffer.alloc(8)
      header.writeUInt8(line.stream, 0)
      header.writeUInt32BE(body.length, 4)
      return [header, body]
    }),
  )

/** Lines in the order in which they are known to be whole. */
export const wholeLines = (records: ReadonlyArray<ModelRecord>): Array<ModelRecord> => {
  const order: Array<ModelRecord> = []
  const waiting = new Map<number, ModelRecord>()
  for (const record of records) {
    const before = waiting.get(record.line.stream)
    if (before !== undefined) order.push(before)
    waiting.delete(record.line.stream)
    if (!record.last) continue
    // 16 KiB without newline may go on: only the next record, or the end, tells.
    if (record.payload.length === 16_384 && !record.line.terminated) waiting.set(record.line.stream, record)
    else order.push(record)
  }
  return [...order, ...[...waiting.values()].sort((a, b) => a.line.stream - b.line.stream)]
}

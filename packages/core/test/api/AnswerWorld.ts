/** A log as a proxy answers with it, in the two formats that a client goes on with: whatever place is asked for, and cut wherever. */
import { Stream } from "effect"
import { FrameSplice, type LogSplice, type SplicePlace } from "../../src/api/LogSplice.ts"
import { LineSplice } from "../../src/api/LineSplice.ts"
import { RdlConnectionError } from "../../src/api/RdlConnectionError.ts"
import type { SpliceAnswer } from "../../src/api/SplicedLog.ts"
import * as LogCursor from "../../src/log/LogCursor.ts"
import { LogFrameType } from "../../src/log/LogFrames.ts"
import * as LogFrames from "../../src/log/LogFrames.ts"

export const ID = "ab".repeat(32)
export const OTHER_ID = "cd".repeat(32)

const text = new TextEncoder()
const cursorAt = (count: number): string =>
  LogCursor.toText(
    LogCursor.encode({
      container: ID.slice(0, 16),
      count,
      lines: 0,
      ...(count === 0 ? {} : { last: { nanos: 1n, hash: 1 } }),
    }),
  )
const countOf = (cursor: string | undefined): number =>
  cursor === undefined ? 0 : (LogCursor.fromText(cursor)?.count ?? -1)

/** How a format says things. */
export interface Form {
  readonly name: "frames" | "ndjson"
  readonly splice: (cursor?: string) => LogSplice
  /** A line as a client passes it on. */
  readonly line: (n: number) => Uint8Array
  /** A whole answer from a place on: marked behind every so many lines. */
  readonly body: (lines: number, every: number, place: SplicePlace) => Uint8Array
  readonly end: Uint8Array
  readonly next: (why: "restarted" | "recreated") => Uint8Array
}

const concat = (parts: ReadonlyArray<Uint8Array>): Uint8Array => Uint8Array.from(parts.flatMap((part) => [...part]))
const json = (value: unknown) => text.encode(JSON.stringify(value))
const nextOf = (why: "restarted" | "recreated") => ({
  container: "web",
  id: why === "recreated" ? OTHER_ID : ID,
  why,
})

const record = (n: number): Uint8Array => {
  const payload = text.encode(`line ${n}${"x".repeat(n % 7)}\n`)
  return concat([Uint8Array.of(1 + (n % 2), 0, 0, 0, 0, 0, 0, payload.length), payload])
}

export const frames: Form = {
  name: "frames",
  splice: (cursor) => new FrameSplice(cursor),
  line: record,
  body: (lines, every, { cursor, received }) => {
    const from = countOf(cursor)
    const parts: Array<Uint8Array> = []
    let left = received
    for (let n = from; n < lines; n++) {
      const bytes = record(n)
      parts.push(bytes.subarray(Math.min(left, bytes.length)))
      left = Math.max(0, left - bytes.length)
      if ((n + 1) % every === 0) parts.push(LogFrames.encode(LogFrameType.cursor, text.encode(cursorAt(n + 1))))
      if (n % 5 === 0) parts.push(LogFrames.encode(LogFrameType.alive))
    }
    const begin = cursor === undefined ? [LogFrames.encode(LogFrameType.cursor, text.encode(cursorAt(0)))] : []
    return concat([...begin, ...parts])
  },
  end: LogFrames.encode(LogFrameType.end, json({ reason: "stopped" })),
  next: (why) => LogFrames.encode(LogFrameType.next, json(nextOf(why))),
}

const object = (n: number, cursor?: string) =>
  text.encode(
    `${JSON.stringify({ source: "edge-1", container: "web", id: ID, stream: "stdout", time: "t", line: `line ${n}`, cursor })}\n`,
  )

export const ndjson: Form = {
  name: "ndjson",
  splice: (cursor) => new LineSplice(false, cursor),
  line: (n) => object(n),
  body: (lines, every, { cursor }) => {
    const parts: Array<Uint8Array> = []
    for (let n = countOf(cursor); n < lines; n++) {
      parts.push(object(n, (n + 1) % every === 0 ? cursorAt(n + 1) : undefined))
      if (n % 5 === 0) parts.push(text.encode("\n"))
    }
    return concat(parts)
  },
  end: text.encode(`{"end":{"reason":"stopped"}}\n`),
  next: (why) => text.encode(`${JSON.stringify({ next: nextOf(why) })}\n`),
}

/** The lines up to a number, as a client passes them on. */
export const linesOf = (form: Form, lines: number): string =>
  Buffer.concat(Array.from({ length: lines }, (_, n) => form.line(n))).toString("latin1")

/** An answer of `web`; `broken` = it breaks off behind the bytes, else the connection is closed. */
export const answer = (bytes: Uint8Array, broken: boolean, containerId = ID): SpliceAnswer => ({
  container: "edge-1/web",
  containerId,
  tty: false,
  stream: Stream.concat(Stream.make(bytes), broken ? Stream.fail(cable) : Stream.empty),
})

/** The same, whole, in pieces of so many bytes. */
export const answerInPieces = (bytes: Uint8Array, size: number): SpliceAnswer => ({
  ...answer(bytes, false),
  stream: Stream.fromIterable(
    Array.from({ length: Math.ceil(bytes.length / size) }, (_, n) => bytes.subarray(n * size, (n + 1) * size)),
  ),
})

export const cable = new RdlConnectionError({ reason: "broken", url: "http://proxy", detail: "cable cut" })

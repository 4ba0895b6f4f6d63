import type { LogFeed } from "@rdl/core/routing/LogFeed"
import { describe, expect, it } from "vitest"
import * as Http from "node:http"
import { Socket } from "node:net"
import { LogSending } from "../src/LogSending.ts"
import * as LogWords from "../src/LogWords.ts"

/** A response whose socket takes everything, or nothing. */
class Response extends Http.ServerResponse {
  readonly written: Array<string> = []
  hasRoom = true

  constructor() {
    super(new Http.IncomingMessage(new Socket()))
    Object.defineProperty(this, "writableNeedDrain", { get: () => !this.hasRoom })
  }

  override write(chunk: unknown): boolean {
    this.written.push(Buffer.from(chunk as Uint8Array).toString())
    return this.hasRoom
  }

  drain(): void {
    this.hasRoom = true
    this.emit("drain")
  }
}

const sendingTo = (response: Response, feed: Partial<LogFeed> = {}) => {
  const consumed: Array<number> = []
  const reader: LogFeed = {
    head: { contentType: "x" },
    start: () => {},
    consumed: (bytes) => consumed.push(bytes),
    isClean: () => true,
    place: () => "here",
    ...feed,
  }
  const words = LogWords.of("ndjson")
  const sending = new LogSending({ response, reader, words, hasTrailer: false, onBroken: () => {} })
  return { sending, consumed }
}

const gaps = ({ written }: Response): ReadonlyArray<string> => written.filter((one) => one.startsWith('{"gap"'))

describe("gaps on their way to a reader", () => {
  it("are told at once where the socket takes them", () => {
    const response = new Response()
    const { sending } = sendingTo(response)
    for (let n = 0; n < 5; n++) sending.onGap({ reason: `gap ${n}` })
    expect(gaps(response)).toHaveLength(5)
  })

  it("are one at once and one later where it takes nothing, however many there are", () => {
    const response = new Response()
    const { sending, consumed } = sendingTo(response)
    response.hasRoom = false
    for (let n = 0; n < 1_000; n++) {
      sending.onData(Buffer.from("x"))
      sending.onGap({ since: `${n}`, until: `${n + 1}`, reason: "gone" })
    }
    expect(gaps(response)).toHaveLength(1)
    response.drain()
    expect(gaps(response).map((one) => JSON.parse(one))).toEqual([
      { gap: { since: "0", until: "1", reason: "gone" }, cursor: "here" },
      { gap: { since: "1", until: "1000", reason: "gone" }, cursor: "here" },
    ])
    expect(consumed.reduce((sum, bytes) => sum + bytes, 0)).toBe(1_000)
  })

  it("wait for a clean place, and for none longer than the log lasts", () => {
    const response = new Response()
    let isClean = false
    const { sending } = sendingTo(response, { isClean: () => isClean })
    response.hasRoom = false
    for (const reason of ["one", "two"]) sending.onGap({ reason })
    response.drain()
    expect(gaps(response)).toHaveLength(1)
    isClean = true
    sending.onPlace()
    expect(gaps(response)).toHaveLength(2)
    response.hasRoom = false
    for (const reason of ["three", "four"]) sending.onGap({ reason })
    sending.onEnd({ reason: "eof" })
    expect(gaps(response)).toHaveLength(4)
  })
})

describe("the bytes of a log", () => {
  it("are taken as well where the log ends before the socket has room", () => {
    const response = new Response()
    const { sending, consumed } = sendingTo(response)
    response.hasRoom = false
    for (let n = 0; n < 3; n++) sending.onData(Buffer.from("bytes"))
    sending.onEnd({ reason: "eof" })
    expect(consumed).toEqual([])
    response.emit("finish")
    expect(consumed).toEqual([15])
  })
})

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import type { LogFormat } from "@rdl/core/log/LogQuery"
import * as LogRenderer from "@rdl/core/log/LogRenderer"
import { MAX_LINGER_MS, QUIET_MS } from "../src/Coalescer.ts"
import { KEEP_ALIVE_MS, LogPump } from "../src/LogPump.ts"
import { CollectingWriter } from "./CollectingWriter.ts"

const pumpInto = (writer: CollectingWriter, format: LogFormat) =>
  new LogPump({
    renderer: LogRenderer.make({
      query: { stdout: true, stderr: true, timestamps: false, details: false },
      rendering: { format, host: "none" },
      tty: false,
      source: "edge-1",
      container: { id: "0".repeat(64), name: "web" },
      partials: "docker",
    }),
    tty: false,
    writer,
    onFailure: () => {},
  })

const frame = (text: string): Buffer => {
  const payload = Buffer.from(`2026-11-22T10:44:07.200217800Z ${text}`)
  const header = Buffer.alloc(8)
  header[0] = 1
  header.writeUInt32BE(payload.length, 4)
  return Buffer.concat([header, payload])
}

describe("LogPump", () => {
  let paused = 0
  let resumed = 0
  const flow = { pause: () => void paused++, resume: () => void resumed++ }

  beforeEach(() => {
    vi.useFakeTimers()
    paused = 0
    resumed = 0
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it("writes a lone line in the same turn, and lines that follow closely as one piece", () => {
    const writer = new CollectingWriter()
    const pump = pumpInto(writer, "text")
    pump.onOpen(flow)
    for (const line of ["one\n", "two\n", "three\n"]) {
      pump.onData(frame(line))
      pump.onSettled()
    }
    expect(writer.pieces.map(String)).toEqual(["one\n"])
    vi.advanceTimersByTime(Math.max(QUIET_MS, MAX_LINGER_MS))
    expect(writer.pieces.map(String)).toEqual(["one\n", "two\nthree\n"])
    pump.stop()
  })

  it("gives a sign of life within 15 s of silence where the format has one, and none while there is no room", () => {
    const signs = (format: LogFormat, room: number) => {
      const writer = new CollectingWriter(room)
      const pump = pumpInto(writer, format)
      pump.onOpen(flow)
      pump.onData(frame("one\n"))
      pump.onSettled()
      const before = writer.pieces.length
      vi.advanceTimersByTime(KEEP_ALIVE_MS * 4)
      pump.stop()
      vi.advanceTimersByTime(KEEP_ALIVE_MS * 4)
      return writer.pieces.slice(before).map(String)
    }
    const comments = signs("sse", Number.POSITIVE_INFINITY)
    expect(comments.length).toBeGreaterThanOrEqual(4)
    expect(new Set(comments)).toEqual(new Set([": keep-alive\n\n"]))
    expect(signs("text", Number.POSITIVE_INFINITY)).toEqual([])
    expect(signs("sse", 1)).toEqual([])
  })

  it("holds the socket from the write that found no room until there is some", () => {
    const writer = new CollectingWriter(5)
    const pump = pumpInto(writer, "text")
    pump.onOpen(flow)
    pump.onData(frame("12345\n"))
    pump.onSettled()
    expect([paused, resumed]).toEqual([1, 0])
    pump.onData(frame("more\n"))
    pump.onSettled()
    vi.advanceTimersByTime(1000)
    expect(writer.text()).toBe("12345\n")
    writer.give(100)
    vi.advanceTimersByTime(MAX_LINGER_MS)
    expect([paused, resumed]).toEqual([1, 1])
    expect(writer.text()).toBe("12345\nmore\n")
    pump.stop()
  })
})

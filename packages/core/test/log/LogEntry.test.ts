import { FastCheck as fc } from "effect"
import { describe, expect, it } from "vitest"
import * as LogEntry from "../../src/log/LogEntry.ts"
import { encodeEntry, encodeKeepAlive } from "../../src/log/LogEntryText.ts"
import * as LogRenderer from "../../src/log/LogRenderer.ts"
import { answer, cut, logs, wholeLines } from "./LogModel.ts"

const read = (pieces: ReadonlyArray<Uint8Array>) => {
  const entries: Array<LogEntry.LogEntry> = []
  const reader = LogEntry.reader((entry) => entries.push(entry))
  let error = undefined
  for (const piece of pieces) error ??= reader.push(piece)
  return { entries, error: error ?? reader.end() }
}

const text = (value: string) => [Buffer.from(value)]
const END = `{"end":{"reason":"eof"}}\n`

describe("the objects of a log", () => {
  it("come back at a client as the source wrote them, wherever they were cut", () => {
    fc.assert(
      fc.property(logs, fc.array(fc.nat(), { maxLength: 8 }), (records, places) => {
        const out: Array<Uint8Array> = []
        const emit = (bytes: Uint8Array) => void out.push(bytes)
        const renderer = LogRenderer.make({
          query: { stdout: true, stderr: true, timestamps: false, details: true },
          rendering: { format: "ndjson", host: "prefix" },
          tty: false,
          source: "edge-1",
          container: { id: "ab".repeat(32), name: "web" },
          partials: "docker",
          emit,
        })
        const reader = LogRenderer.recordReader({ tty: false, details: true, partials: "docker" }, renderer)
        reader.push(answer(records, { timestamps: true, details: true, tty: false }))
        reader.end()
        renderer.flush()
        emit(encodeEntry("ndjson", { gap: { reason: "rotated away" } }, "AQ"))
        emit(encodeEntry("ndjson", { end: { reason: "stopped" } }))
        const { entries, error } = read(cut(Buffer.concat(out), places))
        expect(error).toBeUndefined()
        expect(entries.slice(-2)).toEqual([
          { gap: { reason: "rotated away" }, cursor: "AQ" },
          { end: { reason: "stopped" } },
        ])
        const lines = entries.filter((entry) => "line" in entry)
        expect(lines.map(({ line, time }) => [time, line])).toEqual(
          wholeLines(records).map(({ line, stamp }) => [
            stamp.trim(),
            new TextDecoder("utf-8", { ignoreBOM: true }).decode(line.content),
          ]),
        )
      }),
    )
  })

  it("are server-sent events with their cursor as id, and comments keep those alive", () => {
    const text = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString()
    expect(text(encodeEntry("sse", { end: { reason: "eof" } }))).toBe(`data: {"end":{"reason":"eof"}}\n\n`)
    expect(text(encodeEntry("sse", { gap: { reason: "x" } }, "AQ"))).toBe(`id: AQ\ndata: {"gap":{"reason":"x"}}\n\n`)
    expect(text(encodeKeepAlive("sse"))).toBe(": keep-alive\n\n")
  })

  it("are an error where the log broke off, even between two of them", () => {
    for (const broken of ["", `{"gap":{"reason":"x"}}\n`, END.slice(0, -1), `${END}{"end"`])
      expect(read(text(broken)).error?.message).toBe("the log broke off")
    expect(read(text(`\n${END}`)).error).toBeUndefined()
  })

  it("are an error where they are something else", () => {
    for (const wrong of ["[]\n", "not JSON\n", `{"line":"x"}\n`, `{"end":{"reason":"whim"}}\n`]) {
      const { entries, error } = read(text(wrong + END))
      expect(entries).toEqual([])
      expect(error).toMatchObject({ _tag: "LogEntryError", detail: "not an object of a log" })
    }
  })

  it("are refused over 8 MiB", () => {
    const piece = Buffer.alloc(1_048_576, "x")
    expect(read(Array.from({ length: 9 }, () => piece)).error?.message).toBe("an object over 8388608 bytes")
  })
})

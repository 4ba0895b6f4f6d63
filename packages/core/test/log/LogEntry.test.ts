import { FastCheck as fc } from "effect"
import { describe, expect, it } from "vitest"
import * as LogEntry from "../../src/log/LogEntry.ts"
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
        const renderer = LogRenderer.make({
          query: { stdout: true, stderr: true, timestamps: false, details: true },
          rendering: { format: "ndjson", host: "prefix" },
          tty: false,
          source: "edge-1",
          container: { id: "ab".repeat(32), name: "web" },
          partials: "docker",
        })
        const out: Array<Uint8Array> = []
        renderer.push(answer(records, { timestamps: true, details: true, tty: false }), (bytes) => out.push(bytes))
        renderer.gap({ reason: "rotated away" }, (bytes) => out.push(bytes))
        renderer.end("stopped", (bytes) => out.push(bytes))
        const { entries, error } = read(cut(Buffer.concat(out), places))
        expect(error).toBeUndefined()
        expect(entries.slice(-1)).toEqual([{ end: { reason: "stopped" } }])
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

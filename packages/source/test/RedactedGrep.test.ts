import * as LogFilter from "@rdl/core/log/LogFilter"
import type { LogRendering } from "@rdl/core/log/LogQuery"
import { LogRecord } from "@rdl/core/log/LogRecord"
import * as LogRedaction from "@rdl/core/log/LogRedaction"
import { ContainerName } from "@rdl/core/model/Container"
import { SourceName } from "@rdl/core/model/SourceName"
import { Either } from "effect"
import { describe, expect, it } from "vitest"
import { LogDelivery } from "../src/log/LogDelivery.ts"
import { CollectingWriter } from "./log/CollectingWriter.ts"

const STAMP = "2026-11-22T12:00:00.000000000Z "

/** A log that is searched for the pattern, and maybe redacted before. */
const searched = (grep: string, rendering: LogRendering, redact?: string) => {
  const writer = new CollectingWriter()
  const query = { follow: false, stdout: true, stderr: true, timestamps: false, details: false, grep: [grep] } as const
  const delivery = new LogDelivery({
    query,
    rendering,
    writer,
    tty: false,
    partials: "docker",
    source: SourceName.make("edge-1"),
    container: { id: "0123456789abcdef".repeat(4), name: ContainerName.make("web") },
    filter: Either.getOrThrow(LogFilter.make(query, { tty: false })),
    redaction: redact === undefined ? undefined : Either.getOrThrow(LogRedaction.compile([redact])),
  })
  const line = (text: string) => {
    const record = new LogRecord()
    record.stream = 1
    record.bytes = Buffer.from(`${STAMP}${text}\n`)
    record.details = record.payload = STAMP.length
    record.end = record.bytes.length
    delivery.record(record)
  }
  return { delivery, line, writer }
}

describe("A search of a log that is redacted", () => {
  const text: LogRendering = { format: "text", host: "none" }

  it("lets no reader pass over records by what they hold: what is searched is what stands there afterwards", () => {
    expect(searched("redacted", text).delivery.literals).toEqual(["redacted"])
    expect(searched("redacted", text, "hunter2").delivery.literals).toEqual([])
  })

  it("finds what redaction puts there, and not what it takes out", () => {
    for (const [grep, found] of [
      ["redacted", "password=[redacted]\n"],
      ["hunter2", ""],
    ] as const) {
      const { delivery, line, writer } = searched(grep, text, "hunter2")
      line("password=hunter2")
      line("nothing")
      delivery.end()
      delivery.stop()
      expect(writer.text()).toBe(found)
    }
  })
})

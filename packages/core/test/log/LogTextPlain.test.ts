import { describe, expect, it } from "vitest"
import { LogOutput } from "../../src/log/LogOutput.ts"
import { LogRecord } from "../../src/log/LogRecord.ts"
import { EngineBytes, MAX_UNCLEAN_RECORDS, PlainText } from "../../src/log/LogTextPlain.ts"

const recordOf = (stream: 1 | 2, text: string): LogRecord => {
  const record = new LogRecord()
  record.stream = stream
  record.bytes = Buffer.from(text)
  record.end = record.bytes.length
  return record
}

describe("text as the engine has it", () => {
  it("can be taken up again behind a whole line, and after enough records without one", () => {
    const options = { timestamps: false, framed: true }
    for (const text of [new PlainText(new LogOutput(false), false), new EngineBytes(new LogOutput(false), options)]) {
      text.record(recordOf(1, "whole\n"))
      expect(text.isClean()).toBe(true)
      for (let records = 1; records < MAX_UNCLEAN_RECORDS; records++) {
        text.record(recordOf(1, "piece"))
        expect(text.isClean()).toBe(false)
      }
      text.record(recordOf(2, "whole\n"))
      expect(text.isClean()).toBe(true)
      text.record(recordOf(1, "end\n"))
      text.record(recordOf(1, "piece"))
      expect(text.isClean()).toBe(false)
    }
  })
})

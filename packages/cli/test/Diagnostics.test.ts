import { describe, expect, it, vi } from "@effect/vitest"
import { Effect } from "effect"
import * as Diagnostics from "../src/Diagnostics.ts"

const HARMFUL = "forged\n2026 error \u001b[31mred\u202eback\u2028next\u0000"

const told = (format: Diagnostics.Terms["format"]): string => {
  const lines: Array<string> = []
  const write = vi.spyOn(process.stderr, "write").mockImplementation((text) => lines.push(String(text)) > 0)
  try {
    const log = Effect.annotateLogs(Effect.logWarning(`a source says ${HARMFUL}`), { source: HARMFUL })
    Effect.runSync(Effect.provide(log, Diagnostics.layer({ format, level: undefined })))
  } finally {
    write.mockRestore()
  }
  return lines.join("")
}

describe("what an operator is told", () => {
  it("is one line, whatever is in it, and nothing that moves the cursor or turns the writing round", () => {
    const line = told("pretty")
    expect(line).toMatch(/^\S+ warn {4}a source says forged 2026 error /)
    expect(line).toMatch(/^[^\p{C}\u2028\u2029]+\n$/u)
  })

  it("is one line as JSON too, which has it all", () => {
    const line = told("json")
    expect(line.trimEnd()).not.toContain("\n")
    expect(JSON.parse(line)).toMatchObject({ message: `a source says ${HARMFUL}`, source: HARMFUL })
  })
})

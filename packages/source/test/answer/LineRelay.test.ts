import { describe, expect, it } from "vitest"
import * as LineRelay from "../../src/answer/LineRelay.ts"
import { CollectingWriter } from "../log/CollectingWriter.ts"

const flowOf = () => {
  const calls: Array<string> = []
  return { calls, flow: { pause: () => void calls.push("pause"), resume: () => void calls.push("resume") } }
}

describe("A relay of lines", () => {
  it("takes a line of 1 MiB in any pieces, and throws at a longer one, of which nothing leaves", () => {
    const writer = new CollectingWriter()
    const relay = LineRelay.make(writer, (line) => `${line.length}`)
    relay.onOpen(flowOf().flow)
    const line = Buffer.alloc(LineRelay.MAX_LINE, "x")
    for (let at = 0; at < line.length; at += 65_521) relay.onData(line.subarray(at, at + 65_521))
    relay.onData(Buffer.from("\n"))
    relay.onSettled()
    expect(writer.text()).toBe(`${LineRelay.MAX_LINE}\n`)
    relay.onData(line)
    expect(() => relay.onData(Buffer.from("x"))).toThrow(`a line of more than ${LineRelay.MAX_LINE} bytes`)
    relay.end()
    expect(writer.text()).toBe(`${LineRelay.MAX_LINE}\n`)
  })

  it("does not read its engine while the writer has no room, and goes on when it has", () => {
    const writer = new CollectingWriter(5)
    const relay = LineRelay.make(writer, (line) => (line === "no" ? undefined : line))
    const { calls, flow } = flowOf()
    relay.onOpen(flow)
    relay.onData(Buffer.from("a\nno\n"))
    relay.onSettled()
    expect(calls).toEqual([])
    relay.onData(Buffer.from("bcd\n"))
    relay.onSettled()
    expect(calls).toEqual(["pause"])
    writer.give(100)
    expect(calls).toEqual(["pause", "resume"])
    expect(writer.text()).toBe("a\nbcd\n")
  })
})

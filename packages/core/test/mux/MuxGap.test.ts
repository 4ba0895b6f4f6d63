import { FastCheck } from "effect"
import { describe, expect, it } from "vitest"
import * as Frame from "../../src/link/Frame.ts"
import { FrameType } from "../../src/link/FrameType.ts"
import { LinkReader, MAX_EARLY_GAPS } from "../../src/link/LinkReader.ts"
import { MuxPair } from "./MuxPair.ts"
import { data, endFrame, feed, headFrame, json } from "./MuxPeer.ts"

const gap = json(FrameType.gap, 1, { reason: "rotated" })
const mark = (offset: number) => Frame.mark(1, offset, Uint8Array.of(1))

const opened = () => {
  const pair = MuxPair.ready()
  pair.open()
  pair.settle()
  return pair
}

describe("a gap (docs/protocol.md#gap)", () => {
  it.each([
    ["before HEAD", [gap], "GAP before HEAD on stream 1"],
    ["twice without DATA", [headFrame(1), gap, mark(0), gap], "a second GAP on stream 1 without DATA after the first"],
    ["before DATA without its mark", [headFrame(1), gap, data(1, 1)], "DATA on stream 1 after a GAP, without"],
    ["before END without its mark", [headFrame(1), gap, endFrame(1)], "END on stream 1 after a GAP, without"],
    ["whose mark is elsewhere", [headFrame(1), data(1, 9), gap, mark(3)], "MARK on stream 1 at offset 3, which is not"],
    ["that is none", [headFrame(1), json(FrameType.gap, 1, { since: 1 })], "GAP"],
    ["with too long a reason", [headFrame(1), json(FrameType.gap, 1, { reason: "x".repeat(301) })], "GAP"],
  ])("ends the session %s", (_, frames, detail) => {
    expect(feed(opened(), "proxy", ...frames)).toContain(`1: ${detail}`)
  })

  it("that is longer than 2 KiB ends the session as too large", () => {
    const long = json(FrameType.gap, 1, { reason: "rotated", more: "x".repeat(2048) })
    expect(feed(opened(), "proxy", headFrame(1), long)).toMatch(/^4: /)
  })

  it("stands where it was told, its mark behind it, however many marks wait", () => {
    const step = FastCheck.oneof(
      FastCheck.record({ do: FastCheck.constant("write"), n: FastCheck.integer({ min: 1, max: 300 }) }),
      FastCheck.record({ do: FastCheck.constant("mark"), n: FastCheck.constant(0) }),
      FastCheck.record({ do: FastCheck.constant("gap"), n: FastCheck.constant(0) }),
    )
    FastCheck.assert(
      FastCheck.property(FastCheck.array(step, { minLength: 100, maxLength: 300, size: "max" }), (steps) => {
        const pair = MuxPair.ready()
        const read = pair.open()
        pair.settle()
        const { stream } = pair.opened[0]!
        stream.head({ contentType: "x" })
        let written = 0
        let gapAt = -1
        const gaps: Array<number> = []
        for (const { do: what, n } of steps) {
          if (what === "write") {
            written += n
            stream.write(new Uint8Array(n))
          } else if (what === "mark") stream.mark(Uint8Array.of(1))
          else if (gapAt < written) {
            gapAt = written
            gaps.push(written)
            stream.gap({ reason: "x" }, Uint8Array.of(2))
          }
        }
        stream.finish({ reason: "eof" })
        pair.settle()
        expect(pair.failures).toEqual([])
        expect(read.gaps.map(({ offset }) => offset)).toEqual(gaps)
        // A later mark may stand for it only where no byte is between them.
        for (const offset of gaps) expect(read.marks.map((one) => one.offset)).toContain(offset)
        expect(read.results).toEqual([{ reason: "eof" }])
      }),
      { numRuns: 200 },
    )
  })

  it("that comes before there is a reader keeps its place and its mark; of many, the last tells the rest", () => {
    const reader = new LinkReader(
      () => 0,
      () => {},
    )
    reader.onHead({ contentType: "x" })
    for (let n = 0; n < 1_000; n++) {
      reader.onData(Uint8Array.of(1))
      reader.onGap({ since: `${n}`, until: `${n + 1}`, reason: "x" })
      reader.onMark(n + 1, Uint8Array.of(n % 256))
    }
    const told: Array<string> = []
    let received = 0
    reader.start({
      onData: (bytes) => (received += bytes.length),
      onGap: ({ since, until }) => told.push(`gap ${since}-${until} at ${received}`),
      onMark: (offset) => told.push(`mark ${offset} at ${received}`),
      onEnd: () => {},
    })
    expect(told.slice(0, 4)).toEqual(["gap 0-1 at 1", "mark 1 at 1", "gap 1-2 at 2", "mark 2 at 2"])
    expect(told.slice(-3)).toEqual([
      `gap ${MAX_EARLY_GAPS - 1}-1000 at ${MAX_EARLY_GAPS}`,
      `mark ${MAX_EARLY_GAPS} at ${MAX_EARLY_GAPS}`,
      "mark 1000 at 1000",
    ])
    expect(told).toHaveLength(2 * MAX_EARLY_GAPS + 1)
  })
})

describe("A mark", () => {
  it("that stands before the first byte is told before it, whenever there is a reader", () => {
    for (const startsAfter of [0, 1, 2, 3]) {
      const reader = new LinkReader(
        () => 0,
        () => {},
      )
      reader.onHead({ contentType: "x" })
      const told: Array<string> = []
      let received = 0
      const start = () =>
        reader.start({
          onData: (bytes) => (received += bytes.length),
          onMark: (offset) => told.push(`mark ${offset} at ${received}`),
          onEnd: () => {},
        })
      const frames = [
        () => reader.onMark(0, Uint8Array.of(1)),
        () => reader.onData(Uint8Array.of(1, 2)),
        () => reader.onMark(2, Uint8Array.of(2)),
      ]
      for (const [index, frame] of frames.entries()) {
        if (index === startsAfter) start()
        frame()
      }
      if (startsAfter === frames.length) start()
      expect([startsAfter, told]).toEqual([startsAfter, ["mark 0 at 0", "mark 2 at 2"]])
    }
  })
})

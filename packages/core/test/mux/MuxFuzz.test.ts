import { describe, expect, it } from "@effect/vitest"
import { FastCheck as fc } from "effect"
import * as Frame from "../../src/link/Frame.ts"
import { FrameType } from "../../src/link/FrameType.ts"
import { LinkLost } from "../../src/link/LinkLost.ts"
import { cancelled, head, MuxPair } from "./MuxPair.ts"
import { MAX_FRAME, MAX_STREAMS, MuxRun } from "./MuxRun.ts"

const actions = ["open", "head", "write", "write", "mark", "finish", "fail", "consume", "consume", "cancel", "time"]
const moves = ["sendToProxy", "sendToProxy", "sendToSource", "sendToSource", "split"]
const schedule = fc.array(
  fc.tuple(fc.constantFrom(...actions, "open", "head", ...moves), fc.nat(20), fc.integer({ min: 1, max: 60 })),
  { maxLength: 200, size: "max" },
)

// protocol.md#streams, protocol.md#credit, protocol.md#mark
describe("two multiplexers", () => {
  it("lose, double and reorder nothing, stay within credit and leave nothing behind, whatever the schedule", () => {
    fc.assert(
      fc.property(schedule, (steps) => {
        const run = new MuxRun()
        for (const step of steps) {
          run.step(step)
          run.check()
        }
        run.settle()
      }),
      { numRuns: 150 },
    )
  })

  it("keep nothing of ten thousand streams that came and went", () => {
    const pair = MuxPair.ready()
    for (let i = 0; i < 10_000; i++) {
      const { read, opened } = pair.begin()
      if (i % 2 === 0) opened.stream.finish({ reason: "eof" })
      else read.stream!.cancel(cancelled)
      pair.settle()
      read.stream!.release()
    }
    expect(pair.failures).toEqual([])
    expect([pair.source.streams, pair.proxy.streams, pair.budget.taken]).toEqual([0, 0, 0])
  })
})

const types = [...Object.values(FrameType), 0x00, 0x55, 0xff]
const payload = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.constantFrom(
    ...['{"op":"inventory"}', '{"contentType":"x"}', '{"reason":"eof"}', "{}"].map((text) => Buffer.from(text)),
  ),
  fc.constant(Buffer.from('\0\0\0\0\0\0\0\x09{"op":"inventory"}', "latin1")),
  fc.constant(Buffer.from("\0\0\0\0\0\x09\0\0", "latin1")),
)
const frame = fc
  .record({ type: fc.constantFrom(...types), flags: fc.constantFrom(0, 0x80, 0x7f), id: fc.nat(8), payload })
  .map(({ type, flags, id, payload }) => {
    const bytes = Frame.withPayload(FrameType.data, id, payload)
    bytes[0] = type
    bytes[1] = flags
    return bytes
  })
const hostile = fc.array(fc.oneof({ weight: 9, arbitrary: frame }, fc.uint8Array({ maxLength: 40 })), {
  maxLength: 300,
  size: "max",
})

/** All that one side would send now, at most so many frames. */
const drain = (pair: MuxPair, side: "source" | "proxy", most: number): Array<Uint8Array> => {
  const frames: Array<Uint8Array> = []
  for (let next = pair[side].poll(pair.now); next !== undefined; next = pair[side].poll(pair.now)) {
    frames.push(next)
    if (frames.length > most) throw new Error(`more than ${most} frames in wait`)
  }
  return frames
}

// protocol.md#errors
describe("a multiplexer with a hostile peer", () => {
  it.each(["source", "proxy"] as const)("never throws and never holds more than its bounds, at the %s", (side) => {
    fc.assert(
      fc.property(hostile, fc.boolean(), (frames, polite) => {
        const pair = polite ? MuxPair.ready({ maxFrame: MAX_FRAME, maxStreams: MAX_STREAMS }) : new MuxPair()
        const reads = polite && side === "proxy" ? Array.from({ length: 4 }, () => pair.open()) : []
        if (polite) pair.sendOne("proxy")
        for (const each of frames) {
          pair[side].receive(each, pair.now)
          pair.opened.at(-1)?.stream.head(head)
          expect(pair[side].streams).toBeLessThanOrEqual(MAX_STREAMS)
          for (const read of reads) expect(read.received).toBeLessThanOrEqual(262_144)
        }
        const out = drain(pair, side, 2 * MAX_STREAMS + 4)
        expect(pair.failures.length).toBeLessThanOrEqual(1)
        expect(pair.failures.length === 0 || (out.length === 1 && Frame.typeOf(out[0]!) === FrameType.goAway)).toBe(
          true,
        )
        const lost = new LinkLost({ clean: false, code: 0, detail: "cut" })
        pair[side].end(lost)
        expect(pair[side].streams).toBe(0)
        for (const read of reads) expect(read.results.length).toBe(1)
      }),
      { numRuns: 300 },
    )
  })

  it("holds at most maxStreams answers for a proxy that opens without reading", () => {
    const pair = MuxPair.ready({ maxStreams: MAX_STREAMS })
    const open = Buffer.from('\0\0\0\0\0\x09\0\0{"op":"inventory"}', "latin1")
    for (let id = 1; id <= 10_000; id++) {
      pair.source.receive(Frame.withPayload(FrameType.open, id, open), 0)
      const { stream } = pair.opened.pop()!
      stream.head(head)
      stream.write(new Uint8Array(100))
      pair.source.receive(Frame.reset(id, 32, ""), 0)
    }
    expect([pair.source.streams, pair.source.ready]).toEqual([0, 0])
    expect(drain(pair, "source", MAX_STREAMS)).toEqual([])
  })
})

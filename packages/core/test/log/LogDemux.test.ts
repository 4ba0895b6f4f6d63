import { FastCheck as fc } from "effect"
import { describe, expect, it } from "vitest"
import * as LogDemux from "../../src/log/LogDemux.ts"
import * as LogFrames from "../../src/log/LogFrames.ts"
import { LogFrameType } from "../../src/log/LogFrames.ts"
import { answer, cut, DETAILS, logs, wholeLines } from "./LogModel.ts"

const demux = (options: LogDemux.DemuxOptions, pieces: ReadonlyArray<Uint8Array>) => {
  const machine = LogDemux.make(options)
  const all: Array<readonly [stream: number, bytes: Uint8Array]> = []
  let error = undefined
  for (const piece of pieces) error ??= machine.push(piece, (bytes, stream) => all.push([stream, bytes]))
  error ??= machine.end((bytes, stream) => all.push([stream, bytes]))
  const of = (wanted?: number) =>
    Buffer.concat(all.filter(([stream]) => wanted === undefined || stream === wanted).map(([, bytes]) => bytes))
  return { stdout: of(1).toString("latin1"), stderr: of(2).toString("latin1"), both: of().toString("latin1"), error }
}

const encodeRecord = (stream: 1 | 2, text: Buffer): Buffer => {
  const frame = Buffer.concat([Buffer.alloc(8), text])
  frame[0] = stream
  frame.writeUInt32BE(text.length, 4)
  return frame
}

const places = fc.array(fc.nat(), { maxLength: 8 })

describe("a demultiplexer", () => {
  it("gives each stream its bytes, in the order of the log", () => {
    fc.assert(
      fc.property(logs, fc.boolean(), fc.boolean(), places, (records, timestamps, details, cuts) => {
        const options = { timestamps, details, tty: true }
        const of = (stream?: number) =>
          answer(
            records.filter(({ line }) => stream === undefined || line.stream === stream),
            options,
          ).toString("latin1")
        const input = answer(records, { ...options, tty: false })
        expect(demux({ timestamps, details, partials: "docker" }, cut(input, cuts))).toEqual({
          stdout: of(1),
          stderr: of(2),
          both: of(),
          error: undefined,
        })
      }),
    )
  })

  it("labels whole lines, also without timestamps to tell pieces by", () => {
    fc.assert(
      fc.property(logs, fc.boolean(), fc.boolean(), places, (all, timestamps, details, cuts) => {
        // Without timestamps, 16 KiB that ended unterminated and a new line look like one line.
        const records = all.filter(({ line }) => line.terminated)
        const input = answer(records, { timestamps, details, tty: false })
        const label = { text: "edge-1/web", position: "prefix" } as const
        const lines = wholeLines(records).map(
          ({ line, stamp }) =>
            `edge-1/web | ${timestamps ? stamp : ""}${details ? DETAILS : ""}${line.content.toString("latin1")}\n`,
        )
        const out = demux({ timestamps, details, label, partials: "docker" }, cut(input, cuts))
        expect(out.both).toBe(lines.join(""))
        expect(out.stdout).toBe(lines.filter((_, index) => wholeLines(records)[index]?.line.stream === 1).join(""))
      }),
    )
  })

  it.each([
    ["a gap", LogFrameType.gap],
    ["another run", LogFrameType.next],
  ])("joins no line before %s with one after it", (_, type) => {
    const record = (text: string) => encodeRecord(1, Buffer.from(text))
    const input = Buffer.concat([record("x".repeat(16_384)), LogFrames.encode(type), record("y\n")])
    const label = { text: "edge-1", position: "prefix" } as const
    const told: Array<number> = []
    const options = { timestamps: false, details: false, label, partials: "docker" } as const
    const out = demux({ ...options, onFrame: (kind) => told.push(kind) }, [input])
    expect([out.stdout, told]).toEqual([`edge-1 | ${"x".repeat(16_384)}\nedge-1 | y\n`, [type]])
  })

  it("fails on an in-band error, on broken framing, and on an end within a frame", () => {
    for (const bytes of [
      [3, 0, 0, 0, 0, 0, 0, 1, 0x78],
      [0x70, 0x6c, 0x61, 0x69, 0x6e, 0x20, 0x74, 0x65],
      [1, 0, 0],
    ])
      expect(
        demux({ timestamps: false, details: false, partials: "docker" }, [Uint8Array.from(bytes)]).error,
      ).toMatchObject({ _tag: "StreamError", reason: "engine-error" })
  })
})

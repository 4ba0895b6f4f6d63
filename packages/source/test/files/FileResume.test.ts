import { writeFileSync } from "node:fs"
import { gzipSync } from "node:zlib"
import { Effect, FastCheck as fc } from "effect"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import type { LogCursor } from "@rdl/core/log/LogCursor"
import { LogTime } from "@rdl/core/log/LogTime"
import { ROTATED } from "../../src/files/FileFollow.ts"
import { readFolder, type Reading } from "./FolderReading.ts"
import { LogFolder } from "./LogFolder.ts"
import { RecordingTaker } from "./RecordingTaker.ts"

const RUNS = Number(process.env["RDL_TEST_RUNS"] ?? 10) * 3
const KEPT = 4
const BEGIN_NS = 1_795_341_600_000_000_000n

/** A record: so many milliseconds after the first, and what it says. */
interface Entry {
  readonly at: number
  readonly text: string
}

/** What is asked of a log: which record's time, or about how many. */
interface Bounds {
  readonly sinceAt?: number
  readonly tail?: number
}

const stampOf = ({ at }: Entry): string => {
  const nanos = BEGIN_NS + BigInt(at) * 1_000_000n
  return `${new Date(Number(nanos / 1_000_000n)).toISOString().slice(0, -1)}000000Z`
}
const timeOf = (entry: Entry): LogTime => LogTime.make((Date.parse(stampOf(entry)) / 1000).toFixed(3))
const stored = (entry: Entry): string =>
  `${JSON.stringify({ log: `${entry.text}\n`, stream: "stdout", time: stampOf(entry).replace(/\.?0*Z$/, "Z") })}\n`

/** Records that may bear the same time and text as others, and stand a little out of order. */
const entries = fc
  .array(fc.tuple(fc.constantFrom(0, 0, 1, 40_000, -20), fc.constantFrom("a", "b", "c", "longer")), {
    minLength: 2,
    maxLength: 50,
  })
  .map((steps): ReadonlyArray<Entry> => {
    let at = 0
    return steps.map(([step, text]) => ({ at: Math.max(0, (at += step)), text }))
  })

describe("going on in files", () => {
  let folder: LogFolder

  beforeEach(() => {
    folder = new LogFolder(KEPT)
  })
  afterEach(() => folder.remove())

  /** The files, oldest first; packed where it says so, but for the newest. */
  const lay = (files: ReadonlyArray<ReadonlyArray<Entry>>, packed: ReadonlyArray<boolean> = []): void => {
    const own = new LogFolder(KEPT)
    folder.remove()
    folder = own
    for (const [index, file] of files.entries()) {
      const number = files.length - 1 - index
      const text = file.map(stored).join("")
      if (number === 0) writeFileSync(folder.path, text)
      else if (packed[number] === true) writeFileSync(`${folder.path}.${number}.gz`, gzipSync(text))
      else writeFileSync(`${folder.path}.${number}`, text)
    }
  }
  const read = async (reading: Reading = {}) => {
    const taker = new RecordingTaker({ from: reading.from })
    expect(await Effect.runPromise(Effect.either(readFolder(folder, taker, reading)))).toMatchObject({ right: "eof" })
    return taker
  }
  const readUpTo = async (records: number, reading: Reading = {}) => {
    const taker = new RecordingTaker({ stopAfter: records })
    const stopped = Effect.promise(() => taker.stopped)
    await Effect.runPromise(Effect.race(readFolder(folder, taker, reading), stopped))
    return taker
  }
  const textsOf = (taker: RecordingTaker): ReadonlyArray<string> => taker.payloads().split("\n").slice(0, -1)

  it("gives the rest once, in its order, wherever it is taken up, and whatever is known of the files", async () => {
    await fc.assert(
      fc.asyncProperty(
        entries,
        fc.array(fc.nat(50), { maxLength: KEPT }),
        fc.array(fc.boolean(), { minLength: KEPT + 1, maxLength: KEPT + 1 }),
        fc.nat(),
        fc.oneof(fc.constant({}), fc.record({ tail: fc.nat() }), fc.record({ sinceAt: fc.nat() })),
        fc.constantFrom("1.41", "1.45"),
        fc.constantFrom<"right" | "none" | "wrong">("right", "none", "wrong"),
        async (any, ends, packed, cut, { sinceAt, tail }: Bounds, apiVersion, hint) => {
          // Of a tail that begins between twins nobody can tell which of them is meant.
          const log = tail === undefined ? any : any.map(({ at, text }, n) => ({ at, text: `${text} ${n}` }))
          const bounds = [0, ...ends.map((end) => end % log.length).sort((a, b) => a - b), log.length]
          lay(
            bounds.slice(1).map((end, index) => log.slice(bounds[index], end)),
            packed,
          )
          const since = sinceAt === undefined ? {} : { since: timeOf(log[sinceAt % log.length]!) }
          const last = tail === undefined ? {} : { tail: 1 + (tail % log.length) }
          const asked: Reading = { ...since, ...last, apiVersion }
          const whole = await read(asked)
          const first = await readUpTo(1 + (cut % whole.records), asked)
          const { file, ...bare } = first.cursor()
          const named = file === undefined || hint === "none" ? bare : { ...bare, file }
          const from = hint === "wrong" && file !== undefined ? { ...bare, file: { ...file, offset: 7 } } : named
          const rest = await read({ ...asked, from })
          expect(rest.gaps).toEqual([])
          expect(Buffer.concat([first.bytes(), rest.bytes()]).equals(whole.bytes())).toBe(true)
        },
      ),
      { numRuns: RUNS },
    )
  })

  it("begins at the start where nothing was there yet, also in a newer file", async () => {
    lay([[]])
    const { file: _, ...nothing } = (await read()).cursor()
    lay([[{ at: 0, text: "one" }], [{ at: 1, text: "two" }]])
    expect(textsOf(await read({ from: nothing }))).toEqual(["one", "two"])
  })

  it("begins with the very record that a place stands before", async () => {
    lay([
      [
        { at: 5, text: "later" },
        { at: 0, text: "one" },
      ],
      [{ at: 1, text: "two" }],
    ])
    for (const [tail, expected] of [
      [1, ["two"]],
      [2, ["one", "two"]],
      [3, ["later", "one", "two"]],
    ] as const) {
      const { anchor, container } = (await readUpTo(1, { tail })).cursor()
      const rest = await read({ from: { container, anchor: anchor!, count: 0, lines: 0 } })
      expect([rest.gaps, textsOf(rest)]).toEqual([[], expected])
    }
  })

  it("counts from the start of the log where a cursor has no anchor", async () => {
    const again = { at: 1, text: "again" }
    lay([
      [{ at: 0, text: "first" }, again],
      [again, { at: 2, text: "end" }],
    ])
    const { anchor: _, file: __, ...from } = (await readUpTo(2)).cursor()
    expect(from.count).toBe(2)
    const rest = await read({ from })
    expect([rest.gaps, textsOf(rest)]).toEqual([[], ["again", "end"]])
  })

  it("counts only the records that were given, as an older engine chooses them one by one", async () => {
    const again = { at: 1, text: "again" }
    lay([[again, { at: 0, text: "too early" }, again, again, { at: 2, text: "end" }]])
    const asked: Reading = { since: timeOf(again), apiVersion: "1.41" }
    const from = (await readUpTo(2, asked)).cursor()
    const rest = await read({ ...asked, from: { ...from, file: { device: 0, inode: 0n, offset: 0 } } })
    expect([rest.gaps, textsOf(rest)]).toEqual([[], ["again", "end"]])
  })

  it("tells a gap where a record like the first is found, and not the last one at its place behind it", async () => {
    const first = { at: 0, text: "first" }
    const log = [first, { at: 0, text: "last" }, first, { at: 0, text: "other" }, { at: 1, text: "later" }]
    lay([log])
    const { file: _, ...from } = (await readUpTo(2)).cursor()
    lay([log.slice(2)])
    const rest = await read({ from })
    expect([rest.gaps, textsOf(rest)]).toEqual([[{ reason: ROTATED, at: 0 }], ["first", "other", "later"]])
  })

  it("goes on behind the last record it had, in whatever order of times the records are", async () => {
    const log = [
      { at: 0, text: "first" },
      { at: 9_000, text: "of another stream" },
      { at: 1_000, text: "last" },
      { at: 2_000, text: "next" },
    ]
    lay([log])
    const { file: _, ...from } = (await readUpTo(3)).cursor()
    lay([log.slice(1)])
    const rest = await read({ from })
    expect([rest.gaps, textsOf(rest)]).toEqual([[], ["next"]])
  })

  describe("whose beginning is gone", () => {
    const log: ReadonlyArray<Entry> = [
      { at: 0, text: "anchor" },
      { at: 1000, text: "twin" },
      { at: 1000, text: "twin" },
      { at: 1000, text: "other" },
      { at: 3000, text: "last" },
      { at: 3000, text: "beside" },
      { at: 3001, text: "after" },
    ]
    /** The place behind so many records, as the whole log in one file gave it. */
    const placeAfter = async (records: number): Promise<LogCursor> => {
      lay([log])
      return (await readUpTo(records)).cursor()
    }
    const bare = (from: LogCursor): LogCursor => {
      const { file: _, ...cursor } = from
      return cursor
    }

    it("goes on behind the last record it had, where there is only one like it", async () => {
      const from = bare(await placeAfter(5))
      lay([log.slice(1)])
      const { gaps, ...rest } = await read({ from }).then((taker) => ({ gaps: taker.gaps, texts: textsOf(taker) }))
      expect([gaps, rest.texts]).toEqual([[], ["beside", "after"]])
    })

    it("tells a gap, and goes on behind the two that are like it, or with the oldest where there is none", async () => {
      const behindTwins = bare(await placeAfter(2))
      const behindLast = bare(await placeAfter(5))
      lay([log.slice(1)])
      const twins = await read({ from: behindTwins })
      expect([twins.gaps, textsOf(twins)]).toEqual([[{ reason: ROTATED, at: 0 }], ["other", "last", "beside", "after"]])
      lay([log.slice(5)])
      const gone = await read({ from: behindLast })
      expect([gone.gaps, textsOf(gone)]).toEqual([[{ reason: ROTATED, at: 0 }], ["beside", "after"]])
    })

    it("gives nothing that it had where it is the newest records that are gone", async () => {
      const behindLast = bare(await placeAfter(5))
      lay([log.slice(0, 1)])
      const older = await read({ from: { ...behindLast, anchor: behindLast.last! } })
      expect([older.gaps, textsOf(older)]).toEqual([[{ reason: ROTATED, at: 0 }], []])
    })

    it("knows by the place in the file which of two records it had", async () => {
      const from = bare(await placeAfter(2))
      // Of another anchor, so that nothing else can find it.
      const lost = { ...from, anchor: { nanos: from.anchor!.nanos, hash: from.anchor!.hash + 1 } }
      const found = (await readUpTo(2)).cursor().file!
      const exact = await read({ from: { ...lost, file: found } })
      expect([exact.gaps, textsOf(exact)]).toEqual([[], ["twin", "other", "last", "beside", "after"]])
      for (const wrong of [
        { ...found, inode: found.inode + 1n },
        { ...found, device: found.device + 1 },
        { ...found, offset: found.offset + stored(log[1]!).length * 2 },
        { ...found, offset: found.offset - 1 },
        { ...found, offset: found.offset - stored(log[1]!).length },
        { ...found, offset: 0 },
        { ...found, offset: 1_000_000 },
      ]) {
        const taker = await read({ from: { ...lost, file: wrong } })
        expect(taker.gaps).toEqual([{ reason: ROTATED, at: 0 }])
      }
    })

    it("takes no record for the one it had that bears its time, or its text, alone", async () => {
      const from = bare(await placeAfter(5))
      lay([
        [
          { at: 3000, text: "not the last" },
          { at: 2999, text: "last" },
          { at: 3500, text: "later" },
        ],
      ])
      const taker = await read({ from })
      expect([taker.gaps, textsOf(taker)]).toEqual([[{ reason: ROTATED, at: 0 }], ["not the last", "last", "later"]])
    })

    it("gives neither again nor leaves out what another stream wrote, whose times do not agree", async () => {
      const piece = { at: 1000, text: "piece" }
      const early = { at: 1009, text: "of another stream" }
      const late = { at: 991, text: "of another stream" }
      const whole = [{ at: 0, text: "anchor" }, piece, early, piece, late, { at: 1010, text: "after" }]
      lay([whole])
      const from = bare((await readUpTo(4)).cursor())
      for (const gone of [1, 4]) {
        lay([whole.slice(gone)])
        const rest = await read({ from })
        expect([rest.gaps, textsOf(rest)]).toEqual([[{ reason: ROTATED, at: 0 }], [late.text, "after"]])
      }
    })
  })
})
